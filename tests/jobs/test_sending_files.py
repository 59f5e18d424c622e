"""What providers are sent of local files, how long the copies live, and which uploads are used again."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.errors import MediaError
from seedance_mcp.jobs.local_files.outgoing_copies import copy_key, leaving, sweep_copies
from seedance_mcp.media import PictureLimits, copy_to_leave, inspect
from seedance_mcp.types import MediaFile, VideoRequest
from tests.emulator import Emulator
from tests.media import planting
from tests.reliability.fault_market import settings
from tests.reliability.waiting import until

PROVIDERS = ("ark", "atlas", "fal", "replicate", "runcomfy")
"""Those with an adapter of their own."""


def sent(emulator: Emulator) -> bytes:
    """Every byte of every call, data URLs decoded as well."""
    whole = b"\n".join(call.target.encode() + call.body for call in emulator.ledger.calls)
    inside = [base64.b64decode(text) for text in re.findall(rb"base64,([A-Za-z0-9+/=]+)", whole)]
    return b"\n".join((whole, *inside))


@pytest.mark.parametrize("name", PROVIDERS)
async def test_no_provider_is_sent_what_is_hidden_in_a_local_file(name: str, tmp_path: Path) -> None:
    picture = planting.jpeg(tmp_path / "media" / "beach.jpg", orientation=6)
    (tmp_path / "copies").mkdir()
    with anyio.fail_after(60):
        async with Emulator(name) as emulator:
            async with open_app(settings(emulator.environment(name), tmp_path)) as app:
                model = next(
                    o.model.id for o in app.catalog.offers(provider=name) if "first_frame" in o.parameters
                )
                wish = VideoRequest(prompt="a boat", provider=name, model=model, first_frame=str(picture))
                await app.wait((await app.generate(wish)).job.id, 30)
                again = wish.model_copy(update={"prompt": "another boat"})
                await app.wait((await app.generate(again)).job.id, 30)
            calls = [call.name for call in emulator.ledger.calls]
            content = sent(emulator)
    file = await inspect(picture, allowed=(picture.parent,), forbidden=())
    copy = await copy_to_leave(file, tmp_path / "copies", allowed=(picture.parent,), forbidden=())
    assert copy.path is not None
    assert copy.path.read_bytes() in content
    for canary in planting.CANARIES:
        assert canary not in content
    assert not list((tmp_path / "state" / "leaving").iterdir())
    assert sum("upload" in call for call in calls) <= 2  # one file, however many steps its upload has


async def test_copies_of_dead_processes_are_removed_at_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / "state" / "leaving" / "0123456789abcdef.00" / "copy.jpg"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"a place")

    async def gone() -> bool:
        return not left.parent.exists()

    with anyio.fail_after(30):
        async with open_app(settings({}, tmp_path)):
            await until(gone)


def test_copies_of_living_processes_stay(tmp_path: Path) -> None:
    for name in ("aaaa.1", "bbbb.1", "bbbb.2"):
        (tmp_path / "leaving" / name).mkdir(parents=True)
    sweep_copies(tmp_path, lambda instance: instance == "bbbb")
    assert {folder.name for folder in (tmp_path / "leaving").iterdir()} == {"bbbb.1", "bbbb.2"}


async def test_a_copy_is_gone_when_its_use_failed_and_when_it_could_not_be_made(tmp_path: Path) -> None:
    path = planting.jpeg(tmp_path / "media" / "beach.jpg")
    file = await inspect(path, allowed=(path.parent,), forbidden=())
    here = settings({}, tmp_path)

    async def hang_up() -> None:
        async with leaving(file, settings=here, instance="i") as copy:
            assert copy.path is not None
            assert copy.path.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
            raise RuntimeError("hung up")

    with pytest.raises(RuntimeError, match="hung up"):
        await hang_up()
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(MediaError, match="changed"):
        async with leaving(file, settings=here, instance="i"):
            pass
    assert not list((tmp_path / "state" / "leaving").iterdir())


async def test_a_state_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    path = planting.jpeg(tmp_path / "media" / "beach.jpg")
    file = await inspect(path, allowed=(path.parent,), forbidden=())
    (tmp_path / "state").write_text("no folder")
    with pytest.raises(MediaError, match="cannot be written") as caught:
        async with leaving(file, settings=settings({}, tmp_path), instance="i"):
            pass
    assert "Nothing was sent" in caught.value.hint


def test_another_content_or_another_fit_is_another_upload() -> None:
    one = MediaFile(kind="image", sha256="a" * 64)
    fit = PictureLimits(formats=("image/png",), max_bytes=100)
    keys = {
        copy_key(one, None),
        copy_key(one, fit),
        copy_key(one, replace(fit, max_bytes=99)),
        copy_key(replace(one, sha256="b" * 64), None),
    }
    assert len(keys) == 4
    assert copy_key(one, fit) == copy_key(replace(one, path=Path("elsewhere")), replace(fit))
