"""Advice on references: which of them the prompt never names, names wrongly, or names as another model wants it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...remarks import Advice
from ...texts import one_line
from ...types import REFERENCE_FIELDS, MediaKind, VideoRequest
from ..offers import Offer
from .speech import unquoted

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
            ("first", "1st", "one", "一"),
            ("second", "2nd", "two", "二"),
            ("third", "3rd", "three", "三"),
            ("fourth", "4th", "four", "四"),
            ("fifth", "5th", "five", "五"),
            ("sixth", "6th", "six", "六"),
            ("seventh", "7th", "seven", "七"),
            ("eighth", "8th", "eight", "八"),
            ("ninth", "9th", "nine", "九"),
        ),
        1,
    )
    for word in (*words, str(number))
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
_MOST_BRACKETS = 4
_MEANT = re.compile(
    r"(?:\b(?:of|from|use|using|like|with)\s|[@\[【<])\s?(?:the\s)?$|(?:使用|用|参考|以|按照)\s?[@\[【]?$",
    re.IGNORECASE,
)
"""What stands before a name of a reference, also where none is attached: no sign that reads "Image 1"."""
_LOOK_BACK = 20


def _mention_of(kind: MediaKind) -> re.Pattern[str]:
    word = f"(?:{_PLAIN[kind]}|{_FOREIGN[kind]})"
    others = rf"(?:\s?(?:,|、|&|and|to|-|–|~|到|至|和)\s?(?:[@\[【]?\s?{word}\s?)?\d{{1,3}}{_NO_NUMBER})"
    return re.compile(
        rf"(?P<open>[@\[【<{{#]?)\s?(?<![A-Za-z])(?:(?P<plain>{_PLAIN[kind]})|{_FOREIGN[kind]})(?P<gap>\s?[_#]?\s?)"
        rf"(?P<first>\d{{1,3}}){_NO_NUMBER}(?P<others>{others}*)",
        re.IGNORECASE,
    )


_MENTION: Mapping[MediaKind, re.Pattern[str]] = {kind: _mention_of(kind) for kind in _PLAIN}
_NUMERALS = "|".join(word for word in _ORDINALS if word.isascii() and not word.isdigit())
_FURTHER = re.compile(
    rf"\bthe\s(?P<english>{_NUMERALS}|other|last)\b(?!\s(?:shots?|scenes?|frames?|acts?|times?|floor|row|seconds?|minutes?|half)\b)"
    r"|第(?P<chinese>[一二三四五六七八九1-9])[张个段幅](?!镜)|(?P<last>另一|最后一)[张段幅]",
    re.IGNORECASE,
)
"""Where one of the images was named by its place, so are the others: "the first image is the fox, the second the cat"."""


def _in_words(kind: MediaKind) -> re.Pattern[str]:
    word = f"(?:{_PLAIN[kind]}|{_FOREIGN[kind]})"
    return re.compile(
        rf"\b(?P<before>{_NUMERALS})\s(?:reference\s)?{word}\b|\b{word}\s(?P<after>{_NUMERALS})\b"
        rf"|(?:第?(?P<chinese>[一二三四五六七八九])|第(?P<digit>[1-9]))[张个段幅]?(?:参考)?{word}|{word}(?P<behind>[一二三四五六七八九])",
        re.IGNORECASE,
    )


_IN_WORDS: Mapping[MediaKind, re.Pattern[str]] = {kind: _in_words(kind) for kind in _PLAIN}


@dataclass(frozen=True)
class _Mention:
    """
    Where the text names inputs: how it is written, the numbers, and those of them that can mean nothing else.

    `meant`: it stands where an input is named, not where any picture could be.
    """

    text: str
    form: str
    meant: bool
    numbers: frozenset[int]
    certain: frozenset[int]


def check_references(request: VideoRequest, offer: Offer) -> Iterator[Advice]:
    """Tell which references the prompt never names, names by a number that there is not, or writes as no such model has it."""
    prompt, style = request.prompt or "", offer.model.prompting.references
    if request.mode != "reference":
        yield from _without_references(prompt, request, offer)
        return
    if not prompt.strip() or not style:
        return
    chinese = len(_CHINESE.findall(prompt)) > len(prompt) / 4
    for field, kind in REFERENCE_FIELDS.items():
        count, mentions = len(request.sources(field)), list(_mentions(prompt, kind))
        if not count and not mentions:
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


def _without_references(prompt: str, request: VideoRequest, offer: Offer) -> Iterator[Advice]:
    """Tell that a name of a reference means nothing where none is attached."""
    text = unquoted(prompt)
    meant = [
        (field, mention)
        for field, kind in REFERENCE_FIELDS.items()
        for mention in _mentions(text, kind)
        if mention.certain and (mention.meant or (kind == "image" and request.first_frame))
    ]
    if not meant:
        return
    field, mention = meant[0]
    name = one_line(mention.text, _SHOWN)
    if request.first_frame and field == "reference_images":
        frame = "first_frame has no number: call it the picture"
        instead = f", or attach references in {field}" if field in offer.parameters else ""
        yield Advice(
            "reference_out_of_range",
            f"The prompt names {name}, and no reference is attached; {frame}{instead}.",
        )
    else:
        have = f"none is attached in {field}" if field in offer.parameters else f"{offer.label} takes none"
        yield Advice("reference_out_of_range", f"The prompt names {name}, and {have}.")


def _unnamed(prompt: str, kind: MediaKind, count: int, mentions: list[_Mention]) -> list[int]:
    named = {number for mention in mentions for number in mention.numbers} | _numbered_in_words(
        prompt, kind, count
    )
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
        yield _Mention(
            text=_as_written(prompt, match),
            form=form,
            meant=_is_meant(prompt, match),
            numbers=frozenset(numbers),
            certain=frozenset(certain if match["plain"] else ()),
        )


def _is_meant(prompt: str, match: re.Match[str]) -> bool:
    start = match.start("plain")
    return match["open"] not in ("", "#") or (
        start >= 0 and _MEANT.search(prompt[max(0, start - _LOOK_BACK) : start]) is not None
    )


def _as_written(prompt: str, match: re.Match[str]) -> str:
    """Return a mention with all the brackets around it."""
    start, end = match.span()
    while start > 0 and match.start() - start < _MOST_BRACKETS and prompt[start - 1] in "<[【{#@":
        start -= 1
    while end < len(prompt) and end - match.end() < _MOST_BRACKETS and prompt[end] in ">]】}":
        end += 1
    return prompt[start:end].strip()


def _numbered_in_words(prompt: str, kind: MediaKind, count: int) -> set[int]:
    found = {
        _ORDINALS[next(filter(None, match.groups())).lower()] for match in _IN_WORDS[kind].finditer(prompt)
    }
    if found:
        further = (next(filter(None, match.groups())).lower() for match in _FURTHER.finditer(prompt))
        # "The other" and "the last" are the last one.
        found |= {_ORDINALS.get(word, count) for word in further}
    return found


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
