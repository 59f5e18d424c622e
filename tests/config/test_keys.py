"""Keys as people paste them: what is around a key is taken off, what is no key is refused by the setting's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.app import open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.jobs import ProviderPool
from seedance_mcp.types import VideoRequest

NOWHERE = Path("no-settings-file")
KEY = "canary-4711:abc/+="


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f'"{KEY}"',
        f"'{KEY}'",
        f"“{KEY}”",
        f"`{KEY}`",
        f"  {KEY}\r\n",
        f"\u00a0{KEY}\u3000",
        f"Bearer {KEY}",
        f"bearer  {KEY}",
        f"Key {KEY}",
        f"Token {KEY}",
        f"Authorization: Bearer {KEY}",
        f'"Bearer {KEY}"',
        f'Bearer "{KEY}"\n',
        f"\ufeff{KEY}\u200b",
        f"{KEY[:5]}\u200d{KEY[5:]}",
        "".join(chr(ord(letter) + 0xFEE0) for letter in KEY),
    ],
)
def test_what_is_around_a_key_is_taken_off_and_it_is_the_same_account(pasted: str) -> None:
    clean = load_settings({"FAL_KEY": KEY}, settings_file=NOWHERE)
    settings = load_settings({"FAL_KEY": pasted}, settings_file=NOWHERE)
    secret = settings.secret("FAL_KEY")
    assert secret is not None
    assert secret.get_secret_value() == KEY
    catalog = Catalog.load()
    fal = catalog.provider("fal")
    assert ProviderPool(lambda: catalog, settings).account(fal) == ProviderPool(
        lambda: catalog, clean
    ).account(fal)


@pytest.mark.parametrize(
    "pasted", ["", " ", "${FAL_KEY}", '"${FAL_KEY}"', "Bearer ${FAL_KEY}", '""', "\u200b"]
)
async def test_a_key_that_nobody_filled_in_counts_as_not_set(pasted: str, environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "FAL_KEY": pasted}, settings_file=NOWHERE)
    assert settings.secret("FAL_KEY") is None
    async with open_app(settings, watch=False) as app:
        assert not app.providers_ready()["fal"]


def test_a_field_of_a_form_that_a_person_left_open_is_not_called_a_mistake() -> None:
    """Desktop hosts hand on `${user_config.NAME}` for an optional field without a value."""
    open_ = {name: f"${{user_config.{name.lower()}}}" for name in ("FAL_KEY", "SEEDANCE_OUTPUT_DIR")}
    settings = load_settings({**open_, "ARK_API_KEY": "${ARK_API_KEY}"}, settings_file=NOWHERE)
    assert settings.secret("FAL_KEY") is None
    assert settings.output_dir == load_settings({}, settings_file=NOWHERE).output_dir
    assert set(settings.left_open) == {"ARK_API_KEY"}


UNUSABLE = [
    "canary 4711",
    "canary-\n4711",
    "canary-4711\t,",
    '"canary-4711',
    'canary-4711",',
    "canary-4711’",
    "canary-4711-ключ",
    "canary-\x004711",
    "$FAL_KEY",
    "%FAL_KEY%",
    "$env:FAL_KEY",
    "{env:FAL_KEY}",
    "x-${FAL_KEY}",
    "Bearer",
    "Authorization: Bearer",
]


@pytest.mark.parametrize("pasted", UNUSABLE)
async def test_what_cannot_be_a_key_is_refused_by_its_name_and_never_shown(
    pasted: str, environ: dict[str, str]
) -> None:
    settings = load_settings({**environ, "FAL_KEY": pasted}, settings_file=NOWHERE)
    assert settings.secret("FAL_KEY") is None, "it must never be sent"
    async with open_app(settings, watch=False) as app:
        assert not app.providers_ready()["fal"]
        assert app.providers_ready()["sandbox"]
        told = " ".join(app.notices)
        with pytest.raises(ConfigError) as caught:
            await app.estimate(VideoRequest(prompt="a fox", provider="fal"))
    for words in (told, caught.value.message):
        assert "FAL_KEY (from environment) is wrong: " in words
    assert "canary" not in told + caught.value.message + caught.value.hint + repr(settings)


@pytest.mark.parametrize("pasted", UNUSABLE)
@pytest.mark.parametrize("name", ["SEEDANCE_S3_ACCESS_KEY_ID", "SEEDANCE_S3_SECRET_ACCESS_KEY"])
def test_the_keys_of_a_bucket_are_read_alike(name: str, pasted: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        load_settings({name: pasted}, settings_file=NOWHERE)
    assert "canary" not in caught.value.message


def test_a_secret_of_a_store_may_be_a_password() -> None:
    settings = load_settings({"SEEDANCE_S3_SECRET_ACCESS_KEY": "pa$word%20'x'y"}, settings_file=NOWHERE)
    assert settings.s3_secret_access_key is not None
    assert settings.s3_secret_access_key.get_secret_value() == "pa$word%20'x'y"


async def test_a_key_of_another_program_is_not_our_concern(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "GITHUB_TOKEN": "two words", "X_KEY": "$Y"}, settings_file=NOWHERE)
    async with open_app(settings, watch=False) as app:
        assert app.providers_ready()["sandbox"]
