"""Finds what a prompt rules out ("no blur", 不要模糊); a "no" that describes what is seen ("a man with no hat") is none."""

from __future__ import annotations

import re

from .speech import unspoken

_HEADED = re.compile(
    r"\bnegative[\s_]prompts?\b[:\s]+(?P<what>[^.,;]*)|(?:负面|反向|负向)提示词?[:：\s]*(?P<zh>[^。，；,;]*)",
    re.I,
)
_IDLE = (
    "one|two|longer|matter|more|doubt|sooner|hesitation|fear|hurry|rush|mercy|emotion|regrets?|warning|choice|way|time|need"
    "|use|wonder|problem|worry|worries|idea|expression"
)
"""What follows a "no" that rules nothing out."""
_CLAUSE = r"(?:^|[.,;:!?，。；：、\n(])\s{0,2}"
_ENDS = (
    r"(?=\s{0,2}(?:[.,;!?\n)]|$)|\s(?:and|or|but|in|on|at|around|anywhere|visible|please|nor|[a-z]+ing)\b)"
)
_ENGLISH = re.compile(
    rf"{_CLAUSE}(?:and\s|or\s)?(?:please\s)?(?:do\snot|don['’]t|never\sshow)\b[:\s]+(?P<order>[^.,;!?\n]*)"
    r"|(?:(?:^|[.;:!?\n(])\s{0,2}|\bplease\s)avoid\b[:\s]+(?P<avoid>[^.,;!?\n]*)"
    rf"|{_CLAUSE}(?:and\s|or\s|but\s)?(?:absolutely\s)?no\s(?!(?:{_IDLE})\b)(?P<no>[\w'’-]+(?:\s[\w'’-]+){{0,2}}?){_ENDS}"
    r"|\bwithout\s+(?:any\s+)?(?!his\b|its\b|this\b|always\b)(?P<without>people|text|[a-z]+(?<!s)s)\b",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    rf"{_CLAUSE}(?:画面|视频|人物|镜头|整体|背景|脸部|手部)?[中里]?(?:请)?"
    r"(?:(?:不要|禁止|严禁|避免|杜绝|切勿)(?:有|出现)?|(?:不能|不得|不可|不许)(?:有|出现)|(?:不|别)出现)(?P<order>[^，。；、,.;\n]+)"
    rf"|{_CLAUSE}无(?P<no>水印|变形|模糊|畸形|扭曲|失真|噪点|抖动|闪烁|穿模|瑕疵|重影|多余|杂物|人物|路人|标志|台标|文字|字幕)"
)
_AUDIBLE = re.compile(
    r"subtitle|caption|text|music|sound|audio|speech|speak|voice|dialogue|narrat|noise|sing|talk|song|words"
    r"|字幕|文字|音乐|声音|配乐|旁白|对白|对话|台词|人声|噪音|噪声|杂音|音效|说话|唱|歌|bgm",
    re.IGNORECASE,
)


def has_heading(prompt: str) -> bool:
    """Return whether the text has a negative prompt under that name."""
    return _HEADED.search(unspoken(prompt)) is not None


def is_ruled_out(prompt: str) -> bool:
    """Return whether the text rules out something to be seen; subtitles and sounds do not count."""
    text = unspoken(prompt)
    return any(
        not _AUDIBLE.search(next((words for words in match.groups() if words), ""))
        for pattern in (_HEADED, _ENGLISH, _CHINESE)
        for match in pattern.finditer(text)
    )
