"""What the settings take: whatever they do not is a ConfigError that names the setting and what it takes."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import ConfigError

NOWHERE = Path("no-settings-file")


def loaded(**environ: str) -> Settings:
    return load_settings(environ, settings_file=NOWHERE)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SEEDANCE_MAX_USD_PER_JOB", "-1", "must be zero or more"),
        ("SEEDANCE_MAX_USD_PER_JOB", "NaN", "must be zero or more"),
        ("SEEDANCE_MAX_USD_PER_DAY", "1e999999", "at most 1,000,000,000"),
        ("SEEDANCE_MAX_USD_PER_DAY", "ten", "cannot be read"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "-1", "must be zero or more"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "9" * 30, "at most 1,000,000,000"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "must", "cannot be read"),
        ("SEEDANCE_CNY_PER_USD", "0", "between 0.001 and 1000"),
        ("SEEDANCE_CNY_PER_USD", "1e-400", "between 0.001 and 1000"),
        ("SEEDANCE_POLL_SECONDS", "nan", "between 0 and 86400"),
        ("SEEDANCE_DETACH", "perhaps", "must be 1 or 0"),
        ("SEEDANCE_CONFIRM", "always", "must be one of ask, strict, off"),
        ("SEEDANCE_S3_ENDPOINT", "bucket.example", "must be https://"),
    ],
)
def test_a_value_that_a_setting_does_not_take_is_refused_by_name(name: str, value: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(**{name: value})
    assert name in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows guesses where the folder of another user is")
@pytest.mark.parametrize("name", ["SEEDANCE_OUTPUT_DIR", "SEEDANCE_MEDIA_DIRS", "SEEDANCE_CATALOG"])
def test_a_home_folder_that_nobody_has_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=.* must be written in full"):
        loaded(**{name: "~nobody-has-this-name/videos"})


def test_the_limits_themselves_are_taken() -> None:
    settings = loaded(
        SEEDANCE_MAX_USD_PER_JOB="0", SEEDANCE_MAX_USD_PER_DAY="1000000000", SEEDANCE_CNY_PER_USD="0.001"
    )
    assert settings.max_usd_per_job == 0
    assert settings.max_usd_per_day == 1_000_000_000
    assert settings.cny_per_usd == Decimal("0.001")


def test_the_environment_goes_before_the_file_and_blanks_count_as_unset(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'SEEDANCE_MODEL = "from the file"\nSEEDANCE_DETACH = false\nSEEDANCE_FIT = true\n', "utf-8"
    )
    environ = {"SEEDANCE_MODEL": "from the environment", "SEEDANCE_DETACH": " ", "FAL_KEY": "${user.key}"}
    settings = load_settings(environ, settings_file=file)
    assert (settings.model, settings.detach, settings.fit) == ("from the environment", False, True)
    assert settings.sources["SEEDANCE_DETACH"] == str(file)
    assert settings.secret("FAL_KEY") is None
