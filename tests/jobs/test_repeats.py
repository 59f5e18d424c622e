"""The same request is the same job while the first is open, whatever would be chosen for it now."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import App, Started, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.types import JobState, VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.jobs.test_accounts import THEIRS, ends, finish, lost, server
from tests.reliability import fault_market as market

MODEL = "seedance-2.0"
"""At the first provider cheaper than at the second."""

FIRST, SECOND = "ark", "byteplus"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    market.hurry(monkeypatch)


@asynccontextmanager
async def opened(environ: Mapping[str, str], folder: Path, **more: str) -> AsyncIterator[App]:
    given = {**environ, **more, "SEEDANCE_CONFIRM": "off", "SEEDANCE_MAX_USD_PER_JOB": "9"}
    with anyio.fail_after(60):
        async with open_app(load_settings(given, settings_file=folder / "none.toml")) as app:
            yield app


def working() -> Behaviour:
    """A provider that is at work for as long as the test lasts."""
    return Behaviour(running_seconds=3600)


def boat(**fields: object) -> VideoRequest:
    return VideoRequest.model_validate({"prompt": "a paper boat", **fields})


def is_repeated(again: Started, first: Started) -> bool:
    return again.deduplicated and again.job.id == first.job.id


@pytest.mark.parametrize("name", ["ark", "replicate", "runcomfy"])
async def test_after_a_key_change_a_lost_purchase_is_not_bought_again(name: str, tmp_path: Path) -> None:
    async with Emulator(name) as emulator:
        theirs = emulator.add_account(THEIRS)
        job = await lost(emulator, name, tmp_path)
        async with server(emulator, name, tmp_path, THEIRS) as app:
            again = await app.generate(market.request(name))
            assert (again.deduplicated, again.job.id) == (True, job.id)
        assert theirs.calls == []
        if name == "runcomfy":
            return  # its own account cannot be asked either
        async with server(emulator, name, tmp_path) as app:
            assert (await ends(app, job.id)).state is JobState.DONE
        assert len(emulator.ledger.tasks) == 1


async def test_what_is_spelled_out_is_the_same_request_for_every_account(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        theirs = emulator.add_account(THEIRS)
        asked = market.request("ark")
        async with server(emulator, "ark", tmp_path) as app:
            first = await app.generate(asked)
            spelled = asked.model_copy(update={"duration": first.job.request.duration})
            assert spelled != asked
            assert is_repeated(await app.generate(spelled), first)
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            assert is_repeated(await app.generate(spelled), first)
            assert is_repeated(await app.generate(asked), first)
        assert theirs.tasks == {}


async def test_after_a_cheaper_provider_became_ready_it_is_the_same_job(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(SECOND)) as app:
            first = await app.generate(boat(model=MODEL))
            assert first.job.provider == SECOND
        async with opened(environ, tmp_path, **emulator.environment()) as app:
            again = await app.generate(boat(model=MODEL))
            assert is_repeated(again, first)
            assert again.reason == f"{SECOND} has it: the same was asked for before"
            quote = await app.estimate(boat(model=MODEL))
            assert quote.offer.provider.name == FIRST
            wanted = await app.generate(boat(model=MODEL), allow_duplicate=True)
            named = await app.generate(boat(model=MODEL), request_key="boat-0001")
            assert [one.job.provider for one in (wanted, named)] == [FIRST, FIRST]
            assert len({first.job.id, wanted.job.id, named.job.id}) == 3


async def test_after_a_setting_changed_it_is_the_same_job(environ: dict[str, str], tmp_path: Path) -> None:
    async with Emulator(FIRST, behaviour=working()) as emulator:
        environ |= emulator.environment()
        async with opened(environ, tmp_path, SEEDANCE_MODEL=MODEL) as app:
            first = await app.generate(boat())
        async with opened(environ, tmp_path, SEEDANCE_MODEL="seedance-1.0-pro") as app:
            assert is_repeated(await app.generate(boat()), first)
            assert not (await app.generate(boat(model="seedance-1.0-pro"))).deduplicated


async def test_what_can_no_longer_be_bought_is_still_the_job_that_was_made_for_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    overlay = tmp_path / "catalog.toml"
    overlay.write_text(f'[providers.{FIRST}.offers."{MODEL}"]\nretired = 2026-01-01\n', encoding="utf-8")
    async with Emulator(FIRST, behaviour=working()) as emulator:
        environ |= emulator.environment()
        async with opened(environ, tmp_path) as app:
            first = await app.generate(boat(model=MODEL, provider=FIRST))
        async with opened(environ, tmp_path, SEEDANCE_CATALOG=str(overlay)) as app:
            with pytest.raises(InvalidRequest):
                await app.estimate(boat(model=MODEL, provider=FIRST))
            assert is_repeated(await app.generate(boat(model=MODEL, provider=FIRST)), first)


async def test_a_picture_is_known_by_its_content(environ: dict[str, str], tmp_path: Path) -> None:
    folder = Path(environ["SEEDANCE_MEDIA_DIRS"])
    folder.mkdir()
    picture = folder / "boat.png"
    Image.effect_noise((640, 480), 60).convert("RGB").save(picture)
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(SECOND)) as app:
            first = await app.generate(boat(model=MODEL, first_frame=str(picture)))
        moved = picture.rename(folder / "moved.png")
        async with opened(environ, tmp_path, **emulator.environment()) as app:
            assert is_repeated(await app.generate(boat(model=MODEL, first_frame=str(moved))), first)
            Image.effect_noise((640, 480), 90).convert("RGB").save(moved)
            assert not (await app.generate(boat(model=MODEL, first_frame=str(moved)))).deduplicated


async def test_what_is_based_on_a_job_is_compared_with_what_it_takes_from_there(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator(FIRST, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment()) as app:
            base = await app.generate(boat(model=MODEL, duration=6))
            longer = await app.generate(VideoRequest(based_on=base.job.id, duration=7))
            assert not longer.deduplicated
        async with opened(environ, tmp_path, **emulator.environment(key=THEIRS)) as app:
            emulator.add_account(THEIRS)
            assert is_repeated(await app.generate(VideoRequest(based_on=base.job.id, duration=7)), longer)
            assert not (await app.generate(VideoRequest(based_on=base.job.id, duration=8))).deduplicated


async def test_a_finished_job_stands_for_its_request_until_somebody_has_read_of_it(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        theirs = emulator.add_account(THEIRS)
        async with server(emulator, "ark", tmp_path) as app:
            first = await app.generate(market.request("ark"))
            finish(emulator)
            assert (await ends(app, first.job.id)).state is JobState.DONE
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            assert is_repeated(await app.generate(market.request("ark")), first)
            await app.note_read("somebody", [first.job.id])
            assert not (await app.generate(market.request("ark"))).deduplicated
        assert (len(emulator.ledger.tasks), len(theirs.tasks)) == (1, 1)


async def test_two_accounts_that_ask_at_the_same_moment_make_one_purchase(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        theirs = emulator.add_account(THEIRS)
        for number in range(5):
            asked = market.request("ark", prompt=f"boat {number}")
            found: list[Started] = []
            async with (
                server(emulator, "ark", tmp_path) as one,
                server(emulator, "ark", tmp_path, THEIRS) as other,
            ):

                async def ask(app: App, asked: VideoRequest = asked, found: list[Started] = found) -> None:
                    found.append(await app.generate(asked))

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(ask, one)
                    tasks.start_soon(ask, other)
            assert len({started.job.id for started in found}) == 1
            assert sorted(started.deduplicated for started in found) == [False, True]
        assert len(emulator.ledger.tasks) + len(theirs.tasks) == 5


async def test_a_job_of_an_earlier_version_is_known_by_its_plan(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        async with server(emulator, "ark", tmp_path) as app:
            first = await app.generate(market.request("ark"))
        with sqlite3.connect(tmp_path / "state" / "jobs.db") as connection:
            connection.execute("DELETE FROM stand_ins")
        connection.close()
        async with server(emulator, "ark", tmp_path) as app:
            assert is_repeated(await app.generate(market.request("ark")), first)
