"""A request is either filled in completely, or refused with everything that is wrong with it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.catalog import Catalog, able_offers, resolve
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.types import VideoRequest

from .asking import MEBIBYTE, ask, file, link, problems

PICTURES = {"i": link("image"), "j": link("image"), "v": link("video"), "a": link("audio")}


def offer_of(catalog: Catalog, name: str) -> Any:
    provider, _, model = name.partition("/")
    return catalog.offer(provider, model, retired=True)


# offer, what is asked, what every one of the problems has to contain
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ark/seedance-2.0", {"duration": 0}, ["duration: 0", "4 to 15 seconds, or -1"]),
    ("ark/seedance-2.0", {"duration": 99}, ["duration: 99", "4 to 15 seconds, or -1"]),
    ("ark/seedance-2.0", {"duration": -2}, ["duration: -2", "4 to 15 seconds, or -1"]),
    ("ark/seedance-2.5", {"duration": 31}, ["duration: 31", "4 to 30 seconds"]),
    ("ark/seedance-1.0-pro", {"duration": 1}, ["duration: 1", "2 to 12 seconds"]),
    ("ark/seedance-1.0-pro", {"duration": -1}, ["duration: -1", "2 to 12 seconds"]),
    ("runcomfy/seedance-2.0", {"duration": -1}, ["duration: -1", "4 to 15 seconds"]),
    ("sandbox/seedance-2.5", {"duration": 99}, ["duration: 99", "4 to 30"]),
    ("ark/seedance-2.0", {"aspect_ratio": "5:4"}, ["aspect_ratio: '5:4'", "16:9, 4:3, 1:1, 3:4, 9:16, 21:9 or adaptive"]),
    ("ark/seedance-1.0-pro", {"aspect_ratio": "adaptive"}, ["aspect_ratio: 'adaptive'", "16:9", "no picture"]),
    ("fal/seedance-1.0-pro", {"aspect_ratio": "adaptive", "first_frame": "i"}, ["aspect_ratio", "9:16 or 21:9"]),
    ("ark/seedance-2.5", {"aspect_ratio": "16:9", "first_frame": "i"}, ["aspect_ratio: '16:9'", "adaptive", "first frame"]),
    ("ark/seedance-2.0-fast", {"resolution": "1080p"}, ["resolution: '1080p'", "480p or 720p"]),
    ("ark/seedance-2.5", {"resolution": "4k"}, ["resolution: '4k'", "480p, 720p or 1080p"]),
    ("atlas/seedance-2.5", {"resolution": "1080p"}, ["resolution: '1080p'", "480p or 720p"]),
    ("runcomfy/seedance-2.5", {"resolution": "1080p", "first_frame": "i", "last_frame": "j"}, ["resolution", "480p or 720p"]),
    ("ark/seedance-2.0", {"last_frame": "i"}, ["last_frame", "first_frame"]),
    ("ark/seedance-1.0-pro-fast", {"first_frame": "i", "last_frame": "j"}, ["last_frame", "does not take it"]),
    ("sandbox/seedance-1.0-pro-fast", {"first_frame": "i", "last_frame": "j"}, ["last_frame", "does not take it"]),
    ("ark/seedance-2.0", {"first_frame": "i", "reference_images": ("j",)}, ["first_frame", "reference_images", "mixed"]),
    ("sandbox/seedance-2.5", {"first_frame": "i", "reference_videos": ("v",)}, ["first_frame", "reference_videos", "mixed"]),
    ("ark/seedance-1.0-pro", {"reference_images": ("i",)}, ["reference_images", "does not take it"]),
    ("ark/seedance-2.0", {"reference_images": ("i",) * 10}, ["reference_images: 10", "up to 9"]),
    ("ark/seedance-2.0", {"reference_videos": ("v",) * 4}, ["reference_videos: 4", "up to 3"]),
    ("ark/seedance-2.0", {"reference_images": ("i",), "reference_audios": ("a",) * 4}, ["reference_audios: 4", "up to 3"]),
    ("ark/seedance-2.5", {"reference_images": ("i",) * 31}, ["reference_images: 31", "up to 30"]),
    ("runcomfy/seedance-2.5", {"reference_images": ("i",) * 10}, ["reference_images: 10", "up to 9"]),
    ("runcomfy/seedance-2.0-mini", {"reference_videos": ("v", "v")}, ["reference_videos: 2", "up to 1"]),
    ("ark/seedance-1.0-lite", {"reference_images": ("i",) * 5}, ["reference_images: 5", "up to 4"]),
    ("ark/seedance-2.0", {"reference_audios": ("a",)}, ["reference_audios", "reference image or video"]),
    ("ark/seedance-1.0-lite", {"reference_images": ("i",), "resolution": "1080p"}, ["resolution: '1080p'", "reference images"]),
    ("ark/seedance-1.0-lite", {"reference_images": ("i",), "camera_fixed": True}, ["camera_fixed", "leave it out"]),
    ("ark/seedance-2.0", {"camera_fixed": True}, ["camera_fixed", "does not take it"]),
    ("ark/seedance-2.5", {"seed": 7}, ["seed", "does not take it"]),
    ("ark/seedance-1.0-pro", {"generate_audio": True}, ["generate_audio", "makes silent video"]),
    ("ark/seedance-1.0-pro", {"seed": 2**31}, [f"seed: {2**31}", "-1 to 2147483647"]),
    ("fal/seedance-2.0", {"watermark": False}, ["watermark", "does not take it"]),
    ("runcomfy/seedance-1.5-pro", {}, ["text alone", "starts from a first_frame"]),
    ("atlas/seedance-1.0-pro", {"prompt": "a" * 2001}, ["prompt: 2001 characters", "up to 2000"]),
    ("ark/seedance-2.0", {"prompt": None}, ["prompt", "first_frame"]),
    ("ark/ep-1", {"prompt": None}, ["prompt", "first_frame"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fields", "said"), REFUSED, ids=[f"{row[0]} {' '.join(row[1])}" for row in REFUSED]
)
def test_a_bad_request_is_refused_with_what_is_allowed(
    catalog: Catalog, name: str, fields: dict[str, Any], said: list[str]
) -> None:
    [problem] = problems(ask(**fields), offer_of(catalog, name), PICTURES)
    assert [words for words in said if words not in problem] == []


def test_all_problems_come_at_once(catalog: Catalog) -> None:
    request = ask(
        prompt="a cat --dur 12",
        duration=99,
        resolution="1080p",
        aspect_ratio="2:1",
        last_frame="j",
        reference_images=("i",) * 10,
        camera_fixed=True,
        provider_options={"ratio": "16:9", "draft": True},
    )
    found = problems(request, catalog.offer("ark", "seedance-2.0-mini"), PICTURES)
    for word in (
        "--dur",
        "99",
        "1080p",
        "2:1",
        "mixed",
        "first_frame",
        "up to 9",
        "camera_fixed",
        "options.ratio",
        "draft",
    ):
        assert any(word in problem for problem in found), word
    assert len(found) == len(set(found)) == 10


def test_a_refusal_says_whose_limits_these_are_and_of_when(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolve(ask(duration=99), catalog.offer("ark", "seedance-2.0"), {})
    assert "seedance-2.0 at ark" in refused.value.hint
    assert "2026-11-20" in refused.value.hint
    assert "nothing was spent" in refused.value.hint


def test_who_else_could_do_it(catalog: Catalog) -> None:
    found = able_offers(ask(resolution="4k", provider="ark", model="seedance-1.0-pro"), catalog, {})
    assert {offer.model.id for offer in found} == {"seedance-2.0"}
    assert {offer.provider.name for offer in found} >= {
        "ark",
        "byteplus",
        "fal",
        "replicate",
        "runcomfy",
        "sandbox",
    }
    fixed = able_offers(ask(camera_fixed=True), catalog, {})
    assert {offer.model.id for offer in fixed} == {
        "seedance-1.5-pro", "seedance-1.0-pro", "seedance-1.0-pro-fast", "seedance-1.0-lite",
    }  # fmt: skip
    assert not any(offer.retired for offer in fixed)


@pytest.mark.parametrize(
    ("name", "fields", "filled"),
    [
        ("ark/seedance-2.5", {}, {"duration": 5, "resolution": "720p", "aspect_ratio": "adaptive"}),
        ("ark/seedance-2.5", {}, {"generate_audio": True, "watermark": False}),
        ("ark/seedance-1.0-pro", {}, {"duration": 5, "resolution": "1080p", "aspect_ratio": "16:9"}),
        ("ark/seedance-1.0-pro", {}, {"generate_audio": None, "seed": None}),
        ("ark/seedance-1.0-pro", {"generate_audio": False}, {"generate_audio": None}),
        ("ark/seedance-1.0-pro", {"first_frame": "i"}, {"aspect_ratio": "adaptive"}),
        ("ark/seedance-1.0-lite", {}, {"resolution": "720p", "aspect_ratio": "16:9"}),
        ("ark/seedance-1.0-lite", {"reference_images": ("i",)}, {"aspect_ratio": "16:9"}),
        ("ark/seedance-1.5-pro", {}, {"resolution": "720p", "generate_audio": True, "camera_fixed": None}),
        ("ark/seedance-2.5", {"duration": 8, "generate_audio": False}, {"duration": 8, "generate_audio": False}),
        ("runcomfy/seedance-1.5-pro", {"first_frame": "i"}, {"resolution": "480p", "camera_fixed": True, "duration": 5}),
        ("replicate/seedance-2.0", {}, {"aspect_ratio": "16:9", "watermark": None}),
        ("replicate/seedance-2.0", {"first_frame": "i"}, {"aspect_ratio": "adaptive"}),
        ("fal/seedance-1.0-pro", {"first_frame": "i"}, {"aspect_ratio": None}),
        ("atlas/seedance-2.0", {}, {"watermark": False}),
        ("sandbox/seedance-1.0-pro", {}, {"camera_fixed": False}),
    ],
)  # fmt: skip
def test_defaults_are_filled_in(
    catalog: Catalog, name: str, fields: dict[str, Any], filled: dict[str, Any]
) -> None:
    request = resolve(ask(**fields), offer_of(catalog, name), PICTURES)
    assert {field: getattr(request, field) for field in filled} == filled
    assert f"{request.provider}/{request.model}" == name


def test_a_resolved_request_stays_as_it_is(catalog: Catalog) -> None:
    for offer in catalog.offers():
        try:
            once = resolve(ask(), offer, {})
        except InvalidRequest:
            continue
        assert resolve(once, offer, {}) == once


@pytest.mark.parametrize(
    ("name", "fields", "endpoint"),
    [
        ("ark/seedance-1.0-lite", {}, "doubao-seedance-1-0-lite-t2v-250428"),
        ("ark/seedance-1.0-lite", {"first_frame": "i"}, "doubao-seedance-1-0-lite-i2v-250428"),
        ("byteplus/seedance-2.5", {}, "dreamina-seedance-2-5-260628"),
        ("atlas/seedance-1.0-pro", {"resolution": "480p"}, "bytedance/seedance-v1-pro-t2v-480p"),
        ("atlas/seedance-1.0-pro", {"first_frame": "i"}, "bytedance/seedance-v1-pro-i2v-1080p"),
        ("atlas/seedance-2.0", {"reference_images": ("i",)}, "bytedance/seedance-2.0/reference-to-video"),
        ("runcomfy/seedance-2.5", {"first_frame": "i", "last_frame": "j"}, "bytedance/seedance-2.5/first-last-frame/720p"),
        ("runcomfy/seedance-2.0-mini", {"reference_videos": ("v",)}, "bytedance/seedance-2.0-mini/video-to-video"),
        ("runcomfy/seedance-1.0-pro-fast", {}, "bytedance/seedance-1-0/pro/fast/text-to-video"),
        ("fal/seedance-2.0-fast", {"first_frame": "i"}, "bytedance/seedance-2.0/fast/image-to-video"),
        ("replicate/seedance-1.5-pro", {}, "bytedance/seedance-1.5-pro"),
    ],
)  # fmt: skip
def test_the_endpoint_follows_from_what_goes_in(
    catalog: Catalog, name: str, fields: dict[str, Any], endpoint: str
) -> None:
    offer = offer_of(catalog, name)
    assert offer.endpoint(resolve(ask(**fields), offer, PICTURES)) == endpoint


def test_a_parameter_is_written_the_way_the_provider_wants_it(catalog: Catalog) -> None:
    fal = catalog.offer("fal", "seedance-2.0").parameters
    assert (fal["duration"].write(5), fal["duration"].write(-1)) == ("5", "auto")
    assert (fal["aspect_ratio"].write("adaptive"), fal["aspect_ratio"].write("16:9")) == ("auto", "16:9")
    assert fal["reference_images"].write(("a", "b")) == ["a", "b"]
    ark = catalog.offer("ark", "seedance-2.0").parameters
    assert (ark["aspect_ratio"].name, ark["duration"].write(-1), ark["watermark"].write(False)) == (
        "ratio",
        -1,
        False,
    )
    assert ark["first_frame"].name is None
    mini = catalog.offer("runcomfy", "seedance-2.0-mini").parameters
    assert mini["reference_videos"].write(("https://h/v",)) == "https://h/v"
    assert catalog.offer("atlas", "seedance-1.0-pro").parameters["aspect_ratio"].name == "aspect_ratio"


def test_pixels_are_known_unless_the_ratio_is_left_open(catalog: Catalog) -> None:
    offer = catalog.offer("ark", "seedance-2.0")
    assert offer.size(resolve(ask(aspect_ratio="9:16", resolution="480p"), offer, {})) == (496, 864)
    assert offer.size(resolve(ask(), offer, {})) is None


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ("--ratio 16:9", "aspect_ratio"),
        ("--rt 16:9", "aspect_ratio"),
        ("--dur 12", "duration"),
        ("--duration=12", "duration"),
        ("--rs 1080p", "resolution"),
        ("--resolution 1080p", "resolution"),
        ("--frames 57", "provider_options.frames"),
        ("--seed 11", "seed"),
        ("--cf true", "camera_fixed"),
        ("--camerafixed true", "camera_fixed"),
        ("--wm true", "watermark"),
        ("--WATERMARK true", "watermark"),
        ("--fps 24", "24 frames"),
        ("\u2014\u2014dur 12", "duration"),
    ],
)
@pytest.mark.parametrize(
    "name", ["ark/seedance-2.0", "ark/ep-1", "fal/seedance-1.0-pro", "sandbox/seedance-2.5"]
)
def test_a_command_in_the_prompt_is_refused_with_the_field_to_use(
    catalog: Catalog, name: str, command: str, field: str
) -> None:
    [problem] = problems(ask(prompt=f"a cat yawns {command}"), offer_of(catalog, name))
    assert field in problem
    assert command.split("=")[0].split()[0] in problem


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat -- the seed of doubt -- yawns",
        "a sign that says: -dur- and 16:9",
        "two-dur 12, ratio 16:9",
        "a terminal shows --verbose",
        "the ratio is 16:9, the duration 12 s, seeds fall",
    ],
)
def test_other_dashes_in_a_prompt_are_left_alone(catalog: Catalog, prompt: str) -> None:
    assert resolve(ask(prompt=prompt), catalog.offer("ark", "seedance-2.0"), {}).prompt == prompt


OPTIONS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("ark/seedance-2.0", {}, {"duration": 9}, "use the field duration"),
    ("ark/seedance-2.0", {}, {"ratio": "16:9"}, "use the field aspect_ratio"),
    ("ark/seedance-2.0", {}, {"content": []}, "leave it out"),
    ("ark/seedance-2.0", {}, {"model": "x"}, "leave it out"),
    ("ark/seedance-2.0", {}, {"safety_identifier": "x"}, "leave it out"),
    ("ark/ep-1", {}, {"resolution": "720p"}, "use the field resolution"),
    ("atlas/seedance-2.0", {}, {"ratio": "16:9"}, "use the field aspect_ratio"),
    ("fal/seedance-2.0", {}, {"image_urls": []}, "use the field reference_images"),
    ("ark/seedance-2.0", {}, {"service_tier": "flex"}, "it can be default"),
    ("ark/seedance-2.0", {}, {"draft": True}, "it can be false"),
    ("ark/seedance-2.0", {}, {"frames": 57}, "does not take it"),
    ("ark/seedance-2.0", {}, {"priority": 10}, "0 to 9"),
    ("ark/seedance-2.0", {}, {"priority": "high"}, "whole number"),
    ("ark/seedance-2.0", {}, {"output_format": "mov"}, "it can be mp4"),
    ("ark/seedance-2.0", {}, {"execution_expires_after": 10}, "3600 to 259200"),
    ("ark/seedance-1.0-pro", {}, {"service_tier": "slow"}, "default or flex"),
    ("ark/seedance-1.0-pro", {}, {"frames": 30}, "29 to 289 in steps of 4"),
    ("ark/seedance-1.0-pro", {}, {"frames": 25}, "29 to 289"),
    ("ark/seedance-1.0-pro", {}, {"frames": 293}, "29 to 289"),
    ("ark/seedance-1.0-pro", {}, {"frames": True}, "whole number"),
    ("ark/seedance-1.0-pro", {"duration": 5}, {"frames": 57}, "not both"),
    ("sandbox/seedance-1.0-pro", {}, {"frames": 30}, "29 to 289"),
    ("ark/seedance-1.0-lite", {"reference_images": ("i",)}, {"frames": 57}, "reference images"),
    ("ark/seedance-1.5-pro", {"resolution": "720p"}, {"draft": True}, "480p"),
    ("ark/seedance-1.5-pro", {"return_last_frame": True}, {"draft": True}, "last frame"),
    ("ark/seedance-1.5-pro", {}, {"draft": True, "service_tier": "flex"}, "service_tier"),
    ("ark/seedance-1.5-pro", {}, {"draft": "yes"}, "true or false"),
    ("ark/seedance-2.5", {"resolution": "1080p"}, {"draft": True}, "480p"),
    ("ark/seedance-2.5", {}, {"draft_task_id": "cgt-1"}, "prompt: leave it out"),
    ("ark/seedance-2.5", {"prompt": None, "resolution": "720p"}, {"draft_task_id": "cgt-1"}, "1080p"),
    ("ark/seedance-2.5", {"prompt": None, "duration": 5}, {"draft_task_id": "cgt-1"}, "duration: leave it out"),
    ("ark/seedance-2.5", {}, {"omni_reference_task_type": "edit"}, "reference_videos: it is needed"),
    ("ark/seedance-2.5", {"reference_videos": ("v",), "duration": 5}, {"omni_reference_task_type": "edit"}, "it can be -1"),
    ("ark/seedance-2.5", {"reference_videos": ("v",), "aspect_ratio": "1:1"}, {"omni_reference_task_type": "extend"},
     "adaptive"),
    ("ark/seedance-2.5", {}, {"omni_reference_task_type": "paint"}, "auto, reference, edit or extend"),
    ("atlas/seedance-2.0", {"first_frame": "i"}, {"web_search": True}, "text alone"),
    ("replicate/seedance-1.0-pro", {}, {"fps": 30}, "it can be 24"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fields", "options", "said"), OPTIONS, ids=[f"{row[0]} {row[2]}" for row in OPTIONS]
)
def test_a_provider_option_that_cannot_be_is_refused(
    catalog: Catalog, name: str, fields: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    [problem] = problems(ask(**fields, provider_options=options), offer_of(catalog, name), PICTURES)
    assert said in problem


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ark/seedance-2.0", {"priority": 9, "tools": [{"type": "web_search"}]}),
        ("ark/seedance-2.0", {"something_new": {"deep": 1}}),
        ("ark/seedance-2.0", {"service_tier": "default", "draft": False}),
        ("ark/seedance-2.5", {"output_format": "mov"}),
        ("ark/seedance-1.0-pro", {"service_tier": "flex"}),
        ("fal/seedance-2.0", {"bitrate_mode": "high", "seed": 4}),
        ("sandbox/seedance-2.0", {"anything": 1}),
    ],
)
def test_a_provider_option_that_can_be_and_one_that_is_unknown_pass(
    catalog: Catalog, name: str, options: dict[str, Any]
) -> None:
    request = resolve(ask(provider_options=options), offer_of(catalog, name), {})
    assert request.provider_options == options


def test_frames_take_the_place_of_the_duration(catalog: Catalog) -> None:
    request = resolve(ask(provider_options={"frames": 57}), catalog.offer("ark", "seedance-1.0-pro"), {})
    assert request.duration is None


def test_a_draft_is_480p_by_itself(catalog: Catalog) -> None:
    request = resolve(ask(provider_options={"draft": True}), catalog.offer("ark", "seedance-2.5"), {})
    assert request.resolution == "480p"


def test_finishing_a_draft_sends_nothing_that_the_draft_decides(catalog: Catalog) -> None:
    asked = VideoRequest(provider_options={"draft_task_id": "cgt-1"})
    request = resolve(asked, catalog.offer("ark", "seedance-2.5"), {})
    given = request.model_dump(exclude_none=True, exclude_defaults=True)
    assert set(given) == {"provider", "model", "resolution", "watermark", "provider_options"}
    assert request.resolution == "1080p"


def test_editing_keeps_length_and_ratio_of_the_clip(catalog: Catalog) -> None:
    asked = ask(reference_videos=("v",), provider_options={"omni_reference_task_type": "edit"})
    request = resolve(asked, catalog.offer("ark", "seedance-2.5"), PICTURES)
    assert (request.duration, request.aspect_ratio) == (-1, "adaptive")
    short = {"v": file("video", path=None, url="https://h/v", duration_seconds=3.0)}
    [problem] = problems(asked, catalog.offer("ark", "seedance-2.5"), short)
    assert "4 to 30 s" in problem


def test_audio_alone_is_enough_for_2_5(catalog: Catalog) -> None:
    asked = ask(prompt=None, reference_audios=("a",))
    assert resolve(asked, catalog.offer("ark", "seedance-2.5"), PICTURES).mode == "reference"


# offer, kind, facts that do not fit, what is said
MISFITS: list[tuple[str, Any, dict[str, Any], str]] = [
    ("ark/seedance-2.0", "image", {"bytes": 31 * MEBIBYTE}, "30 MB"),
    ("ark/seedance-2.0", "image", {"mime_type": "image/avif"}, "image/heic"),
    ("ark/seedance-2.0", "image", {"width": 299, "height": 400}, "300 to 6000"),
    ("ark/seedance-2.0", "image", {"width": 6001, "height": 5000}, "300 to 6000"),
    ("ark/seedance-2.0", "image", {"width": 2600, "height": 1000}, "0.4 to 2.5"),
    ("ark/seedance-2.0", "image", {"width": 390, "height": 1000}, "0.4 to 2.5"),
    ("atlas/seedance-2.0", "video", {"bytes": 201 * MEBIBYTE}, "200 MB"),
    ("atlas/seedance-2.0", "video", {"mime_type": "video/webm"}, "video/mp4"),
    ("atlas/seedance-2.0", "video", {"width": 640, "height": 600}, "407,696"),
    ("atlas/seedance-2.0", "video", {"width": 4096, "height": 2304}, "8,295,044"),
    ("atlas/seedance-2.0", "video", {"fps": 15.0}, "24 to 60"),
    ("atlas/seedance-2.0", "video", {"fps": 120.0}, "24 to 60"),
    ("atlas/seedance-2.0", "video", {"video_codec": "vp9"}, "h264, hevc"),
    ("atlas/seedance-2.0", "video", {"audio_codec": "opus"}, "aac"),
    ("atlas/seedance-2.0", "video", {"duration_seconds": 1.5}, "2 to 15 s"),
    ("fal/seedance-2.0", "video", {"bytes": 60 * MEBIBYTE}, "50 MB"),
    ("ark/seedance-2.5", "audio", {"bytes": 16 * MEBIBYTE}, "15 MB"),
    ("ark/seedance-2.5", "audio", {"mime_type": "audio/ogg"}, "audio/wav"),
    ("ark/seedance-2.5", "audio", {"duration_seconds": 1.0}, "2 to 30 s"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "facts", "said"), MISFITS)
def test_a_file_that_does_not_fit_is_refused_by_name_with_the_limit(
    catalog: Catalog, name: str, kind: Any, facts: dict[str, Any], said: str
) -> None:
    offer = offer_of(catalog, name)
    request = ask(**{f"reference_{kind}s": ("f",)})
    [problem] = problems(request, offer, {"f": file(kind, **facts)})
    assert said in problem
    assert f"a.{kind}" in problem
    assert resolve(request, offer, {"f": file(kind)})


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("image", {"width": 300, "height": 300}),
        ("image", {"width": 6000, "height": 2400}),
        ("image", {"mime_type": "image/heic"}),
        ("image", {"bytes": 30 * MEBIBYTE}),
        ("video", {"duration_seconds": 15.04, "fps": 23.976}),
        ("video", {"duration_seconds": 1.8, "mime_type": "video/quicktime", "audio_codec": "pcm_s16le"}),
        ("video", {"video_codec": "hevc", "audio_codec": None, "fps": 59.94}),
        ("video", {"width": 3840, "height": 2160}),
    ],
)
def test_a_file_at_the_edge_still_fits(catalog: Catalog, kind: Any, facts: dict[str, Any]) -> None:
    offer = catalog.offer("atlas", "seedance-2.0")
    assert resolve(ask(**{f"reference_{kind}s": ("f",)}), offer, {"f": file(kind, **facts)})


def test_what_is_not_known_of_a_url_is_not_checked(catalog: Catalog) -> None:
    request = ask(reference_images=("i",), reference_videos=("v",), reference_audios=("a",))
    fields = {"reference_images", "reference_videos", "reference_audios"}
    offers = [offer for offer in catalog.offers(model="seedance-2.0") if fields <= offer.parameters.keys()]
    assert len(offers) >= 5
    for offer in offers:
        assert resolve(request, offer, PICTURES)


def test_clips_are_limited_together(catalog: Catalog) -> None:
    offer = catalog.offer("fal", "seedance-2.0")
    files = {"v": file("video", duration_seconds=8.0), "w": file("video", duration_seconds=8.0)}
    [problem] = problems(ask(reference_videos=("v", "w")), offer, files)
    assert "16.0 s in all" in problem
    assert "15 s together" in problem
    assert resolve(ask(reference_videos=("v",)), offer, files)


def test_all_references_are_limited_together(catalog: Catalog) -> None:
    request = ask(reference_images=("i",) * 30, reference_videos=("v",) * 10, reference_audios=("a",) * 10)
    assert resolve(request, catalog.offer("ark", "seedance-2.5"), PICTURES)
    request = ask(reference_images=("i",) * 9, reference_videos=("v",) * 3, reference_audios=("a",) * 3)
    assert resolve(request, catalog.offer("ark", "seedance-2.0"), PICTURES)


def test_a_file_in_the_wrong_place_is_refused(catalog: Catalog) -> None:
    [problem] = problems(ask(first_frame="v"), catalog.offer("sandbox", "seedance-2.0"), {"v": file("video")})
    assert "first_frame takes image" in problem


def test_a_local_video_needs_a_provider_that_can_take_it(catalog: Catalog) -> None:
    request, media = ask(reference_videos=("v",)), {"v": file("video")}
    [problem] = problems(request, catalog.offer("ark", "seedance-2.0"), media)
    assert "public https URL" in problem
    assert "SEEDANCE_CARRIER" in problem
    able = {offer.provider.name for offer in able_offers(request, catalog, media)}
    assert able == {"atlas", "fal", "replicate", "sandbox"}
    everybody = {offer.provider.name for offer in able_offers(request, catalog, media, carried=True)}
    assert everybody >= {"ark", "atlas", "byteplus", "fal", "replicate", "runcomfy", "sandbox"}


def test_a_video_that_travels_by_url_takes_no_room_in_the_request(catalog: Catalog) -> None:
    large = file("video", bytes=49 * MEBIBYTE, job_id="job_" + "x" * 22)
    media = {"v": large, "i": file(bytes=2 * MEBIBYTE)}
    request = ask(reference_videos=("v",), reference_images=("i",))
    assert resolve(request, catalog.offer("ark", "seedance-2.0"), media)


def test_files_inside_the_request_have_to_fit_into_it(catalog: Catalog) -> None:
    files = {name: file(bytes=20 * MEBIBYTE) for name in "abc"}
    request = ask(reference_images=("a", "b", "c"))
    [problem] = problems(request, catalog.offer("ark", "seedance-2.0"), files)
    assert "80 MB" in problem
    assert "64 MB" in problem
    assert resolve(request, catalog.offer("atlas", "seedance-2.0"), files)


def test_a_host_can_be_stricter_than_the_model(catalog: Catalog) -> None:
    offer = catalog.offer("atlas", "seedance-1.0-pro")
    [problem] = problems(ask(first_frame="i"), offer, {"i": file(mime_type="image/webp")})
    assert "image/jpeg, image/png" in problem
    [problem] = problems(ask(first_frame="i"), offer, {"i": file(bytes=11 * MEBIBYTE)})
    assert "10 MB" in problem


def test_first_and_last_frame_may_be_the_same(catalog: Catalog) -> None:
    assert resolve(ask(first_frame="i", last_frame="i"), catalog.offer("ark", "seedance-2.0"), PICTURES)


def test_too_many_files_in_all_are_refused_though_each_kind_is_within_its_limit(
    catalog: Catalog, tmp_path: Path
) -> None:
    overlay = tmp_path / "fewer.toml"
    overlay.write_text('[models."seedance-2.0".inputs]\ntotal = 12\n')
    offer = Catalog.load(overlay).offer("ark", "seedance-2.0")
    request = ask(reference_images=("i",) * 9, reference_videos=("v",) * 3, reference_audios=("a",))
    [problem] = problems(request, offer, PICTURES)
    assert "13 references" in problem
    assert "up to 12 in all" in problem
