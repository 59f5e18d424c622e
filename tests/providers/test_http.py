"""The HTTP of the adapters: free calls are repeated, purchases never, and the key goes nowhere else."""

from __future__ import annotations

import gzip
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from seedance_mcp.catalog import Catalog, ProviderInfo
from seedance_mcp.errors import (
    AccessDenied,
    AuthenticationError,
    ConfigError,
    InsufficientFunds,
    MediaError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
    SubmissionNotSent,
    SubmissionUnknown,
    TaskNotFound,
    UnexpectedResponse,
)
from seedance_mcp.providers import Access
from seedance_mcp.providers.http.api import Api, Deadlines, Problem, Reading, Reply, TaskId, Timing
from seedance_mcp.types import MediaFile
from tests.emulator.scripted import saying, scripted
from tests.emulator.wire import Connection, Request, Response

KEY = "sk-canary-7f3a9"
PAGE = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"
GOOD = Response.of({"id": "t-1"})
OPEN: list[Api] = []


@pytest.fixture(autouse=True)
async def no_connection_stays_open() -> AsyncIterator[None]:
    yield
    while OPEN:
        await OPEN.pop().close()


class Thing(Reply):
    id: TaskId


@dataclass
class Buyer:
    """A purchase that remembers what it was told."""

    tag: str = "tag-1"
    sent: int = 0
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    before: Callable[[], Any] | None = None

    async def sending(self) -> None:
        self.sent += 1
        if self.before:
            await self.before()

    def answered(self, status: int, body: bytes) -> None:
        self.answers.append((status, body))


def info() -> ProviderInfo:
    return Catalog.load().provider("ark")


def problem(status: int, body: Any) -> Problem | None:
    if not isinstance(body, dict) or "error" not in body:
        return None
    return Problem(message=body["error"], code=body.get("code"), refused=body.get("refused", False))


def api(base_url: str, *, key: str = KEY, pauses: list[float] | None = None, **deadlines: float) -> Api:
    """An API at `base_url` whose pauses take no time but are written down."""
    slept = pauses if pauses is not None else []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    timing = Timing(clock=lambda: sum(slept), now=lambda: 1_000_000.0, sleep=sleep, random=lambda: 0.5)
    access = Access(key=SecretStr(key), base_url=base_url, folder=Path())
    built = Api(info(), access, problem, deadlines=Deadlines(**deadlines), timing=timing)
    OPEN.append(built)
    return built


async def test_a_free_call_is_repeated_with_growing_pauses_until_it_answers() -> None:
    pauses: list[float] = []
    async with scripted(
        saying(Response(status=503), Response(status=502, body=PAGE), "hang up", GOOD)
    ) as server:
        thing = await api(server.origin, pauses=pauses).get("thing", Thing)
    assert thing.id == "t-1"
    assert len(server.requests) == 4
    assert pauses == [0.25, 0.5, 1.0]


async def test_a_free_call_gives_up_after_four_attempts() -> None:
    async with scripted(saying(Response(status=503))) as server:
        with pytest.raises(ProviderUnavailable):
            await api(server.origin).get("thing", Thing)
    assert len(server.requests) == 4


async def test_a_post_is_not_repeated_unless_told() -> None:
    async with scripted(saying(Response(status=503), GOOD)) as server:
        with pytest.raises(ProviderUnavailable):
            await api(server.origin).post("thing", Thing, {})
        assert len(server.requests) == 1
        assert await api(server.origin).post("thing", Thing, {}, repeatable=True) == Thing(id="t-1")


@pytest.mark.parametrize("header", ["7", formatdate(1_000_007, usegmt=True)])
async def test_retry_after_is_obeyed_as_seconds_and_as_a_date(header: str) -> None:
    pauses: list[float] = []
    limited = Response(status=429, headers={"Retry-After": header})
    async with scripted(saying(limited, GOOD)) as server:
        await api(server.origin, pauses=pauses).get("thing", Thing)
    assert pauses == [7.25]


@pytest.mark.parametrize(
    ("header", "seconds"), [("99999", 300.0), ("-4", 0.0), ("soon", None), ("nan", None)]
)
async def test_retry_after_is_capped_and_nonsense_is_ignored(header: str, seconds: float | None) -> None:
    async with scripted(saying(Response(status=429, headers={"Retry-After": header}))) as server:
        with pytest.raises(RateLimited) as caught:
            await api(server.origin).post("thing", Thing, {})
    assert caught.value.retry_after == seconds


async def test_a_pause_longer_than_the_deadline_is_left_to_the_caller() -> None:
    pauses: list[float] = []
    async with scripted(saying(Response(status=429, headers={"Retry-After": "120"}))) as server:
        with pytest.raises(RateLimited) as caught:
            await api(server.origin, pauses=pauses).get("thing", Thing)
    assert caught.value.retry_after == 120
    assert pauses == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("part", ["head", "body"])
async def test_the_deadline_ends_a_slow_drip(part: str) -> None:
    async def drip(connection: Connection, request: Request) -> bool:
        if part == "body":
            await connection.stream.send(GOOD.head(length=1000))
        await connection.drip(b"HTTP/1.1 200 OK\r\n" * 100, 0.02)
        return False

    async with scripted(drip) as server:
        began = time.monotonic()
        with pytest.raises(ProviderUnavailable, match="did not answer within"):
            await api(server.origin, total=0.4, read=0.3).get("thing", Thing)
        assert time.monotonic() - began < 2


async def test_a_closed_port_is_an_unavailable_provider() -> None:
    async with scripted(saying(GOOD)) as server:
        pass
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await api(server.origin).get("thing", Thing)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "no"}, RequestRejected),
        (401, {"error": "no"}, AuthenticationError),
        (402, {"error": "no"}, InsufficientFunds),
        (403, {"error": "no"}, AccessDenied),
        (403, {"message": "Forbidden"}, AccessDenied),
        (403, None, AccessDenied),
        (404, {"error": "no"}, TaskNotFound),
        (404, {"hello": "no"}, UnexpectedResponse),
        (409, {"error": "no"}, RequestRejected),
        (422, {"error": "no"}, RequestRejected),
        (429, {"error": "no"}, RateLimited),
        (429, None, RateLimited),
        (500, {"error": "no"}, ProviderUnavailable),
        (529, None, ProviderUnavailable),
        (302, None, UnexpectedResponse),
        (200, {"error": "no"}, UnexpectedResponse),
        (200, {"id": 7}, UnexpectedResponse),
        (200, [], UnexpectedResponse),
    ],
)
async def test_a_status_becomes_an_error_of_ours(
    status: int, body: Any, expected: type[ProviderError]
) -> None:
    async with scripted(saying(Response.of(body, status))) as server:
        with pytest.raises(ProviderError) as caught:
            await api(server.origin).post("thing", Thing, {})
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!doctype html><title>Just a moment...</title><p>Checking", "a web page, 'Just a moment...'"),
        (b"<html><body>no", "a web page"),
        (b'{"message": "Forbidden by policy"}', "Forbidden by policy"),
        (b"<html><title>Key " + KEY.encode() + b" blocked</title>", "a web page, 'Key (key) blocked'"),
    ],
)
async def test_a_403_that_nobody_documented_quotes_what_was_said_and_blames_no_key(
    body: bytes, words: str
) -> None:
    async with scripted(saying(Response(status=403, body=body))) as server:
        with pytest.raises(AccessDenied) as caught:
            await api(server.origin).get("thing", Thing)
    assert caught.value.message.endswith(f" answered HTTP 403: {words}")
    for possible in ("model or region", "organisation", "firewall", "doctor"):
        assert possible in caught.value.hint


async def test_a_web_page_is_no_word_about_a_task() -> None:
    """A captive portal's 404 must not end a job that was paid for."""
    page = Response(status=404, body=PAGE, content_type="application/json")
    async with scripted(saying(page)) as server:
        with pytest.raises(UnexpectedResponse):
            await api(server.origin).get("thing", Thing)


async def test_an_error_status_can_be_the_answer_all_the_same() -> None:
    async with scripted(saying(Response.of({"id": "t-1", "state": "failed"}, 500))) as server:
        thing = await api(server.origin).get(
            "thing", Thing, reading=Reading(final=lambda status, body: body.get("state") == "failed")
        )
    assert thing.id == "t-1"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"id": "t-1"',
        b"",
        b"\xff\xfe{}",
        PAGE,
        gzip.compress(bytes(40_000_000)),
    ],
    ids=["deep", "cut", "empty", "bytes", "page", "bomb"],
)
async def test_a_damaged_body_is_an_unexpected_response(body: bytes) -> None:
    answer = Response(body=body, headers={"Content-Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {})
    async with scripted(saying(answer)) as server:
        with anyio.fail_after(5), pytest.raises(UnexpectedResponse):
            await api(server.origin).get("thing", Thing)


async def test_an_endless_body_is_left_at_two_megabytes() -> None:
    taken = 0

    async def pour(connection: Connection, request: Request) -> bool:
        nonlocal taken
        await connection.stream.send(GOOD.head(length=10**12))
        while True:
            await connection.stream.send(b"[" * 65_536)
            taken += 65_536

    async with scripted(pour) as server:
        with anyio.fail_after(5), pytest.raises(UnexpectedResponse):
            await api(server.origin).get("thing", Thing)
    assert taken < 30_000_000


async def test_the_content_type_is_not_asked() -> None:
    odd = Response(body=GOOD.body, content_type="text/html; charset=gbk")
    async with scripted(saying(odd)) as server:
        assert await api(server.origin).get("thing", Thing) == Thing(id="t-1")


async def test_the_key_goes_into_one_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="seedance_mcp")
    echo = Response.of({"error": f"the key {KEY} is wrong", "code": f"Bad.{KEY}"}, 401, x_request_id=KEY)
    async with scripted(saying(Response(status=503), echo)) as server:
        client = api(server.origin)
        with pytest.raises(AuthenticationError) as caught:
            await client.get("thing", Thing, params={"a": 1})
    request = server.requests[-1]
    assert request.headers.pop("authorization") == f"Bearer {KEY}"
    assert request.headers["accept-encoding"] == "identity"
    error = caught.value
    seen = [
        repr(request),
        repr(client),
        caplog.text,
        str(error),
        error.hint,
        str(vars(error)),
        repr(error.__cause__),
    ]
    assert KEY not in "".join(seen)
    assert error.message.endswith("the key (key) is wrong")


async def test_a_redirect_is_not_followed_and_the_key_stays() -> None:
    async with scripted(saying(GOOD)) as elsewhere:
        location = {"Location": f"{elsewhere.origin}/thing"}
        async with scripted(saying(Response(status=307, headers=location))) as server:
            with pytest.raises(UnexpectedResponse):
                await api(server.origin).get("thing", Thing)
            buyer = Buyer()
            with pytest.raises(SubmissionUnknown):
                await api(server.origin).buy("thing", Thing, {}, buyer)
    assert elsewhere.connections == 0
    assert buyer.answers == [(307, b"")]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest", "http://127.0.0.1:1/x", "https://ark.cn-beijing.volces.com.evil.example/",
        "http://user@HOST/x", "ftp://HOST/x", "https://HOST/x", "://",
    ],
)  # fmt: skip
async def test_an_address_that_is_not_the_api_gets_no_request(target: str) -> None:
    async with scripted(saying(GOOD)) as server:
        host = server.origin.removeprefix("http://")
        with pytest.raises(UnexpectedResponse):
            await api(server.origin).get(target.replace("HOST", host), Thing)
        assert server.connections == 0
        assert await api(server.origin).get(f"{server.origin}/thing", Thing) == Thing(id="t-1")


async def test_a_replaced_base_url_serves_for_every_host_of_the_provider() -> None:
    async with scripted(saying(GOOD)) as server:
        await api(f"{server.origin}/relay/v3").at("https://files.example/upload").get("thing", Thing)
    assert server.requests[0].path == "/upload/thing"
    usual = api(info().base_url).at("https://files.example/upload")
    assert repr(usual) == "Api('ark', 'https://files.example/upload')"


@pytest.mark.parametrize("key", ["two\nlines", "with blank", "schlüssel"])
def test_a_key_that_cannot_be_a_header_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        api("http://127.0.0.1:1", key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ark.example", "ftp://ark.example", "https://u:p@ark.example", "https://a.b/?key=1", ""]
)
def test_a_base_url_that_is_none_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL"):
        api(url)


async def test_a_private_address_is_refused_unless_the_base_url_was_set_to_it() -> None:
    """The data file's own base URL leads to a public host; a resolver that says otherwise is not believed."""
    async with scripted(saying(GOOD)) as server:
        lying = info().model_copy(update={"base_url": server.origin})
        access = Access(key=SecretStr(KEY), base_url=server.origin, folder=Path())
        buyer = Buyer()
        with pytest.raises(SubmissionNotSent, match="not a public address"):
            await Api(lying, access, problem).buy("thing", Thing, {}, buyer)
    assert (server.connections, buyer.sent) == (0, 0)


async def test_a_purchase_is_announced_after_the_connection_and_before_the_first_byte() -> None:
    heard = b""
    connected, announced = anyio.Event(), anyio.Event()

    async def listen(stream: Any) -> None:
        nonlocal heard
        connected.set()
        async with stream:
            await announced.wait()
            with anyio.move_on_after(0.1):
                heard = await stream.receive()
            early.append(heard)
            go.set()
            head = await stream.receive()
            assert head.startswith(b"POST /thing HTTP/1.1\r\n")
            await stream.send(GOOD.head() + GOOD.body)

    early: list[bytes] = []
    go = anyio.Event()

    async def before() -> None:
        assert connected.is_set()
        announced.set()
        await go.wait()

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, listen)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        with anyio.fail_after(5):
            thing = await api(f"http://127.0.0.1:{port}").buy("thing", Thing, {"a": 1}, Buyer(before=before))
        group.cancel_scope.cancel()
    assert thing.id == "t-1"
    assert early == [b""]


async def test_when_the_announcement_fails_nothing_is_sent_and_its_error_comes_through() -> None:
    async def full() -> None:
        raise OSError(28, "No space left on device")

    async with scripted(saying(GOOD)) as server:
        with pytest.raises(OSError, match="No space left"):
            await api(server.origin).buy("thing", Thing, {}, Buyer(before=full))
    assert server.requests == []


async def test_a_purchase_without_a_connection_was_not_sent() -> None:
    async with scripted(saying(GOOD)) as server:
        pass
    buyer = Buyer()
    with pytest.raises(SubmissionNotSent):
        await api(server.origin).buy("thing", Thing, {}, buyer)
    assert (buyer.sent, buyer.answers) == (0, [])


async def test_a_purchase_without_encryption_was_not_sent() -> None:
    async def no_tls(connection: Connection, request: Request) -> bool:
        return False

    async with scripted(no_tls) as server:
        buyer = Buyer()
        with anyio.fail_after(5), pytest.raises(SubmissionNotSent):
            await api(server.origin.replace("http:", "https:"), purchase=0.6).buy("thing", Thing, {}, buyer)
    assert buyer.sent == 0
    assert server.requests == []


async def test_every_purchase_has_a_connection_of_its_own() -> None:
    async with scripted(saying(GOOD)) as server:
        client = api(server.origin)
        for _ in range(2):
            await client.buy("thing", Thing, {}, Buyer())
        assert server.connections == 2
        for _ in range(2):
            await client.get("thing", Thing)
        await client.close()
        assert server.connections == 3


REFUSED = {"error": "no", "code": "c"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        *((status, REFUSED, RequestRejected) for status in (400, 404, 405, 413, 415, 422)),
        (401, REFUSED, AuthenticationError),
        (402, REFUSED, InsufficientFunds),
        (403, REFUSED, AccessDenied),
        (429, REFUSED, RateLimited),
        (429, b"", RateLimited),
        (429, PAGE, RateLimited),
        (401, PAGE, AuthenticationError),
        (403, PAGE, AccessDenied),
        (404, PAGE, RequestRejected),
        (413, PAGE, RequestRejected),
        *((status, PAGE, SubmissionUnknown) for status in (200, 400, 402, 405, 415, 422, 500, 502, 503)),
        *((status, b"", SubmissionUnknown) for status in (200, 204, 400, 401, 403, 404, 500)),
        *((status, {"hello": 1}, SubmissionUnknown) for status in (200, 400, 401, 403, 404, 422)),
        *((s, REFUSED, SubmissionUnknown) for s in (200, 302, 307, 406, 408, 409, 410, 418, 425, 500, 502, 503, 504, 529)),
        (500, REFUSED | {"refused": True}, RequestRejected),
        (200, REFUSED | {"refused": True}, RequestRejected),
        *((200, {"id": wrong}, SubmissionUnknown) for wrong in (7, None, "", "..", "a/b", "a b", "x" * 129, "a\n")),
    ],
)  # fmt: skip
async def test_a_purchase_is_refused_only_with_evidence(
    status: int, body: Any, expected: type[ProviderError]
) -> None:
    answer = Response(status=status, body=body) if isinstance(body, bytes) else Response.of(body, status)
    if status == 204:
        answer = Response(status=204, headers={"Content-Length": "0"})
    buyer = Buyer()
    async with scripted(saying(answer)) as server:
        with pytest.raises(ProviderError) as caught:
            await api(server.origin).buy("thing", Thing, {}, buyer)
    assert type(caught.value) is expected
    assert buyer.sent == 1
    assert len(server.requests) == 1
    assert buyer.answers == [(status, answer.body)]


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_every_success_with_an_id_is_a_purchase(status: int) -> None:
    async with scripted(saying(Response.of({"id": "t-1", "more": [1]}, status))) as server:
        assert await api(server.origin).buy("thing", Thing, {}, Buyer()) == Thing(id="t-1")


async def test_a_purchase_without_an_answer_in_time_is_unknown() -> None:
    async def silent(connection: Connection, request: Request) -> bool:
        await connection.wait_until_left()
        return False

    async with scripted(silent) as server:
        with anyio.fail_after(5), pytest.raises(SubmissionUnknown, match="no answer within"):
            await api(server.origin, purchase=0.3).buy("thing", Thing, {}, Buyer())
    assert len(server.requests) == 1


async def test_a_purchase_with_a_large_body_has_longer_to_go_out() -> None:
    async def slow(connection: Connection, request: Request) -> bool:
        await anyio.sleep(0.5)
        await connection.send(GOOD)
        return True

    async with scripted(slow) as server:
        client = api(server.origin, purchase=0.2)
        with pytest.raises(SubmissionUnknown):
            await client.buy("thing", Thing, {}, Buyer())
        assert await client.buy("thing", Thing, {"image": "x" * 1_000_000}, Buyer()) == Thing(id="t-1")


async def test_a_purchase_whose_answer_drips_is_unknown_and_what_came_is_kept() -> None:
    async def drip(connection: Connection, request: Request) -> bool:
        await connection.stream.send(GOOD.head(length=5000))
        await connection.drip(b'{"id": "t-1"' + b" " * 400, 0.02)
        return False

    buyer = Buyer()
    async with scripted(drip) as server:
        with anyio.fail_after(5), pytest.raises(SubmissionUnknown):
            await api(server.origin, purchase=0.5).buy("thing", Thing, {}, buyer)
    assert buyer.answers
    assert buyer.answers[0][1].startswith(b'{"id"')


async def test_a_cancelled_purchase_passes_the_cancellation_on_and_is_not_repeated() -> None:
    asked = anyio.Event()

    async def silent(connection: Connection, request: Request) -> bool:
        asked.set()
        await connection.wait_until_left()
        return False

    buyer = Buyer()
    async with scripted(silent) as server:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(api(server.origin).buy, "thing", Thing, {}, buyer)
                await asked.wait()
                group.cancel_scope.cancel()
    assert len(server.requests) == 1
    assert (buyer.sent, buyer.answers) == (1, [])


async def test_at_most_four_kilobytes_of_the_answer_are_kept() -> None:
    buyer = Buyer()
    async with scripted(saying(Response.of({"id": "t-1", "more": "x" * 9000}))) as server:
        await api(server.origin).buy("thing", Thing, {}, buyer)
    assert len(buyer.answers[0][1]) == 4096


async def test_an_answer_that_cannot_be_kept_is_still_believed(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Buyer):
        def answered(self, status: int, body: bytes) -> None:
            raise OSError(28, "No space left on device")

    async with scripted(saying(GOOD)) as server:
        assert await api(server.origin).buy("thing", Thing, {}, Broken()) == Thing(id="t-1")
    assert "could not be kept" in caplog.text


async def test_half_a_surrogate_in_the_body_does_not_stop_a_purchase() -> None:
    async with scripted(saying(GOOD)) as server:
        await api(server.origin).buy("thing", Thing, {"prompt": "a \ud800 cat"}, Buyer())
    assert server.requests[0].json == {"prompt": "a ? cat"}


async def test_once_closed_no_connection_is_opened_that_nobody_would_close() -> None:
    async with scripted(saying(GOOD)) as server:
        client = api(server.origin)
        elsewhere = client.at(server.origin)
        await client.close()
        for each in (client, elsewhere):
            with pytest.raises(RuntimeError, match="are closed"):
                await each.get("thing", Thing)
    assert server.connections == 0


def picture(tmp_path: Path, content: bytes) -> MediaFile:
    path = tmp_path / "my secret holiday.png"
    path.write_bytes(content)
    digest = sha256(content).hexdigest()
    return MediaFile(kind="image", path=path, mime_type="image/png", bytes=len(content), sha256=digest)


@pytest.mark.parametrize("field_name", [None, "content"])
async def test_a_file_is_uploaded_whole_under_a_neutral_name(tmp_path: Path, field_name: str | None) -> None:
    content = bytes(range(256)) * 3000
    async with scripted(saying(GOOD)) as server:
        await api(server.origin).upload("files", Thing, picture(tmp_path, content), field=field_name)
    request = server.requests[0]
    assert content in request.body
    assert b"holiday" not in request.body
    assert (b".png" in request.body) is (field_name is not None)


async def test_a_file_that_changed_after_its_check_does_not_arrive(tmp_path: Path) -> None:
    media = picture(tmp_path, b"x" * 5000)
    assert media.path
    media.path.write_bytes(b"y" * 5000)
    async with scripted(saying(GOOD)) as server:
        with pytest.raises(MediaError, match="changed"):
            await api(server.origin).upload("files", Thing, media, field="file")
    assert server.requests == []
