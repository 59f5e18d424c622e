"""Who calls from another machine: known by a token, and without a word in the files of this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.films.document import FilmDocument, named_files
from seedance_mcp.server.http.places import Place
from seedance_mcp.server.http.serving import serve_http
from seedance_mcp.store import BoardFile

from .local import HERE, LIST, PUBLIC, bearer, behind_a_proxy, called, post, result_of, serving, token, why

SHOT = {"id": "one", "seconds": 4, "prompt": "A fox"}


def _naming(source: str) -> list[tuple[str, dict[str, Any]]]:
    """Every place in which a call can name a source."""
    film = {"title": "A film", "shots": [SHOT]}
    return [
        ("generate_video", {"prompt": "A fox", "first_frame": source}),
        ("generate_video", {"prompt": "A fox", "first_frame": "https://a.test/x.png", "last_frame": source}),
        ("generate_video", {"prompt": "A fox", "reference_images": [source]}),
        ("generate_video", {"prompt": "A fox", "reference_videos": ["https://a.test/x.mp4", source]}),
        ("generate_video", {"prompt": "A fox", "reference_audios": [source]}),
        ("estimate_cost", {"prompt": "A fox", "first_frame": source}),
        ("upload_media", {"source": source}),
        ("view_video", {"source": source}),
        ("view_video", {"source": "job_x", "compare": [source]}),
        ("plan_film", {"storyboard": {**film, "cast": {"file": {"looks": "red", "images": [source]}}}}),
        ("plan_film", {"storyboard": {**film, "cast": {"fox": {"looks": "red", "voice": source}}}}),
        ("plan_film", {"storyboard": {**film, "shots": [{**SHOT, "first_frame": source}]}}),
        ("plan_film", {"film_id": "flm_x", "storyboard": {"shots": {"images": {"last_frame": source}}}}),
        ("plan_film", {"storyboard": {**film, "music": {"file": source}}}),
    ]


async def test_no_call_from_another_machine_names_a_path_of_this_one(
    settings: Settings, tmp_path: Path
) -> None:
    picture = tmp_path / "media" / "fox.png"
    picture.parent.mkdir()
    Image.new("RGB", (640, 360), "orange").save(picture)
    text = await token(settings)
    paths = [
        str(picture),
        picture.as_uri(),
        f'"{picture}"',
        f"FILE://{picture}",
        f"file:{picture}",
        "fox.png",
        "~/fox.png",
    ]
    async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient(timeout=30) as http:
        for number, path in enumerate(paths):
            for tool, arguments in _naming(path) if not number else [("upload_media", {"source": path})]:
                result = result_of(await post(http, url, called(tool, arguments), {**PUBLIC, **bearer(text)}))
                assert result["isError"], (tool, arguments)
                error = result["_meta"]["seedance/error"]
                assert "is a path, and you call from another machine" in error["message"], (tool, arguments)
                assert "https URL" in error["hint"]
        listed = result_of(await post(http, url, called("check_status"), {**PUBLIC, **bearer(text)}))
    assert listed["structuredContent"]["jobs"] == []


async def test_what_only_begins_like_an_id_is_a_path_from_elsewhere(settings: Settings) -> None:
    text = await token(settings)
    asked = called("view_video", {"source": "job:fox.mp4"})
    async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient(timeout=30) as http:
        result = result_of(await post(http, url, asked, {**PUBLIC, **bearer(text)}))
    assert "is a path, and you call from another machine" in result["_meta"]["seedance/error"]["message"]


async def test_who_calls_from_this_machine_names_paths_as_on_stdio(
    settings: Settings, tmp_path: Path
) -> None:
    missing = str(tmp_path / "media" / "fox.png")
    text = await token(settings)
    async with serving(settings) as url, httpx2.AsyncClient(timeout=30) as http:
        result = result_of(await post(http, url, called("upload_media", {"source": missing}), bearer(text)))
    error = result["_meta"]["seedance/error"]
    assert error["code"] == "media"
    assert missing in error["message"]


async def test_other_machines_are_told_where_paths_are_and_not_of_the_board(settings: Settings) -> None:
    text = await token(settings)
    board = BoardFile(settings.state_dir)
    assert board.claim()
    running = board.write(1)
    try:
        async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient() as http:
            told = [
                result_of(await post(http, url, called("check_status"), {**PUBLIC, **bearer(text)}))
                for _ in "12"
            ]
        async with serving(settings) as url, httpx2.AsyncClient() as http:
            here = result_of(await post(http, url, called("check_status"), bearer(text)))
    finally:
        board.release()
    assert "those of the machine of the server" in str(told[0])
    assert "those of the machine of the server" not in str(told[1]), "told once"
    assert running.url not in str(told)
    assert running.url in str(here)


@pytest.mark.parametrize(
    ("host", "public", "words"),
    [
        ("127.0.0.1", ["videos.test"], "there is no token"),
        ("192.0.2.1", [], "there is no token"),
        ("0.0.0.0", ["videos.test:8443"], "there is no token"),
        ("::", [], "under which name others come is not known"),
        ("0.0.0.0", [], "under which name others come is not known"),
        ("videos.test", [], "no address of a machine"),
        ("127.0.0.1", ["https://videos.test"], "no name of a host"),
    ],
)
async def test_more_than_this_machine_is_served_only_with_tokens(
    settings: Settings, host: str, public: list[str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        await serve_http(settings, Place.named(host, 0, public), tell=lambda _: None)


async def test_a_public_name_is_the_only_other_one_and_needs_a_token(settings: Settings) -> None:
    text = await token(settings)
    async with serving(settings, behind_a_proxy()) as url, httpx2.AsyncClient() as http:
        assert (await post(http, url, LIST, PUBLIC)).status_code == 401
        assert (await post(http, url, LIST, {**PUBLIC, **bearer(text)})).status_code == 200
        other = await post(http, url, LIST, {"Host": "other.test", **bearer(text)})
        assert (other.status_code, "--public-host NAME" in why(other)) == (421, True)
        page = {**PUBLIC, **bearer(text), "Origin": "https://videos.test"}
        assert (await post(http, url, LIST, page)).status_code == 200


def test_every_field_of_a_film_that_names_a_file_is_known() -> None:
    """A field with a file that a later version adds is checked as well: its kind says what it is."""
    schema = str(FilmDocument.model_json_schema())
    assert schema.count("'maxLength': 4096") == 5
    assert not HERE.public
    assert list(named_files([{"images": ["a", {"voice": "b"}]}, {"says": {"first_frame": "c"}}])) == [
        "a",
        "b",
        "c",
    ]
