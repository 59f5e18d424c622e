"""Two teams at one server get to know nothing of each other, by tokens, by signing in, and on the board."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import psycopg
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.errors import ConfigError
from seedance_mcp.metrics import Live, MetricsPlace, serving_metrics
from seedance_mcp.server.http.serving import serve_http
from tests.over_http.identity import identity
from tests.over_http.local import (
    HERE,
    PUBLIC,
    STALLED,
    bearer,
    behind_a_proxy,
    called,
    client,
    post,
    result_of,
    serving,
    token,
    why,
)
from tests.over_http.overhearing import bought_beside, buy, jobs_of
from tests.over_http.test_board import browser
from tests.reliability.waiting import until
from tests.server.asking import SMALL, priced
from tests.server.conftest import Era, era

from .people import play
from .server import Server
from .teams import both, migrated, read, two, write_key

__all__ = ["era"]

PEOPLE = ("red:", "red:ann", "blue:", "blue:ann")
SEEDS = range(50) if os.environ.get("SEEDANCE_TEST_LONG") else range(1)
ACTS = 20


@pytest.mark.parametrize("seed", SEEDS)
async def test_each_is_told_what_they_would_be_told_without_the_other_team(
    seed: int, environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    async def played(name: str, *present: str) -> dict[str, list[str]]:
        folder = tmp_path / name
        folder.mkdir()
        more = {
            "SEEDANCE_CONFIRM_ABOVE_USD": "1",
            "SEEDANCE_MAX_USD_PER_DAY": "12",
            "SEEDANCE_MAX_JOBS_PER_HOUR": "15",
            "SEEDANCE_MAX_USD_PER_DAY_PER_PERSON": "6",
        }
        settings = both(postgres, priced(environ, folder, "0.3"), folder, **more)
        told = await play(settings, seed, present, ACTS, people=PEOPLE)
        return {who: [one.replace(name, "HERE") for one in every] for who, every in told.items()}

    together = await played("both-teams", *PEOPLE)
    for team in ("red", "blue"):
        members = [name for name in PEOPLE if name.startswith(team)]
        alone = await played(f"only-{team}", *members)
        for name in members:
            assert not any("LEAKED" in one for one in together[name])
            assert [
                pair for pair in zip(together[name], alone[name], strict=False) if pair[0] != pair[1]
            ] == []
            assert len(together[name]) == len(alone[name])


async def test_the_same_name_in_two_teams_is_two_people(
    environ: dict[str, str], tmp_path: Path, postgres: Server, era: Era
) -> None:
    settings = both(postgres, environ, tmp_path)
    reds, blues = [bearer(await token(one, person="ann")) for one in settings.of_teams]
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        async with client(url, era, reds) as red, client(url, era, blues) as blue:
            first = (await red.call_tool("generate_video", STALLED)).structured_content
            again = (await blue.call_tool("generate_video", STALLED)).structured_content
            assert first is not None
            assert again is not None
            assert first["job_id"] != again["job_id"], "the same request of another team is another purchase"
            stranger = await blue.call_tool("check_status", {"job_id": first["job_id"]})
            assert stranger.is_error
            nobody = await blue.call_tool("check_status", {"job_id": "job_" + "A" * 22})
            assert str(stranger.content).replace(first["job_id"], "X") == str(nobody.content).replace(
                "job_" + "A" * 22, "X"
            )
            listed = [str(one.uri) for one in (await blue.list_resources()).resources]
            assert f"seedance://jobs/{again['job_id']}" in listed
            assert not any(first["job_id"] in one for one in listed)
        assert await jobs_of(http, url, reds) == [first["job_id"]]
        assert await jobs_of(http, url, blues) == [again["job_id"]]


async def test_another_teams_jobs_are_no_news(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, environ, tmp_path)
    reds, blues = [bearer(await token(one, person="ann")) for one in settings.of_teams]
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        _, heard = await bought_beside(http, url, reds, blues)
        assert await jobs_of(http, url, blues) == []
    assert heard == []


async def test_without_a_token_nobody_gets_in_not_even_from_this_machine(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, environ, tmp_path)
    mine = bearer(await token(settings.of_teams[0]))
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        stranger = await post(http, url, called("check_status"))
        assert (stranger.status_code, "tokens add NAME --team TEAM`" in stranger.text) == (401, True)
        wrong = bearer("sdc_aaaaaaaa_" + "A" * 43)
        assert (await post(http, url, called("check_status"), wrong)).status_code == 401
        path = called("view_video", {"source": str(tmp_path / "a.mp4")})
        assert "is a path" in result_of(await post(http, url, path, mine))["content"][0]["text"]


async def test_a_claim_of_the_authorization_server_says_which_team(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    divided = both(postgres, environ, tmp_path)
    async with identity() as provider:
        settings = replace(
            divided, oauth_issuer=provider.issuer, oauth_people=("any",), oauth_team_claim="groups"
        )
        async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient() as http:

            def of(groups: Any) -> dict[str, Any]:
                return {**PUBLIC, **bearer(provider.token(sub="ann", groups=groups))}

            red = await buy(http, url, of(["staff", "red"]))
            blue = await buy(http, url, of("blue"))
            assert red != blue
            assert await jobs_of(http, url, of("red")) == [red]
            assert await jobs_of(http, url, of(["blue"])) == [blue]
            sentences: set[str] = set()
            for groups in (
                None,
                [],
                "staff",
                ["red", "blue"],
                "Red",
                "red blue",
                ["seedance_red"],
                {"red": 1},
                7,
            ):
                refused = await post(http, url, called("check_status"), of(groups))
                assert refused.status_code == 403, groups
                sentences.add(why(refused))
            assert len(sentences) == 1
            assert not any(word in str(sentences) for word in ("red", "blue"))


async def test_values_of_the_claim_that_are_mapped_count_alone(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    divided = both(postgres, environ, tmp_path)
    async with identity() as provider:
        settings = replace(
            divided,
            oauth_issuer=provider.issuer,
            oauth_people=("any",),
            oauth_team_claim="https://example.com/roles",
            oauth_teams=(("studio a", "red"), ("studio b", "red"), ("x=y", "blue")),
        )
        async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient() as http:
            for groups, status in (
                (["studio a"], 200),
                (["studio a", "studio b"], 200),
                (["x=y"], 200),
                (["studio a", "x=y"], 403),
                (["red"], 403),
            ):
                more: dict[str, Any] = {"https://example.com/roles": groups}
                headers = {**PUBLIC, **bearer(provider.token(sub="ann", **more))}
                answer = await post(http, url, called("check_status"), headers)
                assert answer.status_code == status, groups


async def test_a_server_of_one_team_lets_in_nobody_of_another(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    red, blue = two(postgres, environ, tmp_path)
    async with identity() as provider:
        settings = replace(
            red, oauth_issuer=provider.issuer, oauth_people=("any",), oauth_team_claim="groups"
        )
        async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient() as http:
            for headers, status in (
                (bearer(await token(blue)), 401),
                (bearer(await token(red)), 200),
                (bearer(provider.token(sub="ann", groups="blue")), 403),
                (bearer(provider.token(sub="ann", groups="red")), 200),
            ):
                answer = await post(http, url, called("check_status"), {**PUBLIC, **headers})
                assert answer.status_code == status


async def test_who_signs_in_has_to_be_in_a_team(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, environ, tmp_path)
    for changed in (
        {"oauth_people": ("any",)},
        {"oauth_people": ("any",), "oauth_team_claim": "groups", "oauth_teams": (("x", "green"),)},
    ):
        named = replace(settings, oauth_issuer="https://id.example.com/", **changed)
        with pytest.raises(ConfigError, match="SEEDANCE_OAUTH_TEAM"):
            await serve_http(named, HERE, tell=lambda _: None)


async def test_who_may_only_look_is_told_of_which_team_a_token_is_to_be(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, environ, tmp_path)
    text = await token(settings.of_teams[1], scopes=("read",))
    async with serving(settings, board=True) as url, browser(url) as person, httpx2.AsyncClient() as http:
        refused = await post(http, url, called("generate_video", SMALL), bearer(text))
        assert (refused.status_code, "--scope spend --team blue`" in refused.text) == (403, True)
        await person.sign_in(text)
        answer = await person.post("/api/tools/generate_video", SMALL)
        assert "`seedance-mcp tokens add NAME --scope spend --team blue`" in answer.text
        answered = await person.post("/api/answer", {"question_id": "q_x", "yes": True, "usd": "1"})
        assert "`seedance-mcp tokens add NAME --scope spend --team blue`" in answered.json()["error"]["hint"]


async def test_the_board_of_one_team_shows_nothing_of_another(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, environ, tmp_path)
    red, blue = [await token(one, person="ann") for one in settings.of_teams]
    async with serving(settings, board=True) as url, browser(url) as reds, browser(url) as blues:
        await reds.sign_in(red)
        assert "tokens add NAME --team TEAM`" in (await blues.get("/sign-in")).text
        await blues.sign_in(blue)
        assert ((await reds.board())["team"], (await blues.board())["team"]) == ("red", "blue")
        job_id = await reds.buy()
        assert job_id in str(await reds.board())
        assert job_id not in str(await blues.board())
        for path in (f"/api/jobs/{job_id}", f"/api/jobs/{job_id}/video", f"/api/jobs/{job_id}/poster"):
            assert (await blues.get(path)).status_code in (404, 405)


async def test_a_team_that_cannot_be_served_is_in_nobody_elses_way(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, environ, tmp_path)
    red, blue = settings.of_teams
    reds, blues = bearer(await token(red)), bearer(await token(blue))
    assert red.database_url is not None
    with psycopg.connect(red.database_url.get_secret_value(), autocommit=True) as connection:
        change = "UPDATE seedance_red.meta SET value = %s WHERE key = 'schema'"
        (version,) = connection.execute(
            "SELECT value FROM seedance_red.meta WHERE key = 'schema'"
        ).fetchone() or (0,)
        connection.execute(change, (str(99),))
        async with serving(settings) as url, httpx2.AsyncClient() as http:
            ready = url.replace("/mcp", "/health/ready")
            assert await jobs_of(http, url, blues) == []
            assert (await http.get(ready)).status_code == 200
            refused = await post(http, url, called("check_status"), reds)
            assert refused.status_code == 503
            assert "red" not in why(refused)
            connection.execute(change, (str(version),))

            async def is_served() -> bool:
                return (await post(http, url, called("check_status"), reds)).status_code == 200

            with anyio.fail_after(30):
                await until(is_served)
            assert await jobs_of(http, url, reds) == []


async def test_figures_of_each_team_have_its_name(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    red, _ = two(postgres, environ, tmp_path)

    def unknown() -> Any:
        raise ConfigError("away")

    async with open_app(red, watch=False) as app:
        live = Live(figures={"red": app.installation.figures_now, "blue": unknown})
        with serving_metrics(MetricsPlace.read("0"), live) as url:
            async with httpx2.AsyncClient() as http:
                told = (await http.get(url)).text
    assert 'seedance_database_up{team="red"} 1.0' in told
    assert 'seedance_database_up{team="blue"} 0.0' in told
    assert 'seedance_spending_stopped{team="red"} 0.0' in told
    assert 'seedance_spending_stopped{team="blue"}' not in told


async def test_a_key_that_would_be_everybodys_is_refused(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    settings = both(postgres, {**environ, "ARK_API_KEY": "a-key-of-everybody"}, tmp_path)
    with pytest.raises(ConfigError, match="would be the key of every team") as refused:
        await serve_http(settings, HERE, tell=lambda _: None)
    assert "a-key-of-everybody" not in str(refused.value)


async def test_a_team_buys_with_its_own_key_or_not_at_all(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    write_key(tmp_path, "red", "ark", "reds-key-123")
    write_key(tmp_path, "blue", "fal", "two words")
    write_key(tmp_path, "blue", "nobody", "a-key-123456")
    settings = both(postgres, {**environ, "REPLICATE_API_TOKEN": "of-everybody"}, tmp_path)
    ready: dict[str, set[str]] = {}
    notices: dict[str, str] = {}
    for one in settings.of_teams:
        async with open_app(one, watch=False) as app:
            ready[str(one.team)] = {name for name, able in app.providers_ready().items() if able}
            notices[str(one.team)] = " ".join(app.settings_notices)
    assert ready == {"red": {"ark", "sandbox"}, "blue": {"sandbox"}}
    assert notices["red"] == ""
    assert "two words" not in notices["blue"]
    assert "nobody" in notices["blue"]
    assert "reds-key-123" in settings.hidden()
    assert "reds-key-123" not in repr(settings)


def test_migrating_one_team_does_not_need_the_others(
    environ: dict[str, str], tmp_path: Path, postgres: Server
) -> None:
    url = postgres.empty()
    settings = read({**environ, "SEEDANCE_TEAMS": "red", "SEEDANCE_DATABASE_URL": url}, tmp_path)
    migrated(settings)
    with psycopg.connect(url) as connection:
        schemas = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'"
        ).fetchall()
    assert schemas == [("seedance_red",)]
