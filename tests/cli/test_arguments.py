"""From flags to a request."""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.cli.arguments import add_request_arguments, allow_named_files, amount, read_request
from seedance_mcp.config import load_settings
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.types import VideoRequest

from .conftest import Run


def _read(*words: str) -> VideoRequest:
    parser = argparse.ArgumentParser()
    add_request_arguments(parser)
    return read_request(parser.parse_args(words))


def test_what_is_not_given_stays_open() -> None:
    assert _read("a fox") == VideoRequest(prompt="a fox")


def test_every_kind_of_field_can_be_given(tmp_path: Path) -> None:
    image, link = tmp_path / "one.png", "https://example.test/two.png"
    words = [
        "--duration",
        "-1",
        "--seed",
        "7",
        "--resolution",
        "720p",
        "--no-generate-audio",
        "--camera-fixed",
    ]
    words += ["--reference-images", str(image), "--reference-images", link]
    for option in ("service_tier=flex", "draft=true", "frames=57"):
        words += ["--provider-options", option]
    request = _read("a fox", *words)
    assert request == VideoRequest(
        prompt="a fox",
        duration=-1,
        seed=7,
        resolution="720p",
        generate_audio=False,
        camera_fixed=True,
        reference_images=(str(image), link),
        provider_options={"service_tier": "flex", "draft": True, "frames": 57},
    )


def test_a_relative_path_means_the_folder_that_the_person_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _read("--first-frame", "fox.png").first_frame == str(tmp_path / "fox.png")


@pytest.mark.parametrize(
    "source",
    [
        "https://example.test/a.png",
        "HTTPS://EXAMPLE.TEST/a.png",
        "file://another-machine/a.png",
        "media:abc",
        "job:job_1/last_frame",
    ],
)
def test_what_is_not_a_path_is_left_alone(source: str) -> None:
    assert _read("--first-frame", source).first_frame == source


@pytest.mark.parametrize("start", ["file://", "FILE://localhost"])
def test_a_file_url_is_the_path_that_it_names(start: str, tmp_path: Path) -> None:
    request = _read("--first-frame", f"{start}{(tmp_path / 'my fox.png').as_uri()[7:]}")
    assert request.first_frame == str(tmp_path / "my fox.png")
    assert allow_named_files(load_settings({}), request).media_dirs == (tmp_path,)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows guesses where the folder of another user is")
def test_a_home_folder_that_nobody_has_is_told() -> None:
    with pytest.raises(InvalidRequest, match="home folder that it begins with is not known"):
        _read("a fox", "--first-frame", "~nobody-has-this-name/fox.png")


def test_only_the_folders_of_named_files_are_opened(tmp_path: Path) -> None:
    request = _read(
        "--first-frame", str(tmp_path / "a" / "fox.png"), "--last-frame", "https://example.test/b.png"
    )
    assert allow_named_files(load_settings({}), request).media_dirs == (tmp_path / "a",)


def test_every_wrong_value_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        _read("a fox", "--duration", "five", "--seed", "-7")
    assert sorted(problem.partition(":")[0] for problem in caught.value.problems) == ["duration", "seed"]


@pytest.mark.parametrize("text", ["much", "-1", "NaN", "Infinity", ""])
def test_an_amount_is_a_number_of_dollars(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        amount(text)
    assert amount("0.50") == Decimal("0.50")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("--duration", "5s"),
            "duration: '5s' is not a whole number in digits alone (Seconds; -1: the model chooses)",
        ),
        (("--seed", "many"), "seed: 'many' is not a whole number in digits alone"),
    ],
)
def test_a_number_with_something_around_it_is_told_with_what_is_meant(
    run: Run, words: tuple[str, str], told: str
) -> None:
    result = run("estimate", "a fox", *words)
    assert result.returncode == 2
    assert f"error [invalid_request]: {told}" in result.stderr.splitlines()
