"""Who reaches the local board: its own page in a browser on this machine, with a code that worked once, and nobody else."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import pytest
from anyio.abc import SocketAttribute, SocketStream

from seedance_mcp.config import Settings
from seedance_mcp.server.board import requests as board_requests
from seedance_mcp.server.board.another import ask_for_code
from seedance_mcp.store import RunningBoard

from .local import Page, code_in, opened

BEHIND_THE_TOKEN = (
    ("GET", "/api/board"),
    ("GET", "/api/events"),
    ("POST", "/api/tools/check_status"),
    ("GET", "/api/jobs/job_x/poster"),
    ("GET", "/api/jobs/job_x/sheet"),
    ("POST", "/api/jobs/job_x/open-folder"),
    ("POST", "/api/answer"),
    ("POST", "/api/buy"),
    ("GET", "/api/films"),
    *(("POST", f"/api/films/flm_aaaaaaaaaaaa/{what}") for what in ("plan", "make", "choose", "cancel")),
)


async def test_a_name_that_leads_to_this_machine_is_not_its_address(settings: Settings) -> None:
    async with opened(settings) as page:
        port = page.host.partition(":")[2]
        names = (
            "localhost",
            "evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.2",
            "0.0.0.0",
            "[::1]",
            "127.1",
        )
        for host in (
            *(f"{name}:{port}" for name in names),
            "127.0.0.1",
            f"127.0.0.1:{port}.",
            "127.0.0.1:1",
            "",
        ):
            for path in ("/", "/api/board"):
                answer = await page.client.get(path, headers={"Host": host})
                assert (answer.status_code, host) == (421, host)
        lines = f"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: {page.host}\r\nConnection: close\r\n\r\n"
        assert (await _raw(page, lines.encode())).split()[1] in (b"400", b"421")


async def test_pages_of_others_are_refused_even_with_the_token(settings: Settings) -> None:
    async with opened(settings) as page:
        other_port = "http://127.0.0.1:1"
        foreign = [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": other_port, "Sec-Fetch-Site": "same-site"},
            {"Origin": f"https://{page.host}"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        ]
        for headers in foreign:
            for method, path in (*BEHIND_THE_TOKEN, ("POST", "/session"), ("POST", "/code"), ("GET", "/")):
                answer = await page.client.request(
                    method, path, headers=headers, json={} if method == "POST" else None
                )
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign"), (
                    headers,
                    path,
                )
        own = {"Origin": f"http://{page.host}", "Sec-Fetch-Site": "same-origin"}
        assert (await page.client.get("/api/board", headers=own)).status_code == 200


async def test_a_link_in_a_chat_leads_to_the_page_and_to_nothing_else(settings: Settings) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with opened(settings) as page:
        assert (await page.client.get("/", headers=link)).status_code == 200
        assert (await page.client.get("/api/board", headers=link)).status_code == 403


async def test_nothing_is_answered_without_the_token_of_a_session(settings: Settings) -> None:
    async with opened(settings, signed_in=False) as page:
        for words in ("", "Bearer", "Bearer x", "Basic eDp4", f"Bearer {'x' * 43}", "Bearer é"):
            for method, path in BEHIND_THE_TOKEN:
                headers = [(b"Authorization", words.encode())] if words else []
                answer = await page.client.request(
                    method, path, headers=headers, json={} if method == "POST" else None
                )
                assert (answer.status_code, path) == (401, path)
                assert "seedance-mcp board" in answer.json()["error"]["hint"]


async def test_a_code_opens_one_session_and_used_twice_none(settings: Settings) -> None:
    async with opened(settings, signed_in=False) as page:
        await page.sign_in()
        assert (await page.client.get("/api/board")).status_code == 200
        again = await page.post("/session", {"code": code_in(page.address.to_open)})
        assert again.status_code == 401
        assert (await page.client.get("/api/board")).status_code == 401
        for code in ("", "x", "é" * 50, code_in(page.address.to_open)):
            assert (await page.post("/session", {"code": code})).status_code == 401
        await page.sign_in(page.address.to_show)
        assert (await page.client.get("/api/board")).status_code == 200


async def test_only_who_can_read_the_state_folder_is_given_a_code(settings: Settings) -> None:
    async with opened(settings, signed_in=False) as page:
        for proof in ("", "x", "0" * 64, "é"):
            answer = await page.post("/code", {"nonce": "n" * 32, "proof": proof})
            assert (answer.status_code, "code" in answer.json()) == (401, False)


async def test_a_program_that_took_the_port_over_is_not_believed(settings: Settings) -> None:
    """Nor is it told the secret."""
    heard = b""

    async def answer(stream: SocketStream) -> None:
        nonlocal heard
        async with stream:
            heard += await stream.receive()
            body = b'{"code": "a code of theirs", "proof": "%s"}' % (b"0" * 64)
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, answer)
        board = RunningBoard(port=listener.extra(SocketAttribute.local_port), secret="a secret of ours")
        assert await anyio.to_thread.run_sync(ask_for_code, board) is None
        tasks.cancel_scope.cancel()
    assert b"POST /code" in heard
    assert board.secret.encode() not in heard


async def test_every_answer_closes_what_a_page_could_open(settings: Settings) -> None:
    async with opened(settings) as page:
        for path in ("/", "/api/board", "/nothing", "/media/x/job_x.mp4"):
            headers = (await page.client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'sha256-" in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert (
                headers["cross-origin-resource-policy"]
                == headers["cross-origin-opener-policy"]
                == "same-origin"
            )
            assert not {"server", "set-cookie", "access-control-allow-origin"} & set(headers)


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/jobs/..%2f..%2fetc%2fpasswd/poster",
        "/api/jobs/%2e%2e/sheet",
        "/api/jobs/job_%00/poster",
        "/api/jobs/job_x%2f..%2f../poster",
        "/api/jobs/job_x/..%2fposter",
        "/media/x/..%2f..%2fjobs.db",
        "/media/%00/job_x.mp4",
        "/page/board.html",
        "//etc/passwd",
        "/api/tools/..%2f..%2fcheck_status",
    ],
)
async def test_a_path_leads_to_no_file(settings: Settings, path: str) -> None:
    async with opened(settings) as page:
        token = page.client.headers["Authorization"]
        lines = (
            f"GET {path} HTTP/1.1\r\nHost: {page.host}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        )
        answer = await _raw(page, lines.encode())
        assert answer.split()[1] in (b"404", b"405", b"400")
        assert b"root:" not in answer


async def test_a_body_is_short_json_or_nothing(settings: Settings) -> None:
    async def in_blocks() -> object:
        for _ in range(100):
            yield b"x" * 1000

    async with opened(settings) as page:
        length = {"Content-Type": "application/json", "Content-Length": "70000"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in length.items())
        head = f"POST /session HTTP/1.1\r\nHost: {page.host}\r\n{lines}Connection: close\r\n\r\n"
        assert (await _raw(page, head.encode())).split()[1] == b"413"  # before any of it has come
        json = {"Content-Type": "application/json"}
        answer = await page.client.post("/session", content=in_blocks(), headers=json)  # pyright: ignore[reportArgumentType]
        assert answer.status_code == 413
        for content in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"code": 1}',
            b'{"code": "x", "more": 1}',
            b"\xff",
            b"[" * 60_000,
        ):
            assert (await page.client.post("/session", content=content, headers=json)).status_code == 400
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
        ):
            answer = await page.client.post(
                "/session", content=b'{"code": "x"}', headers={"Content-Type": kind}
            )
            assert answer.status_code == 415


async def test_a_body_that_does_not_come_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_requests, "_BODY_SECONDS", 0.1)
    async with opened(settings) as page:
        head = (
            f"POST /session HTTP/1.1\r\nHost: {page.host}\r\nContent-Type: application/json\r\n"
            "Content-Length: 20\r\nConnection: close\r\n\r\n{"
        )
        assert (await _raw(page, head.encode())).split()[1] == b"408"


async def test_only_so_many_pages_are_kept_up_to_date(settings: Settings) -> None:
    async with opened(settings) as page, anyio.create_task_group() as tasks:
        statuses: list[int] = []

        async def listen(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            async with page.client.stream("GET", "/api/events") as events:
                statuses.append(events.status_code)
                task_status.started()
                await anyio.sleep_forever()

        for _ in range(20):
            await tasks.start(listen)
        assert (await page.client.get("/api/events")).status_code == 429
        assert statuses == [200] * 20
        tasks.cancel_scope.cancel()


async def _raw(page: Page, content: bytes) -> bytes:
    """Send these bytes, and return what comes until the server closes."""
    address = urlsplit(page.address.to_show)
    async with await anyio.connect_tcp("127.0.0.1", address.port or 0) as stream:
        await stream.send(content)
        received = b""
        with anyio.fail_after(20):
            try:
                while True:
                    received += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return received


def test_the_board_listens_on_this_machine_alone(settings: Settings) -> None:
    async def other_address() -> None:
        async with opened(settings) as page:
            port = int(page.host.partition(":")[2])
            with socket.socket() as outside:  # could not be bound if the board had taken all addresses
                outside.bind(("127.0.0.2", port))

    anyio.run(other_address)
