"""Provider text is quoted data: it cannot style, link, hide or command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.providers.http.sanitizing import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 100 % fine.", "plain words, 100 % fine."),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "click"),
        ("line\r\nbreak\ttab", "line break tab"),
        ("a\u202eb\u200bc\U000e0041d\ufeffe", "abcde"),
        ("![x](https://evil.example/?q=secret) now", "!(x)((link removed) now"),
        (
            "see https://a.example/x?X-Tos-Signature=1 or www.b.example",
            "see (link removed) or (link removed)",
        ),
        ("htt\u200bps://evil.example/", "(link removed)"),
        ("https:\\\\evil.example\\x", "(link removed)"),
        ("go to evil.example/pay", "go to (link removed)"),
        ("<b>`content[1]`</b>", "‹b›'content(1)'‹/b›"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_what_a_provider_says_is_quoted_harmlessly(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(st.characters(), max_size=600))
def test_nothing_a_provider_says_can_act(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= 300
    assert all(character.isprintable() for character in shown)
    assert not set(shown) & set("<>[]`\\\n\u202e\u200b")
    assert "://" not in shown
