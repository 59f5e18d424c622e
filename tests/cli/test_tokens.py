"""Tokens for the server over HTTP, and where that starts only with one."""

from __future__ import annotations

import json

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import ApprovalRequired
from seedance_mcp.types import Scope, VideoRequest
from tests.emulator import Emulator

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


def test_a_new_token_is_told_of_with_its_person_and_what_is_new_about_it(run: Run) -> None:
    first = run("tokens", "add", "Desk", "--person", "ann").stderr
    assert "(Desk), of ann, good until" in first
    assert "ann is new here" in first
    assert "From now on the server over HTTP wants a token of everybody." in first
    again = run("tokens", "add", "Desk", "--person", "ann")
    assert "ann is new" not in again.stderr
    assert "From now on" not in again.stderr
    ids = [token["id"] for token in json.loads(run("tokens", "list", "--json").stdout)["tokens"]]
    assert f"the name Desk was taken already, by {ids[0]};" in again.stderr
    own = run("tokens", "add", "Lamp").stderr
    assert "(Lamp), of you, who run the server, good until" in own
    assert "note: " not in own


def test_a_person_who_has_jobs_and_no_token_is_not_new(run: Run, environ: dict[str, str]) -> None:
    async def buy() -> None:
        wish = VideoRequest(prompt="a boat", provider="sandbox", resolution="480p", duration=4)
        async with open_app(load_settings(environ), scope=Scope(person="ann")) as app:
            await app.generate(wish)

    anyio.run(buy)
    assert "is new here" not in run("tokens", "add", "Desk", "--person", "ann").stderr


def test_whoever_revokes_by_a_name_is_told_the_ids_of_the_tokens_that_have_it(run: Run) -> None:
    for _ in range(2):
        run("tokens", "add", "Desk")
    ids = [token["id"] for token in json.loads(run("tokens", "list", "--json").stdout)["tokens"]]
    run("tokens", "revoke", ids[0])
    refused = run("tokens", "revoke", "Desk")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"by its id, and 'Desk' is a name; the id: {ids[0]} (revoked), {ids[1]}." in refused.stderr
    revoked = [token["revoked_at"] for token in json.loads(run("tokens", "list", "--json").stdout)["tokens"]]
    assert revoked[1] is None


def test_who_agreed_as_an_administrator_is_told_of_a_job_and_whose_it_is(
    run: Run, environ: dict[str, str]
) -> None:
    wish = VideoRequest(prompt="a boat", provider="ark", model="seedance-2.0", duration=5)
    boss = Scope(person="boss", sees_all=True, administers=True)

    async def buy(settings: Settings) -> str:
        async with open_app(settings, scope=Scope(person="ann")) as app:
            with pytest.raises(ApprovalRequired) as waits:
                await app.generate(wish)
            assert await app.for_person(boss).questions.approve(waits.value.approval)
            job = (await app.generate(wish)).job
            await app.wait(job.id, 60)
            return job.id

    with Emulator("ark").threaded() as emulator:
        dear = {**emulator.environment(), "SEEDANCE_CONFIRM": "off", "SEEDANCE_APPROVE_ABOVE_USD": "0.5"}
        job_id = anyio.run(buy, load_settings({**environ, **dear}))
    shown = [line.split(maxsplit=1) for line in run("jobs", "show", job_id).stdout.splitlines()]
    assert ["person:", "ann"] in shown
    assert ["agreed", "by:  boss, as an administrator"] in shown


def test_of_a_job_that_never_left_it_is_told_that_nothing_was_bought(run: Run) -> None:
    nowhere = {"ARK_API_KEY": "x" * 36, "SEEDANCE_ARK_BASE_URL": "http://127.0.0.1:9/api/v3"}
    asked = ("generate", "a fox", "--provider", "ark", "--duration", "5", "--yes")
    assert "not_sent" in run(*asked, **nowhere).stderr
    head, row = run("jobs", "list").stdout.splitlines()
    assert row[head.index("PRICE") :].startswith("nothing spent ")
    shown = run("jobs", "show", row.split()[0]).stdout
    assert "charge:     none: nothing was bought" in shown
    assert "person:" not in shown


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
