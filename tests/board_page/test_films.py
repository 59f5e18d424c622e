"""Films on the board, in a real browser against the real command: looked at, priced, made anew, chosen from, played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from seedance_mcp.films import Film

from .board_process import RunningBoard, board
from .browser import Complaints, violations, watched
from .scene import HOSTILE, environment, film_of, make_film, take_film
from .test_local_page import moves, token_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

NAMES = ("harbour", "lantern", "tide")
SAID = "Remember <i>this</i>."


@dataclass(frozen=True)
class Cinema:
    """A board that runs, a film that is only looked at, one that tests change, one that has no music, and a key."""

    film: Film
    other: Film
    silent: str
    running: RunningBoard
    token: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cinema(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cinema]:
    """Two animatics. The first shot of each is stale, and in the film that is only looked at all words are hostile."""
    environ = environment(tmp_path_factory.mktemp("cinema"))
    silent = await take_film(
        environ,
        film_of({"id": "one", "prompt": "A boat"}, title="The boat", music={"file": "/elsewhere/tune.mp3"}),
    )
    other = await make_film(
        environ,
        film_of({"id": "one", "prompt": "A boat", "seconds": 2}, title="The boat"),
        {"shots": {"one": {"prompt": "A boat of tin"}}},
    )
    harbour, lantern, tide = NAMES
    film = await make_film(
        environ,
        film_of(
            {"id": harbour, "prompt": f"{HOSTILE} at sea", "says": [{"text": SAID}]},
            {"id": lantern, "prompt": "She lifts it", "continues": "last_frame"},
            {"id": tide, "prompt": "Waves", "says": [{"text": "It is over."}]},
            title=f"The lantern {HOSTILE}",
        ),
        {"shots": {harbour: {"prompt": HOSTILE}}},
    )
    assert (film.status, other.status) == ("succeeded", "succeeded")
    with board(environ) as running:
        yield Cinema(film, other, silent, running, token_of(running.address))


Look = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
def look(browser: Browser, cinema: Cinema) -> Look:
    """Opens the board in a context of its own, which has the key already."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Page]:
        async with watched(browser, Complaints(), **options) as page:
            await page.add_init_script(f"sessionStorage.setItem('seedance-board-token', '{cinema.token}')")
            await page.goto(cinema.running.address.partition("#")[0])
            await expect(page.locator(".shot")).to_have_count(3, timeout=30_000)
            yield page

    return opened


def shot(page: Page, name: str) -> Locator:
    """The card of a shot."""
    return page.locator(".shot", has=page.locator(".shot-name", has_text=name))


async def test_a_storyboard_tells_what_is_stale_and_why_and_what_everything_costs(look: Look) -> None:
    async with look() as page:
        await expect(page.locator(".film-head h3")).to_contain_text("The lantern <img src=x onerror=")
        await expect(page.locator(".film-head")).to_contain_text("Ready")
        await expect(page.locator(".shot-name")).to_have_text(list(NAMES))
        await expect(page.locator(".shot .chip")).to_have_text(["Stale", "Ready", "Ready"])
        await expect(page.locator(".shot-why:visible")).to_have_text(["its prompt or dialogue is another"])
        await expect(page.locator(".shot img:visible")).to_have_count(3)
        await expect(page.locator(".film-making button:visible")).to_have_text(
            ["Animatic · at most 0.80 USD", "Draft · at most 1.20 USD", "Final · at most 1.20 USD"]
        )
        await page.get_by_role("button", name="Final").click()
        await expect(page.locator("#film-question-title")).to_be_focused()
        await expect(page.locator(".plan-rows li")).to_have_count(3)
        await expect(page.locator(".plan-rows li").first).to_contain_text("harbour Take 2 · at most 0.40 USD")
        await expect(page.locator(".film-question .spend")).to_have_text("Make it · at most 1.20 USD")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Final")).to_be_focused()
        await shot(page, "harbour").focus()
        await page.keyboard.press("ArrowRight")
        await expect(shot(page, "lantern")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#open-shot-title")).to_have_text("Shot lantern · 4 s")
        assert await page.evaluate("document.querySelectorAll('iframe, img[src=x], b, i').length") == 0
        assert await page.title() == "Seedance board"


async def test_a_joined_film_plays_to_its_end_with_captions_and_chapters(look: Look, cinema: Cinema) -> None:
    async with look() as page:
        await page.get_by_role("button", name="Play the film").click()
        video = page.locator(".film-player video")
        await expect(video).to_be_focused()
        await moves(video)
        duration = await video.evaluate("video => video.duration")
        assert duration == pytest.approx(cinema.film.duration_seconds, abs=0.1)
        shown = (
            "video => [...video.textTracks].flatMap(one => one.mode === 'showing' ? [...one.activeCues] : [])"
        )
        words = f"video => ({shown})(video).map(cue => cue.getCueAsHTML().textContent)"
        assert await video.evaluate(words) == [SAID]
        chapters = page.locator(".chapters button")
        await expect(chapters).to_have_text(["0:00harbour", "0:04lantern", "0:08tide"])
        await chapters.nth(2).click()
        await expect(video).to_have_js_property("seeking", False)
        assert 7.5 <= await video.evaluate("video => video.currentTime") < duration
        last = duration - 1
        ended = """(video, last) => new Promise(done => {
          video.addEventListener("ended", () => done(video.currentTime));
          video.currentTime = last;
        })"""
        assert await video.evaluate(ended, last) == pytest.approx(duration, abs=0.1)
        assert await video.evaluate("video => [video.error, video.videoWidth > 0]") == [None, True]


async def test_a_film_that_cannot_be_made_says_why_and_offers_no_purchase(look: Look, cinema: Cinema) -> None:
    async with look() as page:
        boats = [f"The boat · {film_id[-5:]}" for film_id in (cinema.other.id, cinema.silent)]
        names = page.locator(".film-names button")
        await expect(names).to_have_count(3)
        assert sorted((await names.all_inner_texts())[1:]) == sorted(boats)
        await page.get_by_role("button", name=boats[1], exact=True).click()
        await expect(page.locator(".film > .plan-problems")).to_contain_text("seedance-mcp film make FILE")
        await page.get_by_role("button", name="Final").click()
        question = page.locator(".film-question")
        await expect(question.locator(".plan-problems")).to_contain_text("SEEDANCE_MEDIA_DIRS")
        await expect(question.locator(".spend")).to_be_hidden()
        await expect(question.get_by_role("button", name="Never mind")).to_be_visible()


async def test_a_take_made_anew_stands_beside_the_old_one_and_either_is_chosen(
    look: Look, cinema: Cinema
) -> None:
    async with look() as page:
        await page.get_by_role("button", name=f"The boat · {cinema.other.id[-5:]}", exact=True).click()
        await expect(page.locator(".shot-name")).to_have_text(["one"])
        await shot(page, "one").click()
        await expect(page.locator("#open-shot-title")).to_be_focused()
        takes = page.locator(".takes-beside > li")
        await expect(takes).to_have_count(1)
        redo = page.get_by_role("button", name="Make it anew · at most 0.20 USD")
        await redo.click()
        await expect(page.locator("#film-question-title")).to_have_text("Make one anew")
        await page.get_by_role("button", name="Never mind").click()
        await expect(redo).to_be_focused()
        await redo.click()
        await page.get_by_role("button", name="Make it · at most 0.20 USD").dblclick()
        await expect(takes).to_have_count(2)
        await expect(takes.nth(1)).to_contain_text("In the film", timeout=60_000)
        await expect(page.locator(".film-head .chip")).to_have_text("Ready", timeout=60_000)
        await expect(shot(page, "one").locator(".chip")).to_have_text("Ready")
        assert await page.evaluate("document.activeElement !== document.body")

        await takes.nth(0).get_by_role("button", name="Use take 1 of one").click()
        await expect(takes.nth(0)).to_contain_text("In the film, as chosen")
        await expect(shot(page, "one").locator(".shot-why")).to_have_text("its prompt or dialogue is another")
        await page.get_by_role("button", name="Keep it as it is").click()
        await expect(shot(page, "one").locator(".chip")).to_have_text("Ready")
        await page.get_by_role("button", name="Undo the choice").click()
        await expect(takes.nth(1)).to_contain_text("In the film")
        await takes.nth(1).get_by_role("button", name="Bad").click()
        await expect(takes.nth(1)).to_contain_text("Judged by you")
        await expect(takes.nth(0)).to_contain_text("In the film")
        await page.keyboard.press("Escape")
        await expect(shot(page, "one")).to_be_focused()


LOOKS: dict[str, tuple[tuple[int, Literal["light", "dark"]], ...]] = {
    "en": ((320, "light"), (1280, "dark")),
    "zh-CN": ((640, "light"), (640, "dark")),
}


async def test_films_are_accessible_narrow_and_wide_in_both_languages(look: Look, packages: Path) -> None:
    found: dict[str, list[str]] = {}
    for language, looks in LOOKS.items():
        async with look(locale=language) as page:
            await shot(page, "harbour").click()
            await page.locator(".film-making > .row button").last.click()
            await expect(page.locator(".plan-rows li")).to_have_count(3)
            await page.locator(".film details").evaluate_all("all => all.forEach(one => (one.open = true))")
            for width, theme in looks:
                await page.set_viewport_size({"width": width, "height": 2500})
                await page.emulate_media(color_scheme=theme)
                found[f"{language} {width} {theme}"] = await violations(packages, page)
                assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), width
    assert {place: wrong for place, wrong in found.items() if wrong} == {}
