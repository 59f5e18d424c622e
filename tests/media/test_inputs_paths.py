"""Which paths may be read, and that those which may not are not even opened."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.errors import MediaError
from seedance_mcp.media.access.descriptors import Opener, best_opener, judge_for, open_allowed
from seedance_mcp.media.access.folders import Folders
from seedance_mcp.media.access.path_rules import check_text
from tests.media.crafting import picture
from tests.media.hostile_paths import LINKED, REFUSED, STATE, WINDOWS, lines
from tests.powerless import said_by_powerless
from tests.reliability.paths_world import World, build

if sys.platform == "win32":
    pytest.skip("these paths are POSIX paths", allow_module_level=True)

from seedance_mcp.media.access.descriptors import open_by_walking

OPENERS = [best_opener(), open_by_walking]


def read(world: World, text: str, opener: Opener | None = None) -> bytes:
    """The beginning of the file at a path of the world, if it may be read."""
    path, allowed = Path(world.named(text)), world.allowed
    with open_allowed(path, allowed=[allowed], forbidden=[world.state], opener=opener) as (source, _):
        return os.read(source, 100)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = build(tmp_path_factory.mktemp("w").resolve())
    (world.allowed / "good-link.png").symlink_to(world.allowed / "sub/inner.png")
    for name in ("jobs.db", "jobs.db-journal", "receipts.log", "inst/one.lock"):
        (world.state / name).parent.mkdir(exist_ok=True)
        (world.state / name).write_bytes(b"state")
    return world


_logs: list[list[str]] = []


def _note_opened(event: str, arguments: tuple[object, ...]) -> None:
    if (
        event == "open"
        and _logs
        and not (isinstance(arguments[2], int) and arguments[2] & getattr(os, "O_PATH", 0))
    ):
        for log in _logs:
            log.append(str(arguments[0]))


sys.addaudithook(_note_opened)  # it stays for the life of the process, and does nothing without a log


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every file that is opened for data during the test, by whatever name."""
    log: list[str] = []
    _logs.append(log)
    yield log
    _logs.remove(log)


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_a_hostile_path_is_refused(text: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(world.home))
    with pytest.raises(MediaError) as refusal:
        read(world, text)
    assert refusal.value.message
    assert refusal.value.hint


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("text", lines(LINKED) + lines(STATE))
def test_what_is_refused_is_not_opened_for_data(
    text: str, opener: Opener, world: World, opened: list[str]
) -> None:
    with pytest.raises(MediaError):
        read(world, text, opener)
    files = [name for name in opened if Path(name).suffix in (".png", ".db", ".log", ".lock")]
    assert files == []


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize(
    "text",
    ["{allowed}/good.png", "{allowed}/sub/inner.png", "{allowed}//good.png", "good.png", "sub/inner.png"],
)
def test_a_file_inside_an_allowed_folder_is_opened(text: str, opener: Opener, world: World) -> None:
    assert read(world, text, opener).startswith(b"\x89PNG")


def test_a_link_between_allowed_files_is_followed_to_its_true_path(world: World) -> None:
    with open_allowed(world.allowed / "good-link.png", allowed=[world.allowed], forbidden=[]) as (_, found):
        assert found == world.allowed / "sub/inner.png"


def test_a_home_path_is_read_where_the_home_is_allowed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(world.home))
    with open_allowed(Path("~/secret.png"), allowed=[world.home], forbidden=[]) as (_, found):
        assert found == world.home / "secret.png"


def test_an_allowed_folder_may_itself_be_a_link(world: World, tmp_path: Path) -> None:
    (tmp_path / "media").symlink_to(world.allowed)
    with open_allowed(tmp_path / "media/good.png", allowed=[tmp_path / "media"], forbidden=[]) as (_, found):
        assert found == world.allowed / "good.png"


def test_videos_kept_below_the_state_folder_stay_readable(tmp_path: Path) -> None:
    picture(tmp_path / "videos/good.png")
    picture(tmp_path / "other/bad.png")
    rules: dict[str, Any] = {"allowed": [tmp_path / "videos", tmp_path / "other"], "forbidden": [tmp_path]}
    for name in ("videos/good.png", "other/bad.png"):
        with open_allowed(tmp_path / name, **rules):
            pass
    picture(tmp_path / "state.png")
    with pytest.raises(MediaError, match="own state"), open_allowed(tmp_path / "state.png", **rules):
        pass


def test_nothing_is_readable_without_an_allowed_folder(world: World) -> None:
    with (
        pytest.raises(MediaError) as refusal,
        open_allowed(world.allowed / "good.png", allowed=[], forbidden=[]),
    ):
        pass
    assert "SEEDANCE_MEDIA_DIRS" in refusal.value.hint


def test_a_path_outside_names_the_allowed_folders_and_the_setting(world: World) -> None:
    with pytest.raises(MediaError) as refusal:
        read(world, "{outside}/secret.png")
    assert str(world.allowed) in refusal.value.hint
    assert "SEEDANCE_MEDIA_DIRS" in refusal.value.hint


def test_a_refusal_does_not_tell_whether_a_file_outside_exists(world: World) -> None:
    messages = []
    for name in ("secret.png", "nothing.png"):
        with pytest.raises(MediaError) as refusal:
            read(world, "{outside}/" + name)
        messages.append((refusal.value.message.replace(name, ""), refusal.value.hint))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("text", ["/mnt/user-data/uploads/cat.png", "/mnt/data/cat.png"])
def test_a_path_of_the_assistants_sandbox_is_recognised(text: str, world: World) -> None:
    with pytest.raises(MediaError, match="assistant's own sandbox") as refusal:
        read(world, text)
    assert "https URL" in refusal.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{allowed}/missing.png", "There is no file"),
        ("{allowed}/sub", "is a folder"),
        ("{allowed}/empty.png", "is empty"),
        ("{allowed}/pipe.png", "no regular file"),
        ("{allowed}/.hidden.png", "Hidden"),
        ("{allowed}/id_rsa.png", "named like a key"),
        ("{state}/jobs.db", "own state"),
        ("{allowed}/hard-link-to-state.png", "own state"),
        ("{allowed}/to-state.png", "own state"),
        ("https://example.com/cat.png", "https: address"),
        ("C:\\cat.png", "Windows path"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, words: str, world: World) -> None:
    with pytest.raises(MediaError, match=words):
        read(world, text)


OPEN = """
import sys
from pathlib import Path
from seedance_mcp.errors import MediaError
from seedance_mcp.media.access.descriptors import open_allowed, open_by_walking

for opener in None, open_by_walking:
    try:
        with open_allowed(Path(sys.argv[1]), allowed=[Path(sys.argv[1]).parent], forbidden=[], opener=opener):
            print("opened")
    except MediaError as error:
        print(error.message)
"""


def test_a_file_without_read_permission_is_explained(tmp_path: Path) -> None:
    path = picture(tmp_path / "locked.png")
    assert said_by_powerless(OPEN, path) == ["opened", "opened"]
    path.chmod(0)
    assert said_by_powerless(OPEN, path) == [f"The server has no permission to read {path}."] * 2


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("name", ["jobs.db", "alias.png", "hard.png"])
def test_a_refused_job_database_keeps_its_write_lock(name: str, opener: Opener, tmp_path: Path) -> None:
    state, media = tmp_path / "state", tmp_path / "media"
    state.mkdir()
    media.mkdir()
    database = sqlite3.connect(state / "jobs.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=TRUNCATE")
    database.execute("CREATE TABLE jobs (id)")
    (media / "alias.png").symlink_to(state / "jobs.db")
    (media / "hard.png").hardlink_to(state / "jobs.db")
    database.execute("BEGIN IMMEDIATE")
    path = (state if name == "jobs.db" else media) / name
    with pytest.raises(MediaError), open_allowed(path, allowed=[tmp_path], forbidden=[state], opener=opener):
        pass
    other = (
        "import sqlite3, sys\n"
        "sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0).execute('BEGIN IMMEDIATE')"
    )
    taken = subprocess.run([sys.executable, "-c", other, state / "jobs.db"], capture_output=True, timeout=20)
    database.close()
    assert b"database is locked" in taken.stderr


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("name", ["folder-link/secret.png", "link-to-secret.png"])
def test_a_link_that_appears_after_the_path_was_followed_is_noticed(
    name: str, opener: Opener, world: World
) -> None:
    judge = judge_for(world.allowed / name, Folders.of([world.allowed], [world.state]))
    with pytest.raises((MediaError, OSError)):
        os.close(opener(world.allowed / name, world.allowed, judge)[0])


SWAPPER = """
import os, sys
folder, outside = sys.argv[1:]
print("ready", flush=True)
while True:
    for target in (folder + "/real", outside):
        os.symlink(target + "/p.png", folder + "/next")
        os.replace(folder + "/next", folder + "/x.png")
    for name, target in (("real/q.png", outside + "/p.png"), ("swapped", outside)):
        os.rename(f"{folder}/{name}", folder + "/away")
        os.symlink(target, f"{folder}/{name}")
        os.unlink(f"{folder}/{name}")
        os.rename(folder + "/away", f"{folder}/{name}")
"""


@pytest.mark.parametrize("opener", OPENERS)
def test_a_link_swapped_during_the_check_never_leaks(opener: Opener, tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    for name in ("real/p.png", "real/q.png", "swapped/p.png"):
        (allowed / name).parent.mkdir(parents=True, exist_ok=True)
        (allowed / name).write_bytes(b"fine")
    outside.mkdir()
    (outside / "p.png").write_bytes(b"secret")
    swapper = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, allowed, outside],
        stdout=subprocess.PIPE,
    )
    assert swapper.stdout
    swapper.stdout.readline()
    read, refused = set[bytes](), 0
    try:
        for turn in range(3000):
            name = ("x.png", "real/q.png", "swapped/p.png")[turn % 3]
            try:
                with open_allowed(allowed / name, allowed=[allowed], forbidden=[outside], opener=opener) as (
                    source,
                    _,
                ):
                    read.add(os.read(source, 10))
            except MediaError:
                refused += 1
    finally:
        swapper.kill()
        swapper.wait(10)
        swapper.stdout.close()
    assert read == {b"fine"}
    assert refused


def test_a_pipe_does_not_make_the_check_hang(world: World) -> None:
    finished = threading.Event()

    def check() -> None:
        for opener in OPENERS:
            with pytest.raises(MediaError):
                read(world, "{allowed}/pipe.png", opener)
        finished.set()

    threading.Thread(target=check, daemon=True).start()
    assert finished.wait(5)


@pytest.mark.parametrize("text", lines(WINDOWS), ids=range(len(lines(WINDOWS))))
def test_a_hostile_windows_path_is_refused_as_text(text: str) -> None:
    with pytest.raises(MediaError):
        check_text(text, windows=True)


@pytest.mark.parametrize(
    "text",
    [
        "C:\\Videos\\cat.png",
        "c:/Videos/Katze 1.5.png",
        "D:\\猫\\cat.png",
        "cat.png",
        "contact.png",
        "~\\cat.png",
    ],
)
def test_a_plain_windows_path_passes(text: str) -> None:
    check_text(text, windows=True)


@pytest.mark.parametrize(
    "text",
    [
        "/v/clip 12:30.png",
        "/v/猫.png",
        "/v/👨‍👩‍👧.png",
        "/v/Screenshot 9.41\u202fAM.png",
        "/v/con.png",
        "/v/a..b.png",
    ],
)
def test_an_unusual_but_honest_path_passes(text: str) -> None:
    check_text(text, windows=False)
