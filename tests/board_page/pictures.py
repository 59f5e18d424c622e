"""
Takes the pictures of the board in docs/: `python -m tests.board_page.pictures`, where there is a Chromium and npm.

Look at them before they are committed. They are taken with the fonts of this machine; Inter makes them like other systems.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import anyio
from PIL import Image
from playwright.async_api import Browser, async_playwright, expect

from tests.clients.packages import installed_of

from .board_process import board
from .browser import chromium, launched, page_of
from .chat import assistant, origins, show
from .scene import ask, environment, film_of, make, make_film, server

DOCS = Path(__file__).parents[2] / "docs"
MOST_BYTES = 200_000
FOX = "A red fox trots through fresh snow at dawn; slow dolly in, soft light, breath in the cold air"
MARKED = "no people anywhere in the picture, only the wind and what it moves"
"""Goes before a marker of the sandbox, which then stands behind what a card has room for."""


async def main() -> None:
    """Make a state folder with videos, and take all pictures of it."""
    with tempfile.TemporaryDirectory() as folder:
        environ = environment(Path(folder) / "board")
        jobs = await make(
            environ,
            {
                "prompt": "A glass city under the sea, whales pass between the towers, wide shot",
                "duration": 5,
            },
            {
                "prompt": f"A violinist on an empty stage, one spotlight, dust in the beam, {MARKED} [sandbox:moderate]"
            },
            {"prompt": "一只橘猫在窗台上伸懒腰，清晨的阳光透过白色窗帘，镜头缓慢推近，柔和的环境声"},
            {"prompt": "A paper boat drifts down a rain gutter, macro, shallow focus", "duration": 4},
            {"prompt": FOX, "seed": 3, "duration": 4},
        )
        jobs += await make(
            environ,
            {
                "based_on": jobs[-1].id,
                "prompt": FOX.replace("dawn", "dusk").replace("in,", "out,"),
                "seed": 7,
            },
            {"based_on": jobs[-1].id, "prompt": FOX, "seed": 11},
            {"prompt": f"Clouds pour over a ridge like a waterfall, time lapse, {MARKED} [sandbox:stall]"},
        )
        path = chromium()
        assert path is not None, "there is no Chromium here"
        async with async_playwright() as playwright:
            browser = await launched(playwright, path)
            await _chat(browser, environ, jobs[-2].id, Path(folder))
            async with server(environ) as client:
                await ask(client)
            for theme in ("light", "dark"):
                await _local(browser, environ, theme)
            await _film(browser, Path(folder) / "film")
            await browser.close()


async def _local(browser: Browser, environ: dict[str, str], theme: str) -> None:
    with board(environ) as running:
        async with page_of(browser, width=1280, height=860, color_scheme=theme) as page:
            await page.goto(running.address)
            await expect(page.locator(".card-image:visible")).to_have_count(6, timeout=30_000)
            await expect(page.locator(".strip img:visible")).to_have_count(3, timeout=30_000)
            _keep(f"board-{theme}.png", await page.screenshot())


async def _film(browser: Browser, folder: Path) -> None:
    environ = environment(folder)
    says = {"says": [{"text": "It was still burning."}]}
    storyboard = film_of(
        {"id": "harbour", "prompt": "Mira crosses the harbour at dusk, slow push in"},
        {"id": "lantern", "prompt": "She lifts the lantern out of the water", "continues": "last_frame"},
        {"id": "light", "prompt": "Close on the flame behind the cracked glass", **says},
        {"id": "tide", "prompt": "The tide comes in over the empty steps", "enter": {"kind": "dissolve"}},
        title="The lantern",
    )
    change = {"prompt": "Close on the flame, her face in the cracked glass"}
    await make_film(environ, storyboard, {"shots": {"light": change}})
    with board(environ) as running:
        async with page_of(browser, width=1280, height=1010) as page:
            await page.goto(running.address)
            await page.locator(".shot").nth(2).click()
            await expect(page.locator(".shot img:visible")).to_have_count(4, timeout=30_000)
            await expect(page.locator(".player-stage img:visible")).to_have_count(3, timeout=30_000)
            await expect(page.get_by_role("button", name="Make it anew · at most")).to_be_visible()
            await page.evaluate("document.activeElement.blur()")
            _keep("board-film.png", await page.screenshot())


async def _chat(browser: Browser, environ: dict[str, str], job_id: str, folder: Path) -> None:
    packages = installed_of(Path(__file__).with_name("package.json"), "board")
    with origins(packages, folder) as where:
        async with assistant(environ) as client, page_of(browser, width=760, height=516) as page:
            frame = await show(page, where, client, {"job_id": job_id})
            await expect(frame.locator(".strip img:visible")).to_have_count(3, timeout=30_000)
            _keep("board-chat.png", await page.screenshot())


def _keep(name: str, png: bytes) -> None:
    whole = Image.open(BytesIO(png)).convert("RGB")
    for picture in (whole, whole.quantize(255, kmeans=6, method=Image.Quantize.MAXCOVERAGE)):
        kept = BytesIO()
        picture.save(kept, "PNG", optimize=True)
        if kept.tell() <= MOST_BYTES:
            break
    assert kept.tell() <= MOST_BYTES, (name, kept.tell())
    (DOCS / name).write_bytes(kept.getvalue())
    print(name, picture.mode, kept.tell())


if __name__ == "__main__":
    anyio.run(main)
