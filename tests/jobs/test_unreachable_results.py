"""Finished videos that cannot be fetched: when a fresh address is asked for, and when it is said that the video is lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.jobs import watcher
from seedance_mcp.store.money.ledger import held, to_micros
from seedance_mcp.types import JobState
from tests.emulator import Behaviour, Emulator
from tests.emulator.wire import Request, Response
from tests.reliability.fault_market import Shop, hurry, info

from .place import Place

LIMIT = 60
DEAD_AT_ONCE = -1.0


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(watcher, "_LONGEST_DOWNLOAD_PAUSE", 0.1)


class Talking(Place):
    """One whose provider can be made to say anything."""

    def say(self, **content: Any) -> None:
        """Let the provider say this of the finished video, whatever is true."""
        dialect = self.emulator.dialect("ark")
        true = dialect.answer

        def answer(call: str, asked: Request, world: Any) -> Response:
            told = true(call, asked, world)
            if call != "poll" or told.status != 200:
                return told
            body = json.loads(told.body)
            if body.get("content"):
                body["content"] |= content
            return replace(told, body=json.dumps(body).encode())

        dialect.answer = answer  # type: ignore[method-assign]

    def asked_between_downloads(self) -> int:
        """How often the provider was asked between the first download and the last."""
        names = [call.name for call in self.emulator.ledger.calls]
        first, last = names.index("result"), len(names) - names[::-1].index("result")
        return names[first:last].count("poll")


@contextlib.asynccontextmanager
async def selling(folder: Path, behaviour: Behaviour | None = None) -> AsyncIterator[Talking]:
    async with Emulator("ark", behaviour=behaviour or Behaviour()) as emulator:
        yield Talking(emulator, folder)


@pytest.mark.parametrize("status", [400, 402, 409, 422, 451])
async def test_an_address_refused_by_whatever_code_is_replaced_by_a_fresh_one(
    tmp_path: Path, status: int
) -> None:
    async with selling(tmp_path) as place:
        place.emulator.fail("status", "result", times=2, status=status)
        async with place.open() as app:
            await place.when(app, JobState.DONE)
        assert place.asked_between_downloads() == 2


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "lost"}, {"kind": "truncated"}]
)
async def test_an_address_that_keeps_failing_is_replaced_now_and_then(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    async with selling(tmp_path) as place:
        place.emulator.fail(call="result", times=12, **fault)
        async with place.open() as app:
            await place.when(app, JobState.DONE)
        assert 1 <= place.asked_between_downloads() <= 4


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 400},
        {"kind": "status", "status": 503},
        {"kind": "lost"},
        {"kind": "redirect"},
    ],
)
async def test_a_video_that_cannot_be_had_ends_after_its_time_and_not_before(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    async with selling(tmp_path) as place:
        place.emulator.fail(call="result", times=None, **fault)
        async with place.open() as app:
            await place.when(app, JobState.REMOTE_DONE, failures=3)
        async with place.open(brief=True) as app:
            job = await place.when(app, JobState.EXPIRED)
            counted, _ = await app.installation.store.read(partial(held, job_id=job.id))
            shop = Shop(name="ark", app=app, emulator=place.emulator, info=info("ark"))
            assert counted == to_micros(shop.charged()) > 0
            assert await app.incidents() == []
        assert job.error_code == "result_expired"
        assert "--refund-note" in (job.error_hint or "")


async def test_a_bad_evening_in_the_network_ends_no_job_within_the_time(tmp_path: Path) -> None:
    async with selling(tmp_path) as place:
        place.emulator.fail("lost", "result", times=30)
        async with place.open() as app:
            job = await place.when(app, JobState.DONE)
        assert job.tries.failures == 30


async def test_after_its_time_a_stumble_ends_no_job(tmp_path: Path) -> None:
    async with selling(tmp_path) as place:
        place.emulator.fail("lost", "result", times=10)
        async with place.open(brief=True) as app:
            await place.when(app, JobState.DONE)


@pytest.mark.parametrize(
    "url", ["https://[bad/x.mp4", "https://cdn.example.com:99999/x.mp4", "http://", "file://[x"]
)
async def test_an_address_that_is_none_is_counted_like_every_failure_and_replaced(
    tmp_path: Path, url: str
) -> None:
    async with selling(tmp_path) as place:
        place.say(video_url=url)
        async with place.open() as app:
            job = await place.when(app, JobState.REMOTE_DONE, failures=3)
            assert job.error_code == "download"
            assert await app.incidents() == []
        async with place.open(brief=True) as app:
            job = await place.when(app, JobState.EXPIRED)
        assert job.error_code == "result_expired"


@pytest.mark.parametrize(
    "fault", [None, {"kind": "status", "status": 500}, {"kind": "page"}, {"kind": "status", "status": 401}]
)
async def test_a_dead_address_past_its_time_ends_the_job_whatever_is_answered(
    tmp_path: Path, fault: dict[str, Any] | None
) -> None:
    """Without a fault it says that the task has succeeded, and no longer where the video is."""
    async with selling(tmp_path, Behaviour(url_seconds=DEAD_AT_ONCE)) as place:
        async with place.open() as app:
            await place.when(app, JobState.REMOTE_DONE)
            if fault is None:
                place.say(video_url=None)
            else:
                place.emulator.fail(call="poll", times=None, **fault)
            await place.when(app, JobState.REMOTE_DONE, failures=3)
        async with place.open(brief=True) as app:
            job = await place.when(app, JobState.EXPIRED)
        assert job.error_code == "result_expired"
