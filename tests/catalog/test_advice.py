"""Prompts get advice that fits the model, and good prompts get none."""

from __future__ import annotations

import pytest

from seedance_mcp.catalog import Catalog, check_prompt

GOOD = {
    "seedance-1.0-pro": "A fisherman pulls a net over the side of a boat, slowly. Cut to his hands. The camera pushes in.",
    "seedance-1.5-pro": 'A cook tosses noodles. He grins and says in English: "Two minutes." Sizzling oil, no music.',
    "seedance-2.0": 'Shot 1: Image 1 runs two steps and slips. Shot 2: close-up. She says: "Not today." Rain.',
    "seedance-2.5": "0-4s: @Image 1 rolls along. 4-8s: it stops and says in English: {Hello.} <wind> No subtitles, no music.",
}

ADVISED = [
    ("seedance-2.0", "word " * 1001, "long"),
    ("seedance-2.0", "猫" * 501, "long"),
    ("seedance-2.0", "고양이가 하품한다", "Korean"),
    ("seedance-1.0-pro", "ねこがあくびをする", "Japanese"),
    ("seedance-2.5", "кошка зевает", "Cyrillic"),
    ("seedance-2.0", "a cat --ar 16x9", "--ar"),
    ("seedance-2.0", "a cat in 1080p", "resolution"),
    ("seedance-2.0", "a cat, 16:9, film look", "ratio"),
    ("seedance-2.0", "the cat from https://h/cat.png yawns", "Image 1"),
    ("seedance-2.5", "the cat of asset-20260401123823-6d8x2 yawns", "@Image 1"),
    ("seedance-1.0-pro", 'He says: "Hello."', "silent"),
    ("seedance-2.0", "He says in a low voice: remember this", "double quotes"),
    ("seedance-2.5", 'He says: "Remember this."', "braces"),
    ("seedance-2.0", "男人说：记住这句话。", "double quotes"),
    ("seedance-2.0", "0-3s: a cat. 3-5s: a dog.", "shot numbers"),
    ("seedance-1.0-pro", "Shot 1: a cat. Shot 2: a dog.", "cut to"),
    ("seedance-2.5", "0-3s: a cat. 4-8s: a dog.", "without gaps"),
    ("seedance-2.5", "1-3s: a cat. 3-8s: a dog.", "from 0"),
    ("seedance-2.5", "the light blinks every 0.5 s", "every n seconds"),
    ("seedance-2.5", "a street without cars", "ruled out"),
    ("seedance-1.0-pro", "a cat. Negative prompt: blur", "negative"),
]


@pytest.mark.parametrize("model", GOOD)
def test_a_good_prompt_gets_no_advice(catalog: Catalog, model: str) -> None:
    assert check_prompt(GOOD[model], catalog.model(model)) == []


@pytest.mark.parametrize(("model", "prompt", "said"), ADVISED, ids=[f"{row[0]} {row[2]}" for row in ADVISED])
def test_what_a_model_does_not_understand_is_advised_against(
    catalog: Catalog, model: str, prompt: str, said: str
) -> None:
    advice = check_prompt(prompt, catalog.model(model))
    assert len(advice) == 1
    assert said in advice[0]


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("seedance-2.5", "고양이가 하품한다"),
        ("seedance-2.0", "ねこがあくびをする 猫"),
        ("seedance-2.5", "no subtitles, no background music, avoid voices"),
        ("seedance-2.0", "Shot 1 (0-3s): a cat. Shot 2 (3-6s): a dog."),
        ("seedance-2.0", "a room without windows"),
        ("seedance-2.0", ""),
        ("seedance-2.0", "she says goodbye, then leaves"),
        ("seedance-1.0-pro", 'a sign reads "OPEN"'),
        ("seedance-2.5", 'a neon sign 【OPEN】 next to the word "bar"'),
        ("seedance-2.0", "he walks 16 steps at 10:30"),
    ],
)
def test_what_a_model_understands_is_left_alone(catalog: Catalog, model: str, prompt: str) -> None:
    assert check_prompt(prompt, catalog.model(model)) == []


def test_advice_comes_for_every_model_and_any_text(catalog: Catalog) -> None:
    for model in catalog.models.values():
        for prompt in ("", "  ", "--", "{", "0-0s 0-0s", "\x00", "a" * 20_000, "「」", "<>"):
            assert isinstance(check_prompt(prompt, model), list)
