"""The command `setup`, at a pseudo terminal and against the emulator: nothing is bought, and no key is ever shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.emulator import Emulator
from tests.file_keyring import FILE

from .conftest import Run
from .terminal import at_terminal

if sys.platform == "win32":
    pytest.skip("there is no pseudo terminal", allow_module_level=True)

Answers = list[tuple[str, str]]
Terminal = Callable[..., tuple[int, str]]

WITHOUT_A_SCRIPT = (
    "-c",
    "import sys; sys.executable = '/nowhere/python'; from seedance_mcp import cli; sys.exit(cli.run(sys.argv[1:]))",
)
"""Runs it as where Python alone starts it, for no script lies beside it."""

NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


@pytest.fixture
def terminal(command_environ: dict[str, str], tmp_path: Path) -> Terminal:
    """Run `seedance-mcp` with these words at a pseudo terminal, and give each answer when its question is there."""

    def start(
        *words: str, answers: Answers, program: Sequence[str] = ("-m", "seedance_mcp"), **settings: str
    ) -> tuple[int, str]:
        command = [sys.executable, *program, *words]
        return at_terminal(command, answers, folder=tmp_path, environ={**command_environ, **settings})

    return start


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """The settings file of the command."""
    if sys.platform == "darwin":
        return tmp_path / "home/Library/Application Support/seedance-mcp/config.toml"
    return tmp_path / "home/.config/seedance-mcp/config.toml"


def without_key(emulator: Emulator) -> dict[str, str]:
    """What points the command at the emulator, without its key."""
    return {name: value for name, value in emulator.environment().items() if not name.endswith("_KEY")}


def test_a_key_is_checked_stored_for_the_user_alone_and_priced(
    terminal: Terminal, run: Run, settings_file: Path
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text("# mine\nSEEDANCE_MAX_USD_PER_DAY = 7 # less\n", encoding="utf-8")
    settings_file.chmod(0o644)
    with Emulator("ark").threaded() as emulator:
        ways = {**without_key(emulator), **NO_KEYRING}
        answers = [("Number or name: ", "ark"), ("(not shown)", f"  '{emulator.key}' ")]
        code, shown = terminal("setup", answers=answers, **ways)
        assert not emulator.ledger.tasks
        assert code == 0, shown
        assert run("doctor", **ways).returncode == 0
    assert emulator.key not in shown
    assert "https://console.volcengine.com/ark" in shown
    assert f"Stored in {settings_file}." in shown
    assert "A first video, 5 seconds with" in shown
    assert "Caps: 3.00 USD a job, 7.00 USD a day" in shown
    text = settings_file.read_text(encoding="utf-8")
    assert text == f'# mine\nSEEDANCE_MAX_USD_PER_DAY = 7 # less\nARK_API_KEY = "{emulator.key}"\n'
    assert settings_file.stat().st_mode & 0o777 == 0o600
    assert list(settings_file.parent.iterdir()) == [settings_file]
    settings_file.unlink()  # a key in a file of a test fails the run


@pytest.mark.parametrize("program", [("-m", "seedance_mcp"), WITHOUT_A_SCRIPT], ids=["script", "python"])
def test_a_keyring_keeps_the_key_and_the_server_finds_it_there(
    terminal: Terminal, run_apart: Run, settings_file: Path, tmp_path: Path, program: Sequence[str]
) -> None:
    ring = tmp_path / "ring.json"
    with Emulator("ark").threaded() as emulator:
        ways = {
            **without_key(emulator),
            FILE: str(ring),
            "PYTHON_KEYRING_BACKEND": "tests.file_keyring.FileKeyring",
            "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        answers = [("(not shown)", emulator.key)]
        code, shown = terminal("setup", "ark", answers=answers, program=program, **ways)
        assert code == 0, shown
        found = json.loads(run_apart("doctor", "--json", **ways).stdout)
    assert found["conclusion"] == "A video can be made now at ark."
    assert "Stored in the keyring of this test." in shown
    assert settings_file.read_text(encoding="utf-8") == 'SEEDANCE_KEYRING = "ARK_API_KEY"\n'
    assert ring.read_text(encoding="utf-8").count(emulator.key) == 1
    ring.unlink()


@pytest.mark.parametrize(
    ("provider", "typed", "said"),
    [
        (
            "fal",
            "not-the-key",
            "Invalid authentication credentials. Nothing was stored.",
        ),
        ("ark", "two words", "That cannot be a key: there is a blank"),
        ("ark", "", "`seedance-mcp setup ark` begins anew."),
    ],
)
def test_a_key_that_is_not_taken_is_refused_and_not_stored(
    terminal: Terminal, settings_file: Path, provider: str, typed: str, said: str
) -> None:
    with Emulator(provider).threaded() as emulator:
        ways = {**without_key(emulator), **NO_KEYRING}
        code, shown = terminal("setup", provider, answers=[("(not shown)", typed)], **ways)
    assert code == 2
    assert said in shown
    assert "Nothing was stored." in shown
    assert not settings_file.exists()


def test_a_settings_file_that_cannot_be_edited_is_left_alone(terminal: Terminal, settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text('SEEDANCE_MODEL = "seedance-2.0"\n', encoding="utf-8")
    settings_file.chmod(0o400)
    with Emulator("ark").threaded() as emulator:
        ways = {**without_key(emulator), **NO_KEYRING}
        code, shown = terminal("setup", "ark", answers=[("(not shown)", emulator.key)], **ways)
    assert code == 2
    assert f"The settings file {settings_file} was left as it is: it may only be read." in " ".join(
        shown.split()
    )
    assert settings_file.read_text(encoding="utf-8") == 'SEEDANCE_MODEL = "seedance-2.0"\n'


def test_it_is_said_whose_entry_holds_a_key_that_wins_over_the_stored_one(
    terminal: Terminal, run: Run, settings_file: Path, tmp_path: Path
) -> None:
    entry = {"command": sys.executable, "env": {"ARK_API_KEY": "old-canary"}}
    path = tmp_path / "home/.lmstudio/mcp.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"mcpServers": {"seedance": entry}}), encoding="utf-8")
    with Emulator("ark").threaded() as emulator:
        ways = {**without_key(emulator), **NO_KEYRING}
        code, shown = terminal("setup", "ark", answers=[("(not shown)", emulator.key)], **ways)
        assert code == 0, shown
        assert f"the entry in {path} holds ARK_API_KEY itself, and that wins in LM Studio" in shown
        assert "old-canary" not in shown
        findings = json.loads(run("doctor", "--offline", "--json", **ways).stdout)["findings"]
        said = run("install", "lm-studio", ARK_API_KEY="canary-of-the-terminal", **ways).stderr
    [text] = [one["text"] for one in findings if one["subject"] == "lm-studio"]
    assert "with ARK_API_KEY of its own, which wins over what is stored elsewhere" in text
    assert "is not in the entry" not in said
    settings_file.unlink()


def test_a_key_that_is_in_the_keyring_already_is_told_when_the_file_cannot_say_so(
    terminal: Terminal, settings_file: Path, tmp_path: Path
) -> None:
    ring = tmp_path / "ring.json"
    with Emulator("ark").threaded() as emulator:
        ways = {
            **without_key(emulator),
            FILE: str(ring),
            "TEST_SETTINGS_FILE": str(settings_file),
            "PYTHON_KEYRING_BACKEND": "tests.file_keyring.MeddlingKeyring",
            "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        code, shown = terminal("setup", "ark", answers=[("(not shown)", emulator.key)], **ways)
    assert code == 2
    said = " ".join(shown.split())
    assert "was left as it is: it was changed by another program meanwhile." in said
    assert "The key was not written into it. the keyring of this test holds it" in said
    assert settings_file.read_text(encoding="utf-8") == "# by another\n"
    ring.unlink()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("(not shown)", "That cannot be a key: there are bytes in it that are no text."),
        ("name: ", "No provider was chosen."),
    ],
)
def test_bytes_that_are_no_text_are_no_answer(terminal: Terminal, question: str, said: str) -> None:
    words = ["setup", "ark"] if question == "(not shown)" else ["setup"]
    code, shown = terminal(*words, answers=[(question, "ab\udcff\udcfe")], **NO_KEYRING)
    assert code == 2, shown
    assert said in shown
    assert "Traceback" not in shown


def test_without_a_terminal_it_says_what_to_do(run: Run, settings_file: Path) -> None:
    done = run("setup")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"write one of these into {settings_file}" in done.stderr
    assert 'RUNCOMFY_TOKEN = "..."' in done.stderr
    assert "nobody is no provider" in run("setup", "nobody").stderr


def test_a_client_that_hands_on_nothing_gets_the_key_that_is_typed(
    terminal: Terminal, tmp_path: Path
) -> None:
    answers = [("FAL_KEY (not shown", "typed-canary")]
    code, shown = terminal("install", "lm-studio", answers=answers, FAL_KEY="canary-of-the-terminal")
    assert code == 0, shown
    content = json.loads((tmp_path / "home/.lmstudio/mcp.json").read_text(encoding="utf-8"))
    assert content["mcpServers"]["seedance"]["env"] == {"FAL_KEY": "typed-canary"}
    assert "canary" not in shown
