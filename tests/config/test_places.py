"""Paths in settings: whole ones only, and what was not filled in makes no folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from seedance_mcp.config import load_settings
from seedance_mcp.config.cleaning import NotAllowed, plain
from seedance_mcp.config.places import whole
from seedance_mcp.errors import ConfigError

NOWHERE = Path("no-settings-file")
PLACES = ("SEEDANCE_OUTPUT_DIR", "SEEDANCE_STATE_DIR", "SEEDANCE_MEDIA_DIRS", "SEEDANCE_CATALOG")
TEXTS = (
    "SEEDANCE_PROVIDER",
    "SEEDANCE_MODEL",
    "SEEDANCE_CARRIER",
    "SEEDANCE_S3_BUCKET",
    "SEEDANCE_S3_PREFIX",
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${workspaceFolder}/videos", "${workspaceFolder} in it was not filled in"),
        ("/videos/${env:USER}", "${env:USER} in it"),
        ("${HOME}/${x}", "${HOME} in it"),
        ("/videos/${unfinished", "${unfinished in it"),
        ("$HOME/videos", "$HOME in it"),
        ("/data/$USER", "$USER in it"),
        ("$env:USERPROFILE/videos", "$env:USERPROFILE in it"),
        ("$(pwd)/videos", "$(pwd) in it"),
        (r"%USERPROFILE%\Videos", "%USERPROFILE% in it"),
        ("C:/Users/%USERNAME%/Videos", "%USERNAME% in it"),
        ("{env:HOME}/videos", "{env:HOME} in it"),
        ("{{home}}/videos", "{{home}} in it"),
        ('"/videos"', "quotation marks"),
        ("'/videos'", "quotation marks"),
        ("/videos/'my films'/new", "quotation marks"),
        ('/videos"', "quotation marks"),
        ("“/videos”", "quotation marks"),
        ("`/videos`", "quotation marks"),
        ("/videos\n/more", "line break"),
        ("/videos/\0", "control character"),
        ("/videos/\udcff", "no UTF-8"),
    ],
)
@pytest.mark.parametrize("name", [*PLACES, *TEXTS])
def test_what_was_not_filled_in_or_is_in_quotes_is_refused_by_name(name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({name: text}, settings_file=NOWHERE)
    assert f"{name}=" in caught.value.message
    assert told in caught.value.message


@pytest.mark.parametrize("text", ["", "  ", "${workspaceFolder}", " ${input:folder} ", '""', "''", "\u200b"])
def test_a_value_that_is_blank_or_one_variable_counts_as_not_set(text: str, tmp_path: Path) -> None:
    settings = load_settings({"SEEDANCE_STATE_DIR": text, "SEEDANCE_MODEL": text}, settings_file=NOWHERE)
    assert settings.state_dir == load_settings({}, settings_file=NOWHERE).state_dir
    assert settings.model is None
    assert "SEEDANCE_STATE_DIR" not in settings.sources


@pytest.mark.parametrize("text", ["videos", "./videos", "..", "seedance/videos/"])
@pytest.mark.parametrize("name", PLACES)
def test_a_path_that_depends_on_the_working_directory_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}="):
        load_settings({name: text}, settings_file=NOWHERE)


def test_one_relative_folder_among_several_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SEEDANCE_MEDIA_DIRS"):
        load_settings({"SEEDANCE_MEDIA_DIRS": f"{tmp_path}{os.pathsep}media"}, settings_file=NOWHERE)


def test_the_home_folder_may_be_written_short() -> None:
    settings = load_settings({"SEEDANCE_OUTPUT_DIR": "~/Clips"}, settings_file=NOWHERE)
    assert settings.output_dir == Path.home() / "Clips"


@pytest.mark.parametrize(
    "text",
    [
        "/home/me/Tom's videos",
        "/home/me/100% done",
        "/home/me/50%-60%",
        "/home/me/{bucket}/[new] (1) & more",
        "/home/me/5$",
        "/home/me/vidéos/你好",
        "/home/me/it’s mine",
        "/home/me/a~b",
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_names_that_folders_really_have_are_taken(text: str) -> None:
    settings = load_settings({"SEEDANCE_OUTPUT_DIR": text}, settings_file=NOWHERE)
    assert str(settings.output_dir) == text


@pytest.mark.parametrize(
    "text",
    [
        r"C:\Users\me\Videos",
        "C:/Users/me/Videos",
        r"D:\100%\x",
        r"D:\50% off",
        r"\\server\share\videos",
        r"\\server\c$\videos",
        r"\\?\C:\very\long",
        r"C:\Users\Tom's PC\Videos",
    ],
)
def test_whole_paths_of_windows_are_taken_there(text: str) -> None:
    assert str(whole(plain(text), windows=True)).replace("/", "\\") == text.replace("/", "\\")


@pytest.mark.parametrize(
    "text", ["videos", r"videos\new", r"\videos", "/videos", "C:videos", r".\videos", r"..\videos"]
)
def test_windows_paths_that_begin_in_some_folder_or_drive_are_refused(text: str) -> None:
    with pytest.raises(NotAllowed, match="whole path"):
        whole(text, windows=True)


@pytest.mark.parametrize("text", [r"C:\Users\me", "C:/Users/me", r"\\server\share"])
def test_a_path_of_windows_is_recognised_elsewhere(text: str) -> None:
    with pytest.raises(NotAllowed, match="Windows"):
        whole(text, windows=False)


@pytest.mark.parametrize("text", [r"/Users/me/My\ Videos", r"/Users/me/Tom\'s", r"/a/\(b\)"])
def test_a_path_as_a_shell_wants_it_is_refused(text: str) -> None:
    with pytest.raises(NotAllowed, match="backslash"):
        whole(text, windows=False)


def test_the_invisible_mark_that_windows_copies_in_front_of_a_path_is_taken_off() -> None:
    assert plain("\u202aC:\\Videos\u202c") == "C:\\Videos"


def test_a_command_may_hold_what_its_shell_fills_in(tmp_path: Path) -> None:
    command = """sh -c 'cp "$HOME/x" ${TMPDIR:-/tmp}'"""
    assert load_settings({"SEEDANCE_ON_FINISH": command}, settings_file=NOWHERE).on_finish == command


def test_an_endpoint_may_say_where_the_bucket_belongs() -> None:
    endpoint = "https://{bucket}.store.example"
    assert load_settings({"SEEDANCE_S3_ENDPOINT": endpoint}, settings_file=NOWHERE).s3_endpoint == endpoint
