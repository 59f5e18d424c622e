"""What may not stand in the log."""

from __future__ import annotations

import json
import logging

import pytest

from seedance_mcp.presentation.logs import JsonLines, Redacting


def _written(message: str, *arguments: object) -> str:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, message, arguments, None)
    return Redacting(["sk-canary-1234567", "short"]).format(record)


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("the key sk-canary-1234567 was refused", "the key [secret] was refused"),
        ("GET https://cdn.test/v.mp4?X-Sig=SECRET&a=b 200", "GET https://cdn.test/v.mp4?[...] 200"),
        ("GET https://user:pw@cdn.test/v.mp4", "GET https://cdn.test/v.mp4"),
        ("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl came", "Bearer [secret] came"),
        ("a short word stays", "a short word stays"),
        ("a \x1b[31mred\x07 word\ud800", "a \ufffd[31mred\ufffd word\ufffd"),
    ],
)
def test_keys_and_signatures_are_left_out(message: str, written: str) -> None:
    assert _written(message) == f"WARNING x: {written}"
    assert _written("%s", message) == f"WARNING x: {written}"


def test_tracebacks_are_cleaned_too() -> None:
    try:
        raise ValueError("bad key sk-canary-1234567")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "x.py", 1, "failed", (), (type(error), error, error.__traceback__)
        )
    text = Redacting(["sk-canary-1234567"]).format(record)
    assert "ValueError: bad key [secret]" in text
    assert "canary" not in text


def test_a_record_can_be_written_as_json_on_one_line() -> None:
    try:
        raise ValueError("bad\nkey sk-canary-1234567")
    except ValueError as error:
        trace = (type(error), error, error.__traceback__)
        record = logging.LogRecord(
            "x.y", logging.ERROR, "x.py", 1, "%s\nfailed", ("https://a.test/v?sig=1",), trace
        )
    line = JsonLines(["sk-canary-1234567"]).format(record)
    assert "\n" not in line
    written = json.loads(line)
    assert written.pop("time").endswith("+00:00")
    assert "ValueError: bad\nkey [secret]" in written.pop("trace")
    assert written == {"level": "error", "logger": "x.y", "message": "https://a.test/v?[...]\nfailed"}
