"""Ids of a provider's asset library (`asset://`): passed on as they are, kept by uploads, refused where nobody knows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.types import JobStatus, PurchaseTerms, VideoRequest
from tests.emulator import Emulator
from tests.reliability.fault_market import settings

PERSON = "asset://asset-20260901120000-abcde"
VOICE = "asset://asset-20260901120000-voice"


@asynccontextmanager
async def market(folder: Path, provider: str) -> AsyncIterator[tuple[App, Emulator]]:
    """An installation that buys at a pretended provider."""
    with anyio.fail_after(60):
        async with (
            Emulator(provider) as emulator,
            open_app(settings(emulator.environment(), folder)) as app,
        ):
            yield app, emulator


def wish(provider: str, **fields: object) -> VideoRequest:
    return VideoRequest.model_validate(
        {"prompt": "Image 1 waves", "provider": provider, "model": "seedance-2.0", "duration": 5, **fields}
    )


async def given(app: App, emulator: Emulator, request: VideoRequest) -> list[dict[str, object]]:
    """What the provider was given beside the text, once the video is here."""
    started = await app.generate(request, PurchaseTerms(confirmed=True))
    job = await app.wait(started.job.id, 30)
    assert job.status is JobStatus.SUCCEEDED
    (task,) = emulator.ledger.tasks.values()
    return [item for item in task.body["content"] if item["type"] != "text"]


@pytest.mark.parametrize("provider", ["ark", "byteplus"])
async def test_an_asset_is_passed_on_as_it_is(provider: str, tmp_path: Path) -> None:
    async with market(tmp_path, provider) as (app, emulator):
        content = await given(
            app, emulator, wish(provider, reference_images=(PERSON,), reference_audios=(VOICE,))
        )
    assert content == [
        {"type": "image_url", "image_url": {"url": PERSON}, "role": "reference_image"},
        {"type": "audio_url", "audio_url": {"url": VOICE}, "role": "reference_audio"},
    ]


async def test_an_asset_that_was_kept_is_used_by_its_media_id_for_what_it_is_needed(
    tmp_path: Path,
) -> None:
    async with market(tmp_path, "ark") as (app, emulator):
        kept = await app.upload(VOICE)
        assert "ark/seedance-2.0" in kept.usable_with
        assert not any(offer.startswith(("fal/", "replicate/")) for offer in kept.usable_with)
        request = wish("ark", reference_images=(PERSON,), reference_audios=(kept.media_id,))
        content = await given(app, emulator, request)
    assert content[1] == {"type": "audio_url", "audio_url": {"url": VOICE}, "role": "reference_audio"}


@pytest.mark.parametrize(("provider", "model"), [("fal", "seedance-2.0"), ("ark", "seedance-1.0-pro")])
async def test_an_asset_is_refused_where_nobody_knows_it(provider: str, model: str, tmp_path: Path) -> None:
    async with market(tmp_path, provider) as (app, _):
        with pytest.raises(InvalidRequest, match=rf"{model} at {provider} takes no asset:// ids"):
            await app.estimate(wish(provider, model=model, first_frame=PERSON))


@pytest.mark.parametrize("text", ["asset://", "asset://a/b", "asset://a b", "asset://" + "a" * 200])
async def test_what_cannot_be_an_asset_id_is_refused(text: str, tmp_path: Path) -> None:
    async with market(tmp_path, "ark") as (app, _):
        with pytest.raises(MediaError, match="is no asset id"):
            await app.upload(text)
