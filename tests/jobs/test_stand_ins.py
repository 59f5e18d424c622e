"""A request that one provider refused: whoever gets it next stands for it, and nobody gets it beside an open purchase."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.config import Settings
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.reservations import reserve
from seedance_mcp.store import Store, open_store, transitions
from seedance_mcp.types import Job, JobState, Price, PurchaseTerms, VideoRequest

NOW = 1_700_000_000.0
PRICE = Price(amount=Decimal("0.5"), currency="USD", usd=Decimal("0.5"))


class Buyers:
    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._settings = Settings(output_dir=folder, state_dir=folder, confirm="off")
        self._number = 0

    def want(self, provider: str, *, instead_of: tuple[str, ...] = ()) -> tuple[Job, bool]:
        self._number += 1
        job_id = f"job{self._number}"
        intent = Intent(
            job_id=job_id, owner="me", provider=provider, account="a", model="m", endpoint="e",
            request=VideoRequest(prompt="a boat", model="seedance-2.0"), digests={}, tag=job_id, estimate=PRICE,
            maximum=PRICE, terms=PurchaseTerms(), instead_of=instead_of,
        )  # fmt: skip
        outcome = self._store.write_now(
            lambda connection: reserve(connection, intent=intent, settings=self._settings, now=NOW)
        )
        assert isinstance(outcome, tuple)
        return outcome

    def move(self, job: Job, *states: JobState) -> Job:
        for state in states:
            job = self._store.write_now(
                lambda connection, state=state, job=job: transitions.move(
                    connection, job, state, now=NOW, by="me"
                )
            )
        return job


@pytest.fixture
def buyers(tmp_path: Path) -> Iterator[Buyers]:
    store = open_store(tmp_path / "state")
    yield Buyers(store, tmp_path)
    store.close()


def test_what_one_caller_was_refused_and_another_got_is_not_bought_elsewhere(buyers: Buyers) -> None:
    mine, _ = buyers.want("ark")
    buyers.move(mine, JobState.SENDING, JobState.REJECTED)
    yours, repeated = buyers.want("ark")
    assert not repeated
    buyers.move(yours, JobState.SENDING)
    instead, repeated = buyers.want("fal", instead_of=(mine.fingerprint,))
    assert (instead.id, repeated) == (yours.id, True)


def test_after_every_refusal_the_next_provider_gets_it_once(buyers: Buyers) -> None:
    refused, _ = buyers.want("ark")
    buyers.move(refused, JobState.SENDING, JobState.REJECTED)
    taken, repeated = buyers.want("fal", instead_of=(refused.fingerprint,))
    assert not repeated
    for provider, instead_of in (
        ("ark", ()), ("fal", ()), ("fal", (refused.fingerprint,)), ("atlas", (refused.fingerprint,)),
    ):  # fmt: skip
        assert buyers.want(provider, instead_of=instead_of) == (taken, True)
