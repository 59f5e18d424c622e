"""What the settings take: whatever they do not is a ConfigError that names the setting and what it takes."""

from __future__ import annotations

import codecs
import re
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
        ("SEEDANCE_MAX_USD_PER_DAY", "ten", "a number such as 1.5"),
        ("SEEDANCE_MAX_USD_PER_DAY", "10$", "without a comma, a currency"),
        ("SEEDANCE_CNY_PER_USD", "7,1", "with a point"),
        ("SEEDANCE_POLL_SECONDS", "5s", "a number such as 1.5"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "1.5", "a whole number such as 20"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "-1", "must be zero or more"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "9" * 30, "at most 1,000,000,000"),
        ("SEEDANCE_MAX_JOBS_PER_HOUR", "must", "a whole number such as 20"),
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


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(
            SEEDANCE_MAX_USD_PER_DAY="ten",
            SEEDANCE_OUTPUT_DIR="videos",
            SEEDANCE_FIT="1",
            SEEDANCE_CONFIRM="never",
        )
    assert len(caught.value.problems) == 3
    for name in ("SEEDANCE_MAX_USD_PER_DAY", "SEEDANCE_OUTPUT_DIR", "SEEDANCE_CONFIRM"):
        assert name in caught.value.message
    assert "SEEDANCE_FIT" not in caught.value.message


@pytest.mark.parametrize("line", ["FAL_KEY = abc", r'SEEDANCE_OUTPUT_DIR = "C:\Videos\new"'])
def test_a_settings_file_without_its_quotation_marks_is_told_how_to_write_them(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(line, "utf-8")
    with pytest.raises(ConfigError, match="texts stand in quotation marks") as caught:
        load_settings({}, settings_file=file)
    [shown] = re.findall(r"SEEDANCE_OUTPUT_DIR = '.*'", caught.value.message)
    file.write_text(shown, "utf-8")
    if sys.platform == "win32":
        assert str(load_settings({}, settings_file=file).output_dir) == r"C:\Videos"


def test_a_right_value_of_the_environment_replaces_a_wrong_one_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("SEEDANCE_MAX_USD_PER_DAY = nan\n", "utf-8")
    with pytest.raises(ConfigError, match=re.escape(str(file))):
        load_settings({}, settings_file=file)
    assert load_settings({"SEEDANCE_MAX_USD_PER_DAY": "2"}, settings_file=file).max_usd_per_day == 2


@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8], ids=["plain", "with a byte order mark"])
def test_a_settings_file_in_utf_8_is_read(tmp_path: Path, start: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(start + 'SEEDANCE_MODEL = "Füchse"\n'.encode())
    assert load_settings({}, settings_file=file).model == "Füchse"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('SEEDANCE_MODEL = "x"\n'.encode("utf-16"), "save it as UTF-8"),
        (codecs.BOM_UTF16_BE + 'SEEDANCE_MODEL = "x"\n'.encode("utf-16-be"), "save it as UTF-8"),
        ('SEEDANCE_MODEL = "x"\n'.encode("utf-16-le"), "not TOML"),
        ('SEEDANCE_MODEL = "Füchse"\n'.encode("latin-1"), "save it as UTF-8"),
        (b"SEEDANCE_MODEL = canary-4711\n", "not TOML"),
        (b"SEEDANCE_MODEL = " + b"[" * 100_000, "not TOML"),
    ],
)
def test_a_settings_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings({}, settings_file=file)
    assert str(file) in caught.value.message
    assert reason in caught.value.message
    assert "canary-4711" not in caught.value.message


def test_a_folder_in_the_place_of_the_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({}, settings_file=tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.1.2.3:8080/v1",
        "http://relay.example/api",
        "HTTP://relay.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://[2001:db8::1]:80",
    ],
)
@pytest.mark.parametrize("name", ["SEEDANCE_ARK_BASE_URL", "SEEDANCE_S3_ENDPOINT"])
def test_an_address_in_clear_text_on_another_machine_has_to_be_allowed(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} .*SEEDANCE_ALLOW_HTTP=1"):
        loaded(**{name: url})
    assert loaded(**{name: url, "SEEDANCE_ALLOW_HTTP": "1"}).given[name].get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/api/v3/",
        "http://localhost",
        "http://[::1]:9000",
        "http://127.9.9.9",
        "https://relay.example/v1/",
        "https://10.1.2.3/a%20b%E4%BD%A0%E5%A5%BD",
    ],
)
def test_this_machine_and_https_need_no_leave(url: str) -> None:
    assert loaded(SEEDANCE_ARK_BASE_URL=url).base_url("ark") == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:canary-4711@relay.example/v1",
        "https://canary-4711@relay.example/v1",
        "https://relay.example/v1?key=canary-4711",
        "https://relay.example/v1#canary-4711",
        "https://relay.example/v1?",
        "https://",
        "https:///v1",
        "relay.example/v1",
        "ftp://relay.example",
        "https://relay.example:port",
        "https://relay .example",
        "https://${RELAY}/v1",
        "https://$RELAY/v1",
        "https://%RELAY%/v1",
        '"https://relay.example"',
    ],
)
def test_a_base_url_is_an_address_and_nothing_more(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(SEEDANCE_ARK_BASE_URL=url)
    assert "SEEDANCE_ARK_BASE_URL" in caught.value.message
    assert "canary-4711" not in caught.value.message + caught.value.hint
