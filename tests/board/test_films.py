"""Films on the local page: looked at, priced, and made by a click for the price that it showed; by nobody else."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from seedance_mcp.store import film_orders, open_store
from tests.reliability.waiting import until
from tests.server.asking import content, refusal

from .local import Page, opened

STORYBOARD: dict[str, Any] = {
    "title": "The boat",
    "model": "seedance-1.0-pro-fast",
    "resolution": "480p",
    "shots": [
        {"id": "a", "seconds": 2, "prompt": "[sandbox:stall] a boat"},
        {"id": "b", "seconds": 2, "prompt": "[sandbox:stall] it sinks", "continues": "last_frame"},
    ],
}
"""A film that is bought and then never ends, so that nothing is drawn; each shot costs 1.50 USD."""

NOBODY = "flm_aaaaaaaaaaaa"


async def _planned(page: Page, quality: str = "animatic", **changes: Any) -> dict[str, Any]:
    """Have an assistant write a film, and price it on the page."""
    told = await page.post("/api/tools/plan_film", {"storyboard": {**STORYBOARD, **changes}})
    film_id = told.json()["content"]["film_id"]
    return (await page.post(f"/api/films/{film_id}/plan", {"quality": quality})).json()


async def _make(page: Page, planned: dict[str, Any], **other: Any) -> httpx2.Response:
    """Click on the button that makes a plan."""
    given = {"plan": planned["plan"], "usd": planned["usd"], **other}
    return await page.post(f"/api/films/{planned['film_id']}/make", given)


async def _films(page: Page, film_id: str | None = None) -> dict[str, Any]:
    answer = await page.client.get("/api/films", params={} if film_id is None else {"open": film_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _first_job(page: Page) -> None:
    """Wait for the first job on the board."""
    with anyio.fail_after(20):
        async with page.client.stream("GET", "/api/events") as events:
            async for _ in events.aiter_lines():
                if (await page.board())["jobs"]:
                    return


def _orders(settings: Settings, film_id: str) -> list[str | None]:
    """Who agreed to each order of a film."""
    with contextlib.closing(open_store(settings.state_dir)) as store:
        return [order.agreed_by for order in store.write_now(lambda it: film_orders.orders(it, film_id))]


async def test_the_storyboard_and_all_prices_are_told_before_anything_is_bought(settings: Settings) -> None:
    async with opened(settings) as page:
        assert await _films(page) == {"films": [], "film": None}
        plan = await _planned(page)
        assert plan["totals"] == {"animatic": "3", "draft": "3", "final": "3"}
        assert [(row["shot"], row["take"], row["usd"]) for row in plan["rows"]] == [
            ("a", 1, "1.5"),
            ("b", 1, "1.5"),
        ]
        found = await _films(page)
        assert [one["title"] for one in found["films"]] == ["The boat"]
        film = found["film"]
        assert (film["status"], film["spent_usd"], film["joined"]) == ("planned", "0", None)
        assert [(one["shot"], one["state"], one["continues"], one["takes"]) for one in film["shots"]] == [
            ("a", "missing", None, []),
            ("b", "missing", "a", []),
        ]
        board = await page.board()
        assert (board["jobs"], board["waiting"], board["spending"]["spent_today_usd"]) == ([], [], "0")


async def test_a_click_makes_the_plan_it_showed_at_its_price_and_once(settings: Settings) -> None:
    async with opened(settings) as page:
        plan = await _planned(page)
        for wrong in ({"usd": "2.99"}, {"usd": "0"}):
            refused = await _make(page, plan, **wrong)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "budget_exceeded")
        for wrong in ({"usd": "-1"}, {"usd": "NaN"}, {"plan": "x"}, {"plan": None}, {"confirmed": True}):
            assert (await _make(page, plan, **wrong)).status_code == 400
        unknown = await _make(page, plan, plan="0" * 16)
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (409, "plan_changed")
        statuses: list[int] = []

        async def click() -> None:
            statuses.append((await _make(page, plan)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(click)
        assert statuses == [200] * 3
        await _first_job(page)
        film = (await _films(page))["film"]
        assert [(one["state"], len(one["takes"])) for one in film["shots"]] == [("making", 1), ("making", 1)]
        assert (await page.board())["spending"]["spent_today_usd"] == "3"
        cancelled = await page.post(f"/api/films/{plan['film_id']}/cancel", {})
        assert "Nothing more is bought" in cancelled.json()["text"]
        assert (await _films(page))["film"]["status"] == "cancelled"

        async def nothing_is_spent() -> bool:
            return (await page.board())["spending"]["spent_today_usd"] == "0"

        with anyio.fail_after(20):  # the jobs end when the provider has said so
            await until(nothing_is_spent)
    assert _orders(settings, plan["film_id"]) == ["person"]


async def test_a_plan_that_no_longer_fits_is_shown_anew_and_buys_nothing(settings: Settings) -> None:
    async with opened(settings) as page:
        plan = await _planned(page)
        change = {"film_id": plan["film_id"], "storyboard": {"shots": {"b": {"seconds": 4}}}}
        assert (await page.post("/api/tools/plan_film", change)).json()["ok"]
        refused = (await _make(page, plan)).json()
        assert refused["error"]["code"] == "plan_changed"
        [difference] = refused["differences"]
        assert difference.startswith("b: take 1, seedance-1.0-pro-fast at sandbox, 3.0")
        assert (refused["plan"]["usd"], refused["plan"]["plan"] != plan["plan"]) == ("4.5", True)
        assert (await page.board())["spending"]["spent_today_usd"] == "0"
        assert (await _make(page, refused["plan"])).status_code == 200


async def test_a_plan_that_would_be_refused_now_says_why_and_cannot_be_made(settings: Settings) -> None:
    async with opened(replace(settings, max_usd_per_day=Decimal(2))) as page:
        plan = await _planned(page)
        assert (plan["plan"], plan["usd"], plan["problems"]) == (None, "3", [])
        assert plan["refused"].startswith("It could not be made now. ")
        assert plan["refused"] not in plan["notes"]


async def test_a_plan_for_which_a_key_is_missing_is_priced_and_cannot_be_made(settings: Settings) -> None:
    async with opened(settings) as page:
        plan = await _planned(page, "final", provider="fal")
        assert (plan["plan"], plan["problems"]) == (None, [])
        assert Decimal(plan["usd"]) > 0
        assert "FAL_KEY" in plan["refused"]


async def test_music_that_only_the_terminal_may_read_is_told_with_what_to_do(
    settings: Settings, tmp_path: Path
) -> None:
    async with opened(settings) as page:
        music = {"file": str(tmp_path / "elsewhere" / "tune.mp3")}
        plan = await _planned(page, music=music)
        film = (await _films(page))["film"]
        for [problem] in (plan["problems"], film["problems"]):
            assert problem.startswith("music.file: ")
            assert "seedance-mcp film make FILE" in problem
            assert "SEEDANCE_MEDIA_DIRS" in problem
        assert (plan["plan"], plan["totals"]) == (None, {})


async def test_an_assistants_film_waits_for_the_persons_yes_to_its_price(settings: Settings) -> None:
    async with Client(create_server(settings)) as client, opened(settings) as page:
        told = content(await client.call_tool("plan_film", {"storyboard": STORYBOARD, "quality": "animatic"}))
        call = {"film_id": told["film_id"], "plan": told["plan"], "wait_seconds": 0}
        assert refusal(await client.call_tool("create_film", call))["code"] == "confirmation_required"
        [question] = (await page.board())["waiting"]
        assert question["text"].startswith("Make 2 shots of this film for at most 3.00 USD in all?")
        changed = await page.answer(question, yes=True, usd="2.99")
        assert changed.json()["error"]["code"] == "changed"
        assert (await page.answer(question, yes=True)).json()["ok"]
        assert content(await client.call_tool("create_film", call))["status"] == "making"
        assert (await _films(page, told["film_id"]))["film"]["status"] == "making"
        content(await client.call_tool("cancel_job", {"job_id": told["film_id"]}))
    assert _orders(settings, told["film_id"]) == ["person"]


async def test_films_that_are_not_there_or_another_installations_are_found_by_nobody(
    settings: Settings, environ: dict[str, str], tmp_path: Path
) -> None:
    other = load_settings(
        {**environ, "SEEDANCE_STATE_DIR": str(tmp_path / "other")}, settings_file=tmp_path / "no.toml"
    )
    async with open_app(other, watch=False) as app:
        foreign = (await app.films.take(STORYBOARD, None)).id
    async with opened(settings) as page:
        plan = await _planned(page)
        mine = (await _films(page))["film"]["film_id"]
        for film_id in (
            foreign,
            NOBODY,
            "flm_",
            "flm_" + "A" * 12,
            "job_x",
            "..%2f..%2fetc",
            f"{mine}%00",
            f"{mine}x",
        ):
            answers = [
                await page.client.get("/api/films", params={"open": film_id}),
                await page.post(f"/api/films/{film_id}/plan", {"quality": "animatic"}),
                await _make(page, {**plan, "film_id": film_id}),
                await page.post(f"/api/films/{film_id}/choose", {"shot": "a", "take": 1}),
                await page.post(f"/api/films/{film_id}/cancel", {}),
            ]
            assert [answer.status_code for answer in answers] == [404] * 5, film_id
        mark = (await page.client.get(f"/media/{'0' * 40}/{mine}/1.mp4")).status_code
        assert mark == 404
        assert (await page.board())["spending"]["spent_today_usd"] == "0"


async def test_choices_that_make_no_sense_change_nothing(settings: Settings) -> None:
    async with opened(settings) as page:
        film_id = (await _planned(page))["film_id"]
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("choose", {"shot": "a", "take": 1}),
            ("choose", {"shot": "x", "take": None}),
            ("choose", {"shot": "a", "take": 0}),
            ("choose", {"shot": "a", "take": True}),
            ("choose", {"shot": "a"}),
            ("plan", {"quality": "best"}),
            ("plan", {"quality": "final", "keep": ["a"]}),
            ("plan", {"quality": "final", "redo": ["x"]}),
            ("plan", {"quality": "final", "confirmed": True}),
        ]
        for what, given in wrong:
            assert (await page.post(f"/api/films/{film_id}/{what}", given)).status_code == 400, given


async def test_a_page_hears_of_what_others_do_with_films(settings: Settings) -> None:
    async with opened(settings) as page, page.client.stream("GET", "/api/events") as events:
        lines = events.aiter_lines()

        async def hears() -> None:
            with anyio.fail_after(10):
                async for line in lines:
                    if line.startswith("event: changed"):
                        return

        await hears()  # whatever came before
        async with open_app(settings, watch=False) as other:
            film_id = (await other.films.take(STORYBOARD, None)).id
            await hears()
            await other.films.take({"title": "The ship"}, film_id)
            await hears()
        assert (await _films(page))["film"]["title"] == "The ship"
