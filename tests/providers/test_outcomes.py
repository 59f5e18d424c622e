"""How the end of a task is told, whoever the provider is."""

from __future__ import annotations

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import ContentRejected
from seedance_mcp.providers.error_codes import Codes, Meaning
from seedance_mcp.providers.outcomes import failed, kept_until

HOUR = 3600.0
NOW = 1_700_000_000.0
NSFW = Meaning(codes=("42", "*nsfw*"), error=ContentRejected, hint="Ask for something else.")
LATER = Meaning(codes=("*nsfw again*", "busy"), error=None, hint="Try later.")


@pytest.mark.parametrize(
    ("since", "hours_left"),
    [(NOW - 0.25 * HOUR, 0.75), (None, 1), (NOW + HOUR, 1), (NOW - 2 * HOUR, 1), (0.0, 1)],
    ids=["a time that can be", "none", "in the future", "too long ago", "the epoch"],
)
def test_a_link_lives_from_the_time_that_they_say_if_that_can_be(
    since: float | None, hours_left: float
) -> None:
    info = Catalog.load().provider("sandbox").model_copy(update={"result_hours": 1.0})
    assert kept_until(since, info, now=NOW) == NOW + hours_left * HOUR


def test_a_code_goes_before_the_text() -> None:
    codes = Codes((NSFW, LATER))
    assert codes.meaning("busy", "nsfw") is LATER
    assert codes.meaning("who knows", "an nsfw prompt") is NSFW
    assert codes.meaning(None, "nsfw again") is NSFW
    assert codes.meaning(None, "") is None


def test_a_failure_that_nobody_documented_keeps_its_words_and_gets_the_advice() -> None:
    state = failed("\x1b[31mIt  broke.", code="E7", meaning=None, advice="Ask them.")
    assert (state.error, state.error_code, state.provider_code) == ("It broke.", "provider", "E7")
    assert state.hint == "Ask them."


def test_a_documented_failure_is_of_our_class() -> None:
    state = failed("", meaning=NSFW, advice="Ask them.")
    assert (state.error, state.error_code) == ("The task failed without a reason.", "content_rejected")
    assert (state.hint, state.provider_code) == ("Ask for something else.", None)
