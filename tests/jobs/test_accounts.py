"""Only the account that bought asks about a job, judges it and fetches it; everybody else lets it wait."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from seedance_mcp.app import App, open_app
from seedance_mcp.errors import ConfigError, InvalidRequest, OtherAccount
from seedance_mcp.jobs import watcher
from seedance_mcp.jobs.tracking import polling
from seedance_mcp.providers import Recovery
from seedance_mcp.store import Store, open_store
from seedance_mcp.store.accounts import Account, fingerprint, is_same, say_same, take_back, written
from seedance_mcp.types import Job, JobState, Submission
from tests.emulator import Behaviour, Emulator
from tests.emulator.ledger import Task
from tests.emulator.server import KEY
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

THEIRS = "another-key-9876543210"
"""The key of somebody else's account."""

LOOKS = 1.5
"""Seconds in which a server that asked about the job would have judged it several times."""


def short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    market.hurry(monkeypatch)
    monkeypatch.setattr(polling, "_NOT_FOUND_SECONDS", 0.3)
    monkeypatch.setattr(watcher, "_OTHER_ACCOUNT_SECONDS", 0.2)


def server(emulator: Emulator, name: str, folder: Path, key: str = KEY) -> AbstractAsyncContextManager[App]:
    """A server on this folder, with this key."""
    return market.installed(emulator.environment(name, key=key), folder, market.catalog(name))


async def ends(app: App, job_id: str) -> Job:
    with anyio.fail_after(60):
        return await app.wait(job_id, 60)


async def reaches(app: App, job_id: str, state: JobState) -> None:
    async def there() -> bool:
        return (await app.job(job_id)).state is state

    with anyio.fail_after(30):
        await until(there)


async def lost(emulator: Emulator, name: str, folder: Path) -> Job:
    """A purchase whose answer got lost, and which its own server could not look for before it ended."""
    emulator.fail("lost", "submit")
    emulator.fail("lost", market.call_name(name, "list"), times=None)
    async with server(emulator, name, folder) as app:
        started = await app.generate(market.request(name))
        await reaches(app, started.job.id, JobState.UNKNOWN)
        job = await app.job(started.job.id)
    emulator.faults.clear()
    assert len(emulator.ledger.tasks) == 1
    return job


async def bought(emulator: Emulator, name: str, folder: Path) -> Job:
    """A purchase that the provider took and works at while its own server ends."""
    emulator.behaviour.running_seconds = 3600
    async with server(emulator, name, folder) as app:
        started = await app.generate(market.request(name))
        await reaches(app, started.job.id, JobState.ACCEPTED)
        return await app.job(started.job.id)


def finish(emulator: Emulator) -> None:
    emulator.behaviour.running_seconds = 0
    for task in emulator.ledger.tasks.values():
        emulator.ledger.force(task.id, "succeeded")


@pytest.mark.parametrize("name", market.PROVIDERS)
async def test_a_lost_purchase_is_not_looked_for_in_another_accounts_list(name: str, tmp_path: Path) -> None:
    async with Emulator(name) as emulator:
        theirs = emulator.add_account(THEIRS)
        job = await lost(emulator, name, tmp_path)
        before = await held(tmp_path, job)
        async with server(emulator, name, tmp_path, THEIRS) as app:
            assert (await app.wait(job.id, LOOKS)).state is JobState.UNKNOWN
        assert theirs.calls == []
        assert await held(tmp_path, job) == before > 0
        if not market.info(name).absence_is_proof and name == "runcomfy":
            return  # nobody can be asked there, its own account no more than others
        async with server(emulator, name, tmp_path) as app:
            assert (await ends(app, job.id)).state is JobState.DONE
        assert (len(emulator.ledger.tasks), emulator.ledger.count("submit"), theirs.tasks) == (1, 1, {})


@pytest.mark.parametrize("name", market.PROVIDERS)
async def test_that_another_account_does_not_know_a_task_ends_no_job(name: str, tmp_path: Path) -> None:
    async with Emulator(name) as emulator:
        theirs = emulator.add_account(THEIRS)
        job = await bought(emulator, name, tmp_path)
        async with server(emulator, name, tmp_path, THEIRS) as app:
            assert (await app.wait(job.id, LOOKS)).state is JobState.ACCEPTED
        assert theirs.calls == []
        finish(emulator)
        async with server(emulator, name, tmp_path) as app:
            assert (await ends(app, job.id)).state is JobState.DONE
        assert len(emulator.ledger.tasks) == 1


async def test_servers_of_two_accounts_on_one_state_folder_follow_each_their_own(tmp_path: Path) -> None:
    async with Emulator("replicate") as emulator:
        theirs = emulator.add_account(THEIRS)
        ours = await lost(emulator, "replicate", tmp_path)
        async with server(emulator, "replicate", tmp_path, THEIRS) as them:
            other = await them.generate(market.request("replicate", prompt="another boat"))
            assert (await ends(them, other.job.id)).state is JobState.DONE
            assert (await them.wait(ours.id, LOOKS)).state is JobState.UNKNOWN
            async with server(emulator, "replicate", tmp_path) as us:
                with anyio.fail_after(20):  # a lease that others held would last longer
                    assert (await ends(us, ours.id)).state is JobState.DONE
        for ledger, prompt in ((emulator.ledger, "a paper boat"), (theirs, "another boat")):
            [task] = ledger.tasks.values()
            assert task.body["prompt"] == prompt
            polled = {call.target.rpartition("/")[2] for call in ledger.calls if call.name == "poll"}
            assert polled <= {task.id}


async def test_another_account_stops_nothing_and_is_told_whose_it_is(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        theirs = emulator.add_account(THEIRS)
        job = await bought(emulator, "ark", tmp_path)
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            same, words = await app.cancel(job.id)
            assert (same.state, same.cancel_asked_at) == (JobState.ACCEPTED, None)
        assert theirs.calls == []
        for told in ("not asked to stop", "ark", f"{short(KEY)}…", f"{short(THEIRS)}…", "same-account"):
            assert told in words
        assert KEY not in words
        assert THEIRS not in words


async def test_without_any_key_a_job_waits_too(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        job = await lost(emulator, "ark", tmp_path)
        place = {"SEEDANCE_ARK_BASE_URL": emulator.base_url("ark")}
        async with market.installed(place, tmp_path, market.catalog("ark")) as app:
            assert (await app.wait(job.id, LOOKS)).state is JobState.UNKNOWN
            other = await app.waits_for(job)
        assert other is not None
        assert "no key is set for it now (ARK_API_KEY)" in other.message


async def test_the_same_key_at_another_address_is_another_account(tmp_path: Path) -> None:
    async with Emulator("byteplus") as emulator, Emulator("byteplus") as relay:
        job = await lost(emulator, "byteplus", tmp_path)
        async with server(relay, "byteplus", tmp_path) as app:
            assert (await app.wait(job.id, LOOKS)).state is JobState.UNKNOWN
            other = await app.waits_for(job)
        assert relay.ledger.calls == []
        assert other is not None
        assert f"at {emulator.base_url('byteplus')}" in other.message
        assert f"the address set now is {relay.base_url('byteplus')}" in other.message
        assert "with SEEDANCE_BYTEPLUS_BASE_URL set to that address: `seedance-mcp watch" in other.hint
        async with server(emulator, "byteplus", tmp_path) as app:
            assert (await ends(app, job.id)).state is JobState.DONE


async def test_a_finished_video_is_fetched_with_its_own_account_only(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        emulator.add_account(THEIRS)
        emulator.fail("truncated", "result", times=None)
        async with server(emulator, "ark", tmp_path) as app:
            started = await app.generate(market.request("ark"))
            await reaches(app, started.job.id, JobState.REMOTE_DONE)
        emulator.faults.clear()
        fetched = emulator.ledger.count("result")
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            assert (await app.wait(started.job.id, LOOKS)).state is JobState.REMOTE_DONE
        assert emulator.ledger.count("result") == fetched
        async with server(emulator, "ark", tmp_path) as app:
            assert (await ends(app, started.job.id)).state is JobState.DONE


async def test_the_hourly_look_asks_its_own_account_only(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=Behaviour(list_lag=3600)) as emulator:
        theirs = emulator.add_account(THEIRS)
        emulator.fail("lost", "submit")
        async with server(emulator, "ark", tmp_path) as app:
            started = await app.generate(market.request("ark"))
            await reaches(app, started.job.id, JobState.ABSENT)
        emulator.behaviour.list_lag = 0
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            await app.runner.adopt_late()
            assert (await app.job(started.job.id)).state is JobState.ABSENT
        assert theirs.calls == []
        async with server(emulator, "ark", tmp_path) as app:
            await app.runner.adopt_late()
            assert (await ends(app, started.job.id)).state is JobState.DONE


async def test_what_a_person_found_is_followed_by_its_own_account_only(tmp_path: Path) -> None:
    async with Emulator("fal") as emulator:
        emulator.add_account(THEIRS)
        job = await lost(emulator, "fal", tmp_path)
        [task_id] = emulator.ledger.tasks
        async with server(emulator, "fal", tmp_path, THEIRS) as app:
            with pytest.raises(OtherAccount, match=short(KEY)):
                await app.installation.resolve(job.id, task_id)
            assert (await app.installation.resolve(job.id, None))[0].state is JobState.ABSENT


async def test_after_a_new_key_a_persons_word_lets_the_jobs_go_on(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        job = await lost(emulator, "ark", tmp_path)
        emulator.rotate("the-new-key-0123456789")
        async with server(emulator, "ark", tmp_path, emulator.key) as app:
            assert (await app.wait(job.id, LOOKS)).state is JobState.UNKNOWN
            async with server(emulator, "ark", tmp_path, emulator.key) as terminal:
                said = await terminal.installation.same_account(f"{short(KEY)}…", None)
            assert [one.id for one in said.jobs] == [job.id]
            assert (await ends(app, job.id)).state is JobState.DONE
        assert len(emulator.ledger.tasks) == 1


async def test_a_word_about_another_account_can_be_taken_back(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        emulator.add_account(THEIRS)
        job = await bought(emulator, "ark", tmp_path)
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            assert not await app.installation.not_same_account(short(KEY), "ark")
            await app.installation.same_account(short(KEY), "ark")
            assert await app.waits_for(job) is None
            assert await app.installation.not_same_account(short(KEY), None)
            assert await app.waits_for(job) is not None


async def test_a_word_needs_a_key_that_jobs_were_bought_with_and_one_that_is_set(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        job = await bought(emulator, "ark", tmp_path)
        async with market.installed({}, tmp_path, market.catalog("ark")) as app:
            for wrong in ("not a fingerprint", "12345678", KEY):
                with pytest.raises(InvalidRequest) as refused:
                    await app.installation.same_account(wrong, None)
                assert "jobs list" in refused.value.hint
            with pytest.raises(InvalidRequest, match="No job at fal"):
                await app.installation.same_account(job.account, "fal")
            with pytest.raises(ConfigError, match="No key is set for ark"):
                await app.installation.same_account(job.account, None)


async def held(folder: Path, job: Job) -> int:
    """Millionths of a USD that the job counts for."""
    with closing(open_store(folder / "state")) as store:
        query = "SELECT SUM(usd_micros) FROM ledger WHERE job_id = ?"
        return await store.read(lambda connection: connection.execute(query, (job.id,)).fetchone()[0])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def at(key: str, address: str | None = "https://x", provider: str = "fal") -> Account:
    return Account(provider=provider, fingerprint=key, address=address)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (at("a"), at("a"), True),
        (at("a"), at("b"), False),
        (at("a"), at("a", provider="ark"), False),
        (at("a"), at("a", "https://y"), False),
        (at("a", None), at("a", "https://y"), True),  # of an earlier version: only the key is known
        (at("a", None), at("b", "https://y"), False),
    ],
)
def test_an_account_is_a_key_at_an_address(store: Store, one: Account, other: Account, same: bool) -> None:
    for pair in ((one, other), (other, one)):
        assert store.read_now(lambda connection, pair=pair: is_same(connection, *pair)) is same


def test_a_word_joins_keys_in_both_directions_and_over_several_changes(store: Store) -> None:
    store.write_now(lambda connection: say_same(connection, "a", at("b", "https://y"), at=0.0))
    store.write_now(lambda connection: say_same(connection, "b", at("c", "https://z"), at=0.0))

    def same(one: Account, other: Account) -> bool:
        return store.read_now(lambda connection: is_same(connection, one, other))

    assert same(at("a", "https://x"), at("c", "https://z"))
    assert same(at("c", "https://z"), at("a", "https://z"))
    assert same(at("b", "https://y"), at("c", "https://z"))
    assert not same(at("a", "https://x"), at("c", "https://elsewhere"))
    assert not same(at("a", "https://z", "ark"), at("c", "https://z", "ark"))
    assert not same(at("d", "https://z"), at("c", "https://z"))
    assert store.write_now(lambda connection: take_back(connection, "b", "fal"))
    assert not same(at("a", "https://z"), at("c", "https://z"))


def test_a_word_about_the_key_that_is_set_covers_another_address(store: Store) -> None:
    store.write_now(lambda connection: say_same(connection, "a", at("a", "https://y"), at=0.0))
    moved = at("a", "https://x"), at("a", "https://y")
    assert store.read_now(lambda connection: is_same(connection, *moved))
    elsewhere = at("a", "https://x"), at("a", "https://z")
    assert not store.read_now(lambda connection: is_same(connection, *elsewhere))


@pytest.mark.parametrize(
    ("base_url", "kept"),
    [
        ("https://API.Example.com/v1/", "https://api.example.com/v1"),
        ("https://api.example.com:443/v1", "https://api.example.com/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://[::1]:8443/api/v3", "https://[::1]:8443/api/v3"),
        ("https://user:hunter2hunter2@relay.example/v1?token=hunter2hunter2", "https://relay.example/v1"),
    ],
)
def test_an_address_is_kept_in_one_spelling_without_what_is_secret(base_url: str, kept: str) -> None:
    assert written(base_url) == kept


def test_a_secret_in_the_path_of_a_relay_is_told_by_its_hash(tmp_path: Path) -> None:
    kept = written("https://relay.example/sk-0123456789abcdef/v1")
    assert kept == f"https://relay.example/~{short('sk-0123456789abcdef')}/v1"
    assert written("https://relay.example/sk-0123456789abcdeX/v1") != kept
    assert "hunter2" not in written("https://[hunter2/v1")


def test_a_fingerprint_tells_keys_apart() -> None:
    assert fingerprint(None) == "none"
    assert fingerprint(SecretStr(KEY)) == short(KEY) != short(THEIRS)


async def test_a_task_of_another_order_is_not_taken_for_this_job(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=Behaviour(running_seconds=3600)) as emulator:
        job = await lost(emulator, "ark", tmp_path / "one")
        [ours] = emulator.ledger.tasks
        async with server(emulator, "ark", tmp_path / "two") as app:
            await app.generate(market.request("ark").model_copy(update={"prompt": "a red kite"}))
        [another] = set(emulator.ledger.tasks) - {ours}
        here = market.settings(emulator.environment("ark"), tmp_path / "one")
        async with open_app(here, watch=False) as app:
            with pytest.raises(InvalidRequest, match=f"lists {ours}"):
                await app.installation.resolve(job.id, another)
            assert (await app.job(job.id)).state is JobState.UNKNOWN
            _, looked = await app.installation.resolve(job.id, ours)
    assert "has this task" in looked


def counts_by_itself(emulator: Emulator, name: str) -> None:
    """Its tasks are numbered from one on, like those of every such service."""
    world = emulator._worlds[name]
    accept, numbers = world.accept, itertools.count(1)

    def numbered(*, task_id: str, **order: Any) -> Task:
        return accept(task_id=f"cgt-{next(numbers):06}", **order)

    world.accept = numbered  # type: ignore[method-assign]


@pytest.mark.parametrize("name", ["ark", "replicate", "runcomfy"])
@pytest.mark.parametrize("lost", [False, True])
async def test_an_id_that_another_address_gave_as_well_is_another_task(
    name: str, lost: bool, tmp_path: Path
) -> None:
    async with Emulator(name) as first, Emulator(name) as second:
        for emulator in (first, second):
            counts_by_itself(emulator, name)
        async with server(first, name, tmp_path) as app:
            earlier = await ends(app, (await app.generate(market.request(name))).job.id)
        if lost:
            second.fail("lost", "submit")
        async with server(second, name, tmp_path) as app:
            other = await app.generate(market.request(name, prompt="another boat"))
            if lost and name == "runcomfy":
                await reaches(app, other.job.id, JobState.UNKNOWN)
                await app.installation.resolve(other.job.id, "cgt-000001")
            later = await ends(app, other.job.id)
        assert (earlier.state, later.state) == (JobState.DONE, JobState.DONE)
        assert earlier.submission is not None
        assert later.submission is not None
        assert earlier.submission.task_id == later.submission.task_id == "cgt-000001"
        assert [len(emulator.ledger.tasks) for emulator in (first, second)] == [1, 1]


def test_a_task_whose_id_was_given_elsewhere_is_neither_taken_nor_called_absent() -> None:
    alike = Recovery(alike=(Submission(task_id="x"),), proves_absence=True)
    doubtful = alike.without((), elsewhere={"x"})
    assert (doubtful.submission, doubtful.proves_absence) == (None, False)
    assert alike.without({"x"}).proves_absence
    marked = Recovery(submission=Submission(task_id="x")).without((), elsewhere={"x"})
    assert marked.submission is not None
