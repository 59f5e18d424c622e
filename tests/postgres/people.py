"""
What several people do through one server over HTTP, and all that each of them can get to know afterwards.

`play` has everybody of `present` do what their part of a seed is, in an order that the seed mixes, and returns for each what
they were answered and what they see in the end, with ids, times and places normalised. Whoever does the same alone has to be
told the same. Each asks for things of the others as well, by their real ids: alone, by ids that nobody has.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from tests.over_http.local import bearer, serving, wire_headers
from tests.server.process import MODERN

PEOPLE = ("", "ann", "bea")
"""Who shares the server: whoever runs it, and two others."""

_MODEL = {"model": "seedance-1.0-pro", "resolution": "480p", "duration": 2, "wait_seconds": 0}
_WISHES = ("[sandbox:stall] a fox", "[sandbox:stall] an owl", "[sandbox:refuse] a wolf", "a fox", "an owl")
_KEYS = ("the-same-key-1", "the-same-key-2")
_UNKNOWN = {
    "job": "job_" + "A" * 22,
    "film": "flm_" + "a" * 12,
    "set": "set_" + "A" * 22,
    "media": "0" * 22,
    "code": "f" * 8,
    "plan": "0" * 16,
    "question": "q_" + "0" * 24,
}
_FORMS = {
    "job": r"job_[A-Za-z0-9_-]{22}",
    "film": r"flm_[a-z2-7]{12}",
    "set": r"set_[A-Za-z0-9_-]{16,22}",
    "media": r"(?<=media:)[A-Za-z0-9_-]{16,22}",
    "code": r"""(?:(?<=approve )|(?<=confirm_token=')|(?<=confirm_token: )|(?<="token": "))[0-9a-f]{8}\b""",
    "plan": r"""(?:(?<="plan": ")|(?<=plan: )|(?<=and plan ))[0-9a-f]{16}\b""",
    "question": r"q_[0-9a-f]{24}",
}
_PASSING = (
    (r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)", "TIME"),
    (r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?|\d{8}-\d{6}", "TIME"),
    (r"\b(?:submitting|queued|running|being made)\b", "OPEN"),
    (r'"(seed|progress|more|before)": (?:"?[\d.]+"?|null)', r'"\1": N'),
    (r"\bseed \d+", "seed N"),
    (r"\nprogress: [\d.]+", ""),
    (r"\b[0-9a-f]{32,64}\b", "HASH"),
    (r"\b\d+(?:\.\d+)? (?:s|min|seconds?|minutes?)\b", "LONG"),
    (r"\b17\d{8}(?:\.\d+)?\b", "TIME"),
)
"""What differs between two runs of the same: times, how far an open job is, digests with times in them."""


@dataclass
class Person:
    """One person at the server: what they have made, by kind, and everything that they were answered, in order."""

    name: str
    token: str
    random: random.Random
    own: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in _FORMS})
    answers: list[str] = field(default_factory=list[str])

    def one(self, kind: str) -> str:
        """Return the id of something of theirs."""
        return self.random.choice(self.own[kind] or [_UNKNOWN[kind]])


class Table:
    """The people, and the server between them."""

    def __init__(self, http: httpx2.AsyncClient, url: str, people: Iterable[Person]) -> None:
        self._http, self._url = http, url
        self.people = {person.name: person for person in people}

    async def ask(self, person: Person, method: str, params: Mapping[str, Any]) -> str:
        """Send a request as this person; the answer as text, with whatever it made put down as theirs."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": MODERN}}
        headers: dict[Any, Any] = {**wire_headers(message), **bearer(person.token)}
        if method == "resources/read":
            headers["Mcp-Name"] = params["uri"]
        if method == "prompts/get":
            headers["Mcp-Name"] = params["name"]
        answer = await self._http.post(self._url, content=json.dumps(message).encode(), headers=headers)
        said = answer.text
        if said.startswith(("event:", "data:", ":")):
            said = [line for line in said.splitlines() if line.startswith("data: ")][-1].removeprefix(
                "data: "
            )
        body = json.loads(said)
        text = json.dumps(body.get("result", body.get("error")), sort_keys=True)
        text = text.replace('\\"', '"').replace("\\n", "\n")
        known = {one for other in self.people.values() for ids in other.own.values() for one in ids}
        for kind, form in _FORMS.items():
            for found in dict.fromkeys(re.findall(form, text)):
                if found not in known and found != _UNKNOWN[kind] and answer.status_code == 200:
                    person.own[kind].append(found)
        return text

    def of_another(self, person: Person, kind: str) -> str:
        """Return the id of something that another person has; one that nobody has, where there is none."""
        others = [one for other in self.people.values() if other is not person for one in other.own[kind]]
        choice = person.random.random()  # the same draw, however many others there are
        return others[int(choice * len(others))] if others else _UNKNOWN[kind]

    async def act(self, person: Person) -> None:
        """Do the next thing that this person's part of the seed has, and put down the answer."""
        name, act = person.random.choice(_ACTS)
        method, params = act(self, person)
        answer = await self.ask(person, method, params)
        person.answers.append(f"{name}: {self._normal(person, answer, json.dumps(params))}")

    async def sights(self, person: Person) -> list[str]:
        """Return everything that this person can see now without being told an id by others."""
        ids = person.own
        reads = ["jobs", "budget", "board", "models"]
        reads += [f"jobs/{one}" for one in ids["job"]] + [f"films/{one}" for one in ids["film"]]
        reads += [f"jobs/{one}/poster" for one in ids["job"]]
        asked: list[tuple[str, dict[str, Any]]] = [
            ("resources/list", {}),
            ("tools/call", {"name": "check_status", "arguments": {"limit": 50}}),
            ("prompts/get", {"name": _PROMPT, "arguments": {"idea": "a fox"}}),
            *(("resources/read", {"uri": f"seedance://{path}"}) for path in reads),
            *(
                ("completion/complete", {"ref": {"type": "ref/resource", "uri": "seedance://jobs/{job_id}"}, "argument": one})
                for one in ({"name": "job_id", "value": ""}, {"name": "job_id", "value": "job_"})
            ),
            *(("tools/call", {"name": "check_status", "arguments": {"job_id": one, "wait_seconds": 0}}) for one in ids["set"]),
        ]  # fmt: skip
        return [
            f"{method} {self._normal(person, json.dumps(params), '')}: "
            + self._normal(person, await self.ask(person, method, params), json.dumps(params))
            for method, params in asked
        ]

    def _normal(self, person: Person, text: str, asked: str) -> str:
        """Write ids by their number among this person's, and those that the person was not told as those of nobody."""
        for kind, form in _FORMS.items():
            own = person.own[kind]

            def named(found: re.Match[str], kind: str = kind, own: list[str] = own) -> str:
                if found[0] in own:
                    return f"{kind.upper()}{own.index(found[0]) + 1}"
                return (
                    f"NO-{kind.upper()}"
                    if found[0] in asked or found[0] == _UNKNOWN[kind]
                    else f"LEAKED {found[0]}"
                )

            text = re.sub(form, named, text)
        for form, word in _PASSING:
            text = re.sub(form, word, text)
        return text


_Act = Callable[[Table, Person], tuple[str, dict[str, Any]]]
_PROMPT = "direct_video"


def _tool(name: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    return "tools/call", {"name": name, "arguments": arguments}


def _generate(table: Table, person: Person) -> tuple[str, dict[str, Any]]:
    draw = person.random
    more: dict[str, Any] = {}
    if draw.random() < 0.3:
        more["request_key"] = draw.choice(_KEYS)
    if draw.random() < 0.2:
        more["variations"] = 2
    if draw.random() < 0.2:
        more["allow_duplicate"] = True
    if draw.random() < 0.2:
        more["confirm_token"] = draw.choice((person.one("code"), table.of_another(person, "code")))
    return _tool("generate_video", prompt=draw.choice(_WISHES[:3]), **_MODEL, **more)


_KINDS = ("job", "set", "film")


def _either(table: Table, person: Person, kind: str) -> str:
    mine, other = person.one(kind), table.of_another(person, kind)
    return person.random.choice((mine, other, other))


# Nobody makes a film of their own or cancels a job of their own: what comes of that, and when, is not the same twice.
_ACTS: tuple[tuple[str, _Act], ...] = (
    *(("buys", _generate),) * 6,
    ("asks again", lambda t, p: _tool("check_status", job_id=_either(t, p, p.random.choice(_KINDS)), wait_seconds=0)),
    ("lists", lambda t, p: _tool("check_status")),
    ("cancels", lambda t, p: _tool("cancel_job", job_id=t.of_another(p, p.random.choice(_KINDS)))),
    ("looks", lambda t, p: _tool("view_video", source=_either(t, p, p.random.choice(_KINDS)))),
    ("judges", lambda t, p: _tool("review", job_id=_either(t, p, "job"), verdict="good", notes="fine")),
    (
        "prices",
        lambda t, p: _tool(
            "estimate_cost", prompt=p.random.choice(_WISHES), **{**_MODEL, "wait_seconds": None},
            first_frame=p.random.choice((f"job:{t.of_another(p, 'job')}", f"media:{t.of_another(p, 'media')}")),
        ),
    ),
    ("prices its own", lambda t, p: _tool("estimate_cost", prompt=p.random.choice(_WISHES), model="seedance-1.0-pro")),
    ("goes on", lambda t, p: _tool("generate_video", based_on=_either(t, p, "job"), wait_seconds=0)),
    ("uploads", lambda t, p: _tool("upload_media", source=f"https://127.0.0.1:1/{p.random.randrange(2)}.png")),
    (
        "plans",
        lambda t, p: _tool(
            "plan_film",
            storyboard={"title": "A fox", "shots": [{"id": "s1", "prompt": "[sandbox:stall] a fox", "seconds": 2}]},
            quality="final",
        ),
    ),
    ("plans theirs", lambda t, p: _tool("plan_film", film_id=_either(t, p, "film"))),
    ("makes", lambda t, p: _tool("create_film", film_id=t.of_another(p, "film"), plan=_either(t, p, "plan"), wait_seconds=0)),
    ("reads", lambda t, p: ("resources/read", {"uri": f"seedance://jobs/{t.of_another(p, 'job')}"})),
    ("reads a film", lambda t, p: ("resources/read", {"uri": f"seedance://films/{t.of_another(p, 'film')}"})),
    ("reads a video", lambda t, p: ("resources/read", {"uri": f"seedance://jobs/{t.of_another(p, 'job')}/video/0"})),
)  # fmt: skip


async def play(
    settings: Settings, seed: int, present: Iterable[str], acts: int, *, people: Sequence[str] = PEOPLE
) -> dict[str, list[str]]:
    """
    Have these people do so many things each, and tell what each of them got to know.

    `people` are all that there are; in an installation with teams `team:person`.
    """
    tokens: dict[str, str] = {}
    homes = {one.team or "": one for one in settings.of_teams or (settings,)}
    for name in people:
        team, _, person = name.rpartition(":")
        async with open_app(homes[team], watch=False) as app:
            _, tokens[name] = await app.installation.tokens.add(
                person or "mine", frozenset({"read", "spend"}), 30, person=person
            )
    here = set(present)
    those = [
        Person(name=name, token=tokens[name], random=random.Random(f"{seed} {name}"))
        for name in people
        if name in here
    ]
    turns = [name for name in people for _ in range(acts)]
    random.Random(seed).shuffle(turns)
    async with serving(settings) as url, httpx2.AsyncClient(timeout=60) as http:
        table = Table(http, url, those)
        for name in turns:
            if name in here:
                await table.act(table.people[name])
        return {person.name: [*person.answers, *await table.sights(person)] for person in those}
