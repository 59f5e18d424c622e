"""What may not stand in the log."""

from __future__ import annotations

import logging

import pytest

from seedance_mcp.presentation.logs import Redacting


def _written(message: str, *arguments: object) -> str:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, message, arguments, None)
    return Redacting(["sk-canary-1234567", "short"]).format(record)


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("the key sk-canary-1234567 was refused", "the key [secret] was refused"),
        ("GET https://cdn.test/v.mp4?X-Sig=SECRET&a=b 200", "GET https://cdn.test/v.mp4?[...] 200"),
        ("GET https://user:pw@cdn.test/v.mp4", "GET https://cdn.test/v.mp4"),
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
