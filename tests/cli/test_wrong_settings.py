"""Settings that are wrong, in the terminal: told plainly, all at once, and the check-up goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator import Emulator

from .conftest import Run

WRONG = {
    "SEEDANCE_STATE_DIR": "$HOME/state",
    "SEEDANCE_CONFIRM": "maybe",
    "SEEDANCE_FAL_BASE_URL": "https://x.example?canary-4711",
}


@pytest.mark.parametrize(
    "words",
    [("estimate", "a fox"), ("generate", "a fox"), ("models",), ("jobs", "list"), ("watch", "--until-idle")],
)
def test_a_command_says_what_is_wrong_and_ends_with_2(
    run: Run, words: tuple[str, ...], tmp_path: Path
) -> None:
    result = run(*words, **WRONG)
    assert (result.returncode, result.stdout) == (2, "")
    *errors, hint = result.stderr.splitlines()
    assert [line.partition(": ")[0] for line in errors] == ["error [config]"] * 3
    assert [name for name in WRONG if name not in result.stderr] == []
    assert hint.startswith("hint: ")
    assert "canary" not in result.stderr
    assert not (tmp_path / "$HOME").exists()


def test_the_check_up_lists_everything_that_is_wrong_and_goes_on(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--json", "--offline", ATLASCLOUD_API_KEY="two words", **WRONG)
    answer = json.loads(result.stdout)
    verdicts = {one["subject"]: one["verdict"] for one in answer["findings"]}
    assert (result.returncode, answer["able"]) == (1, False)
    for name in WRONG:
        assert verdicts[name] == "problem"
        assert name in answer["conclusion"]
    assert verdicts["atlas"] == "problem"
    assert "atlas" not in answer["conclusion"], "its key stops that provider alone"
    assert verdicts["video tools"] == "ok"
    assert verdicts["output folder"] == "ok"
    assert verdicts["sandbox"] == "ok"
    assert "state folder" not in verdicts, "what is wrong is told once"
    assert "job database" not in verdicts, "it must not look at another one than the server would"
    assert "canary" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("named", "settings"),
    [
        ("SEEDANCE_PROXY", {"SEEDANCE_PROXY": "socks5://127.0.0.1:1"}),
        ("SEEDANCE_PROXY", {"SEEDANCE_PROXY": "env", "HTTPS_PROXY": "http://127.0.0.1:99999"}),
        ("SEEDANCE_ALLOW_HTTP", {"SEEDANCE_ALLOW_HTTP": "perhaps"}),
        ("SEEDANCE_CATALOG", {"SEEDANCE_CATALOG": "relay.toml"}),
        ("SSL_CERT_FILE", {"SSL_CERT_FILE": "/nowhere.pem"}),
        ("SSL_CERT_DIR", {"SSL_CERT_DIR": "/nowhere"}),
        ("config.toml", {}),
    ],
)
def test_the_check_up_asks_nobody_in_another_way_than_was_meant(
    run: Run, tmp_path: Path, named: str, settings: dict[str, str]
) -> None:
    """The key is the canary: it may belong to a relay, or may only go through the proxy."""
    if named == "config.toml":
        settings = {
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "HOME": str(tmp_path),
            "LOCALAPPDATA": str(tmp_path),
        }
        for place in ("config/seedance-mcp", "Library/Application Support/seedance-mcp", "seedance-mcp"):
            (tmp_path / place).mkdir(parents=True)
            (tmp_path / place / "config.toml").write_text("no TOML", encoding="utf-8")
    with Emulator("ark").threaded() as emulator:
        result = run("doctor", "--json", **{**emulator.environment(), **settings})
        calls = [call.name for call in emulator.ledger.calls]
    findings = {one["subject"]: one for one in json.loads(result.stdout)["findings"]}
    assert calls == []
    assert result.returncode == 1
    assert findings["ark"]["verdict"] == "problem"
    assert findings["ark"]["text"].startswith("not asked: ")
    assert named in findings["ark"]["text"]
    assert findings["sandbox"]["verdict"] == "ok"


def test_the_check_up_asks_no_provider_at_its_usual_address_when_its_own_is_wrong(run: Run) -> None:
    with Emulator("ark").threaded() as emulator, Emulator("fal").threaded() as other:
        address = emulator.environment()["SEEDANCE_ARK_BASE_URL"]
        # Where the provider usually is, as the catalogue has it, would be reached through this; nothing may come.
        proxy = address.partition("/api")[0]
        given = {**emulator.environment(), **other.environment(), "SEEDANCE_PROXY": proxy}
        result = run("doctor", "--json", **{**given, "SEEDANCE_ARK_BASE_URL": f"{address}?token=canary-4711"})
        calls = [call.name for call in emulator.ledger.calls]
        others = [call.name for call in other.ledger.calls]
    findings = {one["subject"]: one for one in json.loads(result.stdout)["findings"]}
    assert calls == []
    assert others, "whose address is right is asked"
    assert findings["ark"]["verdict"] == "problem"
    assert findings["ark"]["text"].startswith("not asked: SEEDANCE_ARK_BASE_URL cannot be used")
    assert findings["fal"]["verdict"] == "ok"
    assert "canary" not in result.stdout + result.stderr
