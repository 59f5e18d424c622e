"""Everything in the state folder is for the user's eyes only, whatever the umask says."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.types import Look, VideoRequest
from tests.emulator import Emulator

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="Windows has no modes; its user folders are private"
)


class Modes:
    """What others may do with the files and folders of a folder, seen again and again while something goes on."""

    def __init__(self, folder: Path) -> None:
        self.open: dict[str, str] = {}
        self.seen: set[str] = set()
        self._folder = folder
        self._done = threading.Event()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join(timeout=10)
            self.look()

    def _watch(self) -> None:
        while not self._done.is_set():
            self.look()

    def look(self) -> None:
        paths = [self._folder]
        with contextlib.suppress(FileNotFoundError):  # one that went while it was listed
            paths += self._folder.rglob("*")
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                facts = path.lstat()
                name = str(path.relative_to(self._folder))
                self.seen.add(name)
                wanted = 0o700 if stat.S_ISDIR(facts.st_mode) else 0o600
                if facts.st_mode & 0o777 & ~wanted:
                    self.open[name] = oct(facts.st_mode & 0o777)


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def picture(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "a.png"
    Image.new("RGB", (640, 480), "teal").save(path)
    return path


def request(**fields: object) -> VideoRequest:
    return VideoRequest.model_validate({"prompt": "A fox.", "duration": 4, "resolution": "480p", **fields})


async def whole_session(settings: Settings, source: Path) -> None:
    """Buy, wait, look, upload, cancel, lose an answer, fail: at the sandbox and at a paid provider."""

    async def ended(app: App, **fields: object) -> str:
        started = await app.generate(request(**fields))
        return (await app.wait(started.job.id, 60)).status

    async with open_app(settings) as app:
        film = await ended(app, provider="sandbox", return_last_frame=True, first_frame=str(source))
        assert film == "succeeded"
        assert await ended(app, provider="sandbox", prompt="[sandbox:lost] A fox.") == "succeeded"
        assert await ended(app, provider="sandbox", prompt="[sandbox:fail] A fox.") == "failed"
        assert await ended(app, provider="ark", first_frame=str(source)) == "succeeded"
        uploaded = await app.upload(str(source))
        assert uploaded.media_id
        stalled = (await app.generate(request(provider="sandbox", prompt="[sandbox:stall] A fox."))).job
        await app.cancel(stalled.id)
        done = (await app.recent())[-1]
        assert (await app.viewing.view(done.id, Look(frames=2))).file
    (settings.state_dir / "jobs.db").write_bytes(b"damaged" * 1000)
    async with open_app(settings) as app:
        assert app.notice


@pytest.mark.parametrize("mask", [0o022, 0o000])
async def test_every_file_and_folder_of_a_session_is_private(
    mask: int, environ: dict[str, str], tmp_path: Path
) -> None:
    source = picture(tmp_path / "media")
    modes = Modes(tmp_path / "state")
    async with Emulator("ark") as emulator:
        environ |= emulator.environment("ark") | {
            "SEEDANCE_CONFIRM": "off",
            "SEEDANCE_ON_FINISH": "true",
        }
        settings = load_settings(environ, settings_file=tmp_path / "none.toml")
        with umask(mask), modes.watched(), anyio.fail_after(90):
            await whole_session(settings, source)
            watch = [sys.executable, "-m", "seedance_mcp", "watch", "--until-idle"]
            await anyio.run_process(watch, env={**os.environ, **environ}, cwd=tmp_path)
    assert modes.open == {}
    kinds = {name.partition("/")[0] for name in modes.seen}
    assert {".", "jobs.db", "instances", "opening.lock", "providers", "receipts", "leaving"} <= kinds
    for beginning in ("jobs.damaged", "providers/sandbox/sandbox-", "leaving/", "receipts/"):
        assert any(name.startswith(beginning) for name in modes.seen), beginning
