"""Caption files say what is to be read and when, in the two ways that players load."""

from __future__ import annotations

import pytest

from seedance_mcp.media.captions import Cue, spread, srt, vtt

CUES = [Cue(0.3, 1.5, "Come in,\n\nit rains."), Cue(3661.0004, 3662.9996, "你好 & <hello>")]


def test_subrip_numbers_its_cues_and_has_no_empty_line_in_one() -> None:
    assert srt(CUES) == (
        "1\n00:00:00,300 --> 00:00:01,500\nCome in,\nit rains.\n\n"
        "2\n01:01:01,000 --> 01:01:03,000\n你好 & <hello>\n"
    )


def test_webvtt_writes_markup_as_text() -> None:
    assert vtt(CUES) == (
        "WEBVTT\n\n00:00:00.300 --> 00:00:01.500\nCome in,\nit rains.\n\n"
        "01:01:01.000 --> 01:01:03.000\n你好 &amp; &lt;hello&gt;\n"
    )


def test_lines_share_the_time_of_their_shot_by_length() -> None:
    first, second = spread(["Yes.", "No, not now."], 5, "door")
    assert (first.start, second.end, first.shot) == (0.3, pytest.approx(5), "door")
    assert first.end == second.start
    assert (second.end - second.start) / (first.end - first.start) == pytest.approx(3)


def test_a_shot_of_a_moment_has_its_line_within_it() -> None:
    (only,) = spread(["Oh!"], 0.4, "door")
    assert 0 < only.start < only.end == pytest.approx(0.4)
