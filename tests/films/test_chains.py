"""Shots in a row that continue each other: named, advised against where they are too many, and measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio

from seedance_mcp.films import checked
from seedance_mcp.films.chains import chain_advice, chains, drift_advice
from seedance_mcp.films.states import ShotState
from seedance_mcp.types import Artifacts
from tests.jobs import records
from tests.media.crafting import film, plain

from .place import shot, storyboard


def test_a_chain_follows_what_is_continued_and_a_long_one_is_advised_against() -> None:
    after = shot("e", continues="last_frame", after="b")
    links = [shot(name, continues="last_frame") for name in "bcd"]
    document = checked(storyboard(shot("a"), *links, after, shot("f"), shot("g", continues="tail")))
    assert chains(document) == [("a", "b", "c", "d"), ("a", "b", "e")]
    (advice,) = chain_advice(document)
    assert advice.code == "chain_long"
    assert advice.text.startswith("Shots a to d are 4 that begin on each other's last frame")


async def test_drift_is_told_of_takes_that_are_there_and_only_where_it_can_be_seen(tmp_path: Path) -> None:
    document = checked(storyboard(shot("a"), *(shot(name, continues="last_frame") for name in "bc")))
    grey = film(tmp_path / "grey.mp4", plain(8, (100, 100, 100)))
    red = film(tmp_path / "red.mp4", plain(8, (130, 100, 100)))

    async def told(*clips: Path) -> list[str]:
        states = [_shows(name, clip) for name, clip in zip("abc", clips, strict=False)]
        with anyio.fail_after(60):
            return [one.text for one in await drift_advice(document, states)]

    assert await told(grey, grey, grey) == []
    assert await told(grey, red) == []
    (words,) = await told(grey, grey, red)
    assert words.startswith("From the end of a to the end of c (3 linked shots) mean colour changes by red +")


def _shows(name: str, clip: Path) -> ShotState:
    files = Artifacts(
        video_path=str(clip),
        sha256="",
        bytes=1,
        width=1,
        height=1,
        duration_seconds=1,
        fps=24,
        has_audio=False,
    )
    return ShotState(shot=name, state="current", job=replace(records.job(), artifacts=files))
