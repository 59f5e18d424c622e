"""Advice on references: which of them the prompt never names, names wrongly, or names as another model wants it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...remarks import Advice
from ...texts import one_line
from ...types import REFERENCE_FIELDS, MediaKind, VideoRequest
from ..offers import Offer

_PLAIN: Mapping[MediaKind, str] = {
    "image": r"images?|图片|图像|(?<![地版蓝企意试])图",
    "video": r"videos?|视频",
    "audio": r"audios?|音频",
}
"""The words that the models know, by themselves or within marks."""

_FOREIGN: Mapping[MediaKind, str] = {
    "image": r"imgs?|pictures?|pics?|photos?|照片",
    "video": r"vids?|clips?",
    "audio": r"sounds?",
}
"""Words that people use as well, and no model has as a name."""

_NO_NUMBER = (
    r"(?![0-9A-Za-z])(?![.:]\d)(?!\s?(?:s|secs?|seconds?|minutes?|fps|%|px|pixels|秒|分|帧|倍)(?![A-Za-z]))"
)
"""What stands behind a number that is a name: no unit, and no other part of a larger number."""

_ALL = re.compile(
    r"\b(?:all|both|these|those|each|every|the)\s+(?:\w+\s+){0,3}?(?:images|pictures|photos|references|videos|clips|keyframes|panels)\b"
    r"|\b(?:each|every)\s+(?:\w+\s+){0,2}?(?:image|picture|photo|reference|video|clip)\b"
    r"|(?:所有|全部|这些|以上|上述|两张|三张|四张|几张|每张|各张|多张|两个|几个)[^，。,.]{0,6}(?:图|照片|参考|视频|音频|素材)",
    re.IGNORECASE,
)
_THE_ONLY: Mapping[MediaKind, re.Pattern[str]] = {
    "image": re.compile(
        r"\b(?:image|picture|photo|photograph|reference)\b|图片|图像|图中|图里|参考|照片|原图|此图|该图|这张",
        re.IGNORECASE,
    ),
    "video": re.compile(r"\b(?:video|clip|footage|reference)\b|视频|片段|原片|参考", re.IGNORECASE),
    "audio": re.compile(
        r"\b(?:audio|voice|music|song|sound|track|speech|recording|reference)\b|音频|声音|音乐|配乐|歌|参考",
        re.IGNORECASE,
    ),
}
"""How people call a reference without a number where there is but one of its kind."""

_ORDINALS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            ("first", "one", "一"),
            ("second", "two", "二"),
            ("third", "three", "三"),
            ("fourth", "four", "四"),
            ("fifth", "five", "五"),
            ("sixth", "six", "六"),
            ("seventh", "seven", "七"),
            ("eighth", "eight", "八"),
            ("ninth", "nine", "九"),
        ),
        1,
    )
    for word in words
}
_NAMES: Mapping[MediaKind, tuple[str, str]] = {
    "image": ("Image", "图片"),
    "video": ("Video", "视频"),
    "audio": ("Audio", "音频"),
}
_RANGE = re.compile(r"(\d+)\s*(?:to|-|–|~|到|至)\D*?(\d+)", re.IGNORECASE)
_CHINESE = re.compile("[\u4e00-\u9fff]")
_MOST_IN_A_RANGE = 50
_MOST_LISTED = 6
_SHOWN = 40


def _mention_of(kind: MediaKind) -> re.Pattern[str]:
    word = f"(?:{_PLAIN[kind]}|{_FOREIGN[kind]})"
    others = rf"(?:\s?(?:,|、|&|and|to|-|–|~|到|至|和)\s?(?:[@\[【]?\s?{word}\s?)?\d{{1,3}}{_NO_NUMBER})"
    return re.compile(
        rf"(?P<open>[@\[【<{{#]?)\s?(?<![A-Za-z])(?:(?P<plain>{_PLAIN[kind]})|{_FOREIGN[kind]})(?P<gap>\s?[_#]?\s?)"
        rf"(?P<first>\d{{1,3}}){_NO_NUMBER}(?P<others>{others}*)",
        re.IGNORECASE,
    )


_MENTION: Mapping[MediaKind, re.Pattern[str]] = {kind: _mention_of(kind) for kind in _PLAIN}
_NUMERALS = "|".join(word for word in _ORDINALS if word.isascii())


def _in_words(kind: MediaKind) -> re.Pattern[str]:
    word = f"(?:{_PLAIN[kind]}|{_FOREIGN[kind]})"
    return re.compile(
        rf"\b(?P<before>{_NUMERALS})\s(?:reference\s)?{word}\b|\b{word}\s(?P<after>{_NUMERALS})\b"
        rf"|第?(?P<chinese>[一二三四五六七八九])[张个段]?(?:参考)?{word}|{word}(?P<behind>[一二三四五六七八九])",
        re.IGNORECASE,
    )


_IN_WORDS: Mapping[MediaKind, re.Pattern[str]] = {kind: _in_words(kind) for kind in _PLAIN}


@dataclass(frozen=True)
class _Mention:
    """Where the text names inputs: how it is written, the numbers, and those of them that can mean nothing else."""

    text: str
    form: str
    numbers: frozenset[int]
    certain: frozenset[int]


def check_references(request: VideoRequest, offer: Offer) -> Iterator[Advice]:
    """Tell which references the prompt never names, names by a number that there is not, or writes as no such model has it."""
    prompt, style = request.prompt or "", offer.model.prompting.references
    if not prompt.strip() or not style:
        return
    chinese = len(_CHINESE.findall(prompt)) > len(prompt) / 4
    for field, kind in REFERENCE_FIELDS.items():
        count, mentions = len(request.sources(field)), list(_mentions(prompt, kind))
        if not count and not (mentions and request.mode == "reference"):
            continue
        certain = {number for mention in mentions for number in mention.certain}
        beyond = sorted(number for number in certain if not 1 <= number <= count)
        if beyond:
            have = f"there {'is' if count == 1 else 'are'} {count}" if count else "none is attached"
            names = _listed(kind, beyond, style, chinese=chinese)
            yield Advice("reference_out_of_range", f"The prompt names {names}, and {have} in {field}.")
        unnamed = _unnamed(prompt, kind, count, mentions)
        if unnamed:
            names = _listed(kind, unnamed, style, chinese=chinese)
            yield Advice(
                "reference_unnamed",
                f"The prompt never names {names}: say what each is for; else the model decides.",
            )
        foreign = next((mention for mention in mentions if not _understood(mention.form, style)), None)
        if foreign is not None and count:
            name = _written(kind, 1, style, chinese=bool(_CHINESE.search(foreign.text)))
            yield Advice(
                "reference_syntax",
                f"{offer.model.title} knows its inputs as {name}; write that instead of"
                f" {one_line(foreign.text, _SHOWN)!r}.",
            )


def _unnamed(prompt: str, kind: MediaKind, count: int, mentions: list[_Mention]) -> list[int]:
    named = {number for mention in mentions for number in mention.numbers} | _numbered_in_words(prompt, kind)
    if not named and ((count == 1 and _THE_ONLY[kind].search(prompt)) or _ALL.search(prompt)):
        return []
    return [number for number in range(1, count + 1) if number not in named]


def _mentions(prompt: str, kind: MediaKind) -> Iterator[_Mention]:
    for match in _MENTION[kind].finditer(prompt):
        numbers = {int(match["first"])} | {int(number) for number in re.findall(r"\d+", match["others"])}
        for low, high in _RANGE.findall(match["first"] + match["others"]):
            numbers |= set(range(int(low), min(int(high), int(low) + _MOST_IN_A_RANGE) + 1))
        # Behind "Image 1 and" a bare number may count something else, unless the word is a plural.
        plural = (match["plain"] or "").lower().endswith("s")
        certain = numbers if plural else {int(match["first"])}
        opening = match["open"]
        form = {"@": "at", "[": "brackets", "": "plain"}.get(opening, "foreign")
        if match["plain"] is None or "_" in match["gap"] or "#" in match["gap"]:
            form = "foreign"
        closing = {"[": "]", "【": "】", "<": ">", "{": "}"}.get(opening, "")
        yield _Mention(
            text=match[0].strip() + closing,
            form=form,
            numbers=frozenset(numbers),
            certain=frozenset(certain if match["plain"] else ()),
        )


def _numbered_in_words(prompt: str, kind: MediaKind) -> set[int]:
    return {
        _ORDINALS[next(filter(None, match.groups())).lower()] for match in _IN_WORDS[kind].finditer(prompt)
    }


def _understood(form: str, style: str) -> bool:
    if style.startswith("@"):
        return form == "at"
    if style.startswith("["):
        return form == "brackets"
    return form in ("plain", "at")


def _written(kind: MediaKind, number: int, style: str, *, chinese: bool) -> str:
    english_name, chinese_name = _NAMES[kind]
    name = f"{chinese_name}{number}" if chinese else f"{english_name} {number}"
    if style.startswith("["):
        return f"[{name}]"
    return f"@{name}" if style.startswith("@") else name


def _listed(kind: MediaKind, numbers: list[int], style: str, *, chinese: bool) -> str:
    names = [_written(kind, number, style, chinese=chinese) for number in numbers[:_MOST_LISTED]]
    more = [f"{len(numbers) - _MOST_LISTED} more"] if len(numbers) > _MOST_LISTED else []
    return ", ".join([*names, *more])
