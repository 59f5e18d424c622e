"""Advice on the words of a prompt: what this model does not understand, or wants written in another way."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...remarks import Advice
from ...texts import listed, one_line
from ...types import VideoRequest
from ..commands import unknown_commands
from ..guides import languages_of
from ..models import Model
from .negatives import has_heading, is_ruled_out
from .parameters import has_parameter
from .speech import is_braced, is_spoken_in, is_unmarked, spoken, unquoted
from .timing import is_cut, shot_count, time_spans

_ADDRESS = re.compile(r"(?:https?|asset)://\S+|\basset-[0-9a-z]{6,}", re.IGNORECASE)
_EVERY = re.compile(r"\bevery\s+\d+(?:\.\d+)?\s*(?:s|sec|seconds?)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"\bshots?\s*\d|\[shot", re.IGNORECASE)

_SCRIPTS = {
    "zh": ("Chinese", re.compile("[\u4e00-\u9fff]")),
    "ja": ("Japanese", re.compile("[\u3040-\u30ff]")),
    "ko": ("Korean", re.compile("[\uac00-\ud7af]")),
    "th": ("Thai", re.compile("[\u0e00-\u0e7f]")),
    "ar": ("Arabic", re.compile("[\u0600-\u06ff]")),
    "ru": ("Cyrillic", re.compile("[\u0400-\u04ff]")),
}
_SHOWN = 30


def check_prompt(prompt: str, model: Model) -> list[Advice]:
    """Return advice on a prompt for one model; nothing if there is nothing to say."""
    if not prompt.strip():
        return []
    return [
        *_form(prompt, model),
        *_speech(prompt, model),
        *_shots(prompt, model),
        *_negatives(prompt, model),
    ]


def check_sound(prompt: str, model: Model, asked: VideoRequest) -> list[Advice]:
    """
    Tell that the model makes no sound, unless none is asked for.

    Of words that somebody is to speak `check_prompt` says it.
    """
    if model.audio or asked.generate_audio is False or is_spoken_in(prompt):
        return []
    return [_silent(f"{model.id} makes no sound.")]


def _silent(text: str) -> Advice:
    return Advice("silent_model", text)


def _form(prompt: str, model: Model) -> Iterator[Advice]:
    characters, words = len(_SCRIPTS["zh"][1].findall(prompt)), len(prompt.split())
    most_words, most_characters = model.prompting.most_words, model.prompting.most_characters
    if characters > most_characters or words > most_words:
        yield Advice(
            "prompt_long",
            f"The prompt is long: above {most_characters} Chinese characters or {most_words} words details get lost.",
        )
    # Japanese is written with Chinese characters too, so only its own letters tell it apart.
    found = [code for code, (_, letters) in _SCRIPTS.items() if letters.search(prompt)]
    unknown = [_SCRIPTS[code][0] for code in found if code not in model.languages]
    if unknown:
        known = listed(languages_of(model))
        yield Advice(
            "prompt_language",
            f"{model.title} is not made for prompts in {' or '.join(unknown)}; it knows {known}.",
        )
    commands = unknown_commands(prompt)
    if commands:
        name = one_line(commands[0], _SHOWN)
        yield Advice(
            "prompt_command", f"Take out --{name}: no model has such a command, and it may be read as one."
        )
    if has_parameter(unquoted(prompt)):
        yield Advice(
            "prompt_parameter",
            "Give ratio and resolution in their own fields; in the text they have no effect.",
        )
    if _ADDRESS.search(prompt):
        name = model.prompting.references or "the picture"
        yield Advice(
            "prompt_address",
            f"Do not write addresses or ids of files in the text; call them by number, such as {name}.",
        )


def _speech(prompt: str, model: Model) -> Iterator[Advice]:
    style = model.prompting.dialogue
    if style == "none" and is_spoken_in(prompt):
        yield _silent(f"{model.title} makes silent video: nobody will be heard. Models from 1.5 on speak.")
    elif style == "quotes" and (is_unmarked(prompt) or is_braced(prompt)):
        yield Advice("dialogue_marks", 'Put spoken words in double quotes: she says: "Remember this."')
    elif style == "braces" and "{" not in prompt and (is_unmarked(prompt) or spoken(prompt)):
        yield Advice(
            "dialogue_marks",
            "Put spoken words in braces, with the language before them if it is not Chinese: says in English: {Hello}.",
        )


def _shots(prompt: str, model: Model) -> Iterator[Advice]:
    style, spans = model.prompting.shots, time_spans(prompt)
    if style == "timeline":
        if _EVERY.search(prompt):
            yield Advice(
                "timeline_rhythm", "Times place events; they set no rhythm: leave out 'every n seconds'."
            )
        starts, ends = [0, *(end for _, end in spans)], [start for start, _ in spans]
        if any(start != end for start, end in zip(ends, starts, strict=False)):
            yield Advice(
                "timeline_gaps",
                "Let the times follow each other without gaps, from 0 to the duration: 0-3s, 3-7s.",
            )
    elif style == "shot numbers" and len(spans) > 1 and not _NUMBERED.search(prompt):
        yield Advice(
            "shot_form", f"{model.title} follows shot numbers better than times: Shot 1: ... Shot 2: ..."
        )
    elif style == "cut to" and (shot_count(prompt) > 1 or len(spans) > 1) and not is_cut(prompt):
        yield Advice(
            "shot_form", f'Between shots {model.title} wants "cut to", then the new scene described again.'
        )


def _negatives(prompt: str, model: Model) -> Iterator[Advice]:
    if model.prompting.negatives == "subtitles and audio" and is_ruled_out(prompt):
        yield Advice(
            "negative_prompt",
            "Only subtitles and sounds can be ruled out; say what should be seen instead of what should not.",
        )
    if model.prompting.negatives == "ignored" and (has_heading(prompt) or is_ruled_out(prompt)):
        yield Advice(
            "negative_prompt", f"{model.title} has no negative prompts; say what should be seen instead."
        )
