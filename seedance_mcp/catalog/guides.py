"""The prompting guides: one text for every model, what its family adds, and facts that come from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from ..texts import listed
from .models import Model

HEADINGS = (
    "Writing",
    "From text",
    "From a picture",
    "References",
    "Editing and extending",
    "Several shots",
    "Speech and sound",
    "Camera",
    "Example",
)
"""The sections of every guide, in this order."""

_FOLDER = files("seedance_mcp.catalog").joinpath("data", "guide")
_SHARED = "every-model"

_LANGUAGES = {
    "ar": "Arabic", "en": "English", "es": "Spanish", "id": "Indonesian", "ja": "Japanese", "ko": "Korean",
    "ms": "Malay", "pt": "Portuguese", "th": "Thai", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Guide:
    """How one model wants its prompts, in Markdown: `sections` by their headings, in the order of `HEADINGS`."""

    title: str
    opening: str
    sections: Mapping[str, str]

    @property
    def text(self) -> str:
        """The whole guide."""
        return f"# {self.title}\n\n{self.opening}\n\n{self.quote(self.sections)}\n"

    def quote(self, headings: Iterable[str]) -> str:
        """Return these sections, each under its heading."""
        return "\n\n".join(f"## {heading}\n\n{self.sections[heading]}" for heading in headings)


def languages_of(model: Model) -> list[str]:
    """Return the English names of the languages that the model is made for."""
    return [_LANGUAGES.get(code, code) for code in model.languages]


def guide_for(model: Model) -> Guide:
    """Return the guide for a model, with the model's own limits filled in."""
    shared, own, facts = dict(_parts(_SHARED)), _parts(model.prompting.guide), _facts(model)
    if not model.audio:
        del shared["Speech and sound"]
    sections = {heading: _joined(shared.get(heading, ""), own.get(heading, "")) for heading in HEADINGS}
    lengths = model.durations
    return Guide(
        title=own[""].removeprefix("# "),
        opening=f"{lengths.min} to {lengths.max} seconds, {'with sound' if model.audio else 'silent'}.",
        sections={heading: Template(text).substitute(facts) for heading, text in sections.items()},
    )


def film_guide() -> str:
    """Return how a film is written down and made, whatever the model."""
    return _FOLDER.joinpath("film.md").read_text(encoding="utf-8")


def _joined(above: str, below: str) -> str:
    """Put one text under the other; two lists become one."""
    is_one_list = above.rpartition("\n")[2].startswith("- ") and below.startswith("- ")
    return ("\n" if is_one_list else "\n\n").join(filter(None, (above, below)))


def _facts(model: Model) -> Mapping[str, object]:
    inputs = model.inputs
    return {
        "languages": listed(languages_of(model)),
        "most_words": model.prompting.most_words,
        "most_characters": model.prompting.most_characters,
        "images": inputs.reference_images,
        "clips": inputs.video.count if inputs.video else 0,
        "clip_seconds": f"{inputs.video.total_seconds or 0:g}" if inputs.video else 0,
        "sounds": inputs.audio.count if inputs.audio else 0,
    }


@cache
def _parts(name: str) -> Mapping[str, str]:
    """Read a file: its sections by heading, and what stands before the first one under the empty heading."""
    text = _FOLDER.joinpath(f"{name}.md").read_text(encoding="utf-8")
    before, *rest = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return {"": before.strip()} | {
        heading: body.strip() for heading, body in zip(rest[::2], rest[1::2], strict=True)
    }
