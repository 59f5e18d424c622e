"""Finds what is spoken in a prompt: quotations and braces beside a word such as "says", not what a sign reads."""

from __future__ import annotations

import re

_SAYING = (
    r"says?|said|saying|shouts?|shouting|whispers?|whispering|asks?|asking|repl(?:y|ies|ied)|answers?|speaks?|speaking"
    r"|sings?|singing|tells?|yells?|murmurs?|mutters?|exclaims?|announces?|recites?|declares?"
    r"|dice|dicen|grita|susurra|pregunta|responde|diz|fala|sussurra|berkata|bertanya|berbisik"
)
_SAYING_ZH = (
    r"(?<![小传学听据])说(?![明书服法])|喊|提问|追问|反问|(?<![疑顾])问(?![题号候世卷])|回答|唱(?!片)"
    r"|(?:[说喊问答笑叫吼念哭骂唱]|低声|轻声|大声)道"
)
_NARRATION = r"narrat(?:or|ion|es)|voice-?\s?over|dialogue|旁白|台词|念白|独白|画外音"

_BEFORE = re.compile(
    rf"(?:\b(?:{_SAYING})\b|{_SAYING_ZH}|{_NARRATION})[^.!?。！？\n]{{0,60}}$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"\s*[,，]?\s*(?:(?:\w+\s+){{0,2}}(?:{_SAYING})\b|[^\s。，]{{0,4}}(?:{_SAYING_ZH})"
    r"|と(?:言|話|叫|つぶや|囁|尋|答|ささや)|(?:이?라고\s*)?(?:말|외치|외친|묻|속삭))",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"\b(?:sign|signs|billboard|text|label|screen|banner|poster|board|shirt|caption|subtitles?|title|slogan|headline|note"
    r"|letter|card|logo|graffiti|placard|display|message|page|plaque|sticker|tattoo|watermark)\b[^.!?\n]{0,30}$",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r'"(?P<straight>[^"]*)"|“(?P<curly>[^“”]*)”|「(?P<corner>[^「」]*)」|『(?P<double>[^『』]*)』|«(?P<angle>[^«»]*)»'
    r"|\{(?P<brace>[^{}]*)\}"
)
_UNMARKED = re.compile(
    rf"(?:\b(?:{_SAYING})\b[^.!?,;\n\"“「{{]{{0,60}}?|(?:{_SAYING_ZH})[^。！？，；\n\"“「{{]{{0,20}}?)[:：]\s*(?=[^\s\"“「『«{{])",
    re.IGNORECASE,
)
_LINE = re.compile(r"[^\n]*")
_LOOK_BACK = 120


def spoken(prompt: str) -> list[str]:
    """Return what stands in quotation marks or braces and is said by somebody."""
    found: list[str] = []
    end = 0
    for match in _QUOTED.finditer(prompt):
        before = prompt[max(end, match.start() - _LOOK_BACK) : match.start()]
        if match["brace"] is not None or _is_said(before, prompt[match.end() : match.end() + 60]):
            found.append(next(text for text in match.groups() if text is not None))
        end = match.end()
    return found


def is_spoken_in(prompt: str) -> bool:
    """Return whether somebody speaks, whether the words are marked or only follow a colon."""
    return bool(spoken(prompt)) or is_unmarked(prompt)


def is_unmarked(prompt: str) -> bool:
    """Return whether words are to be spoken that stand behind a colon alone."""
    return any(
        not _WRITTEN.search(prompt[max(0, match.start() - _LOOK_BACK) : match.start()])
        for match in _UNMARKED.finditer(unquoted(prompt, keep=True))
    )


def is_braced(prompt: str) -> bool:
    """Return whether words that somebody says stand in braces."""
    return any(
        match["brace"] is not None
        and _is_said(prompt[max(0, match.start() - _LOOK_BACK) : match.start()], "")
        for match in _QUOTED.finditer(prompt)
    )


def unspoken(prompt: str) -> str:
    """Return the prompt without quotations, and without what follows "says:" in the same line."""
    text = unquoted(prompt, keep=True)
    kept, end = list[str](), 0
    for match in _UNMARKED.finditer(text):
        if match.start() >= end:
            kept.append(text[end : match.end()])
            # Nothing marks where unmarked speech ends.
            line = _LINE.match(text, match.end())
            end = line.end() if line else match.end()
    return "".join([*kept, text[end:]])


def unquoted(prompt: str, *, keep: bool = False) -> str:
    """Return the prompt without what stands in quotation marks or braces; with `keep` the marks stay."""
    return _QUOTED.sub('""' if keep else " ", prompt)


def _is_said(before: str, after: str) -> bool:
    said = _BEFORE.search(before)
    if said is not None:
        return not _WRITTEN.search(before[: said.start()])
    return _AFTER.match(after) is not None
