"""The board over HTTP: who gets in, what each person sees there, and what pages of others cannot do."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from starlette.routing import Route

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.server.board.routes import Board
from seedance_mcp.server.board.sessions import digest_of
from seedance_mcp.server.callers import Caller
from seedance_mcp.server.http.limits import Limits
from seedance_mcp.server.http.team_board.cookie_sessions import SESSION_SECONDS, CookieSessions
from seedance_mcp.server.http.team_board.peoples_boards import SignedIn
from tests.server.left import until

from .local import STALLED, bearer, behind_a_proxy, called, post, result_of, serving, token

COOKIE = "seedance-board"
WISH = {name: value for name, value in STALLED.items() if name != "wait_seconds"}


class Browser:
    """A browser at one server: it sends the cookie that it was given, and says of which page it is."""

    def __init__(self, http: httpx2.AsyncClient, host: str, origin: str) -> None:
        self.http = http
        self.own = {"Host": host, "Origin": origin, "Sec-Fetch-Site": "same-origin"}

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Look at something."""
        return await self.http.get(f"/board{path}", headers={**self.own, **headers})

    async def post(self, path: str, content: Any, **headers: str) -> httpx2.Response:
        """Send JSON."""
        return await self.http.post(f"/board{path}", json=content, headers={**self.own, **headers})

    async def try_token(self, text: str, **headers: str) -> httpx2.Response:
        """Send the form of the sign-in page."""
        return await self.http.post("/board/sign-in", data={"token": text}, headers={**self.own, **headers})

    async def sign_in(self, text: str) -> httpx2.Response:
        """Sign in with a good token."""
        answer = await self.try_token(text)
        assert (answer.status_code, answer.headers["location"]) == (303, "/board"), answer.text
        return answer

    async def board(self) -> dict[str, Any]:
        """The board as data."""
        answer = await self.get("/api/board")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def buy(self) -> str:
        """Buy with a click; the job's id."""
        wanted = {"arguments": WISH, "usd": "9", "request_key": "click-of-a-person"}
        answer = await self.post("/api/buy", wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]["job_id"]


@asynccontextmanager
async def browser(url: str, host: str | None = None) -> AsyncGenerator[Browser]:
    """Open a browser with an empty jar of cookies; with a `host` it comes by that public name."""
    parts = urlsplit(url)
    async with httpx2.AsyncClient(base_url=f"http://{parts.netloc}", timeout=20) as http:
        yield Browser(http, host or parts.netloc, f"https://{host}" if host else f"http://{parts.netloc}")


async def _revoke(settings: Settings, text: str) -> None:
    async with open_app(settings, watch=False) as app:
        await app.installation.tokens.revoke(text.split("_")[1])


def _paths(**names: str) -> list[tuple[str, str]]:
    """Every route of the board, by its own table, with these names in it."""
    nobody: Any = None
    board = Board(nobody, SignedIn("", may_change=False), tools=nobody, changes=nobody)
    routes = [route for route in board.routes() if isinstance(route, Route)]
    assert len(routes) == len(board.routes())
    filled = [re.sub(r"\{(\w+)(?::\w+)?\}", lambda it: names[it[1]], route.path) for route in routes]
    ways = ["POST" if "POST" in (route.methods or ()) else "GET" for route in routes]
    return list(zip(ways, filled, strict=True))


NAMES = {
    "name": "check_status", "job_id": "job_x", "film_id": "flm_aaaaaaaaaaaa", "picture": "poster", "mark": "x",
    "version": "1", "kind": "mp4",
}  # fmt: skip


async def test_there_is_no_board_unless_it_is_wanted(settings: Settings) -> None:
    text = await token(settings)
    async with serving(settings) as url, browser(url) as person:
        for path in ("", "/", "/sign-in", "/api/board"):
            answer = await person.get(path, Authorization=f"Bearer {text}")
            assert answer.status_code in (404, 405), path


async def test_a_token_is_taken_once_and_opens_what_is_the_persons(settings: Settings) -> None:
    text = await token(settings, person="ann")
    async with serving(settings, board=True) as url, browser(url) as person:
        shell = await person.get("")
        assert '<meta name="seedance-board" content="signed-in">' in shell.text
        form = await person.get("/sign-in")
        assert 'type="password"' in form.text
        assert "<script" not in form.text
        for method, path in _paths(**NAMES):
            answer = await person.http.request(method, f"/board{path}", headers=person.own)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in"), path
        answer = await person.sign_in(text)
        cookie = answer.headers["set-cookie"]
        value = person.http.cookies[COOKIE]
        assert cookie == f"{COOKIE}={value}; HttpOnly; Max-Age=43200; Path=/board; SameSite=strict"
        assert len(value) == 43
        job_id = await person.buy()
        [job] = (await person.board())["jobs"]
        assert (job["job_id"], job["video_path"]) == (job_id, None)
        assert (await person.get(f"/api/jobs/{job_id}/open-folder")).status_code == 404
        assert text.split("_", 2)[2] not in shell.text + form.text + answer.text + str(answer.headers)


async def test_behind_a_name_the_cookie_is_for_that_name_over_https_alone(settings: Settings) -> None:
    text = await token(settings)
    async with serving(settings, behind_a_proxy(), board=True) as url, browser(url, "videos.test") as person:
        answer = await person.sign_in(text)
        name, _, rest = answer.headers["set-cookie"].partition("=")
        value, _, attributes = rest.partition("; ")
        assert name == f"__Host-{COOKIE}"
        assert attributes == "HttpOnly; Max-Age=43200; Path=/; SameSite=strict; Secure"
        assert (await person.get("/api/board", Cookie=f"{name}={value}")).status_code == 200
        assert (await person.get("/api/board", Cookie=f"{COOKIE}={value}")).status_code == 401
        twice = await person.get("/api/board", Cookie=f"{name}={value}; {name}={value}")
        assert twice.status_code == 401
        assert (await person.try_token(text, Origin="http://videos.test")).status_code == 403


async def test_whatever_is_wrong_with_a_token_is_told_in_one_sentence(settings: Settings) -> None:
    good, late, gone = (
        await token(settings),
        await token(settings, "late", days=-1),
        await token(settings, "gone"),
    )
    await _revoke(settings, gone)
    said: set[str] = set()
    async with serving(settings, board=True) as url, browser(url) as person:
        for text in (
            late,
            gone,
            good[:-1],
            f"{good}x",
            "x" * 500,
            "",
            "é",
            f"sdc_aaaaaaaa_{good.split('_', 2)[2]}",
        ):
            answer = await person.try_token(text)
            assert answer.status_code == 401, text
            assert "set-cookie" not in answer.headers
            said.add(answer.text)
        chinese = await person.try_token("x", **{"Accept-Language": "zh-CN,zh;q=0.9"})
        assert 'lang="zh-Hans"' in chinese.text
    [page] = said
    assert "The token is not good here (any more)." in page


async def test_too_many_wrong_tokens_close_the_door_for_a_minute(settings: Settings) -> None:
    text = await token(settings)
    async with serving(settings, board=True) as url, browser(url) as person, browser(url) as inside:
        await inside.sign_in(text)
        for _ in range(10):
            assert (await person.try_token("wrong")).status_code == 401
        for tried in ("wrong", text):
            answer = await person.try_token(tried)
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 61
        await inside.board()


async def test_two_people_see_nothing_of_each_other_in_any_route(dear: Settings) -> None:
    texts = {name: await token(dear, name, person=name) for name in ("ann", "bea")}
    async with (
        serving(dear, board=True) as url,
        browser(url) as ann,
        browser(url) as bea,
        httpx2.AsyncClient() as http,
    ):
        await ann.sign_in(texts["ann"])
        await bea.sign_in(texts["bea"])
        asked = {**STALLED, "prompt": "[sandbox:stall] a question of Ann's"}
        result_of(await post(http, url, called("generate_video", asked), bearer(texts["ann"])))
        job_id = await ann.buy()
        shot = {"id": "one", "seconds": 4, "prompt": "A fox"}
        film = {"storyboard": {"title": "A film of Ann's", "shots": [shot]}}
        planned = (await ann.post("/api/tools/plan_film", film)).json()
        film_id = planned["content"]["film_id"]

        anns, beas = await ann.board(), await bea.board()
        assert ([job["job_id"] for job in anns["jobs"]], len(anns["waiting"])) == ([job_id], 1)
        assert (beas["jobs"], beas["waiting"], beas["total"]) == ([], [], 0)
        assert anns["spending"]["spent_today_usd"] == "1.5"
        assert beas["spending"]["spent_today_usd"] == "0"

        [question] = anns["waiting"]
        given = {"question_id": question["question_id"], "yes": True, "usd": question["usd"]}
        assert (await bea.post("/api/answer", given)).json()["error"]["code"] == "closed"
        assert len((await ann.board())["waiting"]) == 1

        bodies: dict[str, Any] = {
            "/api/answer": given,
            "/api/review": {"job_id": "{job}", "verdict": "good", "notes": "", "scores": {}},
            "/api/tools/check_status": {"job_id": "{job}"},
            "plan": {"quality": "draft"},
            "make": {"plan": "0" * 16, "usd": "9"},
            "choose": {"shot": "one", "take": None},
        }
        for method, path in _paths(**{**NAMES, "job_id": "{job}", "film_id": "{film}"}):
            if path in ("/api/events", "/api/buy"):
                continue
            told: list[str] = []
            for job, made in ((job_id, film_id), ("job_0000000000000000", "flm_aaaaaaaaaaaa")):
                where = path.replace("{job}", job).replace("{film}", made)
                body = bodies.get(path, bodies.get(path.rpartition("/")[2], {}))
                body = {name: job if value == "{job}" else value for name, value in body.items()}
                answer = await (bea.get(where) if method == "GET" else bea.post(where, body))
                text = re.sub(r"20\d\d-[\dT:.Z-]+", "", answer.text)
                told.append(f"{answer.status_code} {text}".replace(job, "it").replace(made, "it"))
                assert "Ann's" not in answer.text, path
            assert told[0] == told[1], path
        assert (
            await bea.get(
                "/api/films",
            )
        ).json() == {"films": [], "film": None}
        assert (await bea.get(f"/api/films?open={film_id}")).json().get("film") is None

        assert (await ann.post("/api/answer", given)).json()["ok"]
        assert (await ann.board())["waiting"] == []


async def test_a_person_is_shown_their_own_caps_as_everywhere_else(dear: Settings) -> None:
    own = replace(dear, max_usd_per_day_per_person=Decimal(2), max_jobs_per_hour_per_person=3)
    text = await token(own, "ann", person="ann")
    async with serving(own, board=True) as url, browser(url) as ann, httpx2.AsyncClient() as http:
        await ann.sign_in(text)
        await ann.buy()
        spending = (await ann.board())["spending"]
        asked = called("check_status", {})
        told = result_of(await post(http, url, asked, bearer(text)))["structuredContent"]["budget"]
    assert spending["caps"] == {
        "per_job_usd": told["max_per_job_usd"],
        "per_day_usd": "2",
        "jobs_per_hour": 3,
    }
    same = ("spent_today_usd", "reserved_usd", "left_today_usd")
    assert [spending[name] for name in same] == [told[name] for name in same] == ["1.5", "1.5", "0.5"]


async def test_a_page_hears_of_its_persons_jobs_alone(settings: Settings) -> None:
    texts = {name: await token(settings, name, person=name) for name in ("ann", "bea")}
    heard: dict[str, list[str]] = {"ann": [], "bea": []}
    async with serving(settings, board=True) as url, browser(url) as ann, browser(url) as bea:
        people = {"ann": ann, "bea": bea}
        for name, person in people.items():
            await person.sign_in(texts[name])

        async def listen(name: str) -> None:
            person = people[name]
            async with person.http.stream("GET", "/board/api/events", headers=person.own) as events:
                async for line in events.aiter_lines():
                    heard[name].append(line)

        async with anyio.create_task_group() as tasks:
            for name in people:
                tasks.start_soon(listen, name)
            await until(lambda: all(heard.values()), 10)
            anns = await ann.buy()
            await until(lambda: any(anns in line for line in heard["ann"]), 10)
            beas = await bea.buy()
            await until(lambda: any(beas in line for line in heard["bea"]), 10)
            tasks.cancel_scope.cancel()
    assert not any(anns in line for line in heard["bea"])
    assert not any(beas in line for line in heard["ann"])


async def test_a_token_that_may_only_look_changes_nothing(settings: Settings) -> None:
    looking, buying = await token(settings, "looking", ("read",)), await token(settings, "buying")
    async with serving(settings, board=True) as url, browser(url) as person, browser(url) as other:
        await other.sign_in(buying)
        job_id = await other.buy()
        await person.sign_in(looking)
        assert [job["job_id"] for job in (await person.board())["jobs"]] == [job_id]
        for method, path in _paths(**{**NAMES, "name": "cancel_job", "job_id": job_id}):
            if method != "POST" or path.endswith("/plan"):
                continue
            answer = await person.post(path, {"job_id": job_id})
            assert "may look, and not write, spend or cancel" in answer.text, path
        kept = await person.post("/api/films/flm_aaaaaaaaaaaa/plan", {"quality": "draft", "keep": ["one"]})
        assert kept.status_code == 403
        looked = await person.post("/api/tools/check_status", {"job_id": job_id, "wait_seconds": 0})
        assert looked.json()["ok"]
        assert [job["status"] for job in (await person.board())["jobs"]] != ["cancelled"]


async def test_no_path_of_the_servers_machine_is_taken_from_another_person(
    settings: Settings, tmp_path: Path
) -> None:
    text = await token(settings, person="ann")
    path = str(tmp_path / "secret.png")
    async with serving(settings, board=True) as url, browser(url) as person:
        await person.sign_in(text)
        wanted = {"arguments": {**WISH, "first_frame": path}, "usd": "9", "request_key": "click-of-a-person"}
        answer = await person.post("/api/buy", wanted)
        assert answer.status_code == 400
        assert "is a path" in answer.text
        for tool, field in (
            ("view_video", "source"),
            ("upload_media", "source"),
            ("estimate_cost", "first_frame"),
        ):
            answer = await person.post(f"/api/tools/{tool}", {field: path})
            assert "is a path" in answer.text, tool


async def test_pages_of_others_neither_read_nor_act_nor_frame(settings: Settings) -> None:
    text = await token(settings)
    async with serving(settings, board=True) as url, browser(url) as person:
        await person.sign_in(text)
        foreign = [
            {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        ]
        routes = [
            *_paths(**NAMES),
            ("POST", "/sign-in"),
            ("POST", "/sign-out"),
            ("GET", ""),
            ("GET", "/sign-in"),
        ]
        for headers in foreign:
            for method, path in routes:
                answer = await person.http.request(
                    method,
                    f"/board{path}",
                    headers={**person.own, **headers},
                    json={} if method == "POST" else None,
                )
                assert answer.status_code == 403, (headers, path)
        for method, path in routes:
            own = {"Host": person.own["Host"]}
            if method == "POST":
                answer = await person.http.post(f"/board{path}", headers=own, json={})
                assert answer.status_code == 403, path
            answer = await person.http.request(
                method, f"/board{path}", headers={**person.own, "Host": "evil.example"}
            )
            assert answer.status_code == 421, path
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        for path in ("", "/sign-in"):
            assert (await person.http.get(f"/board{path}", headers={**own, **link})).status_code == 200
        assert (await person.http.get("/board/api/board", headers={**own, **link})).status_code == 403
        for path in ("", "/sign-in", "/api/board", "/nothing"):
            told = (await person.get(path)).headers
            policy = told["content-security-policy"]
            for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
                assert rule in policy
            assert ("form-action 'self'" in policy) == (path == "/sign-in")
            assert told["referrer-policy"] == ("same-origin" if path == "/sign-in" else "no-referrer")
            assert (told["x-content-type-options"], told["cache-control"]) == ("nosniff", "no-store")
            assert told["cross-origin-resource-policy"] == "same-origin"
            assert "access-control-allow-origin" not in told
        await person.board()


async def test_a_session_ends_at_sign_out_and_with_its_token(settings: Settings) -> None:
    leaked, kept = await token(settings, "leaked"), await token(settings, "kept")
    ended = anyio.Event()
    async with serving(settings, board=True) as url, browser(url) as person, browser(url) as other:
        await person.sign_in(kept)
        first = person.http.cookies[COOKIE]
        await person.sign_in(kept)
        assert (await other.get("/api/board", Cookie=f"{COOKIE}={first}")).status_code == 401
        second = person.http.cookies[COOKIE]
        answer = await person.post("/sign-out", {})
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert (await other.get("/api/board", Cookie=f"{COOKIE}={second}")).status_code == 401

        await other.sign_in(leaked)

        async def listen() -> None:
            async with other.http.stream("GET", "/board/api/events", headers=other.own) as events:
                async for _ in events.aiter_lines():
                    listening.set()
            ended.set()

        listening = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await listening.wait()
            await _revoke(settings, leaked)
            with anyio.fail_after(5):
                await ended.wait()
        assert (await other.get("/api/board")).status_code == 401


def test_a_session_ends_after_twelve_hours_and_only_its_hash_is_kept() -> None:
    now = [1000.0]
    sessions = CookieSessions(lambda: now[0])
    text = sessions.open(Caller(id="a"))
    assert text not in str(vars(sessions))
    assert digest_of(text) in str(vars(sessions))
    now[0] += SESSION_SECONDS - 1
    assert sessions.find(text) is not None
    now[0] += 1
    assert sessions.find(text) is None
    many = [sessions.open(Caller(id="a")) for _ in range(21)]
    other = sessions.open(Caller(id="b"))
    assert [sessions.find(one) is not None for one in (*many[:2], other)] == [False, True, True]


async def test_who_brings_the_session_of_another_server_is_told_to_sign_in_again(settings: Settings) -> None:
    good = await token(settings, "laptop")
    again = "Sign in again: your session has ended, or this server does not know it."
    async with (
        serving(settings, board=True) as first,
        serving(settings, board=True) as second,
        browser(first) as there,
        browser(second) as here,
    ):
        await there.sign_in(good)
        session = there.http.cookies[COOKIE]
        assert again not in (await there.get("/sign-in")).text
        assert again not in (await here.get("/sign-in")).text
        assert (await here.get("/api/board", Cookie=f"{COOKIE}={session}")).status_code == 401
        assert again in (await here.get("/sign-in", Cookie=f"{COOKIE}={session}")).text


async def test_the_limits_of_calls_hold_for_the_board(settings: Settings) -> None:
    text = await token(settings)
    limits = Limits(calls_a_minute=6, from_rest=2)
    async with serving(settings, limits=limits, board=True) as url, browser(url) as person:
        await person.sign_in(text)
        answers = [await person.get("/api/board") for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"]


async def test_neither_token_nor_cookie_stands_in_a_log(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    text = await token(settings)
    caplog.set_level(logging.DEBUG)
    async with serving(settings, board=True) as url, browser(url) as person:
        await person.try_token(text[:-1] + "A")
        await person.sign_in(text)
        cookie = person.http.cookies[COOKIE]
        await person.board()
        await person.buy()
        await person.get(f"/{text}")
        await person.get("/api/board", Origin="https://evil.example")
    out, err = capfd.readouterr()
    logged = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(("seedance", "mcp", "uvicorn"))
    ]
    assert any("Signed in to the board" in words for words in logged)
    for secret in (text.split("_", 2)[2][:-1], cookie):
        assert not any(secret in words for words in (*logged, out, err))


async def test_a_tunnel_to_a_server_for_this_machine_reaches_no_board(settings: Settings) -> None:
    async with serving(settings, board=True) as url, browser(url) as person:
        assert (await person.get("", **{"X-Forwarded-For": "1.2.3.4"})).status_code == 403
