"""Every size that the catalogue promises comes out of the sandbox, to the pixel."""

from __future__ import annotations

from pathlib import Path

import anyio
import av
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.catalog import Catalog, resolve
from seedance_mcp.config import load_settings
from seedance_mcp.media import PlaceholderSpec, render_placeholder
from seedance_mcp.types import JobStatus, VideoRequest

CATALOG = Catalog.load()
SIZES = [
    (model.id, resolution, ratio)
    for model in CATALOG.models.values()
    for resolution in model.resolutions
    for ratio in model.sizes[resolution]
]


def request(model: str, resolution: str, ratio: str, **fields: object) -> VideoRequest:
    values = {
        "prompt": "a lighthouse",
        "model": model,
        "resolution": resolution,
        "aspect_ratio": ratio,
        **fields,
    }
    return VideoRequest.model_validate(values)


@pytest.mark.parametrize(("model", "resolution", "ratio"), SIZES)
def test_each_model_renders_each_resolution_and_ratio_exactly(
    tmp_path: Path, model: str, resolution: str, ratio: str
) -> None:
    offer = CATALOG.offer("sandbox", model)
    size = offer.size(resolve(request(model, resolution, ratio), offer, {}))
    assert size is not None
    path = tmp_path / "video.mp4"
    spec = PlaceholderSpec(
        prompt="a lighthouse",
        model=model,
        width=size[0],
        height=size[1],
        duration_seconds=3 / offer.model.fps,
        fps=offer.model.fps,
        audio=offer.model.audio,
    )
    render_placeholder(spec, path, last_frame=None, progress=lambda share: None, cancelled=lambda: False)
    with av.open(str(path)) as film:
        picture = film.streams.video[0]
        frames = list(film.decode(video=0))
    assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert {(frame.width, frame.height) for frame in frames} == {
        CATALOG.models[model].sizes[resolution][ratio]
    }
    assert len(frames) == 3
    assert picture.average_rate == 24


@pytest.mark.parametrize("model", list(CATALOG.models))
async def test_each_model_makes_its_shortest_video_with_sound_if_it_has_any(
    model: str, environ: dict[str, str]
) -> None:
    about = CATALOG.models[model]
    asked = request(model, "480p", "1:1", duration=about.durations.min)
    async with open_app(load_settings(environ)) as app:
        with anyio.fail_after(90):
            started = await app.generate(asked)
            job = await app.wait(started.job.id, 90)
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert job.artifacts
    with av.open(job.artifacts.video_path) as film:
        frames = sum(1 for _ in film.decode(video=0))
        sound = [stream.codec_context.name for stream in film.streams.audio]
    assert (job.artifacts.width, job.artifacts.height) == about.sizes["480p"]["1:1"]
    assert frames == about.durations.min * 24
    assert job.artifacts.duration_seconds == about.durations.min
    assert job.artifacts.has_audio is about.audio
    assert sound == (["aac"] if about.audio else [])
