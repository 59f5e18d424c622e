"""Reads prompts: commands that could change the price are refused, everything else is advice and never blocks."""

from __future__ import annotations

import re

from .models import Model

_FIELDS = {
    "rs": "resolution",
    "resolution": "resolution",
    "rt": "aspect_ratio",
    "ratio": "aspect_ratio",
    "dur": "duration",
    "duration": "duration",
    "frames": "provider_options.frames",
    "seed": "seed",
    "cf": "camera_fixed",
    "camerafixed": "camera_fixed",
    "camera_fixed": "camera_fixed",
    "wm": "watermark",
    "watermark": "watermark",
    "fps": "",
    "framespersecond": "",
}
_DASHES = "[-\u2010-\u2015\u2212]{2,}"  # typed, or made from two hyphens by a word processor
_COMMAND = re.compile(
    rf"{_DASHES}\s*({'|'.join(_FIELDS)})\b(?:[\s=]+(?![-\u2010-\u2015])\S+)?", re.IGNORECASE
)
_ANY_COMMAND = re.compile(r"(?<!\S)--([A-Za-z][\w-]*)")
_PARAMETER = re.compile(r"(?<![\w:.])(?:16:9|9:16|4:3|3:4|21:9|(?:480|720|1080)p|4k)(?![\w:])", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?|asset)://\S+|\basset-[0-9a-z]{6,}", re.IGNORECASE)
_NEGATIVE = re.compile(r"\b(?:negative prompt|do not|don't|avoid|without|no)\b[:\s]+([^.,;]*)", re.IGNORECASE)
_AUDIBLE = re.compile(r"subtitle|caption|music|sound|audio|speech|voice|dialogue|narrat", re.IGNORECASE)
_SPEAKS = re.compile(
    r"\b(?:says?|said|saying|shouts?|whispers?|asks?|replies|speaks?|sings?)\b[^.!?\n]{0,60}?[:：\"“「{]"
    r"|[说喊问道][^。！？\n]{0,20}?[:：“「]",
    re.IGNORECASE,
)
_QUOTES = re.compile('["“”「」『』]')
_SECONDS = re.compile(r"\b(\d+)\s*(?:s|sec)?\s*[-–~]\s*(\d+)\s*(?:s|sec|seconds)\b", re.IGNORECASE)
_EVERY = re.compile(r"\bevery\s+\d+(?:\.\d+)?\s*(?:s|sec|seconds?)\b", re.IGNORECASE)
_SHOT = re.compile(r"\bshots?\s*\d|\[shot", re.IGNORECASE)
_CUT = re.compile(r"\bcuts? to\b|镜头切换", re.IGNORECASE)

_SCRIPTS = {
    "zh": ("Chinese", re.compile("[\u4e00-\u9fff]")),
    "ja": ("Japanese", re.compile("[\u3040-\u30ff]")),
    "ko": ("Korean", re.compile("[\uac00-\ud7af]")),
    "th": ("Thai", re.compile("[\u0e00-\u0e7f]")),
    "ar": ("Arabic", re.compile("[\u0600-\u06ff]")),
    "ru": ("Cyrillic", re.compile("[\u0400-\u04ff]")),
}


def command_problems(prompt: str) -> list[str]:
    """Name every text command in the prompt that a model would obey, with the field to use instead."""
    problems: list[str] = []
    for match in _COMMAND.finditer(prompt):
        field = _FIELDS[match[1].lower()]
        use = f"use the field {field} instead" if field else "every model makes 24 frames per second"
        problems.append(f"prompt: take out {match[0].strip()!r}, which the model would obey; {use}")
    return problems


def check_prompt(prompt: str, model: Model) -> list[str]:
    """Return advice on a prompt for one model, one sentence each; nothing if there is nothing to say."""
    if not prompt.strip():
        return []
    return [
        *_form(prompt, model),
        *_speech(prompt, model),
        *_shots(prompt, model),
        *_negatives(prompt, model),
    ]


def check_sound(prompt: str, model: Model) -> list[str]:
    """Return that the model makes no sound, unless `check_prompt` says it of the words that somebody is to speak."""
    return [] if model.audio or _SPEAKS.search(prompt) else [f"{model.id} makes no sound."]


def _form(prompt: str, model: Model) -> list[str]:
    advice: list[str] = []
    characters, words = len(_SCRIPTS["zh"][1].findall(prompt)), len(prompt.split())
    most_words, most_characters = model.prompting.most_words, model.prompting.most_characters
    if characters > most_characters or words > most_words:
        advice.append(
            f"The prompt is long: above {most_characters} Chinese characters or {most_words} words details get lost."
        )
    # Japanese is written with Chinese characters too, so only its own letters tell it apart.
    found = [code for code, (_, letters) in _SCRIPTS.items() if letters.search(prompt)]
    unknown = [_SCRIPTS[code][0] for code in found if code not in model.languages]
    if unknown:
        known = ", ".join(model.languages)
        advice.append(f"{model.title} is not made for prompts in {' or '.join(unknown)}; it knows {known}.")
    commands = [match[1] for match in _ANY_COMMAND.finditer(prompt) if match[1].lower() not in _FIELDS]
    if commands:
        advice.append(f"Take out --{commands[0]}: no model has such a command, and it may be read as one.")
    if _PARAMETER.search(prompt):
        advice.append("Give ratio and resolution in their own fields; in the text they have no effect.")
    if _ADDRESS.search(prompt):
        name = model.prompting.references or "the picture"
        advice.append(
            f"Do not write addresses or ids of files in the text; call them by number, such as {name}."
        )
    return advice


def _speech(prompt: str, model: Model) -> list[str]:
    if not _SPEAKS.search(prompt):
        return []
    style = model.prompting.dialogue
    if style == "none":
        return [f"{model.title} makes silent video: nobody will be heard. Models from 1.5 on speak."]
    if style == "quotes" and not _QUOTES.search(prompt):
        return ['Put spoken words in double quotes: she says: "Remember this."']
    if style == "braces" and "{" not in prompt:
        return [
            "Put spoken words in braces, with the language before them if it is not Chinese: says in English: {Hello}."
        ]
    return []


def _shots(prompt: str, model: Model) -> list[str]:
    style = model.prompting.shots
    spans = [(int(match[1]), int(match[2])) for match in _SECONDS.finditer(prompt)]
    numbered = bool(_SHOT.search(prompt))
    if style == "timeline":
        advice = (
            ["Times place events; they set no rhythm: leave out 'every n seconds'."]
            if _EVERY.search(prompt)
            else []
        )
        starts, ends = [0, *(end for _, end in spans)], [start for start, _ in spans]
        if len(spans) > 1 and any(start != end for start, end in zip(ends, starts, strict=False)):
            advice.append("Let the times follow each other without gaps, from 0 to the duration: 0-3s, 3-7s.")
        return advice
    if style == "shot numbers" and len(spans) > 1 and not numbered:
        return [f"{model.title} follows shot numbers better than times: Shot 1: ... Shot 2: ..."]
    if style == "cut to" and (numbered or len(spans) > 1) and not _CUT.search(prompt):
        return [f'Between shots {model.title} wants "cut to", then the new scene described again.']
    return []


def _negatives(prompt: str, model: Model) -> list[str]:
    unheard = [match[0] for match in _NEGATIVE.finditer(prompt) if not _AUDIBLE.search(match[1])]
    if model.prompting.negatives == "subtitles and audio" and unheard:
        return [
            "Only subtitles and sounds can be ruled out; say what should be seen instead of what should not."
        ]
    if model.prompting.negatives == "ignored" and "negative prompt" in prompt.lower():
        return [f"{model.title} has no negative prompts; say what should be seen instead."]
    return []
