"""The data files say what the providers' documentation says."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import ConfigError
from seedance_mcp.types import VideoRequest

DATA = files("seedance_mcp.catalog").joinpath("data")
MODELS = (
    "seedance-2.5",
    "seedance-2.0",
    "seedance-2.0-fast",
    "seedance-2.0-mini",
    "seedance-1.5-pro",
    "seedance-1.0-pro",
    "seedance-1.0-pro-fast",
    "seedance-1.0-lite",
)
PROVIDERS = ("ark", "atlas", "byteplus", "fal", "replicate", "runcomfy", "sandbox")
RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")

# Rows: resolution; columns: ratios in the order above. From the create-task page.
PIXELS_25 = {
    "480p": ("854x480", "752x560", "640x640", "560x752", "480x854", "992x432"),
    "720p": ("1280x720", "1112x834", "960x960", "834x1112", "720x1280", "1470x630"),
    "1080p": ("1920x1080", "1664x1248", "1440x1440", "1248x1664", "1080x1920", "2206x946"),
}
PIXELS_20 = {
    **PIXELS_25,
    "480p": ("864x496", "752x560", "640x640", "560x752", "496x864", "992x432"),
    "4k": ("3840x2160", "3326x2494", "2880x2880", "2494x3326", "2160x3840", "4398x1886"),
}
PIXELS_10 = {
    "480p": ("864x480", "736x544", "640x640", "544x736", "480x864", "960x416"),
    "720p": ("1248x704", "1120x832", "960x960", "832x1120", "704x1248", "1504x640"),
    "1080p": ("1920x1088", "1664x1248", "1440x1440", "1248x1664", "1088x1920", "2176x928"),
}
TABLES = {
    "seedance-2.5": PIXELS_25,
    "seedance-2.0": PIXELS_20,
    "seedance-2.0-fast": {name: PIXELS_20[name] for name in ("480p", "720p")},
    "seedance-2.0-mini": {name: PIXELS_20[name] for name in ("480p", "720p")},
    "seedance-1.5-pro": {name: PIXELS_20[name] for name in ("480p", "720p", "1080p")},
    "seedance-1.0-pro": PIXELS_10,
    "seedance-1.0-pro-fast": PIXELS_10,
    "seedance-1.0-lite": PIXELS_10,
}
SIZES = [
    (model, resolution, ratio, size)
    for model, table in TABLES.items()
    for resolution, sizes in table.items()
    for ratio, size in zip(RATIOS, sizes, strict=True)
]


def test_all_models_and_providers_are_there_the_newest_model_first(catalog: Catalog) -> None:
    assert tuple(catalog.models) == MODELS
    assert set(PROVIDERS) <= set(catalog.providers)  # a further one needs no line here


@pytest.mark.parametrize(("model", "resolution", "ratio", "size"), SIZES)
def test_a_resolution_and_a_ratio_are_exact_pixels(
    catalog: Catalog, model: str, resolution: str, ratio: str, size: str
) -> None:
    width, height = catalog.model(model).size(resolution, ratio)
    assert f"{width}x{height}" == size


@pytest.mark.parametrize("name", MODELS)
def test_every_resolution_and_ratio_of_a_model_has_pixels_and_no_other(catalog: Catalog, name: str) -> None:
    model = catalog.model(name)
    assert set(model.sizes) == set(model.resolutions) == set(TABLES[name])
    assert model.default_resolution in model.resolutions
    assert {*RATIOS, "adaptive"} == set(model.aspect_ratios)
    for ratios in model.sizes.values():
        assert tuple(ratios) == RATIOS or set(ratios) == set(RATIOS)


@pytest.mark.parametrize(
    ("name", "shortest", "longest", "auto"),
    [
        ("seedance-2.5", 4, 30, True),
        ("seedance-2.0", 4, 15, True),
        ("seedance-2.0-fast", 4, 15, True),
        ("seedance-2.0-mini", 4, 15, True),
        ("seedance-1.5-pro", 4, 12, True),
        ("seedance-1.0-pro", 2, 12, False),
        ("seedance-1.0-pro-fast", 2, 12, False),
        ("seedance-1.0-lite", 2, 12, False),
    ],
)
def test_lengths_are_those_of_the_capability_table(
    catalog: Catalog, name: str, shortest: int, longest: int, auto: bool
) -> None:
    lengths = catalog.model(name).durations
    assert (lengths.min, lengths.max, lengths.auto, lengths.default) == (shortest, longest, auto, 5)


@pytest.mark.parametrize(
    ("name", "images", "videos", "audios", "total"),
    [
        ("seedance-2.5", 30, 10, 10, 50),
        ("seedance-2.0", 9, 3, 3, 15),
        ("seedance-2.0-mini", 9, 3, 3, 15),
        ("seedance-1.0-lite", 4, None, None, 4),
        ("seedance-1.5-pro", 0, None, None, None),
        ("seedance-1.0-pro", 0, None, None, None),
    ],
)
def test_references_are_counted_as_documented(
    catalog: Catalog, name: str, images: int, videos: int | None, audios: int | None, total: int | None
) -> None:
    inputs = catalog.model(name).inputs
    assert inputs.reference_images == images
    assert (inputs.video and inputs.video.count) == videos
    assert (inputs.audio and inputs.audio.count) == audios
    assert inputs.total == total


def test_frames_are_25_and_a_multiple_of_four(catalog: Catalog) -> None:
    rule = catalog.model("seedance-1.0-pro").frames
    assert rule is not None
    allowed = [count for count in range(400) if rule.allows(count)]
    assert allowed == [25 + 4 * n for n in range(1, 67)]
    assert (allowed[0], allowed[-1]) == (29, 289)
    assert [name for name in MODELS if catalog.model(name).frames] == list(MODELS[5:])


def test_what_each_model_can_do_besides(catalog: Catalog) -> None:
    models = catalog.models.values()
    assert [model.id for model in models if model.audio] == list(MODELS[:5])
    assert [model.id for model in models if model.camera_fixed] == list(MODELS[4:])
    assert [model.id for model in models if model.seed] == list(MODELS[4:])
    assert [model.id for model in models if model.draft] == ["seedance-2.5", "seedance-1.5-pro"]
    assert [model.id for model in models if model.retirement] == ["seedance-1.5-pro", "seedance-1.0-lite"]
    assert {model.fps for model in models} == {24}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_says_who_it_is_and_when_that_was_read(catalog: Catalog, name: str) -> None:
    info = catalog.provider(name)
    assert re.fullmatch(r"seedance_mcp\.providers\.[a-z]+:[A-Z][A-Za-z]+Provider", info.adapter)
    assert info.base_url.startswith("http")
    assert not info.base_url.endswith("/")
    assert info.placeholder == (name == "sandbox") == (not info.key_variables)
    assert info.placeholder or info.key_page.startswith("https://")
    assert "{key}" in info.auth
    assert info.verified <= datetime.now(UTC).date()
    assert info.sources
    assert "url" in info.media_in
    assert ("upload" in info.supports) == ("upload" in info.media_in)
    assert not info.public_uploads or "upload" in info.supports
    assert info.result_hours >= 1


def test_where_a_lost_purchase_can_be_looked_for(catalog: Catalog) -> None:
    found = {
        name: (info.absence_is_proof, round(info.horizon_hours), "recover" in info.supports)
        for name in PROVIDERS
        if not (info := catalog.provider(name)).placeholder
    }
    assert found == {
        "ark": (True, 168, True),
        "byteplus": (True, 168, True),
        "replicate": (True, 1, True),
        "atlas": (False, 24, True),
        "fal": (False, 24, True),
        "runcomfy": (False, 1, False),
    }
    assert catalog.provider("replicate").result_hours == 1
    assert catalog.provider("replicate").horizon_hours < 1
    for info in catalog.providers.values():
        assert info.placeholder or info.net_max_seconds + info.list_lag_seconds == 600


def test_the_sandbox_offers_every_model_for_nothing(catalog: Catalog) -> None:
    offers = catalog.offers(provider="sandbox")
    assert [offer.model.id for offer in offers] == list(MODELS)
    assert {rate.amount for offer in offers for rate in offer.prices} == {0}
    assert catalog.provider("sandbox").media_in == {"path", "url", "data", "upload"}


def test_every_parameter_is_a_field_of_a_request(catalog: Catalog) -> None:
    for offer in catalog.offers(on_sale=False):
        assert set(offer.parameters) <= set(VideoRequest.model_fields), offer.label
        assert "prompt" in offer.parameters
        fields = {field for rule in (*offer.rules, *offer.model.rules) for field in rule.fields}
        known = set(VideoRequest.model_fields) | {
            option for other in catalog.offers(on_sale=False) for option in other.options
        }
        assert fields <= known, offer.label


def test_every_condition_asks_for_something_that_exists(catalog: Catalog) -> None:
    for offer in catalog.offers(on_sale=False):
        lines = (*offer.endpoints, *offer.prices, *offer.factors, *offer.rules, *offer.model.rules)
        asked = {name for line in lines for name in line.when}
        known = {*VideoRequest.model_fields, *offer.options, "mode", "has_video_input"}
        assert asked <= known, offer.label


def test_every_price_says_where_it_was_read(catalog: Catalog) -> None:
    for offer in catalog.offers(on_sale=False):
        for rate in offer.prices:
            assert rate.source
            assert (rate.verified or offer.provider.verified) <= date(2026, 11, 20)


@pytest.mark.parametrize(
    "file", sorted(DATA.joinpath("providers").iterdir(), key=str), ids=lambda path: path.name
)
def test_a_misspelt_key_in_a_provider_file_is_an_error(file: Path, tmp_path: Path) -> None:
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    overlay = tmp_path / "typo.toml"
    overlay.write_text(f'[providers.{table["name"]}]\nbase_ulr = "https://h"\n')
    with pytest.raises(ConfigError) as refused:
        Catalog.load(overlay)
    assert "base_ulr" in refused.value.message
