"""Keys that cannot be used, in the terminal: the check-up and the commands name the variable, and the rest works."""

from __future__ import annotations

import json

from .conftest import Run

REASON = "(from environment) is wrong: there is a blank or a line break in it; copy the key alone."


def test_the_check_up_tells_a_malformed_key_a_wrong_name_and_what_still_works(run: Run) -> None:
    keys = {"FAL_KEY": "canary 4711", "ARK_KEY": "canary-4711", "REPLICATE_API_TOKEN": "canary-4712"}
    result = run("doctor", "--json", "--offline", **keys)
    answer = json.loads(result.stdout)
    found = {(one["area"], one["subject"]): one for one in answer["findings"]}
    assert (result.returncode, answer["able"]) == (0, True)
    assert answer["conclusion"] == "A video can be made now at replicate; not at fal, see above."
    for area in ("settings", "providers"):
        assert f"FAL_KEY {REASON}" in found[area, "fal"]["text"]
    assert "ARK_KEY is set; the variable is ARK_API_KEY." in found["settings", "ark"]["text"]
    assert "ARK_KEY is set; the variable is ARK_API_KEY." in found["providers", "ark"]["hint"]
    assert "canary" not in result.stdout + result.stderr


def test_a_malformed_key_alone_leaves_the_check_up_without_a_video_to_buy(run: Run) -> None:
    result = run("doctor", "--json", "--offline", FAL_KEY="canary 4711")
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["able"]) == (1, False)
    assert answer["conclusion"] == "A key is set, but no provider could be bought from now: see above."


def test_a_command_notes_it_and_works(run: Run) -> None:
    result = run("models", FAL_KEY="canary 4711", ARK_KEY="canary-4711")
    assert result.returncode == 0
    assert "Ready: sandbox." in result.stdout
    assert result.stderr.splitlines() == [
        f"note: fal is left out: FAL_KEY {REASON}",
        "note: ARK_KEY is set; the variable is ARK_API_KEY.",
    ]
