"""Settings of several teams: what they have in common, what is a team's own, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seedance_mcp.config import Settings, load_settings, read_settings
from seedance_mcp.errors import ConfigError

URL = "postgresql://seedance:secret-of-all@db.example/videos"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Two teams, whose files are beside the settings file of this test."""
    return {
        "HOME": str(tmp_path),
        "SEEDANCE_TEAMS": "red,blue",
        "SEEDANCE_DATABASE_URL": URL,
        "SEEDANCE_STATE_DIR": str(tmp_path / "state"),
        "SEEDANCE_OUTPUT_DIR": str(tmp_path / "videos"),
    }


def _teams(environ: dict[str, str], folder: Path, **more: str) -> tuple[Settings, ...]:
    return load_settings({**environ, **more}, settings_file=folder / "config.toml").of_teams


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_a_teams_file_counts_more_than_what_all_have_in_common(
    environ: dict[str, str], tmp_path: Path
) -> None:
    _write(tmp_path / "config.toml", "SEEDANCE_MAX_USD_PER_DAY = '50'\nSEEDANCE_MAX_JOBS_PER_HOUR = 7\n")
    _write(tmp_path / "teams/red.toml", "SEEDANCE_MAX_USD_PER_DAY = '3'\nSEEDANCE_MAX_USD_PER_JOB = 2\n")
    red, blue = _teams(environ, tmp_path, SEEDANCE_MAX_USD_PER_JOB="9")
    assert (red.max_usd_per_day, red.max_usd_per_job, red.max_jobs_per_hour) == (3, 2, 7)
    assert (blue.max_usd_per_day, blue.max_usd_per_job, blue.max_jobs_per_hour) == (50, 9, 7)


def test_schema_folders_and_objects_are_named_after_the_team(environ: dict[str, str], tmp_path: Path) -> None:
    red, blue = _teams(environ, tmp_path, SEEDANCE_OBJECT_STORE="s3://videos/studio/")
    assert [one.schema for one in (red, blue)] == ["seedance_red", "seedance_blue"]
    assert [one.state_dir for one in (red, blue)] == [
        tmp_path / "state/teams" / name for name in ("red", "blue")
    ]
    assert [one.output_dir for one in (red, blue)] == [tmp_path / "videos" / name for name in ("red", "blue")]
    assert [one.object_store for one in (red, blue)] == ["s3://videos/studio/red", "s3://videos/studio/blue"]
    assert [one.s3_prefix for one in (red, blue)] == ["seedance/red/", "seedance/blue/"]


def test_a_named_team_is_read_alone(environ: dict[str, str], tmp_path: Path) -> None:
    _write(tmp_path / "teams/blue.toml", "not TOML")
    settings = load_settings({**environ, "SEEDANCE_TEAM": "red"}, settings_file=tmp_path / "config.toml")
    assert (settings.team, settings.schema, settings.of_teams) == ("red", "seedance_red", ())
    with pytest.raises(ConfigError, match=r"blue\.toml of the team blue cannot be read"):
        _teams(environ, tmp_path)


@pytest.mark.parametrize(
    "names",
    ["re\"d", "re'd", "red;drop", "public", "pg_catalog", "pg_x", "default", "any", "Red", "1red", "rød", "a-b", "../red",
     "x" * 31, "red,", "red,blue,public", "$user"],
)  # fmt: skip
def test_a_name_that_could_be_anything_else_is_refused(
    names: str, environ: dict[str, str], tmp_path: Path
) -> None:
    if names == "red,":
        (red,) = _teams(environ, tmp_path, SEEDANCE_TEAMS=names)
        assert red.team == "red"
        return
    with pytest.raises(ConfigError, match="SEEDANCE_TEAMS"):
        _teams(environ, tmp_path, SEEDANCE_TEAMS=names)


def test_the_longest_name_fits_wherever_it_stands(environ: dict[str, str], tmp_path: Path) -> None:
    (one,) = _teams(environ, tmp_path, SEEDANCE_TEAMS="x" * 30)
    assert len(str(one.schema)) < 63, "PostgreSQL cuts longer names off"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"SEEDANCE_TEAM": "green"}, "there is no team of this name; there are red, blue"),
        ({"SEEDANCE_TEAM": "red", "SEEDANCE_TEAMS": ""}, "SEEDANCE_TEAMS names none"),
        ({"SEEDANCE_DATABASE_URL": ""}, "needs SEEDANCE_DATABASE_URL"),
        ({"SEEDANCE_OAUTH_TEAMS": "staff"}, "must be value=team"),
        ({"SEEDANCE_OAUTH_TEAMS": "a=red,a=blue"}, "twice"),
        ({"SEEDANCE_OAUTH_TEAMS": "a=Red"}, "no name of a team"),
    ],
)
def test_what_does_not_fit_together_is_told(
    more: dict[str, str], words: str, environ: dict[str, str], tmp_path: Path
) -> None:
    reading = read_settings({**environ, **more}, settings_file=tmp_path / "config.toml")
    assert words in " ".join(reading.wrong.values())


@pytest.mark.parametrize(
    "line",
    ["SEEDANCE_STATE_DIR = '/x'", "SEEDANCE_TEAMS = 'green'", "SEEDANCE_OAUTH_PEOPLE = 'any'", "ARK_API_KEY = 'a-secret-1'",
     "SEEDANCE_MAX_USD_PER_DY = '3'", "[limits]\nSEEDANCE_MAX_USD_PER_DAY = '3'"],
)  # fmt: skip
def test_what_is_no_teams_own_setting_is_refused(line: str, environ: dict[str, str], tmp_path: Path) -> None:
    _write(tmp_path / "teams/red.toml", f"{line}\n")
    with pytest.raises(ConfigError, match="no setting that a team can have of its own") as refused:
        _teams(environ, tmp_path)
    assert "a-secret-1" not in str(refused.value)
    assert ("Did you mean SEEDANCE_MAX_USD_PER_DAY?" in str(refused.value)) is ("MAX_USD" in line)


def test_a_teams_keys_are_the_files_of_its_folder(environ: dict[str, str], tmp_path: Path) -> None:
    for name, text in (
        ("ark", "\ufeffBearer key-of-red\r\n"),
        ("fal", "two words\n"),
        ("atlas", ""),
        ("..data", "of the mount"),
        ("replicate", "kéy"),
    ):
        _write(tmp_path / "keys/red" / name, text)
    (tmp_path / "keys/red/runcomfy").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "keys/red/byteplus").mkdir()
    red, blue = _teams(environ, tmp_path)
    assert {name: key.get_secret_value() for name, key in red.team_keys.items()} == {"ark": "key-of-red"}
    assert sorted(red.unusable_team_keys) == ["atlas", "fal", "replicate", "runcomfy"]
    assert "two words" not in str(red.unusable_team_keys)
    assert (blue.team_keys, blue.unusable_team_keys) == ({}, {})


def test_no_log_holds_a_secret_of_any_team(environ: dict[str, str], tmp_path: Path) -> None:
    _write(tmp_path / "keys/red/ark", "key-of-red")
    _write(
        tmp_path / "teams/blue.toml", "SEEDANCE_DATABASE_URL = 'postgresql://blue:secret-of-blue@db/videos'"
    )
    settings = load_settings(environ, settings_file=tmp_path / "config.toml")
    assert {"key-of-red", "secret-of-blue", "secret-of-all"} <= set(settings.hidden())
    assert not any(secret in repr(settings) for secret in ("key-of-red", "secret-of-blue", "secret-of-all"))


def test_without_teams_there_is_one(environ: dict[str, str], tmp_path: Path) -> None:
    settings = load_settings({**environ, "SEEDANCE_TEAMS": ""}, settings_file=tmp_path / "config.toml")
    assert (settings.teams, settings.team, settings.schema, settings.of_teams) == ((), None, None, ())
    assert settings.state_dir == tmp_path / "state"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes in folders")
def test_a_pipe_among_the_keys_is_told_and_not_waited_for(environ: dict[str, str], tmp_path: Path) -> None:
    _write(tmp_path / "keys/red/fal", "key-of-red")
    os.mkfifo(tmp_path / "keys/red/ark")
    red, _ = _teams(environ, tmp_path)
    assert (list(red.team_keys), list(red.unusable_team_keys)) == (["fal"], ["ark"])
    assert "it is no file" in red.unusable_team_keys["ark"]
