"""Purchases at Ark whose answer was lost are found again, or provably not there, or in doubt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from seedance_mcp.catalog import Offer
from seedance_mcp.errors import ProviderError, SubmissionUnknown
from seedance_mcp.providers import Provider, Recovery
from seedance_mcp.types import VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.emulator.ledger import Task
from tests.emulator.wire import Response

from .ark_market import Buyer, bought, opened, order
from .when import sent


async def lose(emulator: Emulator, provider: Provider, tag: str, **fields: Any) -> tuple[VideoRequest, Offer]:
    """Buy something whose answer gets lost."""
    emulator.fail("lost")
    request, offer = order(**fields)
    with pytest.raises(SubmissionUnknown):
        await provider.submit(request, offer, Buyer(tag))
    return request, offer


async def test_a_lost_purchase_is_found_by_its_tag_among_others() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        for number in range(3):
            await bought(provider, f"other-{number}")
        request, offer = await lose(emulator, provider, "mine")
        found = await provider.recover(request, offer, "mine", sent())
        absent = await provider.recover(request, offer, "never", sent())
    mine = [task.id for task in emulator.ledger.tasks.values() if task.facts["tag"] == "mine"]
    assert found.submission
    assert [found.submission.task_id] == mine
    assert (absent.submission, absent.proves_absence) == (None, True)


async def test_a_flex_purchase_is_looked_for_where_flex_tasks_are() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = await lose(
            emulator, provider, "mine", model="seedance-1.0-pro", provider_options={"service_tier": "flex"}
        )
        found = await provider.recover(request, offer, "mine", sent())
    assert found.submission
    assert emulator.ledger.count("list") == 2


async def test_every_page_of_the_list_is_read() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = await lose(emulator, provider, "mine")
        (task,) = emulator.ledger.tasks.values()
        task.created_at -= 100
        for number in range(600):
            older = replace(task, id=f"cgt-{number}", created_at=time.time() - 90_000)
            emulator.ledger.tasks[older.id] = older
        found = await provider.recover(request, offer, "mine", sent())
        assert emulator.ledger.count("poll") == 1
        in_part = await provider.recover(request, offer, "never", sent())
        absent = await provider.recover(request, offer, "never", sent())
    assert found.submission
    assert not in_part.proves_absence
    assert absent.proves_absence
    assert emulator.ledger.count("list") == 6
    assert emulator.ledger.count("poll") == 601


@pytest.mark.parametrize("seconds", [400, 8 * 3600, 25 * 3600])
async def test_a_task_whose_date_lags_behind_is_found_all_the_same(seconds: float) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        await bought(provider, "of another")
        request, offer = await lose(emulator, provider, "mine")
        for task in emulator.ledger.tasks.values():
            task.created_at -= seconds
        found = await provider.recover(request, offer, "mine", sent())
    assert found.submission
    assert emulator.ledger.tasks[found.submission.task_id].facts["tag"] == "mine"


async def test_what_the_list_does_not_show_yet_is_not_found_but_comes_later() -> None:
    async with Emulator("ark", behaviour=Behaviour(list_lag=3600)) as emulator, opened(emulator) as provider:
        request, offer = await lose(emulator, provider, "mine")
        assert (await provider.recover(request, offer, "mine", sent())).submission is None
        emulator.behaviour.list_lag = 0
        assert (await provider.recover(request, offer, "mine", sent())).submission


async def test_two_tasks_with_one_tag_are_neither_chosen_nor_called_absent() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = await lose(emulator, provider, "mine")
        await lose(emulator, provider, "mine")
        found = await provider.recover(request, offer, "mine", sent())
    assert (found.submission, found.proves_absence) == (None, False)


async def test_a_list_that_does_not_reach_back_far_enough_proves_nothing() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = order()
        found = await provider.recover(request, offer, "mine", sent(8 * 86_400))
    assert (found.submission, found.proves_absence) == (None, False)


async def test_a_candidate_that_vanished_leaves_doubt() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = await lose(emulator, provider, "other")
        emulator.fail("status", "poll", status=404)
        found = await provider.recover(request, offer, "mine", sent())
    assert (found.submission, found.proves_absence) == (None, False)


@pytest.mark.parametrize("kind", ["page", "cut_json", "truncated", "no_id", "wrong_types", "endless"])
@pytest.mark.parametrize("call", ["list", "poll"])
async def test_a_search_that_fails_half_way_proves_nothing(kind: str, call: str) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = await lose(emulator, provider, "other")
        emulator.fail(kind, call, times=None)
        found = Recovery()
        with anyio.fail_after(20), contextlib.suppress(ProviderError):
            found = await provider.recover(request, offer, "mine", sent())
    assert (found.submission, found.alike, found.proves_absence) == (None, (), False)


async def test_a_list_that_moves_while_it_is_read_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A record that vanishes from the first page pulls one from the second page over the edge, unseen."""
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = await lose(emulator, provider, "other")
        (task,) = emulator.ledger.tasks.values()
        for number in range(501):
            older = replace(task, id=f"cgt-{number}", created_at=time.time() - 90_000)
            emulator.ledger.tasks[older.id] = older
        dialect = emulator.dialect("ark")
        plain_answer = dialect.answer

        def answer(call: str, *asked: Any) -> Response:
            response = plain_answer(call, *asked)
            if call == "list":
                emulator.ledger.tasks["cgt-0"].deleted = True
            return response

        monkeypatch.setattr(dialect, "answer", answer)
        found = await provider.recover(request, offer, "mine", sent())
    assert (found.submission, found.proves_absence) == (None, False)


async def test_a_task_that_was_looked_at_is_not_asked_for_again() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        for number in range(3):
            await bought(provider, f"other-{number}")
        request, offer = order()
        for _ in range(5):
            found = await provider.recover(request, offer, "mine", sent())
            assert found.proves_absence
        assert emulator.ledger.count("poll") == 3
        await lose(emulator, provider, "mine")
        found = await provider.recover(request, offer, "mine", sent())
    assert found.submission
    assert emulator.ledger.count("poll") == 4


@asynccontextmanager
async def beside_an_unmarked_task() -> AsyncIterator[tuple[Emulator, Provider, Task]]:
    """Somebody else's tool has bought something in the same account."""
    behaviour = Behaviour(queued_seconds=0, running_seconds=3600)
    async with Emulator("ark", behaviour=behaviour) as emulator, opened(emulator) as provider:
        await bought(provider, "to be removed")
        (task,) = emulator.ledger.tasks.values()
        del task.body["safety_identifier"]
        yield emulator, provider, task


async def test_a_task_without_a_mark_is_asked_for_again_until_it_has_ended() -> None:
    async with beside_an_unmarked_task() as (emulator, provider, task):
        request, offer = order()

        async def asked() -> int:
            before = emulator.ledger.count("poll")
            await provider.recover(request, offer, "mine", sent())
            return emulator.ledger.count("poll") - before

        assert [await asked(), await asked()] == [1, 1]
        emulator.ledger.force(task.id, "succeeded")
        assert [await asked(), await asked()] == [1, 0]


async def test_a_task_without_a_mark_leaves_doubt_while_it_runs() -> None:
    async with beside_an_unmarked_task() as (emulator, provider, task):
        await bought(provider, "of ours")
        request, offer = order()
        while_running = await provider.recover(request, offer, "mine", sent())
        emulator.ledger.force(task.id, "succeeded")
        afterwards = await provider.recover(request, offer, "mine", sent())
    assert (while_running.submission, while_running.proves_absence) == (None, False)
    assert afterwards.proves_absence


async def test_a_task_without_a_mark_leaves_doubt_where_no_mark_was_seen_to_come_back() -> None:
    async with beside_an_unmarked_task() as (emulator, provider, task):
        emulator.ledger.force(task.id, "succeeded")
        request, offer = order()
        unseen = await provider.recover(request, offer, "mine", sent())
        await provider.poll(await bought(provider, "of ours"))
        seen = await provider.recover(request, offer, "mine", sent())
    assert (unseen.submission, unseen.proves_absence) == (None, False)
    assert seen.proves_absence


async def test_that_marks_of_one_model_come_back_says_nothing_of_another() -> None:
    async with beside_an_unmarked_task() as (emulator, provider, task):
        emulator.ledger.force(task.id, "succeeded")
        request, offer = order()
        await provider.poll(await bought(provider, "of ours", model="seedance-1.0-pro"))
        by_another = await provider.recover(request, offer, "mine", sent())
        await provider.poll(await bought(provider, "of ours as well"))
        by_the_same = await provider.recover(request, offer, "mine", sent())
    assert (by_another.submission, by_another.proves_absence) == (None, False)
    assert by_the_same.proves_absence
