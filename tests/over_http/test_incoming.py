"""A file of another machine: announced, put into the object store at an address for it alone, looked at when it is used."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from PIL import Image

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from tests.emulator.s3_objects import ObjectStorage, running
from tests.server.asking import content, refusal
from tests.sweep import sweep

from .local import PUBLIC, bearer, behind_a_proxy, called, post, result_of, serving, token


def picture() -> bytes:
    """A picture that every model takes."""
    file = io.BytesIO()
    Image.new("RGB", (640, 360), "orange").save(file, "PNG")
    return file.getvalue()


def announced(data: bytes, **changes: Any) -> dict[str, Any]:
    """What is said of a file before it is put."""
    return {
        "mime_type": "image/png",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        **changes,
    }


class Stranger:
    """Who calls from another machine."""

    def __init__(self, http: httpx2.AsyncClient, url: str, text: str) -> None:
        self._http, self._url, self._headers = http, url, {**PUBLIC, **bearer(text)}

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; what it answers."""
        answer = await post(self._http, self._url, called(tool, arguments), self._headers)
        return result_of(answer)

    async def upload(self, **arguments: Any) -> dict[str, Any]:
        """Call `upload_media`, which goes well."""
        result = await self.call("upload_media", **arguments)
        assert not result.get("isError"), result
        return result["structuredContent"]

    async def refused(self, tool: str = "upload_media", **arguments: Any) -> dict[str, Any]:
        """Call a tool, which refuses; why."""
        result = await self.call(tool, **arguments)
        assert result["isError"], result
        return result["_meta"]["seedance/error"]

    async def put(self, told: dict[str, Any], data: bytes) -> int:
        """Put a file where the answer says, with the headers that it says; the status."""
        answer = await self._http.put(told["put"]["url"], headers=told["put"]["headers"], content=data)
        return answer.status_code


async def test_a_file_is_put_at_its_address_and_used_like_a_local_one(
    environ: dict[str, str], tmp_path: Path, output_dir: Path
) -> None:
    data = picture()
    with anyio.fail_after(60):
        async with running(ObjectStorage()) as storage, httpx2.AsyncClient(timeout=60) as http:
            settings = load_settings({**environ, **storage.environment()}, settings_file=tmp_path / "no.toml")
            text = await token(settings)
            async with serving(settings, behind_a_proxy()) as url:
                stranger = Stranger(http, url, text)
                told = await stranger.upload(**announced(data))
                media_id = told["media_id"]
                assert (told["kind"], told["width"], told["usable_with"]) == ("image", None, [])
                assert f"Then pass {media_id}" in told["next_step"]
                early = await stranger.refused(source=media_id)
                assert early["message"] == "The file was not put at the address that was signed for it."
                assert await stranger.put(told, b"x" * len(data)) == 400, "another file"
                assert storage.objects == {}
                assert await stranger.put(told, data) == 200
                estimate = await stranger.call("estimate_cost", prompt="A fox", first_frame=media_id)
                assert not estimate.get("isError"), estimate
                seen = await stranger.upload(source=media_id)
                assert (seen["width"], seen["height"], seen["sha256"]) == (
                    640,
                    360,
                    announced(data)["sha256"],
                )
                assert seen["usable_with"]
                assert storage.count("GET") == 2, "in vain, and once"
                (kept,) = (output_dir / "uploads").iterdir()
                assert kept.read_bytes() == data
                assert kept.suffix == ".png"
            (path,) = storage.objects
            assert path.startswith("/team/videos/in/default/")
            assert sweep(tmp_path, [b"X-Amz-Signature"]) == [], "no address is kept"


async def test_who_knows_what_another_one_put_does_not_have_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    data = picture()
    with anyio.fail_after(60):
        async with running(ObjectStorage()) as storage, httpx2.AsyncClient(timeout=60) as http:
            settings = load_settings({**environ, **storage.environment()}, settings_file=tmp_path / "no.toml")
            anns, beas = (
                await token(settings, "ann", person="ann"),
                await token(settings, "bea", person="bea"),
            )
            async with serving(settings, behind_a_proxy()) as url:
                ann, bea = Stranger(http, url, anns), Stranger(http, url, beas)
                told, before = await ann.upload(**announced(data)), await bea.upload(**announced(data))
                assert await ann.put(told, data) == 200
                assert (await ann.upload(source=told["media_id"]))["width"] == 640
                after = await bea.upload(**announced(data))
                for media_id in (before["media_id"], after["media_id"]):
                    refused = await bea.refused(source=media_id)
                    assert refused["message"] == "The file was not put at the address that was signed for it."


async def test_what_arrives_is_checked_as_every_local_file_is(
    environ: dict[str, str], tmp_path: Path, output_dir: Path
) -> None:
    page, data = b"<html>no picture</html>", picture()
    local = tmp_path / "media" / "page.png"
    local.parent.mkdir()
    local.write_bytes(page)
    with anyio.fail_after(60):
        async with running(ObjectStorage()) as storage, httpx2.AsyncClient(timeout=60) as http:
            settings = load_settings({**environ, **storage.environment()}, settings_file=tmp_path / "no.toml")
            text = await token(settings)
            async with Client(create_server(settings)) as client:
                here = refusal(await client.call_tool("upload_media", {"source": str(local)}))
            async with serving(settings, behind_a_proxy()) as url:
                stranger = Stranger(http, url, text)
                told = await stranger.upload(**announced(page))
                assert await stranger.put(told, page) == 200
                error = await stranger.refused(source=told["media_id"])
                assert (error["code"], error["hint"]) == (here["code"], here["hint"])
                assert (
                    error["message"].replace(str(next((output_dir / "uploads").iterdir())), str(local))
                    == (here["message"])
                )
                storage.spoil = lambda body: body + b"more"
                told = await stranger.upload(**announced(data))
                assert await stranger.put(told, data) == 200
                error = await stranger.refused(source=told["media_id"])
                assert error["message"] == "What was put there is another file than was announced."
                bought = await stranger.refused(
                    "generate_video", prompt="A fox", first_frame=told["media_id"]
                )
                assert "another file than was announced" in bought["message"]
            assert len(list((output_dir / "uploads").iterdir())) == 1, "nothing of the other one is left"


async def test_what_cannot_be_taken_is_refused_before_an_address_is_signed(
    environ: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    data = picture()
    text = await token(settings)
    with anyio.fail_after(60):
        async with running(ObjectStorage()) as storage, httpx2.AsyncClient(timeout=60) as http:
            stored = load_settings({**environ, **storage.environment()}, settings_file=tmp_path / "no.toml")
            async with serving(stored, behind_a_proxy()) as url:
                stranger = Stranger(http, url, text)
                for arguments, words in (
                    (announced(data, mime_type="text/html"), "mime_type must be one of image/png"),
                    (announced(data, bytes=600_000_000), "bytes must be at most 536,870,912"),
                    (announced(data, bytes=0), "bytes must be"),
                    (announced(data, sha256="AB"), "sha256 must have 64 hex digits."),
                    (
                        {"sha256": announced(data)["sha256"]},
                        "source is required, or mime_type, bytes and sha256",
                    ),
                    ({}, "source is required, or"),
                    ({**announced(data), "source": "https://a.test/x.png"}, "over HTTP, without source"),
                    ({"source": "x.png"}, "is a path, and you call from another machine"),
                ):
                    error = await stranger.refused(**arguments)
                    assert words in error["message"], arguments
                assert "upload_media without source" in error["hint"]
            assert storage.calls == []
            async with serving(settings, behind_a_proxy()) as url:
                error = await Stranger(http, url, text).refused(**announced(data))
                assert "has no object store" in error["message"]
                assert "https URL" in error["hint"]
        async with Client(create_server(stored)) as client:
            error = refusal(await client.call_tool("upload_media", announced(data)))
            assert "over HTTP, without source" in error["message"]
            error = refusal(await client.call_tool("upload_media", {}))
            assert error["message"] == "No file was named: the path is empty."
            assert content(await client.call_tool("check_status", {}))["jobs"] == []
