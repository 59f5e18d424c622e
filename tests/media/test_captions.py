"""Caption files say what is to be read and when, in the two ways that players load."""

from __future__ import annotations

from itertools import pairwise

import pytest

from seedance_mcp.media.captions import Cue, spread, srt, vtt

CUES = [Cue(0.3, 1.5, "Come in,\n\nit rains."), Cue(3661.0004, 3662.9996, "你好 & <hello>")]


def test_subrip_numbers_its_cues_and_has_no_empty_line_in_one() -> None:
    assert srt(CUES) == (
        "1\n00:00:00,300 --> 00:00:01,500\nCome in,\nit rains.\n\n"
        "2\n01:01:01,000 --> 01:01:03,000\n你好 & <hello>\n"
    )


def test_no_line_that_is_spoken_can_be_taken_for_the_times_of_a_cue() -> None:
    line = "Look.\n\n2\n00:00:01,000 --> 00:00:02,000\nNot so ---> fast."
    lines = srt(spread([line], 8, "door")).splitlines()
    assert [part for part in lines if "-->" in part] == [
        "00:00:00,300 --> 00:00:01,298",
        "00:00:01,298 --> 00:00:08,000",
    ]
    assert lines[-2:] == ["00:00:01,000 → 00:00:02,000", "Not so → fast."]


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


def test_a_line_beside_a_long_one_can_still_be_read() -> None:
    long, short = spread(["a" * 42, "b"], 10, "door")
    assert short.end - short.start > (long.end - long.start) / 9


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "The fox goes home to sleep, because it was a very long day for a fox of its age, and it rains.",
            [
                "The fox goes home to sleep,\nbecause it was a very long day for",
                "a fox of its age, and it rains.",
            ],
        ),
        (
            "雨下得很大，我们在旧灯塔下等着，直到天亮。她说：「那盏灯三次亮起，我就会看见。」",
            ["雨下得很大，我们在旧灯塔下等着，直到天亮。\n她说：「那盏灯三次亮起，我就会看见。」"],
        ),
        ("في الليل رأينا الضوء ثلاث مرات، ثم عاد القارب", ["في الليل رأينا الضوء\nثلاث مرات، ثم عاد القارب"]),
        ("x" * 90, ["x" * 90]),
        ("One.\n\n Two. ", ["One.\nTwo."]),
    ],
)
def test_a_long_line_is_read_in_two_rows_at_a_time(text: str, read: list[str]) -> None:
    cues = spread([text], 9, "door")
    assert [cue.text for cue in cues] == read
    assert (cues[0].start, cues[-1].end) == (0.3, pytest.approx(9))
    assert all(before.end == after.start for before, after in pairwise(cues))


def test_what_cannot_be_seen_has_no_cue() -> None:
    assert spread([" ", "\n\t"], 5, "door") == []


def test_captions_command_no_terminal() -> None:
    cues = [Cue(0, 1, "\x1b[31mred\x07\r\n\x9b2J\n\x1b\nend")]
    for text in (srt(cues), vtt(cues)):
        assert text.endswith("[31mred\n2J\nend\n")
        assert not any(character in text for character in "\x1b\x07\x9b")
