"""Every model in every mode that a provider sells, through the app, at a service that refuses what it does not know."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Offer
from seedance_mcp.types import Job, JobStatus, PurchaseTerms, VideoRequest
from tests.emulator import Emulator

from .fault_market import SILENT_ABOUT_MONEY, hurry, settings
from .waiting import many

PROVIDERS = ("ark", "atlas", "byteplus", "fal", "replicate", "runcomfy")
AT_ONCE = 12
CAPS = {"SEEDANCE_MAX_USD_PER_DAY": "100000", "SEEDANCE_MAX_JOBS_PER_HOUR": "1000"}
PNG, OTHER_PNG, MP4, MP3 = (f"https://media.example/{name}" for name in ("a.png", "b.png", "v.mp4", "s.mp3"))
MODES: dict[str, dict[str, Any]] = {
    "text": {},
    "image": {"first_frame": PNG},
    "frames": {"first_frame": PNG, "last_frame": OTHER_PNG},
    "images": {"reference_images": (PNG, OTHER_PNG)},
    "everything": {"reference_images": (PNG,), "reference_videos": (MP4,), "reference_audios": (MP3,)},
}
EXTRAS: dict[str, Any] = {
    "generate_audio": True, "camera_fixed": True, "watermark": False, "return_last_frame": True, "seed": 11,
}  # fmt: skip


def wishes(offer: Offer) -> list[tuple[str, VideoRequest]]:
    """What can be asked of an offer: each mode whose files it takes, with every other field that it has."""
    found: list[tuple[str, VideoRequest]] = []
    for mode, files in MODES.items():
        kind = "reference" if mode in ("images", "everything") else mode
        if kind not in offer.model.modes or not files.keys() <= offer.parameters.keys():
            continue
        if not any(kind in _listed(endpoint.when.get("mode", kind)) for endpoint in offer.endpoints):
            continue
        # The one model of the first series with references does not take a fixed camera along with them.
        odd = {"camera_fixed"} if kind == "reference" else set[str]()
        extras = {field: value for field, value in EXTRAS.items() if field in offer.parameters.keys() - odd}
        fields = {"prompt": f"{mode} of a paper boat", "duration": 5, **files, **extras}
        found.append((mode, VideoRequest(provider=offer.provider.name, model=offer.model.id, **fields)))
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_every_model_in_every_mode_becomes_a_film(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    done: dict[tuple[str, str], Job] = {}
    wrong: list[str] = []

    async def buy(app: App, mode: str, wish: VideoRequest) -> None:
        what = f"{wish.model} in mode {mode}"
        try:
            started = await app.generate(wish, PurchaseTerms(max_usd=Decimal(50)))
            job = await app.wait(started.job.id, 60)
        except Exception as error:
            wrong.append(f"{what}: {error!r}")
            return
        if job.status is not JobStatus.SUCCEEDED or job.artifacts is None:
            wrong.append(f"{what}: {job.status}, {job.error}")
        else:
            done[wish.model or "", mode] = job

    with anyio.fail_after(110):
        async with Emulator(name) as emulator:
            environ = {**emulator.environment(name), **CAPS}
            async with open_app(settings(environ, tmp_path)) as app:
                asked = [
                    (mode, wish)
                    for offer in app.catalog.offers(provider=name)
                    for mode, wish in wishes(offer)
                ]
                async with many(AT_ONCE) as start:
                    for mode, wish in asked:
                        start(buy, app, mode, wish)
                tasks = dict(emulator.ledger.tasks)
                charged = emulator.ledger.charged(app.catalog.provider(name).currency)
    assert not wrong, "\n".join(wrong)
    assert asked
    assert len(tasks) == len(done) == len(asked)
    for job in done.values():
        assert job.artifacts
        assert Path(job.artifacts.video_path).stat().st_size > 0
    if name not in SILENT_ABOUT_MONEY and all(job.charge for job in done.values()):
        counted = sum((job.charge.amount for job in done.values() if job.charge), Decimal(0))
        assert abs(counted - charged) < Decimal("0.000002") * len(done)
