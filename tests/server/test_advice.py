"""Every code of advice comes with a price and with a purchase, once in the text and once as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from seedance_mcp.catalog import advice_codes
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from tests.media.crafting import picture

from .asking import content, text
from .conftest import Era

CAT = "https://media.invalid/cat.png"
WAYS: dict[str, dict[str, Any]] = {
    "silent_model": {"prompt": "a cat", "model": "seedance-1.0-pro"},
    "prompt_long": {"prompt": "cat " * 1001},
    "prompt_language": {"prompt": "кошка зевает"},
    "prompt_command": {"prompt": "a cat --stylize 50"},
    "prompt_parameter": {"prompt": "a cat in 1080p"},
    "prompt_address": {"prompt": "the cat from https://h/cat.png"},
    "negative_prompt": {"prompt": "a cat. Negative prompt: blur"},
    "dialogue_marks": {"prompt": "A man says: remember this"},
    "shot_form": {"prompt": "0-2s: a cat. 2-5s: a dog."},
    "timeline_gaps": {"prompt": "0-2s: a cat. 3-5s: a dog.", "model": "seedance-2.5"},
    "timeline_rhythm": {"prompt": "a light blinks every 0.5 s", "model": "seedance-2.5"},
    "dialogue_too_long": {"prompt": f'She says: "{"I have to tell you more " * 9}"'},
    "too_many_actions": {"prompt": "A cat wakes, then yawns, then leaps, then naps, then leaves."},
    "timeline_too_long": {"prompt": "0-4s: a cat. 4-9s: a dog.", "model": "seedance-2.5"},
    "camera_contradiction": {
        "prompt": "The camera pushes in.",
        "model": "seedance-1.5-pro",
        "camera_fixed": True,
    },
    "reference_unnamed": {"prompt": "a cat", "reference_images": [CAT]},
    "reference_out_of_range": {"prompt": "Image 1 meets Image 2", "reference_images": [CAT]},
    "reference_syntax": {"prompt": "[Image 1] yawns", "reference_images": [CAT]},
    "adaptive_shape": {"prompt": "Image 1 yawns", "reference_images": ["tall.png"]},
    "frame_shape": {"prompt": "it yawns", "first_frame": "photo.png"},
    "frame_cropped": {"prompt": "it yawns", "first_frame": "tall.png", "aspect_ratio": "16:9"},
    "frame_near_miss": {"prompt": "it yawns", "first_frame": "near.png"},
    "frames_differ": {"prompt": "it yawns", "first_frame": "tall.png", "last_frame": "near.png"},
}
SIZES = {"tall.png": (720, 1280), "photo.png": (900, 600), "near.png": (1300, 720)}


OF_FILMS = {
    "chain_long", "colour_drift", "film_level", "film_rendered", "film_without_sheet", "seam_seen", "shot_bad_again",
    "shot_no_room", "shot_not_possible", "shot_refused",
}  # fmt: skip


async def test_every_code_can_be_provoked_by_asking_for_a_price(settings: Settings, tmp_path: Path) -> None:
    for name, size in SIZES.items():
        picture(tmp_path / "media" / name, size)
    told: dict[str, list[str]] = {}
    with anyio.fail_after(60):
        async with Client(create_server(settings)) as client:
            for code, wish in WAYS.items():
                asked = {"model": "seedance-2.0", **_with_files(wish, tmp_path / "media")}
                result = await client.call_tool("estimate_cost", asked)
                priced = content(result)
                told[code] = [one["code"] for one in priced["advice"]]
                for one in priced["advice"]:
                    assert text(result).count(f"{one['text']} [{one['code']}]") == 1
                    assert text(result).count(one["text"]) == 1
                    assert one["text"] not in priced.get("notes", [])
    assert {code: codes for code, codes in told.items() if code not in codes} == {}
    assert set(WAYS) == {code for codes in told.values() for code in codes} == set(advice_codes()) - OF_FILMS


ALIKE: list[tuple[dict[str, Any], set[str]]] = [
    ({"prompt": "A fox. No blur, no extra limbs.", "model": "seedance-2.0"}, {"negative_prompt"}),
    ({"prompt": "A man with no hat before a 4K television.", "model": "seedance-2.0"}, set()),
    ({"prompt": "a fox", "model": "seedance-1.0-pro", "generate_audio": False}, set()),
]


async def test_what_is_ruled_out_is_told_and_what_is_described_is_not(settings: Settings) -> None:
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            for wish, codes in ALIKE:
                priced = content(await client.call_tool("estimate_cost", wish))
                assert {one["code"] for one in priced.get("advice", [])} == codes


async def test_sound_of_a_silent_model_is_refused_with_the_reason(settings: Settings) -> None:
    wish = {"prompt": "a fox", "model": "seedance-1.0-pro", "generate_audio": True}
    with anyio.fail_after(30):
        async with Client(create_server(settings)) as client:
            refused = await client.call_tool("estimate_cost", wish)
    assert refused.is_error
    assert "makes silent video; leave it out" in text(refused)


async def test_a_purchase_comes_with_the_advice_and_looking_at_it_without(
    environ: dict[str, str], era: Era
) -> None:
    settings = load_settings({**environ, "SEEDANCE_SANDBOX_SECONDS": "30"})
    wish = {"prompt": "a cat [sandbox:stall] --stylize 50", "model": "seedance-2.0", "wait_seconds": 0}
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            bought = await client.call_tool("generate_video", wish)
            again = content(await client.call_tool("check_status", {"job_id": content(bought)["job_id"]}))
    (advice,) = content(bought)["advice"]
    assert advice["code"] == "prompt_command"
    assert text(bought).count(f"- {advice['text']} [prompt_command]") == 1
    assert "advice" not in again


def _with_files(wish: dict[str, Any], folder: Path) -> dict[str, Any]:
    def path(value: Any) -> Any:
        return str(folder / value) if value in SIZES else value

    return {
        name: [path(item) for item in value] if isinstance(value, list) else path(value)
        for name, value in wish.items()
    }
