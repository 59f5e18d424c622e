"""Tokens for the server over HTTP, and where that starts only with one."""

from __future__ import annotations

import json

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import Scope, VideoRequest

from .conftest import Run


def test_tokens_are_made_listed_and_revoked(run: Run) -> None:
    none = run("tokens", "list")
    assert (none.returncode, none.stdout) == (
        0,
        "No tokens. Without any, the server over HTTP serves this machine alone.\n",
    )
    made = run("tokens", "add", "My laptop", "--scope", "read", "--days", "7")
    text = made.stdout.strip()
    assert made.returncode == 0
    assert text.startswith("sdc_")
    assert "shown this once" in made.stderr
    usual = json.loads(run("tokens", "add", "Desk", "--json").stdout)
    assert usual["scopes"] == ["seedance:read", "seedance:spend"]
    assert round((usual["expires_at"] - usual["created_at"]) / 86_400) == 90
    kept = json.loads(run("tokens", "list", "--json").stdout)["tokens"]
    assert [token["id"] for token in kept] == [text.split("_")[1], usual["id"]]
    assert (kept[0]["name"], kept[0]["scopes"], kept[0]["revoked_at"]) == (
        "My laptop",
        ["seedance:read"],
        None,
    )
    assert round((kept[0]["expires_at"] - kept[0]["created_at"]) / 86_400) == 7
    for listed in (str(kept), run("tokens", "list").stdout):
        assert text.split("_", 2)[2] not in listed
        assert usual["token"] not in listed
    gone = run("tokens", "revoke", kept[0]["id"])
    assert gone.stdout == f"Token {kept[0]['id']} (My laptop) is good for nothing any more.\n"
    assert gone.stderr == ""
    assert "lets nobody in" in run("tokens", "revoke", usual["id"]).stderr
    assert run("tokens", "list").stdout.count("revoked") == 2


def test_whose_a_job_is_is_told_where_there_are_people(run: Run, environ: dict[str, str]) -> None:
    async def buy(person: str) -> str:
        wish = VideoRequest(prompt="a boat", provider="sandbox", resolution="480p", duration=4)
        async with open_app(load_settings(environ), scope=Scope(person=person)) as app:
            job = (await app.generate(wish)).job
            await app.wait(job.id, 60)
            return job.id

    own = anyio.run(buy, "")
    assert "PERSON" not in run("jobs", "list").stdout
    anns = anyio.run(buy, "ann")
    head, *rows = [line.split() for line in run("jobs", "list").stdout.splitlines()]
    assert head[1] == "PERSON"
    assert {row[0]: row[1] for row in rows} == {anns: "ann", own: "you"}
    assert "PERSON" in run("jobs", "--spending").stdout


def test_people_whose_names_are_alike_are_told_of(run: Run) -> None:
    assert "two people" not in run("tokens", "add", "One", "--person", "Zoe\u0301").stderr
    again = run("tokens", "add", "Two", "--person", "Zo\u00e9")
    assert "two people" not in again.stderr, "the same name, otherwise composed"
    assert (
        "zo\u00e9 and Zo\u00e9 are two people" in run("tokens", "add", "Three", "--person", "zo\u00e9").stderr
    )
    people = [token["person"] for token in json.loads(run("tokens", "list", "--json").stdout)["tokens"]]
    assert people == ["Zo\u00e9", "Zo\u00e9", "zo\u00e9"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tokens", "revoke", "nothing"), "There is no token 'nothing'."),
        (("tokens", "add", "x" * 61), "The name of a token has 1 to 60 characters."),
        (("tokens", "add", "x", "--days", "0"), "--days"),
        (("tokens", "add", "x", "--scope", "everything"), "--scope"),
        (("serve", "--port", "99999"), "--port"),
        (("serve", "--host", "videos.test"), "'videos.test' is no address of a machine."),
        (("serve", "--public-host", "videos.test"), "there is no token by which it would know them"),
        (("serve", "--host", "192.0.2.1"), "Others could reach the server at 192.0.2.1"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_starts(run: Run, words: tuple[str, ...], said: str) -> None:
    refused = run(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr.splitlines()[0]


def test_a_port_that_is_taken_is_said(run: Run) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = run("serve", "--port", str(other.getsockname()[1]))
    assert refused.returncode == 2
    assert "cannot be used" in refused.stderr
    assert "Give another --port" in refused.stderr
