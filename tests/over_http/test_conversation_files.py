"""A file that a person has attached to a conversation: its host hands over a signed address, and the server fetches it."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from mcp import Client

from seedance_mcp.app import Role, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import MediaError
from seedance_mcp.jobs.inputs.linked_files import FetchLimits, fetch
from seedance_mcp.server import create_server
from seedance_mcp.types import LinkedFile
from tests.emulator.proxy import ProxyServer, proxying
from tests.emulator.s3_objects import ObjectStorage, Trouble, running
from tests.emulator.scripted import Say, Scripted, saying, scripted
from tests.emulator.tls import Authority, authority, front
from tests.emulator.wire import Connection, Request, Response
from tests.server.asking import content, refusal
from tests.server.conftest import Era
from tests.sweep import sweep

from .local import PUBLIC, bearer, behind_a_proxy, called, client, post, serving, token
from .test_incoming import Stranger, picture
from .test_process import command

HOST = "files.example.com"
SECRET = "canary"


@dataclass(frozen=True, kw_only=True)
class Attachments:
    """Whoever has the files: `origin` in https, reached through a proxy that the `environment` names."""

    origin: str
    server: Scripted
    proxy: ProxyServer
    environment: Mapping[str, str]

    def file(self, url: str | None = None, **changes: Any) -> dict[str, Any]:
        """What is handed over of a file, with a name and a kind that mean harm."""
        return {
            "download_url": url or f"{self.origin}/{SECRET}-path/fox.png?sig={SECRET}-signature",
            "file_id": "file_1",
            "file_name": "../../../etc/passwd\u202e",
            "mime_type": "text/html; <script>",
            **changes,
        }


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls"), HOST)


@asynccontextmanager
async def attachments(certificates: Authority, say: Say) -> AsyncGenerator[Attachments]:
    """Serve attachments at a public name: the proxy leads every name to this machine."""
    with anyio.fail_after(60):
        async with scripted(say) as server, proxying(ProxyServer()) as proxy:
            inside = urlsplit(server.origin).port
            assert inside
            async with front(certificates, inside) as tls:
                given = {
                    "SEEDANCE_PROXY": f"http://127.0.0.1:{proxy.port}",
                    "SSL_CERT_FILE": str(certificates.file),
                }
                yield Attachments(
                    origin=f"https://{HOST}:{tls.port}", server=server, environment=given, proxy=proxy
                )


def png(data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """A file as its host sends it, under a wrong type."""
    return Response(
        body=picture() if data is None else data, content_type="text/plain", headers=dict(headers or {})
    )


def redirect(url: str) -> Response:
    """An answer that leads elsewhere."""
    return Response(status=302, headers={"Location": url})


def kept(output_dir: Path) -> list[Path]:
    """What lies among the uploads."""
    folder = output_dir / "uploads"
    return sorted(folder.iterdir()) if folder.exists() else []


async def test_an_attached_file_becomes_an_upload_and_its_address_stays_nowhere(
    environ: dict[str, str], certificates: Authority, output_dir: Path, tmp_path: Path, era: Era
) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with attachments(certificates, saying(png())) as host:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        async with serving(settings) as url, client(url, era) as assistant:
            tools = {tool.name: tool for tool in (await assistant.list_tools()).tools}
            assert (tools["upload_media"].meta or {})["openai/fileParams"] == ["file"]
            shape = tools["upload_media"].input_schema["properties"]["file"]
            assert shape["required"] == ["download_url", "file_id"]
            assert set(shape["properties"]) == {"download_url", "file_id", "mime_type", "file_name"}
            answer = await assistant.call_tool("upload_media", {"file": host.file()}, progress_callback=hear)
            told = content(answer)
            used = await assistant.call_tool(
                "estimate_cost", {"prompt": "A fox", "first_frame": told["media_id"]}
            )
            again = content(await assistant.call_tool("upload_media", {"source": told["media_id"]}))
        [asked] = host.server.requests
    assert (told["kind"], told["mime_type"], told["width"]) == ("image", "image/png", 640)
    assert told["usable_with"]
    assert not used.is_error, used
    assert again["media_id"] == told["media_id"], "what is an upload stays the one that it is"
    assert "MB of the file have come" in str(heard[-1][1])
    assert asked.method == "GET"
    assert "authorization" not in asked.headers
    [file] = kept(output_dir)
    assert (file.suffix, file.read_bytes()) == (".png", picture())
    assert SECRET not in str(answer)
    assert sweep(tmp_path, [SECRET.encode(), b"etc/passwd"]) == []


async def test_on_stdin_there_is_no_such_argument(environ: dict[str, str], tmp_path: Path) -> None:
    settings = load_settings(environ, settings_file=tmp_path / "no.toml")
    async with Client(create_server(settings)) as assistant:
        tools = {tool.name: tool for tool in (await assistant.list_tools()).tools}
        assert "file" not in tools["upload_media"].input_schema["properties"]
        assert tools["upload_media"].meta is None
        handed = {"download_url": "https://a.test/x.png", "file_id": "f"}
        error = refusal(await assistant.call_tool("upload_media", {"file": handed}))
    assert "There is no argument 'file'" in error["message"]


async def test_with_an_object_store_machines_that_never_saw_the_file_have_it(
    environ: dict[str, str], certificates: Authority, output_dir: Path, tmp_path: Path
) -> None:
    async with attachments(certificates, saying(png())) as host, running(ObjectStorage()) as storage:
        given = {**environ, **host.environment, **storage.environment()}
        settings = load_settings(given, settings_file=tmp_path / "no.toml")
        async with serving(settings) as url, client(url, "auto") as assistant:
            told = content(await assistant.call_tool("upload_media", {"file": host.file()}))
            wish = {"prompt": "A fox", "first_frame": told["media_id"]}
            content(await assistant.call_tool("estimate_cost", wish))
            assert storage.count("GET") == 0, "the file is here"
            [here] = kept(output_dir)
            here.unlink()
            content(await assistant.call_tool("estimate_cost", wish))
            assert storage.count("GET") == 1
            [(path, held)] = storage.objects.items()
            assert path.startswith("/team/videos/in/default/")
            assert (held.content_type, held.body) == ("image/png", picture())
            storage.objects.clear()
            storage.trouble.append(Trouble(kind="lost"))
            error = refusal(await assistant.call_tool("upload_media", {"file": host.file()}))
        assert "cannot be put into the object store now" in error["message"]
        assert error["retryable"]
        assert storage.objects == {}, "what arrived all the same is deleted"
        assert [file.name for file in kept(output_dir)] == [here.name]
    assert sweep(tmp_path, [SECRET.encode()]) == []


CUT = png(b"\x89PNG\r\n\x1a\n" + bytes(100), {"Content-Length": "5000"})
LARGE = png(headers={"Content-Length": "600000000"})
REFUSALS: list[tuple[Response, str, str, bool]] = [
    (Response(status=403), "does not open, or no longer (HTTP 403)", "Attach the file anew", False),
    (Response(status=404), "not there, or no longer (HTTP 404)", "Attach the file anew", False),
    (Response(status=429), "cannot give it now (HTTP 429)", "Try again", True),
    (Response(status=503), "cannot give it now (HTTP 503)", "Try again", True),
    (Response(status=206, body=b"x"), "not the file as it is", "Attach the file anew", False),
    (png(headers={"Content-Encoding": "gzip"}), "not the file as it is", "Attach the file anew", False),
    (png(b"<html>canary</html>"), "By its content the file is text", "Usable are PNG", False),
    (png(b""), "The file is empty.", "Attach another one.", False),
    (LARGE, "more than 536,870,912 bytes", "Make a smaller copy", False),
    (redirect("http://files.example.com/x.png"), "no https address", "Attach the file anew", False),
    (redirect("https://169.254.169.254/latest"), "no https address", "Attach the file anew", False),
    (redirect("https://[::ffff:10.0.0.1]/"), "no https address", "Attach the file anew", False),
    (redirect("https://localhost/x.png"), "no https address", "Attach the file anew", False),
    (redirect("https://[nonsense/"), "no https address", "Attach the file anew", False),
    (redirect("/canary-again"), "leads on more than 3 times", "Attach the file anew", False),
]
ADDRESSES = [
    "http://files.example.com/canary.png",
    "https://127.0.0.1/canary.png",
    "https://[::1]/canary.png",
    "https://2130706433/canary.png",
    "https://metadata.google.internal/canary",
    "https://user:canary@files.example.com/x.png",
    "https://files.example.com:99999/canary",
    "file:///etc/canary",
    "data:image/png;base64,canary",
    "media:canary",
    "/etc/canary",
    "https://",
    "https://files.example.com\\@10.0.0.1/canary",
]


async def test_what_cannot_be_fetched_says_what_to_do_and_leaves_nothing(
    environ: dict[str, str], certificates: Authority, output_dir: Path, tmp_path: Path
) -> None:
    answers: list[Response] = []

    async def say(connection: Connection, request: Request) -> bool:
        await connection.send(answers[-1])
        return answers[-1] not in (LARGE, CUT)

    async with attachments(certificates, say) as host:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        async with serving(settings) as url, client(url, "auto") as assistant:

            async def refused(file: dict[str, Any]) -> dict[str, Any]:
                error = refusal(await assistant.call_tool("upload_media", {"file": file}))
                assert kept(output_dir) == [], error
                for told in (SECRET, HOST, "uploads", str(tmp_path)):
                    assert told not in str(error), error
                return error

            for answer, words, hint, retryable in REFUSALS:
                answers.append(answer)
                error = await refused(host.file())
                assert words in error["message"], (answer, error)
                assert hint in error["hint"], (answer, error)
                assert error["retryable"] is retryable, (answer, error)
            answers.append(CUT)
            assert (await refused(host.file()))["retryable"]
            asked = len(host.server.requests)
            host.proxy.says = b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
            error = await refused(host.file())
            host.proxy.says = None
            assert "cannot be reached, or has no public address" in error["message"]
            for address in ADDRESSES:
                error = await refused(host.file(address))
                assert "no https address of a public host" in error["message"], address
            for file, words in (
                (host.file("https://a.example.com/\0"), "file.download_url"),
                ({"file_id": "file_1"}, "file.download_url is required."),
                ({**host.file(), "download_url": [SECRET]}, "file.download_url must be text."),
                (host.file(f"https://a.example.com/{'x' * 9_000}"), "at most 8192 characters"),
            ):
                assert words in (await refused(file))["message"]
            both = {"file": host.file(), "source": "https://a.example.com/x.png"}
            error = refusal(await assistant.call_tool("upload_media", both))
            assert "file comes without source" in error["message"]
            assert len(host.server.requests) == asked
            answers.append(png())
            content(await assistant.call_tool("upload_media", {"file": host.file()}))
    assert sweep(tmp_path, [SECRET.encode()]) == []


async def test_one_redirect_to_a_public_host_is_followed(
    environ: dict[str, str], certificates: Authority, tmp_path: Path
) -> None:
    async with attachments(certificates, saying(redirect(f"/{SECRET}"), png())) as host:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        async with serving(settings) as url, client(url, "auto") as assistant:
            told = content(await assistant.call_tool("upload_media", {"file": host.file()}))
    assert told["width"] == 640
    assert [request.path for request in host.server.requests][1:] == [f"/{SECRET}"]


async def test_a_call_that_is_given_up_leaves_nothing_behind(
    environ: dict[str, str], certificates: Authority, output_dir: Path, tmp_path: Path, era: Era
) -> None:
    begun, left = anyio.Event(), anyio.Event()

    async def say(connection: Connection, _: Request) -> bool:
        await connection.stream.send(png().head(5_000_000) + picture())
        begun.set()
        await connection.wait_until_left()
        left.set()
        return False

    async with attachments(certificates, say) as host:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        async with serving(settings) as url, anyio.create_task_group() as tasks:

            async def give_up() -> None:
                async with client(url, era) as assistant:
                    await assistant.call_tool("upload_media", {"file": host.file()})

            tasks.start_soon(give_up)
            await begun.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(10):
            await left.wait()
        assert kept(output_dir) == []
    assert sweep(tmp_path, [SECRET.encode()]) == []


async def test_a_file_of_unknown_size_and_a_slow_one_come_to_an_end(
    environ: dict[str, str], certificates: Authority, tmp_path: Path
) -> None:
    async def say(connection: Connection, request: Request) -> bool:
        if request.path == "/slow":
            await connection.stream.send(png().head(5_000_000))
            await connection.drip(bytes(5_000_000), 0.01)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        await connection.stream.send(head + b"%x\r\n%s\r\n" % (3_000_000, bytes(3_000_000)) + b"0\r\n\r\n")
        return False

    async def report(here: int, total: int | None) -> None:
        told.append((here, total))

    told: list[tuple[int, int | None]] = []
    path = tmp_path / "file"
    async with attachments(certificates, say) as host:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        for place, limits, words in (
            ("/large", FetchLimits(max_bytes=2_000_000), "more than 2,000,000 bytes"),
            ("/slow", FetchLimits(seconds=0.3), "did not arrive in time"),
        ):
            link = LinkedFile(url=f"{host.origin}{place}", report=report)
            assert HOST not in repr(link)
            with pytest.raises(MediaError, match=words):
                await fetch(link, path, settings.outbound, limits)
            assert not path.exists()
    assert told[0][0] <= 2_000_000
    assert told[0][1] is None


async def test_a_file_belongs_to_whoever_handed_it_over_and_may_spend(
    environ: dict[str, str], certificates: Authority, tmp_path: Path
) -> None:
    async with attachments(certificates, saying(png())) as host, httpx2.AsyncClient(timeout=60) as http:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        anns, beas = await token(settings, person="ann"), await token(settings, person="bea")
        looks = await token(settings, scopes=("read",))
        async with serving(settings, behind_a_proxy()) as url:
            ann, bea = Stranger(http, url, anns), Stranger(http, url, beas)
            told = await ann.upload(file=host.file())
            error = await bea.refused(source=told["media_id"])
            assert "There is no upload" in error["message"]
            asked = called("upload_media", {"file": host.file()})
            assert (await post(http, url, asked, {**PUBLIC, **bearer(looks)})).status_code == 403
        assert len(host.server.requests) == 1


async def test_where_workers_of_other_machines_buy_nothing_is_fetched_without_a_store(
    environ: dict[str, str], certificates: Authority, tmp_path: Path
) -> None:
    async def report(*_: object) -> None: ...

    async with attachments(certificates, saying(png())) as host:
        settings = load_settings({**environ, **host.environment}, settings_file=tmp_path / "no.toml")
        async with open_app(settings, watch=False, role=Role.REPLICA) as app:
            link = LinkedFile(url=host.file()["download_url"], report=report)
            with pytest.raises(MediaError, match="on another machine than the workers") as refused:
                await app.upload(link)
        assert "SEEDANCE_OBJECT_STORE" in refused.value.hint
        assert host.server.requests == []


async def test_the_log_of_a_server_that_tells_everything_does_not_tell_the_address(
    environ: dict[str, str], certificates: Authority, tmp_path: Path
) -> None:
    answers = (png(), Response(status=403), "hang up")
    async with attachments(certificates, saying(*answers)) as host:
        given = {**environ, **host.environment, "SEEDANCE_LOG_LEVEL": "debug"}
        async with command(given, stderr=subprocess.PIPE) as (process, url):
            async with client(url, "auto") as assistant:
                said = [
                    await assistant.call_tool("upload_media", {"file": host.file(address)})
                    for address in (None, None, None, f"https://{SECRET}.example.com\0/{SECRET}")
                ]
            process.terminate()
            assert process.stderr
            log = b"".join([piece async for piece in process.stderr]).decode()
    assert [answer.is_error for answer in said] == [False, True, True, True]
    assert "tools/call upload_media" in log
    for secret in (SECRET, HOST):
        assert secret not in log
        assert secret not in str(said)
    assert sweep(tmp_path, [SECRET.encode()]) == []
