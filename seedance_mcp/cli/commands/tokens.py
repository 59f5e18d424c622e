"""The command `tokens`: by which the server over HTTP knows who calls."""

from __future__ import annotations

import argparse
import sys
import unicodedata
from typing import TYPE_CHECKING

import anyio

from ...config import Settings, load_settings
from ...texts import inert
from ...types import Scope
from ..arguments import whole_number
from ..opening import looked_into, opened
from ..text import json_text, moment, table

if TYPE_CHECKING:
    from ...store import AccessToken

_SCOPES = ("read", "spend", "admin")
_USUAL = ("read", "spend")
_DAYS = 90


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    add = verbs.add_parser("add", help="Make a token and print it, this once")
    add.add_argument("name", help="Whose it is, or what for; for you to tell tokens apart")
    add.add_argument(
        "--scope",
        action="append",
        choices=_SCOPES,
        help="read: look and price; spend: buy, cancel and write; admin: an administrator, who"
        " agrees to prices above SEEDANCE_APPROVE_ABOVE_USD and sees the team's spending on the board. Every token reads;"
        f" may be repeated; default: {' and '.join(_USUAL)}",
    )
    add.add_argument(
        "--person",
        metavar="P",
        help="Who calls with it, where several people share the server: each sees and spends only as themselves, with every"
        " token of theirs. Default: you, who run it",
    )
    add.add_argument(
        "--days",
        type=whole_number(1, 3650),
        default=_DAYS,
        metavar="N",
        help=f"How long it is good; default: {_DAYS}",
    )
    listing = verbs.add_parser("list", help="Every token there ever was, and when it was last used")
    revoke = verbs.add_parser(
        "revoke", help="Make a token good for nothing; within seconds also where it is used"
    )
    revoke.add_argument("id", help="As `list` tells it")
    for verb in (add, listing, revoke):
        verb.add_argument("--json", action="store_true", help="Print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    settings = load_settings()
    if arguments.verb == "add":
        scopes = frozenset(arguments.scope or _USUAL)
        return anyio.run(_add, settings, arguments, scopes)
    if arguments.verb == "revoke":
        return anyio.run(_revoke, settings, arguments.id, arguments.json)
    return anyio.run(_list, settings, arguments.json)


async def _add(settings: Settings, arguments: argparse.Namespace, scopes: frozenset[str]) -> int:
    async with opened(settings, watch=False) as app:
        token, text = await app.installation.tokens.add(
            arguments.name, scopes, arguments.days, person=arguments.person or ""
        )
        others = [other for other in await app.installation.tokens.all() if other.id != token.id]
        has_jobs = bool(await app.for_person(Scope(person=token.person)).recent(1))
    people = {other.person for other in others}
    for person in sorted(people - {token.person}):
        if _alike(person) == _alike(token.person):
            print(
                f"note: {inert(token.person)} and {inert(person)} are two people, though their names are alike.",
                file=sys.stderr,
            )
    if token.person and token.person not in people and not has_jobs:
        print(
            f"note: {inert(token.person)} is new here: no other token and no job is of that person.",
            file=sys.stderr,
        )
    if namesakes := [other.id for other in others if other.name == token.name and other.revoked_at is None]:
        print(
            f"note: the name {inert(token.name)} was taken already, by {', '.join(namesakes)}; what tells tokens apart is"
            " the id.",
            file=sys.stderr,
        )
    if arguments.json:
        print(json_text({**_data(token), "token": text}))
        return 0
    print(text)
    team = f" in the team {settings.team}" if settings.team else ""
    whose = inert(token.person) or "you, who run the server"
    words = (
        f"This is token {token.id} ({inert(token.name)}), of {whose}{team}, good until {moment(token.expires_at)} to"
        f" {_scopes(token)}. It is shown this once: of it only a hash is kept."
    )
    if not others and not settings.team:  # with several teams it wants one in any case, to know the team
        words += " From now on the server over HTTP wants a token of everybody."
    print(words, file=sys.stderr)
    return 0


async def _list(settings: Settings, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        tokens = await app.installation.tokens.all()
    if as_json:
        print(json_text({"tokens": [_data(token) for token in tokens]}))
    elif tokens:
        head = ("ID", "NAME", "PERSON", "MAY", "MADE", "GOOD UNTIL", "LAST USED (ABOUT)")
        print(table(head, [_row(token) for token in tokens]))
    else:
        print("No tokens. Without any, the server over HTTP serves this machine alone.")
        print(f"note: {inert(looked_into(settings))}", file=sys.stderr)
    return 0


async def _revoke(settings: Settings, token_id: str, as_json: bool) -> int:
    async with opened(settings, watch=False) as app:
        token = await app.installation.tokens.revoke(token_id)
        left = await app.installation.tokens.any_good()
    if as_json:
        print(json_text(_data(token)))
        return 0
    print(f"Token {token.id} ({inert(token.name)}) is good for nothing any more.")
    if not left:
        print(
            "None is left, and the server over HTTP lets nobody in until `seedance-mcp tokens add` makes one.",
            file=sys.stderr,
        )
    return 0


def _alike(person: str) -> str:
    return unicodedata.normalize("NFKC", person).casefold()


def _row(token: AccessToken) -> tuple[str, ...]:
    ends = "revoked" if token.revoked_at is not None else moment(token.expires_at)
    used = moment(token.used_at) if token.used_at is not None else "never"
    return (
        token.id,
        inert(token.name),
        inert(token.person) or "you",
        _scopes(token),
        moment(token.created_at),
        ends,
        used,
    )


def _scopes(token: AccessToken) -> str:
    return ", ".join(scope for scope in _SCOPES if scope in token.scopes)


def _data(token: AccessToken) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "person": token.person,
        "scopes": [f"seedance:{scope}" for scope in _SCOPES if scope in token.scopes],
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "used_at": token.used_at,
    }
