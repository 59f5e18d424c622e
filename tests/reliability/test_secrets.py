"""No key, no signed address, no content of a private file and no home folder gets out, at any provider."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.cli import run
from tests.emulator import DIALECTS, Emulator

from .secrets_canaries import HOME, KEYS, PICTURE, TEXT, files_below, forms, rows_of, sightings, told
from .secrets_market import Chatter
from .secrets_session import PAID_FAULTS, Rooms, assist, model_of, without_urls

CONTENTS = {"the picture's metadata": PICTURE, "a private file": TEXT}


JOB_COMMANDS = (["--json"], [], ["--refund-note"])


def _keys() -> dict[str, str]:
    """Every variable that any provider takes its key from, with that provider's canary."""
    return {
        variable: KEYS[name]
        for name, info in Catalog.load().providers.items()
        if name in KEYS
        for variable in info.key_variables
    }


def test_every_key_variable_of_every_provider_has_a_canary() -> None:
    paid = {name: info for name, info in Catalog.load().providers.items() if not info.placeholder}
    assert set(KEYS) == set(paid) == set(DIALECTS)
    assert set(_keys()) == {variable for info in paid.values() for variable in info.key_variables}
    assert len(set(KEYS.values())) == len(KEYS)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("provider", DIALECTS)
def test_nothing_secret_gets_out(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms = Rooms(tmp_path / "rooms")
    with Emulator(provider, key=KEYS[provider]).threaded() as emulator:
        chatter = Chatter(emulator, provider)
        environ = rooms.environ(emulator, _keys())
        channels = anyio.run(partial(assist, rooms, emulator, provider, environ))
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        chatter.quoting = False
        channels |= _at_the_terminal(provider, rooms.state, capsys)
        bought = emulator.ledger.count("submit")
    assert bought >= len(PAID_FAULTS), "the play has to reach the provider"
    assert chatter.signatures, "results have to have signed addresses"

    signatures = dict.fromkeys(sorted(chatter.signatures), "")
    addresses = {f"a result's signature {number}": text for number, text in enumerate(signatures)}
    files = {**files_below(rooms.state), **files_below(rooms.videos)}
    whole, bare = rows_of(rooms.state / "jobs.db")
    others = {name: data for name, data in files.items() if not name.startswith("jobs.db")}
    everywhere = {**channels, **files, **whole}
    secrets = {f"the key of {name}": key for name, key in KEYS.items()} | CONTENTS
    found = sightings(secrets, everywhere)
    assert not found, "\n".join(found[:60])
    unasked = {name: data for name, data in everywhere.items() if HOME not in name}
    found = sightings({"the home folder": HOME}, unasked)
    assert not found, "\n".join(found[:60])
    found = sightings(addresses, {**channels, **others, **bare})
    assert not found, "\n".join(found[:60])
    assert b"DEBUG seedance_mcp" in channels["stderr"], "debug records have to be among what is searched"


@pytest.mark.parametrize("secret", [*KEYS.values(), PICTURE])
def test_a_secret_is_seen_in_every_form(secret: str) -> None:
    for form in forms(secret):
        assert sightings({"it": secret}, {"a log": b"before " + form + b" after"})
    for before in range(4):
        encoded = base64.b64encode(b"x" * before + secret.encode() + b"yz")
        assert sightings({"it": secret}, {"a log": encoded}), before
    assert sightings({"it": secret}, {"a log": secret[:15].encode()}) == []


@pytest.mark.parametrize("secret", KEYS.values())
def test_whatever_a_provider_quotes_of_a_key_would_be_seen(secret: str) -> None:
    for form in told(secret):
        for text in (f"no {form} here", json.dumps(f"no {form} here")):
            assert sightings({"it": secret}, {"a log": text.encode()}), form


def _at_the_terminal(provider: str, state: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, bytes]:
    """Run the commands that a person has. Returns what each printed."""
    wish = ["a boat", "--model", model_of(provider), "--provider", provider]
    commands = [["jobs", "list", *more] for more in ([], ["--json"], ["--spending"])]
    commands += [[name, *more] for name in ("models", "doctor") for more in ([], ["--json"])]
    commands += [["estimate", *wish, *more] for more in ([], ["--json"])]
    commands += [["jobs", "show", job, *more] for job in _jobs(state) for more in JOB_COMMANDS]
    commands += [["jobs", "show", "none"], ["view", "~/.ssh/id_rsa"]]
    said: dict[str, bytes] = {}
    capsys.readouterr()
    for command in commands:
        run(command)
        out, err = capsys.readouterr()
        said[" ".join(command)] = (without_urls(out) if "--json" in command else out).encode()
        said[" ".join([*command, "2>"])] = err.encode()
    return said


def _jobs(state: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(state / "jobs.db")) as connection:
        return [job for (job,) in connection.execute("SELECT id FROM jobs ORDER BY created_at")]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """The commands send the log to the stderr of this test; afterwards it goes where it went before."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before, level
