"""Advice on what a video's seconds hold: spoken words, actions, and the times that the prompt names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from ...remarks import Advice
from ...types import VideoRequest
from ..offers import Offer
from ..values import duration_limits
from .speech import spoken, unquoted

_WORDS = (2.5, 3.2)
_HAN = (4.5, 6.0)
_MORAE = (7.0, 9.0)
_SYLLABLES = (5.0, 6.5)
"""How much is said in a second, naturally and at the very most: English words, Chinese, Japanese, Korean."""

_KANA = re.compile("[\u3040-\u30ff]")
_KANJI = re.compile("[\u4e00-\u9fff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

_LEAST_SECONDS_FOR_AN_ACTION = 1.5
"""Below that nobody can follow; three to four seconds are right. What lies between is left to taste."""
_FEW_ACTIONS = 3

_SPAN = re.compile(
    r"(?<![\d:.])(?:(?P<from_minutes>\d{1,2}):)?(?P<start>\d+)\s?(?:s|sec|secs|seconds|秒)?\s?(?:[-–—~～]|到|至|to)\s?"
    r"(?:(?P<to_minutes>\d{1,2}):)?(?P<end>\d+)\s?(?P<unit>s|sec|secs|seconds|秒)?(?!\w|:\d)",
    re.IGNORECASE,
)
_COLON = re.compile(r"\s?[\])】）]?\s?[:：]")
_SHOT = re.compile(
    r"\bshot\s*#?(?P<n>\d{1,2})\b(?!\s*(?:mm|s\b|sec))|(?:镜头|分镜)\s*(?P<zh>\d{1,2}|[一二三四五六七八九十])",
    re.IGNORECASE,
)
_CUT = re.compile(r"\b(?:hard |jump |smash )?cuts? to\b|镜头切换|切(?:换)?[到至]", re.IGNORECASE)
_THEN = re.compile(
    r"(?<!back )(?<!since )(?<!until )(?<!now and )(?<!by )\bthen\b|\bafter that\b|\bafterwards\b"
    r"|(?:^|[.;,]\s{0,2})(?:next|finally),?\s|然后|接着|随后|最后",
    re.IGNORECASE,
)
_FAST_ON_PURPOSE = re.compile(
    r"montage|time-?\s?lapse|hyper-?lapse|(?:quick|rapid|fast)[\s-]*(?:cut|fire|paced|edit|succession)|slideshow|stop[\s-]motion"
    r"|蒙太奇|快剪|延时|快节奏|快速(?:切换|剪辑)|闪切",
    re.IGNORECASE,
)


def check_timing(request: VideoRequest, offer: Offer) -> Iterator[Advice]:
    """Tell of what does not fit into the seconds of a resolved request; of what may just fit nothing is said."""
    prompt, seconds, longest = request.prompt or "", _seconds(request, offer), duration_limits(offer)[1]
    lasts = f"the video lasts {seconds:g} s"
    naturally, at_most = _speaking_seconds(spoken(prompt))
    if at_most > seconds:
        needed = math.ceil(naturally)
        longer = f", or take a duration of {needed}" if needed <= longest else ""
        yield Advice(
            "dialogue_too_long",
            f"The spoken words take about {needed} s, and {lasts}: shorten them{longer}.",
        )
    spans = time_spans(prompt)
    end = max((end for _, end in spans), default=0)
    if end > seconds:
        longer = f", or take a duration of {end}" if end <= longest else ""
        yield Advice(
            "timeline_too_long", f"The times go on until {end} s, and {lasts}: fit them into it{longer}."
        )
        return
    actions = max(_actions(unquoted(prompt)), len(spans))
    crowded = actions >= _FEW_ACTIONS and seconds / actions < _LEAST_SECONDS_FOR_AN_ACTION
    if crowded and not _FAST_ON_PURPOSE.search(prompt):
        yield Advice(
            "too_many_actions",
            f"The text names {actions} things one after the other, and {lasts}: one takes three to four seconds. Leave some"
            " out, or make more than one video.",
        )


def time_spans(prompt: str) -> list[tuple[int, int]]:
    """
    Return the stretches of a timeline in seconds, in the order of the text.

    A single stretch counts if it begins at 0, or if it is a heading: "1-5s: a fox walks".
    """
    found: list[tuple[int, int]] = []
    headed = False
    for match in _SPAN.finditer(prompt):
        start = int(match["from_minutes"] or 0) * 60 + int(match["start"][:6])
        end = int(match["to_minutes"] or 0) * 60 + int(match["end"][:6])
        timed = match["unit"] is not None or (match["from_minutes"] and match["to_minutes"])
        if timed and start < end:
            found.append((start, end))
            headed = headed or _is_heading(prompt, match)
    rising = all(one[0] < other[0] for one, other in pairwise(found))
    if not found or not rising or (len(found) == 1 and found[0][0] != 0 and not headed):
        return []
    return found


def _is_heading(prompt: str, match: re.Match[str]) -> bool:
    before = prompt[max(0, match.start() - 4) : match.start()].rstrip(" [(【（")[-1:]
    return before in ("", *".;,!?\n。；，！？") and _COLON.match(prompt, match.end()) is not None


def shot_count(prompt: str) -> int:
    """Count the shots that have a number of their own."""
    return len({match["n"] or match["zh"] for match in _SHOT.finditer(prompt)})


def is_cut(prompt: str) -> bool:
    """Return whether the text cuts to another shot in so many words."""
    return _CUT.search(prompt) is not None


def _actions(text: str) -> int:
    cuts, sequence = len(_CUT.findall(text)), len(_THEN.findall(text))
    return max(shot_count(text), cuts + 1, sequence + 1)


def _seconds(request: VideoRequest, offer: Offer) -> float:
    frames = request.provider_options.get("frames")
    if isinstance(frames, int):
        return frames / offer.model.fps
    if request.duration is not None and request.duration > 0:
        return request.duration
    return duration_limits(offer)[1]


def _speaking_seconds(passages: list[str]) -> tuple[float, float]:
    """How long it takes to say these, naturally and as fast as it can be."""
    naturally = at_most = 0.0
    for text in passages:
        kana, han, hangul = (len(letters.findall(text)) for letters in (_KANA, _KANJI, _HANGUL))
        others = len(_WORD.findall(_HANGUL.sub(" ", _KANJI.sub(" ", _KANA.sub(" ", text)))))
        amounts = [(others, _WORDS), (hangul, _SYLLABLES)]
        # Japanese is known by its own letters; its Chinese ones have about two morae each.
        amounts.append((kana + 2 * han, _MORAE) if kana else (han, _HAN))
        naturally += sum(amount / rate for amount, (rate, _) in amounts)
        at_most += sum(amount / rate for amount, (_, rate) in amounts)
    return naturally, at_most
