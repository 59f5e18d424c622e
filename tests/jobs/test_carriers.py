"""Local videos on their way to providers that read only from URLs: by another provider, by a bucket, by a job's own link."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from seedance_mcp.app import App, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import ConfigError, InvalidRequest, MediaError
from seedance_mcp.jobs import ProviderPool
from seedance_mcp.jobs.context import JobContext
from seedance_mcp.jobs.inputs.sending import MediaSender
from seedance_mcp.jobs.pool.carriers import LINK_MARGIN_SECONDS, link_of
from seedance_mcp.media import copy_to_leave, inspect
from seedance_mcp.providers import Access, create
from seedance_mcp.store import elapsed_time
from seedance_mcp.store.database import open_store
from seedance_mcp.types import Job, JobState, JobStatus, PurchaseTerms, VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.emulator.s3 import KEY_ID, Store, error, running, secrets_in
from tests.emulator.wire import Request, Response
from tests.emulator.world import World
from tests.media import planting
from tests.reliability.fault_market import settings

READERS = ("ark", "byteplus", "runcomfy")
"""Those that take no uploads and read a video from nothing but a URL."""

MODEL = "seedance-2.0"


@cache
def _film(folder: str) -> bytes:
    return planting.mp4(Path(folder) / "holiday.mp4", size=(864, 480), seconds=3).read_bytes()


@pytest.fixture
def film(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with a place, a camera and a comment in it, where media may come from."""
    path = tmp_path / "media" / "holiday.mp4"
    path.parent.mkdir()
    path.write_bytes(_film(str(tmp_path_factory.getbasetemp())))
    return path


@dataclass
class Market:
    """The pretended services and the installation that buys there."""

    app: App
    emulator: Emulator
    folder: Path

    async def buy(self, provider: str, source: str, prompt: str = "a boat", **fields: Any) -> Job:
        """Buy a video that goes by another one, to its end."""
        wish = wished(source, prompt, provider=provider, **fields)
        started = await self.app.generate(wish, PurchaseTerms(max_usd=Decimal(50)))  # some prices are unknown
        return await self.app.wait(started.job.id, 30)

    def given(self, provider: str) -> list[str]:
        """The URLs of videos in everything that the provider was asked to make."""
        bodies = [
            json.dumps(task.body) for task in self.emulator.ledger.tasks.values() if task.dialect == provider
        ]
        return [url for body in bodies for url in re.findall(r'"(https?://[^"]*)"', body)]

    def rows(self, query: str, *values: object) -> list[Any]:
        """Ask the job database behind everybody's back."""
        with closing(sqlite3.connect(self.folder / "state" / "jobs.db")) as connection, connection:
            return connection.execute(query, values).fetchall()


def wished(source: str, prompt: str = "a boat", **fields: Any) -> VideoRequest:
    return VideoRequest(
        **{"prompt": prompt, "model": MODEL, "duration": 5, "reference_videos": (source,), **fields}
    )


@asynccontextmanager
async def market(
    folder: Path, *names: str, behaviour: Behaviour | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Market]:
    with anyio.fail_after(60):
        async with Emulator(*names, behaviour=behaviour or Behaviour()) as emulator:
            given = {**emulator.environment(), **(environ or {})}
            async with open_app(settings(given, folder)) as app:
                yield Market(app, emulator, folder)


async def cleaned(film: Path, folder: Path) -> bytes:
    """What may leave of the film."""
    (folder / "copies").mkdir(exist_ok=True)
    file = await inspect(film, allowed=(film.parent,), forbidden=())
    copy = await copy_to_leave(file, folder / "copies", allowed=(film.parent,), forbidden=())
    assert copy.path is not None
    return copy.path.read_bytes()


async def read(url: str) -> httpx2.Response:
    """Fetch it as a stranger: no key, no cookie."""
    async with httpx2.AsyncClient(trust_env=False) as stranger:
        return await stranger.get(url)


def every_record(folder: Path) -> str:
    """Every byte of every file that the program keeps, videos left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".mp4", ".png")]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that our own code logs."""
    caplog.set_level(logging.DEBUG, "seedance_mcp")
    return caplog


@pytest.mark.parametrize("name", READERS)
async def test_by_a_bucket_the_cleaned_video_arrives_under_a_signed_address(
    name: str, film: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    async with running(Store()) as bucket, market(tmp_path, name, environ=bucket.environment()) as here:
        job = await here.buy(name, str(film))
        assert job.status is JobStatus.SUCCEEDED, job.error
        assert bucket.count("PUT") == 1
        [url] = here.given(name)
        served = await read(url)
        assert served.status_code == 200
        assert served.content == await cleaned(film, tmp_path)
        assert served.content != film.read_bytes(), "what was hidden in it is not sent"
        assert (await read(url.partition("?")[0])).status_code == 403

        again = await here.buy(name, str(film), "another boat")
        assert again.status is JobStatus.SUCCEEDED, again.error
        assert bucket.count("PUT") == 1, "the same content is put once"
        assert [(await read(url)).content == served.content for url in here.given(name)] == [True, True]
        assert job.request.reference_videos == (str(film),)
    assert secrets_in(every_record(tmp_path / "state") + every_record(tmp_path / "videos")) == []
    assert secrets_in(log.text) == []


@pytest.mark.parametrize("name", ["ark", "runcomfy"])
async def test_by_another_provider_nothing_is_bought_there(name: str, film: Path, tmp_path: Path) -> None:
    carrier = "atlas"
    async with market(tmp_path, name, carrier, environ={"SEEDANCE_CARRIER": carrier}) as here:
        for prompt in ("a boat", "another boat"):
            job = await here.buy(name, str(film), prompt)
            assert job.status is JobStatus.SUCCEEDED, job.error
        assert here.emulator.ledger.count("upload", carrier) == 1
        assert {task.dialect for task in here.emulator.ledger.tasks.values()} == {name}
        urls = here.given(name)
        assert len(urls) == 2
        assert (await read(urls[0])).content == await cleaned(film, tmp_path)


async def test_what_has_expired_in_the_bucket_is_put_anew(film: Path, tmp_path: Path) -> None:
    async with running(Store()) as bucket, market(tmp_path, "ark", environ=bucket.environment()) as here:
        # The second time an hour is left, the third time twenty minutes: too little for a task in a queue.
        for number, (hours, puts) in enumerate(((0.0, 1), (23.0, 1), (23.67, 2))):
            here.rows("UPDATE uploads SET expires_at = expires_at - ?", hours * 3600)
            job = await here.buy("ark", str(film), f"boat {number}")
            assert job.status is JobStatus.SUCCEEDED, job.error
            assert bucket.count("PUT") == puts
            here.rows("UPDATE uploads SET expires_at = expires_at + ?", hours * 3600)


@pytest.mark.parametrize("comes_again", [False, True])
async def test_what_was_put_under_a_clock_that_was_ahead_is_put_anew_when_that_is_right(
    comes_again: bool, film: Path, tmp_path: Path
) -> None:
    """Also when the moment comes that it is dated by: it was good for less than the time until then."""
    ahead = 23 * 3600.0
    async with running(Store()) as bucket, market(tmp_path, "ark", environ=bucket.environment()) as here:
        store = here.app.installation.store
        store.clock = lambda: time.time() + ahead
        assert (await here.buy("ark", str(film), "a boat")).status is JobStatus.SUCCEEDED
        store.clock = time.time
        await store.write(elapsed_time.note)
        if comes_again:
            store.clock, store.uptime = lambda: time.time() + ahead, lambda: time.monotonic() + ahead
        assert (await here.buy("ark", str(film), "another boat")).status is JobStatus.SUCCEEDED
        assert bucket.count("PUT") == 2


async def test_estimates_and_uploads_say_by_which_way_the_file_goes(film: Path, tmp_path: Path) -> None:
    async with running(Store()) as bucket, market(tmp_path, "ark", environ=bucket.environment()) as here:
        quote = await here.app.estimate(wished(str(film)))
        kept = await here.app.upload(str(film))
        assert quote.offer.provider.name == "ark", "the carrier makes the only ready provider able"
        assert any("goes by way of the bucket clips" in note for note in quote.notes)
        assert f"ark/{MODEL}" in kept.usable_with
        assert kept.carried_by == "the bucket clips"
        assert set(kept.carried_to) == set(READERS)
        assert {other.offer.provider.name for other in quote.others} >= {"byteplus", "runcomfy"}
        job = await here.buy("ark", kept.media_id)
        assert job.status is JobStatus.SUCCEEDED, job.error
        assert bucket.count("PUT") == 1, "only the purchase sends the file"


async def test_without_a_carrier_the_refusal_names_the_choices_and_nothing_is_sent(
    film: Path, tmp_path: Path
) -> None:
    async with market(tmp_path, "ark", "atlas") as here:
        with pytest.raises(InvalidRequest) as caught:
            await here.app.generate(wished(str(film), provider="ark"))
        told = f"{caught.value.message} {caught.value.hint}"
        for choice in ("https URL", "SEEDANCE_CARRIER", "s3", "provider that takes uploads", "atlas"):
            assert choice in told
        kept = await here.app.upload(str(film), "ark")
        assert kept.usable_with == ()
        assert all("SEEDANCE_CARRIER" in problem for problem in kept.problems if MODEL in problem)
        quote = await here.app.estimate(wished(str(film)))
        assert quote.offer.provider.name == "atlas"
        assert not [call for call in here.emulator.ledger.calls if call.name in ("submit", "upload")]
        assert here.rows("SELECT count(*) FROM jobs") == [(0,)]


WRONG: Mapping[str, tuple[dict[str, str], str]] = {
    "unknown": ({"SEEDANCE_CARRIER": "nobody"}, "no provider"),
    "takes none": ({"SEEDANCE_CARRIER": "runcomfy"}, "do not exist"),
    "needs its key": ({"SEEDANCE_CARRIER": "replicate"}, "only with its key"),
    "has no key": ({"SEEDANCE_CARRIER": "fal"}, "FAL_KEY"),
    "no bucket": ({"SEEDANCE_CARRIER": "s3", "SEEDANCE_S3_ACCESS_KEY_ID": KEY_ID}, "SEEDANCE_S3_BUCKET"),
    "no extra": (Store(origin="https://s3.example").environment(), "install 'botocore"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_carrier_that_cannot_carry_is_told_before_anything_is_bought(
    case: str, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ, word = WRONG[case]
    if case == "no extra":
        monkeypatch.setitem(sys.modules, "botocore", None)
    async with market(tmp_path, "ark", environ=environ) as here:
        for ask in (here.app.generate, here.app.estimate):
            with pytest.raises(ConfigError) as caught:
                await ask(wished(str(film), provider="ark"))
            assert word in f"{caught.value.message} {caught.value.hint}"
            assert "SEEDANCE_CARRIER" in caught.value.message
        assert word in (await here.app.upload(str(film))).problems[0]
        assert not here.emulator.ledger.tasks
        assert here.rows("SELECT count(*) FROM jobs") == [(0,)]
        plain = await here.app.generate(VideoRequest(prompt="a boat", provider="ark", model=MODEL))
        assert plain.job.state is not JobState.NOT_SENT, "nothing else minds"


@pytest.mark.parametrize(
    ("answer", "code"),
    [(error(403, "AccessDenied"), "authentication"), (error(404, "NoSuchBucket"), "config")],
)
async def test_a_bucket_that_refuses_the_file_ends_the_job_before_the_purchase(
    answer: Any, code: str, film: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    async with (
        running(Store(refuse=answer)) as bucket,
        market(tmp_path, "ark", environ=bucket.environment()) as here,
    ):
        job = await here.buy("ark", str(film))
        assert (job.state, job.error_code) == (JobState.NOT_SENT, code)
        assert "bucket clips" in (job.error or "")
        assert "Nothing was bought" in (job.error_hint or "")
        assert not here.emulator.ledger.tasks
        assert (await here.app.budget()).spent_today_usd == 0
        bucket.refuse = None
        assert (await here.buy("ark", str(film))).status is JobStatus.SUCCEEDED, (
            "asked again, it can be bought"
        )
    assert secrets_in(every_record(tmp_path / "state") + every_record(tmp_path / "videos") + log.text) == []


@pytest.mark.parametrize("refused", [False, True])
async def test_a_provider_that_repeats_the_link_does_not_bring_it_into_a_record(
    refused: bool, film: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    async with running(Store()) as bucket, market(tmp_path, "ark", environ=bucket.environment()) as here:
        dialect = here.emulator.dialect("ark")
        usual = dialect.answer

        def repeating(call: str, request: Request, world: World) -> Response:
            if call != "submit":
                return usual(call, request, world)
            echo = json.dumps(request.json["content"]).replace("&", "\\u0026")
            if refused:
                error = {"code": "InvalidParameter", "message": f"No video at {echo}", "param": ""}
                return Response.of({"error": error}, 400)
            made = usual(call, request, world)
            return replace(made, body=made.body[:-1] + f', "content": {echo}}}'.encode())

        dialect.answer = repeating  # type: ignore[method-assign]
        job = await here.buy("ark", str(film))
        assert job.state is (JobState.REJECTED if refused else JobState.DONE), job.error
        [(raw,)] = here.rows("SELECT raw FROM answers")
        assert bucket.origin.encode() in raw, "the answer is kept, without what opens the link"
    assert secrets_in(every_record(tmp_path / "state") + every_record(tmp_path / "videos") + log.text) == []


async def first_video(here: Market, provider: str) -> Job:
    wish = VideoRequest(prompt="the first", provider=provider, model=MODEL, resolution="480p", duration=5)
    started = await here.app.generate(wish, PurchaseTerms(max_usd=Decimal(50)))
    done = await here.app.wait(started.job.id, 30)
    assert done.status is JobStatus.SUCCEEDED, done.error
    return done


@pytest.mark.parametrize(("maker", "reader"), [("ark", "ark"), ("atlas", "runcomfy")])
async def test_a_jobs_own_link_goes_instead_of_its_file_while_it_lives(
    maker: str, reader: str, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    behaviour = Behaviour(true_size=True)
    async with market(tmp_path, *dict.fromkeys((maker, reader)), behaviour=behaviour) as here:
        first = await first_video(here, maker)
        assert first.video_url
        assert first.artifacts
        source = f"job:{first.id}"
        quote = await here.app.estimate(wished(source, provider=reader))
        assert any("is given the link" in note for note in quote.notes)
        kept = await here.app.upload(source)
        assert f"{reader}/{MODEL}" in kept.usable_with
        for number, name in enumerate((source, kept.media_id)):
            job = await here.buy(reader, name, f"boat {number}")
            assert job.status is JobStatus.SUCCEEDED, job.error
            assert job.request.reference_videos == (name,)
            assert job.request.model_dump_json().count("http") == 0
            assert first.video_url in here.given(reader)
        signature = first.video_url.partition("?")[2]
        holders = [row for row in here.rows("SELECT id, * FROM jobs") if signature in repr(row)]
        assert [row[0] for row in holders] == [first.id], "only the job that it belongs to knows its link"
        for table in ("media", "uploads", "answers", "events"):
            assert signature not in repr(here.rows(f"SELECT * FROM {table}")), table
        assert signature not in repr((quote, kept))
        assert here.emulator.ledger.count("upload") == 0
    assert signature not in log.text


async def test_a_link_that_ends_soon_is_not_handed_on(tmp_path: Path) -> None:
    """Results that live for 24 minutes: too short for a task that waits in a queue."""
    (tmp_path / "catalog.toml").write_text("[providers.ark]\nresult_hours = 0.4\n")
    environ = {"SEEDANCE_CATALOG": str(tmp_path / "catalog.toml")}
    async with running(Store()) as bucket:
        async with market(tmp_path, "ark", behaviour=Behaviour(true_size=True), environ=environ) as here:
            first = await first_video(here, "ark")
            with pytest.raises(InvalidRequest, match="SEEDANCE_CARRIER"):
                await here.app.generate(wished(f"job:{first.id}", provider="ark"))
        async with market(tmp_path, "ark", environ={**environ, **bucket.environment()}) as here:
            job = await here.buy("ark", f"job:{first.id}")
            assert job.status is JobStatus.SUCCEEDED, job.error
            assert bucket.count("PUT") == 1, "the file goes by the carrier instead"
            [url] = here.given("ark")
            assert url.startswith(bucket.origin)


async def test_a_link_that_ended_between_plan_and_purchase_is_not_sent(tmp_path: Path) -> None:
    async with market(tmp_path, "ark", behaviour=Behaviour(true_size=True)) as here:
        job = await first_video(here, "ark")
        media, _ = await here.app._sources.load(wished(f"job:{job.id}"))
        [file] = media.values()
        assert file.job_id == job.id
        offer = here.app.catalog.offer("ark", MODEL)
        access = Access(key=SecretStr("k"), base_url=offer.provider.base_url, folder=tmp_path)
        again = replace(job, request=wished(f"job:{job.id}"), account="none")
        with closing(open_store(tmp_path / "state", clock=lambda: job.url_expires_at or 0)) as store:
            pool = ProviderPool(lambda: here.app.catalog, here.app.settings, store)
            sender = MediaSender(JobContext.of(store, here.app.settings), pool)
            with pytest.raises(MediaError, match="only from a public https URL"):
                await sender.send(again, offer, media, create(offer.provider, access))


async def test_a_link_is_handed_on_only_if_anyone_can_open_it_for_long_enough(tmp_path: Path) -> None:
    async with market(tmp_path, "ark") as here:
        job = await first_video(here, "ark")
        now, own = 1_000_000.0, here.app.settings

        def handed(*, age: float = 0.0, **fields: Any) -> bool:
            usual = {"url_expires_at": now + LINK_MARGIN_SECONDS + 1, "remote_done_at": now}
            return link_of(replace(job, **{**usual, **fields}), settings=own, now=now, age=age) is not None

        assert handed(), "the host that the user put in the provider's place"
        assert handed(video_url="https://files.example/v.mp4?signature=1")
        assert not handed(url_expires_at=now + LINK_MARGIN_SECONDS - 1)
        assert not handed(url_expires_at=None)
        assert handed(remote_done_at=None), "a record of an earlier version"
        assert not handed(remote_done_at=now + 1), "the clock was ahead then"
        assert not handed(age=2), "the clock was ahead then, and has come to that moment again"
        assert not handed(video_url=None)
        for url in ("http://files.example/v.mp4", "https://10.0.0.7/v.mp4", "file:///v.mp4"):
            assert not handed(video_url=url), url
        own = load_settings({})
        assert not handed(), "nobody else reads from this machine"
