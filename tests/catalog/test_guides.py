"""The prompting guides: every model has a whole one, and what the catalogue knows stands in it as the catalogue has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedance_mcp.catalog import Catalog, guide_for
from seedance_mcp.catalog.guides import HEADINGS

CATALOG = Catalog.load()
MODELS = sorted(CATALOG.models)
GUIDES = Path(__file__).parents[2] / "seedance_mcp" / "catalog" / "data" / "guide"
NAMES = {
    "zh": "Chinese", "en": "English", "es": "Spanish", "id": "Indonesian", "pt": "Portuguese", "ja": "Japanese",
    "ms": "Malay", "th": "Thai", "ar": "Arabic", "vi": "Vietnamese", "ko": "Korean",
}  # fmt: skip
FIGURES = re.compile(
    r"\b\d+ (?:to \d+ )?(?:seconds|words|characters)|\b(?:480|720|1080)p|\b4k\b|\b\d+:\d+\b|USD|CNY"
)
"""How limits, formats and prices are written, which only the catalogue may name."""


@pytest.mark.parametrize("name", MODELS)
def test_every_guide_has_every_section_in_the_same_order(name: str) -> None:
    guide = CATALOG.guide(name)
    assert tuple(guide.sections) == HEADINGS
    assert all(len(text) > 20 for text in guide.sections.values())
    assert guide.text.startswith("# Prompting Seedance ")
    assert re.findall(r"^## (.+)$", guide.text, re.MULTILINE) == list(HEADINGS)
    assert len(guide.text) < 4500, "about a thousand tokens"
    assert "$" not in guide.text


@pytest.mark.parametrize("name", MODELS)
def test_a_guide_says_what_the_catalogue_says_of_its_model(name: str) -> None:
    model, guide = CATALOG.models[name], CATALOG.guide(name)
    assert f"\n{model.durations.min} to {model.durations.max} seconds, " in guide.text
    assert (" seconds, silent." in guide.text) == (not model.audio)
    [languages] = re.findall(r"^- Languages: (.+)\.$", guide.sections["Writing"], re.MULTILINE)
    assert re.split(", | and ", languages) == [NAMES[code] for code in model.languages]
    if model.inputs.video is not None and model.inputs.audio is not None:
        clips, sounds = model.inputs.video.count, model.inputs.audio.count
        counted = f"up to {model.inputs.reference_images} images, {clips} clips and {sounds} sounds"
        assert counted in guide.sections["References"]


@pytest.mark.parametrize("name", MODELS)
def test_a_guide_teaches_the_forms_that_advice_asks_for(name: str) -> None:
    """Advice on prompts is given by the lines of `prompting`: what they say has to stand in the guide as well."""
    model = CATALOG.models[name]
    said, style = CATALOG.guide(name).sections, model.prompting
    shots = {"cut to": '"cut to"', "shot numbers": "Shot 1: ", "timeline": "0-3s: "}
    speech = {"none": "silent", "quotes": "double quotes", "braces": "`{ }` spoken words"}
    assert shots[style.shots] in said["Several shots"]
    assert speech[style.dialogue] in said["Speech and sound"]
    assert ("Spoken words have to fit" in said["Speech and sound"]) == model.audio
    assert ("Only subtitles" in said["Writing"]) == (style.negatives == "subtitles and audio")
    assert style.references in said["References"]
    assert ("no clip" in said["Editing and extending"]) == ("edit" not in model.modes)


def test_models_with_one_guide_read_the_same() -> None:
    """A skill has one file for each family, with the facts of its newest model."""
    families: dict[str, set[str]] = {}
    for model in CATALOG.models.values():
        families.setdefault(model.prompting.guide, set()).add(CATALOG.guide(model.id).text)
    assert {family: len(texts) for family, texts in families.items()} == dict.fromkeys(families, 1)
    assert {family: {guide.text} for family, guide in CATALOG.guides().items()} == families


def test_a_limit_that_the_user_corrects_is_corrected_in_the_guide(tmp_path: Path) -> None:
    overlay = tmp_path / "catalog.toml"
    overlay.write_text(
        '[models."seedance-2.0"]\nlanguages = ["en", "tlh"]\ndurations = { max = 21 }\n'
        '[models."seedance-2.0".prompting]\nmost_words = 321\n[models."seedance-2.0".inputs.video]\ncount = 5\n',
        encoding="utf-8",
    )
    text = Catalog.load(overlay).guide("seedance-2.0").text
    assert "4 to 21 seconds" in text
    assert "English and tlh." in text
    assert "At most 321 words" in text
    assert "up to 5 clips" in text


@pytest.mark.parametrize("path", sorted(GUIDES.iterdir()), ids=lambda path: path.name)
def test_no_guide_writes_a_limit_itself(path: Path) -> None:
    assert FIGURES.findall(path.read_text(encoding="utf-8")) == []


def test_a_model_without_inputs_can_have_any_guide() -> None:
    plain = CATALOG.models["seedance-1.0-pro"]
    for name in CATALOG.guides():
        other = plain.model_copy(update={"prompting": plain.prompting.model_copy(update={"guide": name})})
        assert "$" not in guide_for(other).text
