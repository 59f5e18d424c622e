"""A path as shells, chats and file managers write it is the file that was meant, and no other."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import MediaError
from seedance_mcp.media.access.spelling import meant_path, spellings
from tests.media.crafting import film, picture, plain

NFC, NFD = unicodedata.normalize("NFC", "café.png"), unicodedata.normalize("NFD", "café.png")
SCREENSHOT = "Screenshot 2026-11-28 at 9.41.00\u202fAM.png"

WRITTEN = {
    "as it is": ("cat 1.png", "{folder}/cat 1.png"),
    "in quotes": ("cat 1.png", '"{folder}/cat 1.png"'),
    "in single quotes, with blanks around": ("cat 1.png", " '{folder}/cat 1.png' "),
    "in curly quotes": ("cat 1.png", "\u201c{folder}/cat 1.png\u201d"),
    "with a blank before it": ("cat.png", " {folder}/cat.png"),
    "with a blank behind it that does not break": ("cat.png", "{folder}/cat.png\u00a0"),
    "with shell escapes": ("cat (1).png", "{folder}/cat\\ \\(1\\).png"),
    "with percent signs": ("cat 1.png", "{folder}/cat%201.png"),
    "a name with a real percent sign": ("100%20.png", "{folder}/100%20.png"),
    "as a file: URL with one slash": ("cat 1.png", "file:{folder}/cat%201.png"),
    "as a file: URL": ("cat 1.png", "file://{folder}/cat%201.png"),
    "as a file: URL of this machine, in quotes": ("cat.png", "'file://localhost{folder}/cat.png'"),
    "a narrow blank written as a plain one": (SCREENSHOT, f"{{folder}}/{SCREENSHOT}".replace("\u202f", " ")),
    "a plain blank written as one that does not break": ("cat 1.png", "{folder}/cat\u00a01.png"),
    "composed letters for decomposed ones": (NFD, f"{{folder}}/{NFC}"),
    "decomposed letters for composed ones": (NFC, f"{{folder}}/{NFD}"),
    "relative, in quotes, with another blank": (SCREENSHOT, f'"{SCREENSHOT}"'.replace("\u202f", " ")),
}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")


@POSIX
@pytest.mark.parametrize("case", WRITTEN)
async def test_a_path_that_is_written_otherwise_is_the_file_that_was_meant(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, written = WRITTEN[case]
    folder = tmp_path / "media"
    folder.mkdir()
    expected = picture(folder / name)
    monkeypatch.setenv("SEEDANCE_MEDIA_DIRS", str(folder))
    async with open_app(load_settings(), watch=False) as app:
        uploaded = await app.upload(written.format(folder=folder))
    assert uploaded.file.path == expected


@POSIX
async def test_a_video_to_look_at_is_found_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    film(folder / "my film.mp4", plain(12, (200, 30, 30)))
    monkeypatch.setenv("SEEDANCE_MEDIA_DIRS", str(folder))
    async with open_app(load_settings(), watch=False) as app:
        seen = await app.viewing.view(f"'{folder}/my\u00a0film.mp4'")
    assert seen.facts.path == folder / "my film.mp4"


@POSIX
def test_the_exact_name_wins_over_one_that_looks_the_same(tmp_path: Path) -> None:
    for name in ("a b.png", "a\u00a0b.png"):
        picture(tmp_path / name)
    assert meant_path(f"{tmp_path}/a\u00a0b.png", allowed=[tmp_path]) == tmp_path / "a\u00a0b.png"


@POSIX
def test_two_names_that_look_the_same_are_both_named(tmp_path: Path) -> None:
    for name in ("a\u202fb.png", "a\u00a0b.png"):
        picture(tmp_path / name)
    with pytest.raises(MediaError) as error:
        meant_path(f"{tmp_path}/a b.png", allowed=[tmp_path])
    assert r"a\u202fb.png" in error.value.message
    assert r"a\xa0b.png" in error.value.message


@POSIX
def test_another_letter_is_another_file(tmp_path: Path) -> None:
    picture(tmp_path / "cafe.png")
    asked = f"{tmp_path}/{NFC}"
    assert meant_path(asked, allowed=[tmp_path]) == Path(asked)


@POSIX
@pytest.mark.parametrize("how", ["outside", "through a link", "forbidden"])
def test_names_in_other_folders_are_not_looked_at(how: str, tmp_path: Path) -> None:
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    allowed.mkdir()
    secret.mkdir()
    picture(secret / "a\u00a0b.png")
    asked, forbidden = f"{secret}/a b.png", []
    if how == "through a link":
        (allowed / "link").symlink_to(secret)
        asked = f"{allowed}/link/a b.png"
    if how == "forbidden":
        forbidden, asked = [allowed / "state"], f"{allowed}/state/a b.png"
        secret.rename(allowed / "state")
    assert meant_path(asked, allowed=[allowed], forbidden=forbidden) == Path(asked)


@pytest.mark.parametrize(
    ("text", "windows", "expected"),
    [
        (r"C:\Users\me\My Cat.png", False, "/mnt/c/Users/me/My Cat.png"),
        ("d:/clips/cat.png", False, "/mnt/d/clips/cat.png"),
        ("/mnt/c/Users/me/cat.png", True, r"C:\Users\me\cat.png"),
        ("file:///C:/Users/me/my%20cat.png", True, "C:/Users/me/my cat.png"),
        (r'"C:\Users\me\cat.png"', True, r"C:\Users\me\cat.png"),
    ],
)
def test_a_path_of_the_other_side_of_wsl_has_its_own_spelling(
    text: str, windows: bool, expected: str
) -> None:
    assert expected in spellings(text, windows=windows)


def test_on_windows_a_backslash_stands_between_folders_and_escapes_nothing() -> None:
    assert spellings(r"C:\clips\ cat.png", windows=True) == [r"C:\clips\ cat.png"]


@POSIX
async def test_a_path_in_quotes_to_nowhere_is_refused_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDANCE_MEDIA_DIRS", str(tmp_path))
    async with open_app(load_settings(), watch=False) as app:
        with pytest.raises(MediaError, match=rf"There is no file {tmp_path}/none\.png"):
            await app.upload(f"'{tmp_path}/none.png'")
