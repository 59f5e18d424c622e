"""The last frame that a provider sends is taken only if it is a picture; otherwise it is taken from the video."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import JobStatus, PurchaseTerms, VideoRequest
from tests.emulator import Emulator
from tests.emulator.wire import Request, Response
from tests.emulator.world import World

WISH = VideoRequest(
    prompt="a fox", provider="ark", model="seedance-1.0-pro", duration=5, return_last_frame=True
)


def _picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 36), (200, 20, 20)).save(out, kind)
    return out.getvalue()


SENT: dict[str, tuple[bytes | None, str, bool]] = {
    "a PNG": (_picture("PNG"), ".png", True),
    "a JPEG under the name of a PNG": (_picture("JPEG"), ".jpg", True),
    "a video": (None, ".png", False),
    "a web page": (b"<html><body>gone", ".png", False),
    "half a picture": (_picture("PNG")[:60], ".png", False),
    "more than any picture has": (_picture("PNG") + bytes(64_000_001), ".png", False),
    "nothing": (b"", ".png", False),
}


@pytest.mark.parametrize("what", SENT)
async def test_the_last_frame_is_a_picture_whatever_the_provider_sends(
    environ: dict[str, str], tmp_path: Path, what: str
) -> None:
    sent, suffix, kept = SENT[what]
    with anyio.fail_after(60):
        async with Emulator("ark") as emulator:
            _send(emulator, sent)
            given = {**environ, **emulator.environment()}
            async with open_app(load_settings(given, settings_file=tmp_path / "no.toml")) as app:
                started = await app.generate(WISH, PurchaseTerms(confirmed=True))
                job = await app.wait(started.job.id, 40)
    assert job.status is JobStatus.SUCCEEDED
    assert job.artifacts is not None
    assert job.artifacts.last_frame_path is not None
    frame = Path(job.artifacts.last_frame_path)
    assert frame.suffix == suffix
    assert (frame.read_bytes() == sent) is kept
    with Image.open(frame) as picture:
        picture.load()
    assert not list(frame.parent.glob("*.part*"))


def _send(emulator: Emulator, sent: bytes | None) -> None:
    """Let the address of the last frame give this; None: the video."""
    dialect: Any = emulator.dialect("ark")
    answer = dialect.answer

    def answering(call: str, request: Request, world: World) -> Response:
        if call == "submit" and sent is not None:
            world.result = partial(_serving, world.result, sent)
        told = answer(call, request, world)
        if sent is None and call == "poll":
            body = json.loads(told.body)
            if "content" in body:
                body["content"]["last_frame_url"] = body["content"]["video_url"]
            return replace(told, body=json.dumps(body).encode())
        return told

    dialect.answer = answering


def _serving(serve: Callable[[Request], Response], sent: bytes, request: Request) -> Response:
    return Response(body=sent, content_type="image/png") if ".png" in request.path else serve(request)
