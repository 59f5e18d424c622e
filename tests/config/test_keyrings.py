"""Keys in the system's keyring: when they are read, who wins, and what is said where they cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from keyring import core
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from seedance_mcp.config import KEYRING, NoKeyring, Settings, keyrings, load_settings, store_key
from tests.file_keyring import FILE, BreakingKeyring, FileKeyring, LockedKeyring, NamelessKeyring

NAMED = {"SEEDANCE_KEYRING": "FAL_KEY"}


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[KeyringBackend], None]:
    """Make the keyring of this process one in a file of this test; what this returns makes it another one."""
    monkeypatch.setenv(FILE, str(tmp_path / "keyring.json"))

    def use(backend: KeyringBackend) -> None:
        # Not `set_keyring`: to put back what was before it would look for all backends, with other programs.
        monkeypatch.setattr(core, "_keyring_backend", backend)

    use(FileKeyring())
    return use


def loaded(tmp_path: Path, environ: dict[str, str]) -> Settings:
    """Read settings without the file of whoever runs the tests."""
    return load_settings(environ, settings_file=tmp_path / "config.toml")


def test_a_key_that_the_settings_name_is_read_from_the_keyring(tmp_path: Path) -> None:
    assert store_key("FAL_KEY", "kept-there") == FileKeyring.name
    settings = loaded(tmp_path, NAMED)
    key = settings.secret("FAL_KEY")
    assert key is not None
    assert key.get_secret_value() == "kept-there"
    assert settings.sources["FAL_KEY"] == KEYRING
    assert "kept-there" in settings.hidden()
    assert "kept-there" not in repr(settings)


def test_a_key_that_stands_elsewhere_wins_over_the_keyring(tmp_path: Path) -> None:
    store_key("FAL_KEY", "kept-there")
    settings = loaded(tmp_path, {**NAMED, "FAL_KEY": "from-here"})
    assert settings.sources["FAL_KEY"] == "environment"


def test_without_such_a_setting_the_library_is_not_even_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        monkeypatch.delitem(sys.modules, name)
    loaded(tmp_path, {"FAL_KEY": "x"})
    assert "keyring" not in sys.modules


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (FileKeyring(), "it holds no such key"),
        (null.Keyring(), "it holds no such key"),
        (fail.Keyring(), "it cannot be used here (NoKeyringError)"),
        (LockedKeyring(), "it gave no answer in 0.2 seconds"),
    ],
)
def test_a_key_that_cannot_be_read_leaves_its_provider_out_and_says_why(
    backend: KeyringBackend,
    reason: str,
    ring: Callable[[KeyringBackend], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyrings, "_SECONDS", 0.2)
    ring(backend)
    settings = loaded(tmp_path, NAMED)
    assert settings.secret("FAL_KEY") is None
    problem = settings.key_problem("FAL_KEY") or ""
    assert f"FAL_KEY (from {KEYRING}) is wrong: {reason}" in problem


@pytest.mark.parametrize("backend", [null.Keyring(), fail.Keyring()])
def test_a_key_that_a_keyring_does_not_keep_is_not_said_to_be_stored(
    backend: KeyringBackend, ring: Callable[[KeyringBackend], None]
) -> None:
    ring(backend)
    with pytest.raises(NoKeyring):
        store_key("FAL_KEY", "kept-nowhere")


def test_what_a_backend_raises_is_not_printed_and_said_by_its_kind(
    ring: Callable[[KeyringBackend], None], capfd: pytest.CaptureFixture[str]
) -> None:
    ring(BreakingKeyring())
    with pytest.raises(NoKeyring, match=r"it cannot be used here \(SystemExit\)"):
        store_key("FAL_KEY", "kept-nowhere")
    assert capfd.readouterr() == ("", "")


def test_a_keyring_that_has_no_name_gets_no_key(
    ring: Callable[[KeyringBackend], None], tmp_path: Path
) -> None:
    ring(NamelessKeyring())
    with pytest.raises(NoKeyring):
        store_key("FAL_KEY", "kept-nowhere")
    assert not (tmp_path / "keyring.json").exists()


def test_names_may_be_written_in_several_ways_and_have_to_be_those_of_keys(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('SEEDANCE_KEYRING = ["FAL_KEY", "RUNCOMFY_TOKEN"]\n', encoding="utf-8")
    assert load_settings({"FAL_KEY": "x", "RUNCOMFY_TOKEN": "y"}, settings_file=file).keyring == (
        "FAL_KEY",
        "RUNCOMFY_TOKEN",
    )
    assert loaded(tmp_path / "elsewhere", {"SEEDANCE_KEYRING": ","}).keyring == ()
    with pytest.raises(Exception, match="HOME is not the name of a variable that holds a key"):
        loaded(tmp_path, {"SEEDANCE_KEYRING": "FAL_KEY, HOME", "FAL_KEY": "x"})
