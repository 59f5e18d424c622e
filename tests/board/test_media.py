"""Videos and pictures on the local page and in the frame of a chat: only what was saved, in any part."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.types import BlobResourceContents
from PIL import Image

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.films import Film
from seedance_mcp.server import create_server
from seedance_mcp.types import Job, PurchaseTerms, VideoRequest
from tests.server.asking import SMALL

from .conftest import Era
from .local import Page, opened


@asynccontextmanager
async def _with_a_video(settings: Settings) -> AsyncGenerator[tuple[Page, Job, Path]]:
    """The board, a finished job, and its file."""
    async with open_app(settings) as app:
        started = await app.generate(VideoRequest.model_validate({**SMALL, "provider": "sandbox"}))
        job = await app.wait(started.job.id, 60)
    assert job.artifacts
    async with opened(settings) as page:
        yield page, job, Path(job.artifacts.video_path)


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """Settings under which placeholders are free."""
    from seedance_mcp.config import load_settings

    return load_settings(environ, settings_file=tmp_path / "no.toml")


async def _card(page: Page) -> dict[str, str]:
    [card] = (await page.board())["jobs"]
    return card


async def test_any_part_of_a_video_is_played_by_its_address_alone(settings: Settings) -> None:
    async with _with_a_video(settings) as (page, job, file):
        whole, address = file.read_bytes(), (await _card(page))["media"]
        assert job.artifacts
        del page.client.headers["Authorization"]  # an element that plays sends none
        size = len(whole)

        async def part(words: str, **more: str) -> httpx2.Response:
            headers = [
                (name.encode(), value.encode("latin-1")) for name, value in {"Range": words, **more}.items()
            ]
            return await page.client.get(address, headers=headers)

        answer = await page.client.get(address)
        assert (answer.status_code, answer.content) == (200, whole)
        assert (answer.headers["content-type"], answer.headers["accept-ranges"]) == ("video/mp4", "bytes")
        etag = answer.headers["etag"]
        for words, start, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=10-99", 10, 100),
            ("bytes=1000-", 1000, size),
            ("bytes=-10", size - 10, size),
            (f"bytes=5-{size + 50}", 5, size),
        ):
            answer = await part(words)
            assert (answer.status_code, answer.content) == (206, whole[start:end]), words
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        for words in (f"bytes={size}-", "bytes=-0"):
            answer = await part(words)
            assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}"), words
        for words in ("bytes=5-1", "bytes=-", "lines=0-1", "bytes=0-1,5-6", "bytes=x-", "bytes=\xb2-"):
            assert (await part(words)).content == whole, words
        assert (await part("bytes=0-1", **{"If-Range": etag})).content == whole[:2]
        assert (await part("bytes=0-1", **{"If-Range": '"other"'})).content == whole
        head = await page.client.head(address, headers={"Range": "bytes=0-9"})
        assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "10")


async def test_the_address_of_a_video_is_of_this_job_and_this_board(settings: Settings) -> None:
    async with _with_a_video(settings) as (page, job, _):
        address = (await _card(page))["media"]
        mark = address.split("/")[2]
        assert re.fullmatch(r"/media/[0-9a-f]{40}/job_[\w-]+\.mp4", address)
        assert (await page.client.get(address)).status_code == 200
        for other in (
            f"/media/{mark}/job_other.mp4",
            f"/media/{mark[:-1]}0/{job.id}.mp4",
            f"/media//{job.id}.mp4",
        ):
            if other != address:
                assert (await page.client.get(other)).status_code == 404
    async with opened(settings) as page:
        assert (await _card(page))["media"] != address
        assert (await page.client.get(address)).status_code == 404


@pytest.mark.skipif(os.name == "nt", reason="there, making a link takes a right of its own")
async def test_what_was_put_in_the_place_of_a_video_is_not_shown(settings: Settings, tmp_path: Path) -> None:
    private = tmp_path / "private.mp4"
    async with _with_a_video(settings) as (page, job, file), open_app(settings, watch=False) as app:
        card, saved = await _card(page), file.read_bytes()
        paths = (card["media"], f"/api/jobs/{job.id}/poster", f"/api/jobs/{job.id}/sheet")
        for path in paths:
            assert (await page.client.get(path)).status_code == 200
        assert await app.videos.read(job, 0, 8) == saved[:8]

        async def hidden() -> None:
            for path in paths:
                answer = await page.client.get(path)
                assert (answer.status_code, b"secret" in answer.content) == (404, False)
            opening = await page.post(f"/api/jobs/{job.id}/open-folder", {})
            assert opening.status_code == 404

        before = file.stat()
        with file.open("r+b") as changed:  # the same file of the same size
            changed.write(b"secret")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        await hidden()
        private.write_bytes(b"secret" + saved[6:])
        file.unlink()
        await hidden()
        file.symlink_to(private)
        await hidden()
        file.unlink()
        file.hardlink_to(private)
        await hidden()
        file.unlink()
        file.symlink_to(settings.state_dir / "jobs.db")
        await hidden()
        file.unlink()
        file.write_bytes(saved)
        assert (await page.client.get(card["media"])).content == saved


async def test_pictures_are_small_and_drawn_once(settings: Settings) -> None:
    async with _with_a_video(settings) as (page, job, _):
        poster, again = [(await page.client.get(f"/api/jobs/{job.id}/poster")) for _ in range(2)]
        assert poster.headers["content-type"] == "image/jpeg"
        assert poster.content == again.content
        assert len(poster.content) <= 8_000
        picture = Image.open(io.BytesIO(poster.content))
        assert (picture.format, max(picture.size)) == ("JPEG", 480)
        assert job.artifacts
        assert job.artifacts.width
        assert job.artifacts.height
        assert picture.width / picture.height == pytest.approx(
            job.artifacts.width / job.artifacts.height, rel=0.01
        )
        sheet = await page.client.get(f"/api/jobs/{job.id}/sheet")
        assert 8_000 < len(sheet.content) <= 60_000


async def test_a_page_in_a_chat_fetches_a_video_in_parts(settings: Settings, era: Era) -> None:
    async with _with_a_video(settings) as (_, job, file), Client(create_server(settings), mode=era) as client:

        async def read(path: str) -> bytes:
            [found] = (await client.read_resource(f"seedance://jobs/{job.id}/{path}")).contents
            assert isinstance(found, BlobResourceContents)
            return base64.b64decode(found.blob)

        whole = file.read_bytes()
        [board] = (await client.read_resource("seedance://board")).contents
        card = json.loads(board.model_dump()["text"])["jobs"][0]
        assert (card["bytes"], card["video_path"], card["media"]) == (len(whole), None, None)
        assert str(file.parent) not in board.model_dump()["text"]
        parts = -(-len(whole) // (384 * 1024))
        assert b"".join([await read(f"video/{number}") for number in range(parts)]) == whole
        assert (await read("poster"))[:2] == b"\xff\xd8"
        for path in (f"video/{parts}", "video/-1", "video/x", "video/0/0", "video/%00"):
            with pytest.raises(MCPError):
                await read(path)


async def test_the_folder_of_a_video_is_opened_by_the_system(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "nt":
        pytest.skip("explorer would open a window")
    told = tmp_path / "told"
    for name in ("xdg-open", "open"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$#" "$1" "${{ARK_API_KEY-none}}" > "{told}"\n', encoding="utf-8"
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("ARK_API_KEY", "a key that stays here")
    async with _with_a_video(settings) as (page, job, file):
        assert (await page.post(f"/api/jobs/{job.id}/open-folder", {})).json() == {"ok": True}
        assert told.read_text(encoding="utf-8").splitlines() == ["1", str(file.parent), "none"]
        assert (await page.post("/api/jobs/job_other/open-folder", {})).status_code == 404


@asynccontextmanager
async def _with_a_film(settings: Settings) -> AsyncGenerator[tuple[Page, Film]]:
    """The board, and a joined film of one shot in which something is said."""
    shot = {"id": "a", "seconds": 2, "prompt": "a boat", "says": [{"text": "Go <b>"}]}
    storyboard = {
        "title": "The boat",
        "model": "seedance-1.0-pro-fast",
        "resolution": "480p",
        "shots": [shot],
    }
    async with open_app(settings) as app:
        film_id = (await app.films.take(storyboard, None)).id
        plan = await app.films.plan(film_id, "animatic")
        await app.films.make(film_id, plan.token, PurchaseTerms())
        film = await app.films.wait(film_id, 60)
    assert film.film_path, film.problems
    async with opened(settings) as page:
        yield page, film


async def test_a_joined_film_is_played_in_parts_with_its_captions_and_as_the_file_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    async with _with_a_film(settings) as (page, film):
        joined = (await page.client.get("/api/films")).json()["film"]["joined"]
        assert [(one["start"], one["title"]) for one in joined["chapters"]] == [(0.0, "a")]
        assert film.film_path
        file = Path(film.film_path)
        whole = file.read_bytes()
        del page.client.headers["Authorization"]  # the elements that load them send none
        answer = await page.client.get(joined["media"])
        assert (answer.content, answer.headers["content-type"]) == (whole, "video/mp4")
        part = await page.client.get(joined["media"], headers={"Range": "bytes=-10"})
        assert (part.status_code, part.content) == (206, whole[-10:])
        captions = await page.client.get(joined["captions"])
        assert captions.headers["content-type"] == "text/vtt; charset=utf-8"
        assert captions.text.startswith("WEBVTT")
        assert "Go &lt;b&gt;" in captions.text
        job = film.shots[0].job
        assert job is not None
        for path in (
            joined["media"].replace(film.id, job.id),
            joined["media"].replace(film.id, "flm_aaaaaaaaaaaa"),
            joined["media"].replace(".mp4", ".json"),
            joined["media"].replace("/media/", "/media/0"),
        ):
            assert (await page.client.get(path)).status_code == 404, path
        if os.name == "posix":
            secret = tmp_path / "secret"
            secret.write_text("private")
            file.unlink()
            file.symlink_to(secret)
            assert (await page.client.get(joined["media"])).status_code == 404
        file.unlink()
        assert (await page.client.get(joined["media"])).status_code == 404
