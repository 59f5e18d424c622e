"""A video that moderation held back for its sound: the way out is named, where the order can take it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import Job, JobState, VideoRequest
from tests.emulator import Emulator

PROVIDERS = ("ark", "byteplus", "atlas", "fal", "replicate", "runcomfy")
WAY_OUT = "Submit it again with generate_audio=false, which avoids this."


async def ended(app: App, provider: str, prompt: str, generate_audio: bool | None) -> Job:
    wish = VideoRequest(
        prompt=prompt,
        provider=provider,
        model="seedance-2.0-fast",
        duration=5,
        generate_audio=generate_audio,
    )
    started = await app.generate(wish)
    return await app.wait(started.job.id, 30)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_sound_that_is_held_back_is_answered_with_the_argument_that_leaves_it_out(
    provider: str, environ: dict[str, str]
) -> None:
    async with Emulator(provider) as emulator:
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        settings = load_settings(given, settings_file=Path("none.toml"))
        with anyio.fail_after(60):
            async with open_app(settings) as app:
                with_sound = await ended(app, provider, "[silenced] a band plays", None)
                without = await ended(app, provider, "[silenced] a band plays on", False)
                picture = await ended(app, provider, "[moderated] a band plays", None)
    jobs = (with_sound, without, picture)
    assert {(job.state, job.error_code) for job in jobs} == {(JobState.FAILED, "content_rejected")}
    hints = [job.error_hint or "" for job in jobs]
    assert [hint.startswith(WAY_OUT) for hint in hints] == [True, False, False]
    assert ["held back the sound" in hint for hint in hints] == [True, True, False]
    assert "generate_audio" not in hints[1] + hints[2]
