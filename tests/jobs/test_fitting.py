"""Images outside a model's limits: refused with a way out, or drawn anew, foreseen in price and words."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.store import job_records
from seedance_mcp.types import Price, VideoRequest
from tests.emulator import Emulator
from tests.media import planting
from tests.media.crafting import picture
from tests.reliability.fault_market import settings

MODEL = "seedance-2.0"
FIT = {"SEEDANCE_FIT": "1"}


def wished(path: Path, **fields: Any) -> VideoRequest:
    return VideoRequest(**{"prompt": "a boat", "model": MODEL, "first_frame": str(path), **fields})


def arrived(emulator: Emulator) -> Image.Image:
    """The one picture that the provider was sent."""
    bodies = [call.body for call in emulator.ledger.calls if call.name in ("submit", "upload", "put")]
    found = [base64.b64decode(text) for body in bodies for text in re.findall(rb"base64,([\w+/=]+)", body)]
    found += [
        body[at:]
        for body in bodies
        for at in [max(body.find(b"\x89PNG"), body.find(b"\xff\xd8\xff"))]
        if at >= 0
    ]
    [content] = found
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


CASES: dict[str, tuple[str, str, tuple[int, int], tuple[int, int]]] = {
    "too small": ("ark", "a.png", (200, 100), (600, 300)),
    "too long and too large": ("runcomfy", "a.png", (7000, 700), (6000, 2400)),
    "a format that is not taken": ("fal", "a.bmp", (400, 400), (400, 400)),
}


@pytest.mark.parametrize("case", CASES)
async def test_with_the_setting_an_image_is_drawn_to_fit_and_that_is_said_before(
    case: str, tmp_path: Path
) -> None:
    name, file, size, becomes = CASES[case]
    path = picture(tmp_path / "media" / file, size)
    before = path.read_bytes()
    with anyio.fail_after(60):
        async with Emulator(name) as emulator:
            async with open_app(settings({**emulator.environment(name), **FIT}, tmp_path)) as app:
                quote = await app.estimate(wished(path, provider=name))
                kept = await app.upload(str(path), name)
                assert not emulator.ledger.calls or {call.name for call in emulator.ledger.calls} == {"quote"}
                started = await app.generate(wished(path, provider=name))
                await app.wait(started.job.id, 30)
            image = arrived(emulator)
    assert image.size == becomes
    assert image.format in ("PNG", "JPEG")
    said = f"{becomes[0]}x{becomes[1]} pixels"
    # As a reference fal takes any format, so the file is usable there as it is.
    for notes in (quote.notes, started.notes, *([] if name == "fal" else [kept.notes])):
        assert [note for note in notes if said in note and file in note], notes
    assert f"{name}/{MODEL}" in kept.usable_with
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "fit", "becomes"),
    [("0", True, (1280, 720)), ("1", None, (1280, 720)), ("1", False, (1290, 720)), ("0", None, (1290, 720))],
)
async def test_a_frame_of_nearly_the_right_shape_gets_the_videos_pixels_if_wanted(
    tmp_path: Path, setting: str, fit: bool | None, becomes: tuple[int, int]
) -> None:
    path = picture(tmp_path / "media" / "near.png", (1290, 720))
    wish = wished(path, provider="ark", resolution="720p", fit=fit)
    with anyio.fail_after(60):
        async with Emulator("ark") as emulator:
            here = settings({**emulator.environment("ark"), "SEEDANCE_FIT": setting}, tmp_path)
            async with open_app(here) as app:
                quote = await app.estimate(wish)
                started = await app.generate(wish)
                kept = json.loads(job_records.dump(await app.wait(started.job.id, 30)))
            [submit] = [call for call in emulator.ledger.calls if call.name == "submit"]
            image = arrived(emulator)
    assert image.size == becomes
    drawn = becomes != (1290, 720)
    said = "near.png, 1290x720) has nearly the shape of the video, so a copy of exactly its 1280x720 pixels is used"
    for told in (quote, started):
        assert any(said in note for note in told.notes) is drawn
        assert ("frame_near_miss" in [one.code for one in told.advice]) is not drawn
    assert b'"fit"' not in submit.body
    # Servers of earlier versions refuse a record with a field that they do not know.
    assert ("fit" in kept["request"]) is (fit is not None)


async def test_a_frame_that_has_the_shape_or_quite_another_is_sent_as_it_is(tmp_path: Path) -> None:
    async with open_app(settings({"ARK_API_KEY": "k"}, tmp_path), watch=False) as app:
        for size in ((1920, 1080), (1000, 1000), (900, 600)):
            path = picture(tmp_path / "media" / f"{size[0]}.png", size)
            quote = await app.estimate(
                wished(path, provider="ark", resolution="720p", aspect_ratio="16:9", fit=True)
            )
            assert quote.notes == ()


async def test_a_picture_with_too_many_bytes_gets_fewer(tmp_path: Path) -> None:
    path = tmp_path / "media" / "noise.bmp"
    path.parent.mkdir()
    planting.noise((2400, 1900)).save(path)
    with anyio.fail_after(60):
        async with Emulator("atlas") as emulator:
            async with open_app(settings({**emulator.environment("atlas"), **FIT}, tmp_path)) as app:
                old = wished(path, provider="atlas", model="seedance-1.0-pro")
                started = await app.generate(old)
                await app.wait(started.job.id, 30)
            assert "too many bytes" in started.notes[0]
            [upload] = [call for call in emulator.ledger.calls if call.name == "upload"]
    assert 1_000_000 < len(upload.body) <= 10_485_760 + 1000
    assert arrived(emulator).size == (2400, 1900)


async def test_without_the_setting_the_refusal_and_the_check_name_it_where_it_would_help(
    tmp_path: Path,
) -> None:
    small = picture(tmp_path / "media" / "small.png", (200, 100))
    with anyio.fail_after(60):
        async with Emulator("ark") as emulator:
            async with open_app(settings(emulator.environment("ark"), tmp_path)) as app:
                for asked in (wished(small), wished(small, provider="ark")):
                    with pytest.raises(InvalidRequest) as caught:
                        await app.generate(asked)
                    assert "300 to 6000" in caught.value.message
                    assert "SEEDANCE_FIT=1" in caught.value.hint
                with pytest.raises(InvalidRequest) as caught:
                    await app.generate(wished(small, provider="ark", resolution="9k"))
                assert "SEEDANCE_FIT" not in caught.value.hint, "drawing would not be enough"
                kept = await app.upload(str(small), "ark")
                assert kept.usable_with == ()
                assert [problem for problem in kept.problems if MODEL in problem]
                assert all("SEEDANCE_FIT=1" in problem for problem in kept.problems if MODEL in problem)
                wide = await app.upload(str(picture(tmp_path / "media" / "wide.png", (7000, 100))), "ark")
                [why] = [problem for problem in wide.problems if MODEL in problem]
                assert "each side" in why
                assert "divided by height" in why, "every reason is told, not only the first"
            assert not emulator.ledger.calls


async def test_a_file_that_nothing_is_wrong_with_is_not_drawn_anew(tmp_path: Path) -> None:
    path = planting.jpeg(tmp_path / "media" / "a.jpg", size=(400, 400))
    with anyio.fail_after(60):
        async with Emulator("ark") as emulator:
            async with open_app(settings({**emulator.environment("ark"), **FIT}, tmp_path)) as app:
                started = await app.generate(wished(path, provider="ark"))
                await app.wait(started.job.id, 30)
            image = arrived(emulator)
    assert not [note for note in started.notes if "fit" in note]
    assert image.convert("RGB").tobytes() == Image.open(path).convert("RGB").tobytes()


async def test_the_price_is_that_of_the_picture_that_is_sent(tmp_path: Path) -> None:
    sizes = {"tiny": (30, 40), "same shape": (300, 400), "square": (400, 400)}
    paths = {name: picture(tmp_path / "media" / f"{name}.png", size) for name, size in sizes.items()}
    prices: dict[str, Price] = {}
    async with open_app(settings({"ARK_API_KEY": "k", **FIT}, tmp_path), watch=False) as app:
        for name, path in paths.items():
            quote = await app.estimate(
                wished(path, provider="ark", resolution="720p", aspect_ratio="adaptive")
            )
            assert quote.estimate is not None
            prices[name] = quote.estimate.price
    assert prices["tiny"] == prices["same shape"] != prices["square"]


async def test_a_sound_that_only_needs_a_picture_beside_it_counts_as_usable(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    path = planting.wav(tmp_path / "media" / "sound.wav")
    async with open_app(settings({}, tmp_path), watch=False) as app:
        kept = await app.upload(str(path))
    assert f"ark/{MODEL}" in kept.usable_with
    assert "ark/seedance-1.0-pro" not in kept.usable_with
    assert [problem for problem in kept.problems if "ark/seedance-1.0-pro," in problem and "audio" in problem]
    assert len(kept.problems) == 1, "one reason that many have is told once"


def test_every_offer_that_takes_images_takes_what_copies_are_made_as() -> None:
    for offer in Catalog.load().offers():
        limits = offer.model.inputs.image
        for name in ("first_frame", "last_frame", "reference_images"):
            if limits is not None and name in offer.parameters:
                taken = offer.parameters[name].formats or limits.formats
                assert {"image/png", "image/jpeg"} <= set(taken), (offer.label, name)
