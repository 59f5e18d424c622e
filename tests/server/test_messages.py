"""Bytes on stdin, whatever they are: messages are taken, and everything else is answered as the protocol says."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from .asking import SMALL
from .process import INITIALIZED, Server, call, initialize, request, serving

PARSE, INVALID = -32700, -32600
MARK = codecs.BOM_UTF8
NESTED = b"[" * 100_000


def _line(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


async def _open(server: Server, revision: str = "2025-11-25") -> None:
    await server.ask(initialize(revision=revision))
    await server.send(INITIALIZED)


async def _answers(server: Server, *lines: bytes) -> list[Any]:
    """Send the lines and return what is answered to them: everything before the answer to a later ping."""
    await server.send(*lines, request("the ping", "ping"))
    found: list[Any] = []
    while True:
        answer = await _answer(server)
        if isinstance(answer, dict) and answer.get("id") == "the ping":
            return found
        found.append(answer)


async def _answer(server: Server) -> Any:
    """The next answer; news are passed over."""
    while isinstance(answer := await server.receive(), dict) and "method" in answer:
        pass
    return answer


LINES: list[tuple[bytes, tuple[Any, int | None]]] = [
    (b"not json", (None, PARSE)),
    (b"{'id': 1}", (None, PARSE)),
    (b"\xff\xfe\x00", (None, PARSE)),
    (NESTED, (None, PARSE)),
    (b'{"jsonrpc":"2.0","id":7,"method":"ping"', (7, PARSE)),
    (b'{"jsonrpc":"2.0","method":"ping","params":{oops},"id":"a"}', ("a", PARSE)),
    (json.dumps(request(3, "ping")).encode("utf-16"), (None, PARSE)),
    (json.dumps(request(3, "ping")).encode("utf-16-be"), (None, PARSE)),
    (b"null", (None, INVALID)),
    (b"5", (None, INVALID)),
    (b'"ping"', (None, INVALID)),
    (b"{}", (None, INVALID)),
    (b'{"jsonrpc":"2.0"}', (None, INVALID)),
    (b'{"jsonrpc":"2.0","id":8}', (8, INVALID)),
    (b'{"id":9,"method":"ping"}', (9, INVALID)),
    (b'{"jsonrpc":"1.0","id":9,"method":"ping"}', (9, INVALID)),
    (b'{"jsonrpc":"2.0","id":"x","method":5}', ("x", INVALID)),
    (b'{"jsonrpc":"2.0","id":10,"method":"ping","params":[1]}', (10, INVALID)),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', (None, INVALID)),
    (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', (None, INVALID)),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', (None, INVALID)),
    (b"[]", (None, INVALID)),
    (b"[1, 2]", (None, INVALID)),
    (b'[{"jsonrpc":"2.0","id":11,"method":"ping"}]', (None, INVALID)),
    (b'{"jsonrpc":"2.0","id":9,"method":"ping","params":{"a":"\\ud800"}}', (9, None)),
    (b'{"jsonrpc":"2.0","method":"ping","params":{"a":"\\ud800"},"id":9}', (9, None)),
    (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', (None, INVALID)),
    (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', (None, INVALID)),
    (b'{"jsonrpc":"2.0","id":12,"method":"ping"}', (12, None)),
    (b' \t{"jsonrpc":"2.0","id":13,"method":"ping"} \r', (13, None)),
]
"""Each with the id and the error code of its answer."""


async def test_a_line_that_is_no_request_is_told_so(environ: dict[str, str], tmp_path: Path) -> None:
    wrong: list[str] = []
    async with serving(environ, tmp_path) as server:
        await _open(server)
        for line, answer in LINES:
            got = await _answers(server, line + b"\n")
            # UTF-16 has an end of line inside its end of line, so that it comes as two lines.
            found = {(one["id"], one.get("error", {}).get("code")) for one in got}
            if found != {answer}:
                wrong.append(f"{line[:80]!r}: {found}, not {answer}")
    assert wrong == []
    assert b"Traceback" not in server.stderr


async def test_what_is_never_answered_is_not_answered_when_it_is_junk(
    environ: dict[str, str], tmp_path: Path
) -> None:
    quiet = [
        b"",
        b"   ",
        b"\r",
        MARK,
        b'{"jsonrpc":"2.0","method":"notifications/made-up"}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":5}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled"}',
        b'{"jsonrpc":"2.0","method":"notifications/initialized","id":null}',
        b'{"method":"notifications/initialized"}',
        b'{"jsonrpc":"2.0","id":5,"result":{}}',
        b'{"jsonrpc":"2.0","id":5,"result":7}',
        b'{"id":5,"result":{}}',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"yours was no JSON"}}',
        b'{"jsonrpc":"2.0","error":"what?"}',
    ]
    async with serving(environ, tmp_path) as server:
        assert await _answers(server, *(line + b"\n" for line in quiet)) == []
        await _open(server)
        assert await _answers(server, *(line + b"\n" for line in quiet)) == []
        answer = await server.ask(call(2, "list_models", {}))
    assert answer["result"]["structuredContent"]["models"]
    assert b"Traceback" not in server.stderr


@pytest.mark.parametrize("marks", [MARK, MARK * 2, MARK + b" "], ids=["one", "two", "and a blank"])
async def test_a_byte_order_mark_before_a_message_is_dropped_and_the_message_kept(
    environ: dict[str, str], tmp_path: Path, marks: bytes
) -> None:
    async with serving(environ, tmp_path) as server:
        await server.send(marks + _line(initialize(1)))
        assert (await server.receive())["result"]["serverInfo"]["name"] == "seedance"
        await server.send(marks + _line(INITIALIZED), marks + _line(request(2, "tools/list")))
        assert (await server.receive())["id"] == 2


async def test_a_message_in_utf_16_is_told_which_encoding_is_wanted(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await server.send((json.dumps(initialize(1)) + "\n").encode("utf-16"))
        answer = await server.receive()
    assert (answer["id"], answer["error"]["code"]) == (None, PARSE)
    assert "UTF-8" in answer["error"]["message"]


async def test_a_batch_is_answered_as_one_where_batches_were_agreed_on(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server, "2025-03-26")
        batch = [
            call(2, "generate_video", {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0.2}),
            INITIALIZED,
            request("three", "tools/list"),
            5,
            {"jsonrpc": "2.0", "id": 99, "result": {}},
            {"jsonrpc": "2.0", "id": 4},
            request(6, "no/such/method"),
            request(7, "ping"),
            request(7, "ping"),
            initialize(8),
        ]
        await server.send(batch)
        answers = await _answer(server)
        assert (
            await _answers(server, _line([INITIALIZED]), _line([{"jsonrpc": "2.0", "id": 1, "result": {}}]))
            == []
        )
        [alone] = await _answers(server, b"[1]\n")
        [empty] = await _answers(server, b"[]\n")
        [many] = await _answers(server, _line([INITIALIZED] * 101))
        single = await server.ask(request(20, "ping"))
    told = [(one["id"], one.get("error", {}).get("code")) for one in answers]
    assert sorted(told, key=str) == sorted(
        [
            (2, None),
            ("three", None),
            (None, INVALID),
            (4, INVALID),
            (6, -32601),
            (7, None),
            (7, INVALID),
            (8, INVALID),
        ],
        key=str,
    )
    [made] = [one for one in answers if one["id"] == 2]
    assert "status: " in made["result"]["content"][0]["text"]
    assert [one["error"]["code"] for one in alone] == [INVALID]
    assert (empty["id"], empty["error"]["code"]) == (None, INVALID)
    assert many["error"]["code"] == INVALID
    assert single["result"] == {}


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-06-18", "2025-11-25"])
async def test_no_other_revision_has_batches(environ: dict[str, str], tmp_path: Path, revision: str) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server, revision)
        [answer] = await _answers(server, _line([request(2, "ping"), request(3, "ping")]))
    assert (answer["id"], answer["error"]["code"]) == (None, INVALID)
    assert "2025-03-26" in answer["error"]["message"]


async def test_a_batch_waits_for_no_request_that_its_client_has_given_up(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server, "2025-03-26")
        asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 60}
        await server.send([call(2, "generate_video", asked), request(3, "ping")])
        assert await _answers(server) == []
        await server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}})
        [pinged] = await _answer(server)
    assert (pinged["id"], pinged["result"]) == (3, {})


async def test_what_is_answered_of_a_batch_is_sent_when_its_client_leaves(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server, "2025-03-26")
        asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 60}
        await server.send([call(2, "generate_video", asked), request(3, "ping")])
        assert await _answers(server) == []
        await server.stdin.aclose()
        [[pinged]] = [answer for answer in await server.rest() if isinstance(answer, list)]
    assert pinged["id"] == 3
