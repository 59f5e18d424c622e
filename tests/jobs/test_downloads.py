"""Downloads over real sockets: what is resumed, what is refused, and what never gets a final name."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from seedance_mcp.errors import DownloadError, InspectionFailed, MediaError
from seedance_mcp.jobs.results.downloads import Download, Fetched, Saved
from seedance_mcp.jobs.results.transfer import Limits, LinkExpired, NotChecked, Report, Route
from seedance_mcp.media import UnfinishedInspection

from .raw_server import Asked, RawServer, always, in_turn, reply, serving

VIDEO = b"\0\0\0\x18ftypisom" + random.Random(7).randbytes(200_000)
SIZE, HALF = len(VIDEO), len(VIDEO) // 2
SHA256 = hashlib.sha256(VIDEO).hexdigest()
ETAG = 'ETag: "v1"'


@pytest.fixture
def folder(output_dir: Path) -> Path:
    """An empty folder."""
    output_dir.mkdir()
    return output_dir


@dataclass
class Storage:
    """A well-behaved file server with ranges, cut off after `cut` bytes of each body."""

    content: bytes = VIDEO
    etag: str = '"v1"'
    cut: int | None = None

    async def __call__(self, asked: Asked, stream: SocketStream) -> None:
        start = asked.start
        if start is None or asked.headers.get("if-range") != self.etag:
            body, whole = self.content, reply(200, self.content, f"ETag: {self.etag}")
        else:
            body = self.content[start:]
            size = len(self.content)
            span = f"Content-Range: bytes {start}-{size - 1}/{size}"
            whole = reply(206, body, f"ETag: {self.etag}", span)
        head = len(whole) - len(body)
        await stream.send(whole if self.cut is None else whole[: head + self.cut])


async def fetch(url: str, part: Path, *, report: Report | None = None, **route: Any) -> Fetched:
    return await Download(url, part, Route(**route), report).fetch()


async def fetched(
    server: RawServer, part: Path, path: str = "/clip.mp4", limits: Limits | None = None
) -> Fetched:
    with anyio.fail_after(10):
        return await fetch(
            server.url(path), part, trusted=server.trusted, local_folder=None, limits=limits or Limits()
        )


def half(*headers: str) -> bytes:
    """The answer of a server that dies half-way."""
    return reply(200, VIDEO[:HALF], *headers, length=SIZE)


async def interrupted(server: RawServer, part: Path) -> None:
    with pytest.raises(DownloadError):
        await fetched(server, part)


async def test_a_whole_file_arrives_and_nothing_but_the_url_is_sent(folder: Path) -> None:
    reported: list[tuple[int, int | None]] = []
    async with serving(Storage()) as server:
        part = folder / "new folder" / "clip.part"
        result = await fetch(
            server.url("/clip.mp4?X-Signature=abc"),
            part,
            trusted=server.trusted,
            local_folder=None,
            report=lambda here, total: reported.append((here, total)),
        )
    assert result == Fetched(bytes=len(VIDEO), sha256=SHA256, reused=0)
    assert part.read_bytes() == VIDEO
    assert reported[-1] == (len(VIDEO), len(VIDEO))
    assert [here for here, _ in reported] == sorted(here for here, _ in reported)
    assert server.asked[0].target == "/clip.mp4?X-Signature=abc"
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert not {"authorization", "cookie", "referer", "range"} & set(server.asked[0].headers)


async def test_an_interrupted_download_goes_on_where_it_stopped(folder: Path) -> None:
    storage = Storage(cut=len(VIDEO) // 3)
    part = folder / "clip.part"
    async with serving(storage) as server:
        for _ in range(2):
            await interrupted(server, part)
        storage.cut = None
        result = await fetched(server, part)
    assert result.sha256 == SHA256
    assert result.reused == 2 * (len(VIDEO) // 3)
    assert [asked.start for asked in server.asked] == [None, len(VIDEO) // 3, 2 * (len(VIDEO) // 3)]
    assert server.asked[1].headers["if-range"] == '"v1"'


async def test_a_download_cut_again_and_again_fetches_hardly_a_byte_twice(folder: Path) -> None:
    chance = random.Random(11)
    storage = Storage()
    part = folder / "clip.part"
    sent = 0
    async with serving(storage) as server:
        for _ in range(400):
            before = part.stat().st_size if part.exists() else 0
            storage.cut = chance.randrange(0, 12_000)
            try:
                result = await fetched(server, part)
            except DownloadError:
                sent += storage.cut
                assert part.stat().st_size >= before
                continue
            sent += min(storage.cut, len(VIDEO) - before)
            break
        else:
            pytest.fail("it never came to an end")
    assert result.sha256 == SHA256
    assert sent <= len(VIDEO) * 1.05


@pytest.mark.parametrize(
    "broken",
    [
        reply(200, VIDEO[:500], ETAG, length=len(VIDEO)),
        reply(200, b"3e8\r\n" + VIDEO[:500], ETAG, "Transfer-Encoding: chunked", length=None),
        reply(200, b"3\r\nabc\r\n", ETAG, "Transfer-Encoding: chunked", length=None),
        reply(200, VIDEO, ETAG, f"Content-Length: {len(VIDEO) + 7}", length=None),
        reply(200, b"", ETAG, length=0),
        reply(200, b"", ETAG, length=None),
        reply(200, VIDEO, ETAG, "Content-Length: 12", length=17),
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"\0\0\0\x18ftypisom no HTTP at all",
        b"",
    ],
)
async def test_an_incomplete_answer_is_an_error(folder: Path, broken: bytes) -> None:
    async with serving(always(broken)) as server:
        with pytest.raises(DownloadError) as caught:
            await fetched(server, folder / "clip.part")
    assert caught.value.retryable
    assert caught.value.hint


async def test_a_server_without_ranges_is_asked_for_the_whole_again(folder: Path) -> None:
    part = folder / "clip.part"
    async with serving(in_turn(half(ETAG), reply(200, VIDEO, ETAG))) as server:
        await interrupted(server, part)
        result = await fetched(server, part)
    assert result == Fetched(bytes=len(VIDEO), sha256=SHA256, reused=0)
    assert [asked.start for asked in server.asked] == [None, HALF]


@pytest.mark.parametrize(
    "content_range",
    [
        f"bytes {HALF - 1}-{SIZE - 1}/{SIZE}",
        f"bytes {HALF + 1}-{SIZE - 1}/{SIZE}",
        f"bytes 0-{SIZE - 1}/{SIZE}",
        f"bytes {HALF}-{SIZE - 1}/{SIZE + 1}",
        f"bytes {HALF}-{SIZE}/{SIZE + 1}",
        f"bytes {HALF}-{SIZE - 2}/{SIZE}",
        f"bytes {HALF}-{SIZE - 1}/*",
        f"bytes -{HALF}/{SIZE}",
        f"bytes */{SIZE}",
        f"items {HALF}-{SIZE - 1}/{SIZE}",
        f"bytes {HALF}-{SIZE - 1}/{'9' * 40}",
        "nonsense",
        "",
        None,
    ],
)
async def test_a_range_that_does_not_fit_is_thrown_away(folder: Path, content_range: str | None) -> None:
    part = folder / "clip.part"
    headers = [ETAG] if content_range is None else [ETAG, f"Content-Range: {content_range}"]
    wrong = reply(206, VIDEO[HALF:], *headers)
    async with serving(in_turn(half(ETAG), wrong, reply(200, VIDEO, ETAG))) as server:
        await interrupted(server, part)
        result = await fetched(server, part)
    assert result == Fetched(bytes=SIZE, sha256=SHA256, reused=0)
    assert [asked.start for asked in server.asked] == [None, HALF, None]


async def test_a_range_of_another_length_than_announced_is_thrown_away(folder: Path) -> None:
    part = folder / "clip.part"
    wrong = reply(206, VIDEO[HALF:-1], ETAG, f"Content-Range: bytes {HALF}-{SIZE - 1}/{SIZE}")
    async with serving(in_turn(half(ETAG), wrong, reply(200, VIDEO, ETAG))) as server:
        await interrupted(server, part)
        assert (await fetched(server, part)).reused == 0


async def test_a_range_of_a_file_that_has_grown_is_thrown_away(folder: Path) -> None:
    part = folder / "clip.part"
    longer = VIDEO + b"more"
    wrong = reply(206, longer[HALF:], ETAG, f"Content-Range: bytes {HALF}-{SIZE + 3}/{SIZE + 4}")
    async with serving(in_turn(half(ETAG), wrong, reply(200, longer, ETAG))) as server:
        await interrupted(server, part)
        assert (await fetched(server, part)).reused == 0
    assert part.read_bytes() == longer


async def test_a_range_that_breaks_off_without_saying_so_is_an_error(folder: Path) -> None:
    part = folder / "clip.part"
    span = f"Content-Range: bytes {HALF}-{SIZE - 1}/{SIZE}"
    short = reply(206, VIDEO[HALF : HALF + 500], ETAG, span, length=None)
    async with serving(in_turn(half(ETAG), short, Storage())) as server:
        await interrupted(server, part)
        with pytest.raises(DownloadError, match="announced"):
            await fetched(server, part)
        assert await fetched(server, part) == Fetched(bytes=SIZE, sha256=SHA256, reused=HALF + 500)


async def test_what_is_sent_beyond_the_announced_length_is_no_part_of_the_file(folder: Path) -> None:
    part = folder / "clip.part"
    for cut in (500, SIZE - 1):  # with the headers, and behind them
        async with serving(always(reply(200, VIDEO, length=cut))) as server:
            assert await fetched(server, part) == Fetched(
                bytes=cut, sha256=hashlib.sha256(VIDEO[:cut]).hexdigest(), reused=0
            )


async def test_the_mark_of_an_earlier_file_is_forgotten_with_its_bytes(folder: Path) -> None:
    part = folder / "clip.part"
    async with serving(in_turn(half(ETAG), half(), Storage())) as server:
        await interrupted(server, part)
        await interrupted(server, part)
        assert (await fetched(server, part)).reused == 0
    assert [asked.start for asked in server.asked] == [None, HALF, None]


async def test_another_file_under_the_same_url_is_fetched_from_its_beginning(folder: Path) -> None:
    part = folder / "clip.part"
    other = VIDEO[::-1]
    async with serving(in_turn(half(ETAG), Storage(content=b"\0" + other, etag='"v2"'))) as server:
        await interrupted(server, part)
        result = await fetched(server, part)
    assert part.read_bytes() == b"\0" + other
    assert result.reused == 0


async def test_a_range_of_another_file_is_thrown_away_though_it_fits(folder: Path) -> None:
    part = folder / "clip.part"
    careless = reply(206, VIDEO[HALF:], 'ETag: "v2"', f"Content-Range: bytes {HALF}-{SIZE - 1}/{SIZE}")
    async with serving(in_turn(half(ETAG), careless, reply(200, VIDEO, 'ETag: "v2"'))) as server:
        await interrupted(server, part)
        assert (await fetched(server, part)).reused == 0


@pytest.mark.parametrize(
    ("headers", "if_range"),
    [
        ((ETAG, "Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT"), '"v1"'),
        (('ETag: W/"v1"', "Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT"), "Fri, 20 Nov 2026 10:00:00 GMT"),
        (("Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT",), "Fri, 20 Nov 2026 10:00:00 GMT"),
        (('ETag: W/"v1"',), None),
        (('ETag: "\u00e9tag"',), None),
        (
            ('ETag: "\u00e9tag"', "Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT"),
            "Fri, 20 Nov 2026 10:00:00 GMT",
        ),
        (("Last-Modified: le 20 f\u00e9vrier",), None),
        ((f'ETag: "{"x" * 5000}"',), None),
        ((), None),
    ],
)
async def test_only_a_strong_mark_of_the_file_lets_a_download_go_on(
    folder: Path, headers: tuple[str, ...], if_range: str | None
) -> None:
    part = folder / "clip.part"
    async with serving(in_turn(half(*headers), reply(200, VIDEO))) as server:
        await interrupted(server, part)
        await fetched(server, part)
    assert server.asked[1].headers.get("if-range") == if_range
    assert ("range" in server.asked[1].headers) is (if_range is not None)


async def test_an_unmet_range_starts_over(folder: Path) -> None:
    part = folder / "clip.part"
    async with serving(
        in_turn(half(ETAG), reply(416, b"", "Content-Range: bytes */5"), reply(200, VIDEO))
    ) as server:
        await interrupted(server, part)
        assert (await fetched(server, part)).sha256 == SHA256
    assert [asked.start for asked in server.asked] == [None, HALF, None]


async def test_an_unmet_range_at_the_end_of_the_file_means_that_it_is_complete(folder: Path) -> None:
    part = folder / "clip.part"
    part.write_bytes(VIDEO)
    async with serving(always(reply(416, b"", f"Content-Range: bytes */{SIZE}"))) as server:
        note = {"source": server.url(), "validator": '"v1"', "total": None}
        part.with_name("clip.part.json").write_text(json.dumps(note))
        result = await fetched(server, part)
    assert result == Fetched(bytes=SIZE, sha256=SHA256, reused=SIZE)


async def test_a_complete_part_is_not_asked_for_again(folder: Path) -> None:
    part = folder / "clip.part"
    async with serving(Storage()) as server:
        await fetched(server, part)
        result = await fetched(server, part)
    assert result.reused == SIZE
    assert len(server.asked) == 1


async def test_a_fresh_signature_goes_on_but_another_path_does_not(folder: Path) -> None:
    storage = Storage(cut=1000)
    part = folder / "clip.part"
    async with serving(storage) as server:
        for path in ("/a.mp4?sign=1", "/a.mp4?sign=2", "/b.mp4?sign=2"):
            with pytest.raises(DownloadError):
                await fetched(server, part, path)
    assert [asked.start for asked in server.asked] == [None, 1000, None]


async def test_no_signature_is_written_to_the_disk(folder: Path) -> None:
    async with serving(Storage(cut=1000)) as server:
        with pytest.raises(DownloadError) as caught:
            await fetched(server, folder / "clip.part", "/a.mp4?X-Tos-Signature=s3cret#s3cret")
    assert len(list(folder.iterdir())) == 2
    assert not any(b"s3cret" in path.read_bytes() for path in folder.iterdir())
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "note", ["", "{", "[]", "null", '{"source": 1}', '{"source": "x", "extra": 1}', "\0"]
)
async def test_a_damaged_note_starts_over(folder: Path, note: str) -> None:
    part = folder / "clip.part"
    part.write_bytes(b"rubbish")
    part.with_name("clip.part.json").write_text(note)
    async with serving(Storage()) as server:
        assert (await fetched(server, part)).sha256 == SHA256
    assert server.asked[0].start is None


@pytest.mark.parametrize(
    "damage",
    [
        {"total": "a lot"},
        {"total": 1.5},
        {"total": True},
        {"total": []},
        {"validator": None},
        {"validator": 7},
        {"validator": ""},
        {"validator": "\u00e9"},
        {"validator": "a\nb"},
        {"source": None},
        {"source": ["x"]},
    ],
)
async def test_a_note_with_something_else_in_it_starts_over(folder: Path, damage: dict[str, Any]) -> None:
    part = folder / "clip.part"
    part.write_bytes(b"rubbish")
    async with serving(Storage()) as server:
        sound = {"source": server.url(), "validator": '"v1"', "total": None}
        part.with_name("clip.part.json").write_text(json.dumps({**sound, **damage}))
        assert (await fetched(server, part)).sha256 == SHA256
    assert server.asked[0].start is None


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"])
async def test_a_compressed_answer_is_refused_unread(folder: Path, encoding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000), 1)
    async with serving(always(reply(200, bomb, f"Content-Encoding: {encoding}"))) as server:
        with pytest.raises(DownloadError, match="compressed"):
            await fetched(server, folder / "clip.part")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<!doctype html><p>Sign in"),
        ("TEXT/HTML; charset=utf-8", b"anything"),
        ("application/json", b"anything"),
        ("application/problem+json", b"anything"),
        ("application/xml", b"anything"),
        ("text/xml", b"anything"),
        ("video/mp4", b"<!doctype html><p>Sign in"),
        ("video/mp4", b"\n\n  <?xml version='1.0'?><Error/>"),
        ("video/mp4", b'{"error": "expired"}'),
        ("application/octet-stream", b'[{"error": "expired"}]'),
    ],
)
async def test_a_page_or_a_message_is_not_a_video(folder: Path, kind: str, body: bytes) -> None:
    async with serving(always(reply(200, body, f"Content-Type: {kind}"))) as server:
        with pytest.raises(DownloadError, match="instead of a video"):
            await fetched(server, folder / "clip.part")


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=gbk", "application/json", "text/xml"])
async def test_a_video_is_told_by_its_bytes_also_under_the_name_of_a_page(folder: Path, kind: str) -> None:
    async with serving(always(reply(200, VIDEO, f"Content-Type: {kind}"))) as server:
        assert (await fetched(server, folder / "clip.part")).sha256 == SHA256


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 416, 418, 422, 451])
async def test_a_dead_link_is_told_apart(folder: Path, status: int) -> None:
    async with serving(always(reply(status, b"<Error>expired</Error>"))) as server:
        with pytest.raises(LinkExpired, match=str(status)):
            await fetched(server, folder / "clip.part")


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 408, 425, 429, 500, 502, 503])
async def test_other_answers_are_errors_and_what_is_here_stays(folder: Path, status: int) -> None:
    part = folder / "clip.part"
    async with serving(always(reply(status, b"" if status in (204, 304) else b"no"))) as server:
        with pytest.raises(DownloadError) as caught:
            await fetched(server, part)
    assert not isinstance(caught.value, LinkExpired)


async def test_a_server_error_does_not_cost_what_is_here(folder: Path) -> None:
    part = folder / "clip.part"
    storage = Storage(cut=5000)
    async with serving(in_turn(storage, reply(503), storage)) as server:
        for _ in range(3):
            await interrupted(server, part)
    assert part.stat().st_size == 10_000


def hop(target: str) -> bytes:
    return reply(302, b"", f"Location: {target}")


async def test_three_redirects_are_followed_and_a_fourth_is_not(folder: Path) -> None:
    async with serving(in_turn(hop("/b"), hop("c"), hop("?d"), reply(200, VIDEO))) as server:
        assert (await fetched(server, folder / "a.part")).sha256 == SHA256
    assert [asked.target for asked in server.asked] == ["/clip.mp4", "/b", "/c", "/c?d"]
    async with serving(always(hop("/again"))) as server:
        with pytest.raises(DownloadError, match="more than 3"):
            await fetched(server, folder / "b.part")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:{other}/",
        "https://127.0.0.1:{other}/",
        "https://localhost:{other}/",
        "https://127.1:{other}/",
        "https://2130706433:{other}/",
        "https://0x7f.1:{other}/",
        "https://[::1]:{other}/",
        "https://[::ffff:127.0.0.1]:{other}/",
        "//localhost:{other}/",
        "http://localhost:{own}/",
        "http://user:secret@127.0.0.1:{own}/",
        "http://example.com/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:video/mp4;base64,AAAA",
        "https://",
        "https://[",
        "https:///x",
        "http://://[9",
        "http://127.0.0.1:99999/",
    ],
)
async def test_a_redirect_is_judged_like_the_first_url(folder: Path, target: str) -> None:
    async with serving(always(reply(200, VIDEO))) as other:
        places = {"other": other.port}

        async def redirect(asked: Asked, stream: SocketStream) -> None:
            await stream.send(hop(target.format(**places)))

        async with serving(redirect) as server:
            places["own"] = server.port
            with pytest.raises(DownloadError) as caught:
                await fetched(server, folder / "clip.part")
    assert (len(server.asked), other.connections) == (1, 0)
    assert list(folder.iterdir()) == []
    assert "secret" not in caught.value.message


async def test_without_trust_nothing_on_this_machine_is_fetched(folder: Path) -> None:
    async with serving(always(reply(200, VIDEO))) as server:
        for url in (server.url(), server.url().replace("http:", "https:")):
            with pytest.raises(DownloadError):
                await fetch(url, folder / "clip.part", trusted=frozenset(), local_folder=None)
    assert server.connections == 0


async def test_a_file_that_is_too_large_is_refused_before_it_is_fetched(folder: Path) -> None:
    async with serving(Storage()) as server:
        with pytest.raises(DownloadError, match="larger than"):
            await fetch(
                server.url(),
                folder / "clip.part",
                trusted=server.trusted,
                local_folder=None,
                limits=Limits(max_bytes=SIZE - 1),
                report=lambda here, total: pytest.fail("some of it was fetched"),
            )
        assert list(folder.iterdir()) == []
        await fetched(server, folder / "clip.part", limits=Limits(max_bytes=SIZE))


async def test_a_body_without_end_is_stopped_and_given_back(folder: Path) -> None:
    async def endless(asked: Asked, stream: SocketStream) -> None:
        await stream.send(reply(200, b"", ETAG, length=None))
        while True:
            await stream.send(bytes(65_536))

    async with serving(endless) as server:
        with pytest.raises(DownloadError, match="larger than"):
            await fetched(server, folder / "clip.part", limits=Limits(max_bytes=3_000_000))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", reply(200, b"\0", ETAG, length=SIZE)])
async def test_a_slow_drip_is_ended(folder: Path, head: bytes) -> None:
    async def drip(asked: Asked, stream: SocketStream) -> None:
        await stream.send(head)
        while True:
            await anyio.sleep(0.02)
            await stream.send(b"a")

    async with serving(drip) as server:
        started = anyio.current_time()
        with pytest.raises(DownloadError, match="64 KiB"):
            await fetched(server, folder / "clip.part", limits=Limits(idle_seconds=0.3))
        assert anyio.current_time() - started < 3


async def test_silence_is_ended(folder: Path) -> None:
    async def silence(asked: Asked, stream: SocketStream) -> None:
        await anyio.sleep_forever()

    async with serving(silence) as server:
        with pytest.raises(DownloadError):
            await fetched(server, folder / "clip.part", limits=Limits(idle_seconds=0.2))


async def test_the_deadline_ends_even_a_steady_download_and_keeps_what_is_here(folder: Path) -> None:
    async def steady(asked: Asked, stream: SocketStream) -> None:
        await stream.send(reply(200, b"", ETAG, length=10**9))
        while True:
            await stream.send(bytes(65_536))
            await anyio.sleep(0.01)

    part = folder / "clip.part"
    async with serving(steady) as server:
        with pytest.raises(DownloadError, match="took longer"):
            await fetched(server, part, limits=Limits(deadline_seconds=0.4, idle_seconds=0.3))
    assert part.stat().st_size > 0
    assert part.with_name("clip.part.json").exists()


async def test_a_steady_download_may_take_longer_than_the_idle_time(folder: Path) -> None:
    async def steady(asked: Asked, stream: SocketStream) -> None:
        await stream.send(reply(200, b"", ETAG, length=8 * 70_000))
        for _ in range(8):
            await stream.send(bytes(70_000))
            await anyio.sleep(0.1)

    async with serving(steady) as server:
        result = await fetched(server, folder / "clip.part", limits=Limits(idle_seconds=0.5))
    assert result.bytes == 8 * 70_000


async def test_a_cancelled_download_can_go_on(folder: Path) -> None:
    part = folder / "clip.part"
    async with serving(Storage()) as server:
        with anyio.CancelScope() as scope:
            await fetch(
                server.url(),
                part,
                trusted=server.trusted,
                local_folder=None,
                report=lambda here, total: scope.cancel(),
            )
        assert 0 < part.stat().st_size < SIZE
        result = await fetched(server, part)
    assert result.sha256 == SHA256
    assert result.reused > 0


async def test_every_byte_that_arrived_before_a_cancellation_is_kept(folder: Path) -> None:
    part = folder / "clip.part"
    arrived: list[int] = []

    def report(here: int, total: int | None) -> None:
        arrived.append(here)
        if here > 1_000_000:
            scope.cancel()

    async with serving(Storage(content=VIDEO * 15)) as server:
        with anyio.CancelScope() as scope:
            await fetch(server.url(), part, trusted=server.trusted, local_folder=None, report=report)
    assert part.read_bytes() == (VIDEO * 15)[: part.stat().st_size]
    assert part.stat().st_size >= arrived[-1] > 0


async def test_a_local_result_is_copied_and_stays(folder: Path) -> None:
    work = folder / "work"
    work.mkdir()
    original = work / "clip one.mp4"
    original.write_bytes(VIDEO)
    part = folder / "out" / "clip.part"
    result = await fetch(original.as_uri(), part, trusted=frozenset(), local_folder=work)
    assert result == Fetched(bytes=SIZE, sha256=SHA256, reused=0)
    assert original.read_bytes() == part.read_bytes() == VIDEO


async def test_a_local_result_outside_its_folder_is_refused(folder: Path) -> None:
    work = folder / "work"
    work.mkdir()
    secret = folder / "work-secret.mp4"
    secret.write_bytes(VIDEO)
    (work / "link.mp4").symlink_to(secret)
    part = folder / "clip.part"
    cases = [
        secret.as_uri(),
        f"{work.as_uri()}/../work-secret.mp4",
        f"{work.as_uri()}/%2e%2e/work-secret.mp4",
    ]
    for url in (*cases, (work / "link.mp4").as_uri(), "file:///etc/passwd", "FILE:///etc/passwd", "file:"):
        with pytest.raises(DownloadError, match="outside"):
            await fetch(url, part, trusted=frozenset(), local_folder=work)
    with pytest.raises(DownloadError, match="outside"):
        await fetch((work / "x").as_uri(), part, trusted=frozenset(), local_folder=None)
    assert not part.exists()


async def test_a_local_result_that_is_no_file_is_refused(folder: Path) -> None:
    work = folder / "work"
    (work / "folder").mkdir(parents=True)
    part = folder / "clip.part"
    with pytest.raises(DownloadError):
        await fetch((work / "folder").as_uri(), part, trusted=frozenset(), local_folder=work)
    with pytest.raises(LinkExpired):
        await fetch((work / "gone.mp4").as_uri(), part, trusted=frozenset(), local_folder=work)
    (work / "large.mp4").write_bytes(VIDEO)
    with pytest.raises(DownloadError, match="larger"):
        await fetch(
            (work / "large.mp4").as_uri(),
            part,
            trusted=frozenset(),
            local_folder=work,
            limits=Limits(max_bytes=10),
        )
    if hasattr(os, "mkfifo"):
        os.mkfifo(work / "pipe.mp4")
        with anyio.fail_after(5), pytest.raises(DownloadError, match="regular"):
            await fetch((work / "pipe.mp4").as_uri(), part, trusted=frozenset(), local_folder=work)
    assert not part.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
async def test_a_full_disk_is_named_and_gets_its_bytes_back(folder: Path) -> None:
    part = folder / "clip.part"
    part.symlink_to("/dev/full")
    async with serving(always(reply(200, VIDEO))) as server:
        with pytest.raises(DownloadError, match="full") as caught:
            await fetched(server, part)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert "Free some space" in caught.value.hint
    assert list(folder.iterdir()) == []


async def test_a_folder_that_cannot_be_written_to_is_named(folder: Path) -> None:
    blocked = folder / "videos"
    blocked.write_bytes(b"a file, not a folder")
    async with serving(Storage()) as server:
        with pytest.raises(DownloadError, match="cannot be written") as caught:
            await fetched(server, blocked / "clip.part")
    assert "SEEDANCE_OUTPUT_DIR" in caught.value.hint


async def playable(path: Path) -> str:
    return path.name


async def saved_from(server: RawServer, part: Path, verify: Callable[[Path], Awaitable[str]]) -> Saved[str]:
    return await Download(server.url(), part, Route(trusted=server.trusted)).save("clip", ".mp4", verify)


async def test_a_verified_file_gets_its_final_name(folder: Path) -> None:
    async with serving(Storage()) as server:
        saved = await saved_from(server, folder / "job.part", playable)
    assert (saved.path, saved.facts, saved.sha256) == (folder / "clip.mp4", "job.part", SHA256)
    assert [path.name for path in folder.iterdir()] == ["clip.mp4"]


async def test_a_file_that_fails_verification_never_gets_a_name_and_is_fetched_anew(folder: Path) -> None:
    async def strict(path: Path) -> str:
        if path.read_bytes() != VIDEO:
            raise MediaError("it ends in the middle")
        return path.name

    # Nothing in HTTP tells that a body without a length has been cut: only the verification can.
    cut_short = reply(200, VIDEO[:90_000], ETAG, length=None)
    async with serving(in_turn(cut_short, reply(200, VIDEO))) as server:
        with pytest.raises(DownloadError, match="it ends in the middle"):
            await saved_from(server, folder / "job.part", strict)
        assert list(folder.iterdir()) == []
        saved = await saved_from(server, folder / "job.part", strict)
    assert saved.sha256 == SHA256
    assert server.asked[1].start is None


@pytest.mark.parametrize("headers", [(ETAG,), ()])
@pytest.mark.parametrize("trouble", [InspectionFailed(), UnfinishedInspection("It was killed.")])
async def test_a_whole_file_that_was_not_checked_is_checked_before_anything_is_fetched(
    folder: Path, headers: tuple[str, ...], trouble: Exception
) -> None:
    async def unable(path: Path) -> str:
        raise trouble

    part = folder / "job.part"
    async with serving(always(reply(200, VIDEO, *headers))) as server:
        with pytest.raises(NotChecked):
            await saved_from(server, part, unable)
        assert part.read_bytes() == VIDEO
        fresh = Download(server.url("/signed-anew/clip.mp4"), part, Route(trusted=server.trusted))
        with pytest.raises(NotChecked):
            await fresh.save("clip", ".mp4", unable)
        saved = await fresh.save("clip", ".mp4", playable)
    assert (saved.sha256, len(server.asked)) == (SHA256, 1)
    assert [path.name for path in folder.iterdir()] == ["clip.mp4"]


async def test_what_is_whole_and_found_to_be_no_video_is_fetched_anew(folder: Path) -> None:
    async def unable(path: Path) -> str:
        raise InspectionFailed

    async def strict(path: Path) -> str:
        if path.read_bytes() != VIDEO:
            raise MediaError("it ends in the middle")
        return path.name

    part = folder / "job.part"
    async with serving(in_turn(reply(200, VIDEO[:90_000], length=None), reply(200, VIDEO))) as server:
        with pytest.raises(NotChecked):
            await saved_from(server, part, unable)
        saved = await saved_from(server, part, strict)
    assert saved.sha256 == SHA256
