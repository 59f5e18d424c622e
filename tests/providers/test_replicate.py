"""Replicate's peculiarities, against an emulator that its official client takes for the service."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from seedance_mcp.catalog import Catalog, Offer, estimate, resolve
from seedance_mcp.errors import InsufficientFunds, InvalidRequest, RateLimited, SubmissionUnknown
from seedance_mcp.providers import Access, Provider, create
from seedance_mcp.types import MediaFile, TaskStatus, VideoRequest
from tests.emulator import Behaviour, Emulator

from .when import sent

CATALOG = Catalog.load()
IMAGE = "https://media.example/a.png"
VIDEO = "https://media.example/v.mp4"
SOUND = "https://media.example/s.mp3"
CAT = {"prompt": "A cat yawns.", "duration": 5, "resolution": "480p"}


class Buyer:
    def __init__(self, tag: str = "tag-1") -> None:
        self.tag = tag

    async def sending(self) -> None:
        pass

    def answered(self, status: int, body: bytes) -> None:
        pass


@asynccontextmanager
async def opened(emulator: Emulator) -> AsyncIterator[Provider]:
    access = Access(key=SecretStr(emulator.key), base_url=emulator.base_url("replicate"), folder=Path())
    provider = create(CATALOG.provider("replicate"), access)
    try:
        yield provider
    finally:
        await provider.close()


def order(model: str, **fields: Any) -> tuple[VideoRequest, Offer, dict[str, MediaFile]]:
    """A resolved request, media as they are named, and the offer that it is for."""
    offer = CATALOG.offer("replicate", model)
    request = VideoRequest(**{"prompt": "A cat yawns at a mirror.", **fields})
    media = {
        source: MediaFile(kind=kind, url=source, duration_seconds=5) for _, kind, source in request.media()
    }
    return resolve(request, offer, media), offer, media


# ---------------------------------------------------------------- every model in every mode

ORDERS: list[dict[str, Any]] = [
    {"model": "seedance-2.5", "resolution": "480p", "duration": 30},
    {"model": "seedance-2.5", "resolution": "720p", "first_frame": IMAGE},
    {"model": "seedance-2.5", "resolution": "480p", "first_frame": IMAGE, "last_frame": IMAGE},
    {"model": "seedance-2.5", "resolution": "480p", "reference_videos": (VIDEO,), "prompt": "Extend it."},
    {"model": "seedance-2.0", "resolution": "4k"},
    {"model": "seedance-2.0", "duration": -1},
    {"model": "seedance-2.0", "first_frame": IMAGE, "last_frame": IMAGE, "generate_audio": False},
    {"model": "seedance-2.0", "reference_images": (IMAGE,) * 9, "reference_audios": (SOUND,), "seed": 7},
    {"model": "seedance-2.0", "reference_videos": (VIDEO,), "prompt": "Make the coat red."},
    {"model": "seedance-2.0-fast", "resolution": "720p", "aspect_ratio": "9:16"},
    {"model": "seedance-2.0-fast", "resolution": "720p", "reference_images": (IMAGE,)},
    {"model": "seedance-2.0-mini", "resolution": "480p"},
    {"model": "seedance-2.0-mini", "first_frame": IMAGE},
    {"model": "seedance-1.5-pro", "generate_audio": False, "camera_fixed": True},
    {"model": "seedance-1.5-pro", "first_frame": IMAGE, "duration": 12, "resolution": "1080p"},
    {"model": "seedance-1.0-pro", "resolution": "1080p", "provider_options": {"fps": 24}},
    {"model": "seedance-1.0-pro", "first_frame": IMAGE, "last_frame": IMAGE},
    {"model": "seedance-1.0-pro-fast", "first_frame": IMAGE},
    {"model": "seedance-1.0-lite", "reference_images": (IMAGE,) * 4},
]


@pytest.mark.parametrize("fields", ORDERS, ids=lambda fields: f"{fields['model']}-{len(fields)}")
async def test_what_the_catalogue_lets_through_the_service_takes(fields: dict[str, Any]) -> None:
    async with Emulator("replicate") as emulator, opened(emulator) as provider:
        request, offer, media = order(**fields)
        submission = await provider.submit(request, offer, Buyer())
        task = emulator.ledger.tasks[submission.task_id]
        state = await provider.poll(submission)
    assert state.status is TaskStatus.SUCCEEDED
    assert state.video_urls
    assert not state.usage, "it never says what it charged"
    priced = estimate(request, offer, media, cny_per_usd=Decimal(7))
    assert priced is not None
    assert priced.maximum.amount >= task.price


@pytest.mark.parametrize(
    ("model", "fields", "named"),
    [
        ("seedance-2.0", {"watermark": True}, "watermark"),
        ("seedance-2.0", {"return_last_frame": True}, "return_last_frame"),
        ("seedance-1.0-pro-fast", {"first_frame": IMAGE, "last_frame": IMAGE}, "last_frame"),
        ("seedance-2.5", {"resolution": "480p", "provider_options": {"draft": True}}, "ark/seedance-2.5"),
    ],
)
def test_what_the_offer_lacks_is_refused_before_anything_is_sent(
    model: str, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        order(model, **fields)
    assert f"{model} at replicate" in str(caught.value)
    assert named in str(caught.value)


# ---------------------------------------------------------------- finding a lost purchase again


async def test_a_lost_purchase_with_an_uploaded_picture_is_found_by_its_seed(tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\nnot looked at")
    async with Emulator("replicate") as emulator, opened(emulator) as provider:
        file = MediaFile(
            kind="image",
            path=photo,
            mime_type="image/png",
            bytes=photo.stat().st_size,
            sha256=hashlib.sha256(photo.read_bytes()).hexdigest(),
        )
        url = (await provider.upload(file)).url
        request, offer, _ = order("seedance-2.0", first_frame=url)
        emulator.fail("lost", accepted=True)
        with pytest.raises(SubmissionUnknown):
            await provider.submit(request, offer, Buyer("mine"))
        await provider.submit(request, offer, Buyer("another"))
        renewed = request.model_copy(update={"first_frame": IMAGE})
        found = await provider.recover(renewed, offer, "mine", sent())
        absent = await provider.recover(request, offer, "never", sent())
        (lost, _) = emulator.ledger.tasks
    assert found.submission
    assert found.submission.task_id == lost
    assert absent.submission is None
    assert absent.proves_absence


async def test_after_the_hour_absence_proves_nothing() -> None:
    async with Emulator("replicate") as emulator, opened(emulator) as provider:
        request, offer, _ = order("seedance-2.0")
        recovery = await provider.recover(request, offer, "tag-1", sent(3600))
    assert not recovery.proves_absence


async def test_an_hour_after_the_end_the_video_is_gone() -> None:
    now = time.time()
    async with Emulator("replicate", clock=lambda: now) as emulator, opened(emulator) as provider:
        request, offer, _ = order("seedance-2.0")
        submission = await provider.submit(request, offer, Buyer())
        state = await provider.poll(submission)
        assert state.url_expires_at is not None
        assert state.url_expires_at - now == pytest.approx(3600, abs=5)
        now += 3601
        assert (await provider.poll(submission)).status is TaskStatus.EXPIRED


async def test_an_empty_account_refuses_and_charges_nothing() -> None:
    behaviour = Behaviour(funds=Decimal("0.1"))
    async with Emulator("replicate", behaviour=behaviour) as emulator, opened(emulator) as provider:
        request, offer, _ = order("seedance-2.0")
        with pytest.raises(InsufficientFunds):
            await provider.submit(request, offer, Buyer())
    assert not emulator.ledger.tasks


# ---------------------------------------------------------------- the emulator, proved by somebody else's client


@contextmanager
def official(
    monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour | None = None, token: str | None = None
) -> Iterator[tuple[Any, Any, Emulator]]:
    """The client's module, the client that its environment points here, and the emulator."""
    try:
        module: Any = importlib.import_module("replicate")
    except ImportError as error:
        pytest.skip(f"replicate cannot be imported: {error}")
    with Emulator("replicate", behaviour=behaviour).threaded() as emulator:
        monkeypatch.setenv("REPLICATE_BASE_URL", emulator.origin("replicate"))
        monkeypatch.setenv("REPLICATE_API_TOKEN", token or emulator.key)
        monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0.01")
        client = module.Client()
        try:
            yield module, client, emulator
        finally:
            client._client.close()


def test_the_official_client_buys_follows_and_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    with official(monkeypatch, Behaviour(queued_seconds=math.inf)) as (_, client, emulator):
        made = client.models.predictions.create("bytedance/seedance-2.0", input=CAT)
        assert (made.status, made.input, made.output) == ("starting", CAT, None)
        emulator.ledger.force(made.id, "running")
        made.reload()
        assert made.status == "processing"
        assert made.started_at
        emulator.ledger.force(made.id, "succeeded")
        made.wait()
        assert made.status == "succeeded"
        assert made.completed_at
        with client._client.stream("GET", made.output) as film:
            assert film.headers["content-type"] == "video/mp4"
            assert film.read()[4:8] == b"ftyp"

        waiting = client.predictions.create(version="bytedance/seedance-1-lite", input=CAT)
        waiting.cancel()
        assert waiting.status == "canceled"
        assert emulator.ledger.tasks[waiting.id].status(time.time()) == "cancelled"
        assert client.predictions.cancel(made.id).status == "succeeded", "too late"
        assert client.accounts.current().username


def test_the_official_client_runs_a_model_and_learns_why_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    with official(monkeypatch, Behaviour(queued_seconds=0.05, running_seconds=0.05)) as (module, client, _):
        film = client.run("bytedance/seedance-2.0-mini", input=CAT, wait=False)
        assert str(film).startswith("http://127.0.0.1")
        with pytest.raises(module.exceptions.ModelError, match="sensitive"):
            client.run("bytedance/seedance-2.0", input={**CAT, "prompt": "A cat. [moderated]"}, wait=False)


def test_the_official_client_gets_a_202_when_it_waits_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    with official(monkeypatch, Behaviour(queued_seconds=math.inf)) as (_, client, emulator):
        made = client.models.predictions.create("bytedance/seedance-2.0", input=CAT, wait=1)
        assert made.status == "starting"
        (call,) = emulator.ledger.calls
    assert call.headers["prefer"] == "wait=1"
    assert call.status == 202


def test_the_official_client_turns_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    with official(monkeypatch) as (module, client, emulator):
        for _ in range(101):
            client.models.predictions.create("bytedance/seedance-1-lite", input=CAT)
        pages = list(module.pagination.paginate(client.predictions.list))
        assert [len(page) for page in pages] == [100, 1]
        listed = [one.id for page in pages for one in page]
    assert sorted(listed) == sorted(emulator.ledger.tasks)


def test_the_official_client_keeps_files_and_orders_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = io.BytesIO(b"\x89PNG\r\n\x1a\nnot looked at")
    with official(monkeypatch) as (module, client, emulator):
        kept = client.files.create(picture, filename="a.png")
        assert (kept.content_type, kept.size) == ("image/png", len(picture.getvalue()))
        assert client.files.get(kept.id).urls == kept.urls
        assert [one.id for one in client.files.list()] == [kept.id]
        made = client.models.predictions.create(
            "bytedance/seedance-2.0", input={**CAT, "image": kept.urls["get"]}
        )
        assert emulator.ledger.tasks[made.id].body["image"] == kept.urls["get"]
        opened_file = client.models.predictions.create(
            "bytedance/seedance-2.0", input={**CAT, "image": picture}
        )
        assert opened_file.input["image"].startswith(emulator.base_url("replicate") + "/files/")
        assert client.files.delete(kept.id)
        with pytest.raises(module.exceptions.ReplicateError) as gone:
            client.files.get(kept.id)
        assert gone.value.status == 404


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("bytedance/seedance-2.0", {**CAT, "duration": 99}, 422, "duration"),
    ("bytedance/seedance-2.0", {**CAT, "camera_fixed": True}, 422, "camera_fixed"),
    ("bytedance/seedance-2.0", {**CAT, "last_frame_image": IMAGE}, 422, "last_frame_image"),
    ("bytedance/seedance-2.0", {"duration": 5}, 422, "prompt"),
    ("bytedance/no-such-model", CAT, 404, "not be found"),
]


@pytest.mark.parametrize(("model", "fields", "status", "word"), REFUSED)
def test_the_official_client_is_refused_in_words_that_it_understands(
    monkeypatch: pytest.MonkeyPatch, model: str, fields: dict[str, Any], status: int, word: str
) -> None:
    with official(monkeypatch) as (module, client, emulator):
        with pytest.raises(module.exceptions.ReplicateError) as refused:
            client.models.predictions.create(model, input=fields)
        assert refused.value.status == status
        assert refused.value.title
        assert word in refused.value.detail
        assert not emulator.ledger.tasks


@pytest.mark.parametrize(
    ("behaviour", "token", "status"),
    [
        (Behaviour(), "wrong", 401),
        (Behaviour(funds=Decimal(0)), None, 402),
        (Behaviour(limits={"submit": (0, 60)}), None, 429),
    ],
)
def test_the_official_client_is_told_about_key_funds_and_limits(
    monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, token: str | None, status: int
) -> None:
    with official(monkeypatch, behaviour, token) as (module, client, emulator):
        with pytest.raises(module.exceptions.ReplicateError) as refused:
            client.models.predictions.create("bytedance/seedance-2.0", input=CAT)
        assert refused.value.status == status
        assert refused.value.detail
        assert not emulator.ledger.tasks


async def test_what_we_send_is_what_the_official_client_sends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Line, headers that count and body of a purchase, a poll, a cancel, a list and an upload: the same."""
    photo = tmp_path / "a.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\nnot looked at")
    request, offer, _ = order("seedance-2.0", first_frame=IMAGE, seed=7)
    with official(monkeypatch, Behaviour(queued_seconds=math.inf)) as (_, client, emulator):
        async with opened(emulator) as provider:
            ours = await provider.submit(request, offer, Buyer())
            await provider.poll(ours)
            await provider.recover(request, offer, "tag-1", sent(60))
            await provider.cancel(ours)
            await provider.check()
            data = photo.read_bytes()
            await provider.upload(
                MediaFile(
                    kind="image", path=photo, mime_type="image/png", bytes=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                )
            )  # fmt: skip
        told = emulator.ledger.calls[:]
        emulator.ledger.calls.clear()
        theirs = client.models.predictions.create(
            "bytedance/seedance-2.0", input=json.loads(told[0].body)["input"]
        )
        theirs.reload()
        client.predictions.list()
        theirs.cancel()
        client.accounts.current()
        client.files.create(photo)
        said = emulator.ledger.calls[:]
    assert len(told) == len(said)
    for our, their in zip(told, said, strict=True):
        assert (our.name, our.method, our.status) == (their.name, their.method, their.status)
        assert our.target.replace(ours.task_id, "ID") == their.target.replace(theirs.id, "ID")
        for header in ("authorization", "content-type"):
            (first, second) = (call.headers.get(header, "").partition(";")[0] for call in (our, their))
            assert first == second
        if our.name == "submit":
            assert json.loads(our.body) == json.loads(their.body)
    kept = getattr(emulator.dialect("replicate"), "uploads", {})
    assert [(kind, content) for kind, content, _ in kept.values()] == [("image/png", data)] * 2


async def test_the_pause_that_stands_in_the_text_of_a_throttled_call_is_heeded() -> None:
    async with Emulator("replicate", behaviour=Behaviour(limits={"submit": (0, 1.0)})) as emulator:
        request, offer, _ = order("seedance-1.0-pro")
        async with opened(emulator) as provider:
            with pytest.raises(RateLimited) as refused:
                await provider.submit(request, offer, Buyer())
            assert refused.value.retry_after == 30


@pytest.mark.parametrize("apart", [-5 * 3600.0, 5 * 3600.0])
async def test_how_long_an_upload_lasts_is_told_by_our_own_clock(apart: float, tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\nnot looked at")
    async with (
        Emulator("replicate", behaviour=Behaviour(clock_apart=apart)) as emulator,
        opened(emulator) as provider,
    ):
        file = MediaFile(
            kind="image",
            path=photo,
            mime_type="image/png",
            bytes=photo.stat().st_size,
            sha256=hashlib.sha256(photo.read_bytes()).hexdigest(),
        )
        kept = await provider.upload(file)
        assert kept.expires_at == pytest.approx(time.time() + 24 * 3600, abs=30)
