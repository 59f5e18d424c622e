"""A job that was given a wrong task, or whose receipt does not lead to its own any more, gets to its video all the same."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from seedance_mcp.providers.fal.replies import documented
from seedance_mcp.store import Receipts
from seedance_mcp.types import JobState, Submission
from tests.emulator import Emulator

from .fault_market import PROVIDERS, catalog, hurry, installed, offer, request
from .lost_answers import lost
from .waiting import until

LISTING = ("ark", "byteplus", "replicate", "atlas", "fal")
"""Every provider that lists what it took, with a mark of ours."""

PADDING = "?token=" + "a" * 1400

DAMAGED: dict[str, dict[str, str]] = {
    "nothing": {},
    "blanks": {"endpoint": "", "status": "", "response": "", "cancel": ""},
    "elsewhere": {"status": "https://elsewhere.example/status", "response": "//elsewhere.example"},
    "another place": {"status": "nowhere/requests/q/status", "response": "nowhere/requests/q"},
    "no address": {"status": "\x00\x01 \n", "response": "é"},
    "only one of two": {"status": "{status}"},
}
"""What may be left of the places of a request."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.mark.parametrize("name", LISTING)
async def test_a_wrong_task_that_could_not_be_checked_gives_way_to_the_one_with_our_mark(
    name: str, tmp_path: Path
) -> None:
    async with lost(name, tmp_path) as machine:
        shop = machine.shop
        [true] = shop.emulator.ledger.tasks
        wrong = true[:-1] + ("a" if true[-1] != "a" else "b")
        shop.emulator.fail("lost", "poll", times=None)
        job, said = await shop.app.installation.resolve(machine.job_id, wrong)
        assert (job.state, job.submission and job.submission.task_id) == (JobState.ACCEPTED, wrong)
        assert "could not be asked" in said
        shop.emulator.faults.clear()
        job = await machine.ends(JobState.DONE, JobState.MISSING)
        assert (job.state, job.submission and job.submission.task_id) == (JobState.DONE, true)
        assert len(shop.emulator.ledger.tasks) == len(await shop.app.recent()) == 1
        assert (await shop.app.budget()).spent_today_usd == (job.charge or job.maximum).usd
        assert (job.charge is None) or job.charge.amount == shop.charged()


async def ends_well(name: str, handle: dict[str, str], folder: Path) -> None:
    """A server dies before its database has the answer; the next one finds its receipt, and no list to look at."""
    with anyio.fail_after(40):
        async with Emulator(name) as emulator:
            environ, known = emulator.environment(name), catalog(name)
            emulator.fail("lost", "submit")
            emulator.fail("lost", "list", times=None)
            async with installed(environ, folder, known) as app:
                job_id = (await app.generate(request(name))).job.id

                async def is_open() -> bool:
                    return (await app.job(job_id)).state in (JobState.UNKNOWN, JobState.UNRESOLVED)

                await until(is_open)
            [true] = emulator.ledger.tasks
            written = {place: path.format(status=place_of(name, true)) for place, path in handle.items()}
            left = Receipts(folder / "state" / "receipts", "d" * 16)
            left.keep(job_id, Submission(task_id=true, handle=written))
            async with installed(environ, folder, known) as app:
                job = await app.wait(job_id, 30)
            assert (job.state, job.submission and job.submission.task_id) == (JobState.DONE, true)
            assert len(emulator.ledger.tasks) == 1


def place_of(name: str, task_id: str) -> str:
    """Where the status of a request is, by the documents."""
    return documented(offer(name).endpoint(request(name)), task_id)["status"] if name == "fal" else ""


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("kind", ["short", "long"])
async def test_a_task_of_which_only_the_receipt_is_left_is_followed(
    name: str, kind: str, tmp_path: Path
) -> None:
    places = {place: f"somewhere/{place}{PADDING}" for place in ("status", "response", "cancel")}
    await ends_well(name, places if kind == "long" else {}, tmp_path)


@pytest.mark.parametrize("kind", DAMAGED)
async def test_a_task_whose_places_are_damaged_is_followed_by_its_id(kind: str, tmp_path: Path) -> None:
    await ends_well("fal", DAMAGED[kind], tmp_path)
