"""Estimates reproduce the worked figures of the price pages, and never reserve less than can be billed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import floor

import pytest

from seedance_mcp.catalog import Catalog, resolve, settle
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.types import MediaFile, VideoRequest

from .asking import CNY_PER_USD, ask, file, link, price_or_none, priced


def clip(seconds: float) -> dict[str, MediaFile]:
    """One reference video of that length, where every provider can read it."""
    return {"v": file("video", path=None, url="https://h/v", duration_seconds=seconds)}


def wide(resolution: str, duration: int = 5, **fields: object) -> VideoRequest:
    return ask(resolution=resolution, duration=duration, aspect_ratio="16:9", **fields)


# case, provider/model, resolution, ratio, seconds, documented tokens, measured tokens
TOKENS = [
    ("5 s 720p", "ark/seedance-2.0", "720p", "16:9", 5, "108000", 108900),
    ("5 s 720p of 2.5", "ark/seedance-2.5", "720p", "16:9", 5, "108000", 108900),
    ("4 s 720p", "ark/seedance-2.0", "720p", "16:9", 4, "86400", 87300),
    ("10 s 720p", "ark/seedance-2.0", "720p", "16:9", 10, "216000", 216900),
    ("5 s 480p of 2.0", "ark/seedance-2.0", "480p", "16:9", 5, "50220", 50638),
    ("5 s 480p of 2.5", "ark/seedance-2.5", "480p", "16:9", 5, "48037.5", 48437),
    ("5 s 1080p", "ark/seedance-2.0", "1080p", "16:9", 5, "243000", 245025),
    ("4 s 1080p", "ark/seedance-2.0", "1080p", "16:9", 4, "194400", 196425),
    ("8 s 720p square", "ark/seedance-2.0", "720p", "1:1", 8, "172800", 173700),
    ("5 s 1080p of 1.0", "ark/seedance-1.0-pro", "1080p", "16:9", 5, "244800", 246840),
]


@pytest.mark.parametrize(
    ("name", "resolution", "ratio", "seconds", "documented", "measured"),
    [row[1:] for row in TOKENS],
    ids=[row[0] for row in TOKENS],
)
def test_tokens_are_the_documented_estimate_and_the_maximum_covers_what_was_seen(
    catalog: Catalog, name: str, resolution: str, ratio: str, seconds: int, documented: str, measured: int
) -> None:
    found = priced(catalog, name, ask(resolution=resolution, aspect_ratio=ratio, duration=seconds))
    rate = found.price.amount / Decimal(documented)
    assert found.tokens is not None
    assert abs(found.tokens - Decimal(documented)) <= Decimal("0.5")
    assert rate * 1_000_000 == pytest.approx(round(rate * 1_000_000, 1), abs=Decimal("0.0001"))
    assert floor(found.maximum.amount / rate) in (measured, measured + 1)


def test_thirty_seconds_in_and_thirty_out_are_one_frame_more_than_documented(catalog: Catalog) -> None:
    request = wide("720p", 30, reference_videos=("v",))
    found = priced(catalog, "ark/seedance-2.5", request, clip(30.0))
    assert found.tokens == 1_296_000
    assert floor(found.maximum.amount / 42 * 1_000_000) in (1_296_900, 1_296_901)


@pytest.mark.parametrize(
    ("resolution", "tokens"), [("720p", 194_400), ("480p", 90_396), ("1080p", 437_400), ("4k", 1_749_600)]
)
@pytest.mark.parametrize("seconds", [2.0, 3.0, 4.0])
def test_with_a_video_going_in_five_seconds_count_as_nine_at_least(
    catalog: Catalog, resolution: str, tokens: int, seconds: float
) -> None:
    found = priced(catalog, "byteplus/seedance-2.0", wide(resolution, reference_videos=("v",)), clip(seconds))
    assert found.tokens == tokens
    assert ("9 s are the least" in found.basis) == (seconds < 4)


# offer, resolution, seconds of the video going in (0: none), options, sound, price of 5 s 16:9 as shown
WORKED = [
    ("byteplus/seedance-2.0", "480p", 0, "0.35"),
    ("byteplus/seedance-2.0", "480p", 2, "0.39"),
    ("byteplus/seedance-2.0", "480p", 4, "0.39"),
    ("byteplus/seedance-2.0", "480p", 15, "0.86"),
    ("byteplus/seedance-2.0", "720p", 0, "0.76"),
    ("byteplus/seedance-2.0", "720p", 2, "0.84"),
    ("byteplus/seedance-2.0", "720p", 4, "0.84"),
    ("byteplus/seedance-2.0", "720p", 15, "1.86"),
    ("byteplus/seedance-2.0", "1080p", 0, "1.87"),
    ("byteplus/seedance-2.0", "1080p", 3, "2.06"),
    ("byteplus/seedance-2.0", "1080p", 15, "4.57"),
    ("byteplus/seedance-2.0", "4k", 0, "3.89"),
    ("byteplus/seedance-2.0", "4k", 4, "4.20"),
    ("byteplus/seedance-2.0", "4k", 15, "9.33"),
    ("byteplus/seedance-2.0-fast", "480p", 0, "0.28"),
    ("byteplus/seedance-2.0-fast", "480p", 4, "0.30"),
    ("byteplus/seedance-2.0-fast", "480p", 15, "0.66"),
    ("byteplus/seedance-2.0-fast", "720p", 0, "0.60"),
    ("byteplus/seedance-2.0-fast", "720p", 4, "0.64"),
    ("byteplus/seedance-2.0-fast", "720p", 15, "1.43"),
    ("byteplus/seedance-2.0-mini", "480p", 0, "0.18"),
    ("byteplus/seedance-2.0-mini", "480p", 4, "0.19"),
    ("byteplus/seedance-2.0-mini", "480p", 15, "0.42"),
    ("byteplus/seedance-2.0-mini", "720p", 0, "0.38"),
    ("byteplus/seedance-2.0-mini", "720p", 4, "0.41"),
    ("byteplus/seedance-2.0-mini", "720p", 15, "0.91"),
    ("ark/seedance-2.5", "480p", 0, "3.36"),
    ("ark/seedance-2.5", "480p", 4, "3.63"),
    ("ark/seedance-2.5", "480p", 30, "14.12"),
    ("ark/seedance-2.5", "720p", 0, "7.56"),
    ("ark/seedance-2.5", "720p", 2, "8.16"),
    ("ark/seedance-2.5", "720p", 30, "31.75"),
    ("ark/seedance-2.5", "1080p", 0, "18.71"),
    ("ark/seedance-2.5", "1080p", 4, "20.12"),
    ("ark/seedance-2.5", "1080p", 30, "78.25"),
    ("ark/seedance-2.0", "480p", 0, "2.31"),
    ("ark/seedance-2.0", "720p", 0, "4.97"),
    ("ark/seedance-2.0", "1080p", 0, "12.39"),
    ("ark/seedance-2.0", "4k", 0, "25.27"),
    ("byteplus/seedance-1.0-pro", "480p", 0, "0.12"),
    ("byteplus/seedance-1.0-pro", "720p", 0, "0.26"),
    ("byteplus/seedance-1.0-pro", "1080p", 0, "0.61"),
    ("byteplus/seedance-1.0-pro-fast", "480p", 0, "0.05"),
    ("byteplus/seedance-1.0-pro-fast", "720p", 0, "0.10"),
    ("byteplus/seedance-1.0-pro-fast", "1080p", 0, "0.24"),
]


@pytest.mark.parametrize(("name", "resolution", "into", "shown"), WORKED)
def test_the_worked_examples_of_the_price_pages(
    catalog: Catalog, name: str, resolution: str, into: float, shown: str
) -> None:
    videos = ("v",) if into else ()
    found = priced(
        catalog, name, wide(resolution, reference_videos=videos), clip(float(into)) if into else {}
    )
    assert f"{found.price.amount:.2f}" == shown
    assert found.price.currency == ("CNY" if name.startswith("ark/") else "USD")
    assert found.maximum.amount > found.price.amount


@pytest.mark.parametrize(
    ("resolution", "sound", "draft", "shown"),
    [
        ("480p", True, False, "0.12"),
        ("480p", True, True, "0.07"),
        ("480p", False, False, "0.06"),
        ("480p", False, True, "0.04"),
        ("720p", True, False, "0.26"),
        ("720p", False, False, "0.13"),
        ("1080p", True, False, "0.58"),
        ("1080p", False, False, "0.29"),
    ],
)
def test_sound_and_drafts_of_1_5_pro(
    catalog: Catalog, resolution: str, sound: bool, draft: bool, shown: str
) -> None:
    request = wide(resolution, generate_audio=sound, provider_options={"draft": True} if draft else {})
    assert f"{priced(catalog, 'byteplus/seedance-1.5-pro', request).price.amount:.2f}" == shown


@pytest.mark.parametrize(("resolution", "tokens"), [("480p", 48_600), ("720p", 102_960), ("1080p", 244_800)])
def test_tokens_of_1_0_pro(catalog: Catalog, resolution: str, tokens: int) -> None:
    assert priced(catalog, "byteplus/seedance-1.0-pro", wide(resolution)).tokens == tokens


@pytest.mark.parametrize(
    ("name", "sound", "usd_per_million"),
    [
        ("ark/seedance-1.5-pro", True, "8"),
        ("ark/seedance-1.5-pro", False, "4"),
        ("ark/seedance-1.0-pro", None, "7.5"),
        ("ark/seedance-1.0-pro-fast", None, "2.1"),
        ("ark/seedance-1.0-lite", None, "5"),
        ("byteplus/seedance-1.5-pro", True, "1.2"),
        ("byteplus/seedance-1.5-pro", False, "0.6"),
        ("byteplus/seedance-1.0-pro", None, "1.25"),
        ("byteplus/seedance-1.0-pro-fast", None, "0.5"),
    ],
)
def test_the_flex_tier_costs_half(
    catalog: Catalog, name: str, sound: bool | None, usd_per_million: str
) -> None:
    request = wide("720p", generate_audio=sound, provider_options={"service_tier": "flex"})
    found = priced(catalog, name, request)
    assert found.tokens is not None
    assert found.price.amount / found.tokens * 1_000_000 == Decimal(usd_per_million)
    assert "flex" in found.basis


def test_the_page_of_atlas_is_reproduced_per_second(catalog: Catalog) -> None:
    plain = priced(catalog, "atlas/seedance-2.0", wide("720p"))
    assert f"{plain.price.usd / 5:.4f}" == "0.2419"
    assert plain.confidence == "high"
    seconds = 5 + 10
    edited = priced(catalog, "atlas/seedance-2.0", wide("720p", reference_videos=("v",)), clip(10.0))
    assert f"{edited.price.usd / seconds:.4f}" == "0.1486"


# provider/model, resolution, seconds going in, fields, USD for 5 s
PER_SECOND = [
    ("fal/seedance-2.0", "720p", 0, {}, "1.517"),
    ("fal/seedance-2.0", "720p", 0, {"reference_images": ("i",)}, "1.512"),
    ("fal/seedance-2.0", "1080p", 0, {}, "3.41"),
    ("fal/seedance-2.0", "720p", 10, {}, "2.721"),
    ("fal/seedance-2.0-fast", "720p", 0, {}, "1.2095"),
    ("fal/seedance-2.0-fast", "720p", 5, {}, "1.4515"),
    ("fal/seedance-2.0-mini", "480p", 0, {}, "0.3605"),
    ("fal/seedance-2.0-mini", "720p", 0, {}, "0.7735"),
    ("fal/seedance-2.5", "480p", 0, {}, "1.1025"),
    ("fal/seedance-2.5", "720p", 0, {}, "2.365"),
    ("fal/seedance-2.5", "1080p", 0, {}, "5.82"),
    ("fal/seedance-1.5-pro", "720p", 0, {"generate_audio": True}, "0.26"),
    ("fal/seedance-1.0-lite", "720p", 0, {}, "0.18"),
    ("replicate/seedance-1.0-lite", "720p", 0, {}, "0.18"),
    ("replicate/seedance-1.0-pro", "1080p", 0, {}, "0.75"),
    ("replicate/seedance-1.0-pro-fast", "720p", 0, {}, "0.125"),
    ("replicate/seedance-1.5-pro", "720p", 0, {"generate_audio": True}, "0.26"),
    ("replicate/seedance-1.5-pro", "720p", 0, {"generate_audio": False}, "0.13"),
    ("replicate/seedance-1.5-pro", "1080p", 0, {"generate_audio": True}, "0.60"),
    ("replicate/seedance-2.0", "480p", 0, {}, "0.40"),
    ("replicate/seedance-2.0", "720p", 0, {}, "0.90"),
    ("replicate/seedance-2.0", "1080p", 0, {}, "2.25"),
    ("replicate/seedance-2.0", "4k", 0, {}, "5.00"),
    ("replicate/seedance-2.0", "720p", 15, {}, "1.10"),
    ("replicate/seedance-2.0", "4k", 5, {}, "6.25"),
    ("replicate/seedance-2.0-fast", "720p", 0, {}, "0.75"),
    ("replicate/seedance-2.0-fast", "720p", 5, {}, "0.85"),
    ("replicate/seedance-2.0-mini", "720p", 0, {}, "0.45"),
    ("replicate/seedance-2.0-mini", "480p", 5, {}, "0.25"),
    ("replicate/seedance-2.5", "480p", 0, {}, "0.514"),
    ("replicate/seedance-2.5", "720p", 0, {}, "1.156"),
    ("replicate/seedance-2.5", "720p", 5, {}, "4.838"),
    ("runcomfy/seedance-2.5", "480p", 0, {"first_frame": "i"}, "0.85"),
    ("runcomfy/seedance-2.5", "720p", 0, {"first_frame": "i"}, "1.75"),
    ("runcomfy/seedance-2.5", "1080p", 0, {"first_frame": "i"}, "2.85"),
]


@pytest.mark.parametrize(("name", "resolution", "into", "fields", "usd"), PER_SECOND)
def test_prices_per_second(
    catalog: Catalog, name: str, resolution: str, into: float, fields: dict[str, object], usd: str
) -> None:
    media = {
        "i": link("image"),
        "v": MediaFile(kind="video", url="https://h/v", duration_seconds=float(into)),
    }
    videos = {"reference_videos": ("v",)} if into else {}
    request = ask(resolution=resolution, duration=5, **fields, **videos)
    found = priced(catalog, name, request, media)
    assert found.price.usd == Decimal(usd)
    assert found.tokens is None


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("atlas/seedance-2.5", ask()),
        ("atlas/seedance-2.0-fast", ask()),
        ("atlas/seedance-1.5-pro", ask()),
        ("atlas/seedance-1.0-pro", ask()),
        ("runcomfy/seedance-2.0", ask()),
        ("runcomfy/seedance-2.5", ask()),
        ("runcomfy/seedance-1.5-pro", ask(first_frame="i")),
        ("fal/seedance-2.0", ask(resolution="4k")),
        ("fal/seedance-2.5", ask(reference_videos=("v",))),
        ("fal/seedance-1.5-pro", ask(generate_audio=False)),
        ("replicate/seedance-2.5", ask(resolution="1080p")),
        ("replicate/seedance-2.0-fast", ask(resolution="480p")),
        ("byteplus/seedance-1.0-lite", ask()),
    ],
)
def test_a_price_that_nobody_published_is_unknown(
    catalog: Catalog, name: str, request_: VideoRequest
) -> None:
    assert price_or_none(catalog, name, request_, {"i": link("image"), "v": link("video")}) is None


def test_prices_in_yuan_are_counted_in_dollars_at_the_given_rate(catalog: Catalog) -> None:
    found = priced(catalog, "ark/seedance-2.0", wide("720p"))
    assert found.price.amount == Decimal("4.968")
    assert found.price.currency == "CNY"
    assert found.price.usd == Decimal("0.709715")


def test_a_length_left_to_the_model_counts_as_its_longest(catalog: Catalog) -> None:
    longest = priced(catalog, "byteplus/seedance-2.5", wide("720p", -1))
    assert longest.seconds == 30
    assert longest.price == priced(catalog, "byteplus/seedance-2.5", wide("720p", 30)).price
    assert "the model chooses the length" in longest.basis
    assert priced(catalog, "byteplus/seedance-2.0", wide("720p", -1)).seconds == 15


def test_frames_are_priced_by_their_number(catalog: Catalog) -> None:
    request = ask(resolution="720p", provider_options={"frames": 57})
    found = priced(catalog, "byteplus/seedance-1.0-pro", request)
    assert found.seconds == Decimal("2.375")
    assert found.tokens == 48_906


def test_where_the_ratio_is_left_to_the_model_the_largest_picture_is_reserved(catalog: Catalog) -> None:
    loose = priced(catalog, "byteplus/seedance-2.0", ask(resolution="720p"))
    exact = [
        priced(catalog, "byteplus/seedance-2.0", ask(resolution="720p", aspect_ratio=ratio))
        for ratio in ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
    ]
    assert loose.maximum.amount == max(found.maximum.amount for found in exact)
    assert loose.price == exact[0].price
    assert "left to the model" in loose.basis


def test_the_ratio_of_a_seen_first_frame_is_expected(catalog: Catalog) -> None:
    tall = {"i": file(width=720, height=1300)}
    request = ask(resolution="720p", first_frame="i")
    found = priced(catalog, "byteplus/seedance-1.0-pro", request, tall)
    assert found.tokens == 102_960
    assert "704x1248" in found.basis


def test_an_input_video_that_nobody_has_seen_counts_as_the_longest_taken(catalog: Catalog) -> None:
    request = wide("720p", reference_videos=("v",))
    unseen = priced(catalog, "byteplus/seedance-2.0", request, {"v": link("video")})
    assert unseen.price == priced(catalog, "byteplus/seedance-2.0", request, clip(15.0)).price
    assert "not known" in unseen.basis


def test_an_input_video_is_reserved_by_the_started_second(catalog: Catalog) -> None:
    request = wide("720p", 10, reference_videos=("v",))
    found = priced(catalog, "byteplus/seedance-2.0", request, clip(9.1))
    assert found.maximum.amount > priced(catalog, "byteplus/seedance-2.0", request, clip(10.0)).price.amount


def test_a_host_that_does_not_mention_the_minimum_has_it_reserved_all_the_same(catalog: Catalog) -> None:
    found = priced(catalog, "atlas/seedance-2.0", wide("720p", reference_videos=("v",)), clip(2.0))
    assert f"{found.price.usd:.4f}" == "1.0403"
    assert found.maximum.usd > Decimal("0.148608") * 9


def test_a_draft_is_finished_at_the_price_of_the_full_picture(catalog: Catalog) -> None:
    request = VideoRequest(provider_options={"draft_task_id": "cgt-1"})
    found = priced(catalog, "byteplus/seedance-2.5", request)
    assert found.seconds == 30
    assert found.price.amount / Decimal(30 * 1920 * 1080 * 24) * 1024 * 1_000_000 == Decimal("11.7")


def test_the_sandbox_is_free(catalog: Catalog) -> None:
    found = priced(catalog, "sandbox/seedance-2.5", ask(duration=30, resolution="1080p"))
    assert (found.price.usd, found.maximum.usd, found.tokens) == (0, 0, None)
    offer = catalog.offer("sandbox", "seedance-2.5")
    charged = settle(resolve(ask(), offer, {}), offer, {}, cny_per_usd=CNY_PER_USD)
    assert charged is not None
    assert charged.usd == 0


def test_an_estimate_says_how_good_its_source_is_and_how_old(catalog: Catalog) -> None:
    found = priced(catalog, "byteplus/seedance-2.5", wide("720p"))
    assert (found.confidence, found.verified) == ("medium", date(2026, 9, 4))
    assert "108,000 tokens" in found.basis
    assert "10.7 USD per million" in found.basis
    assert priced(catalog, "byteplus/seedance-2.0", wide("720p")).confidence == "high"


@pytest.mark.parametrize(
    ("name", "fields", "usage", "charged", "currency"),
    [
        ("ark/seedance-2.0", {}, {"completion_tokens": 108_900}, "5.0094", "CNY"),
        ("byteplus/seedance-2.0", {}, {"completion_tokens": 108_900}, "0.7623", "USD"),
        (
            "byteplus/seedance-2.0",
            {"reference_videos": ("v",)},
            {"completion_tokens": 194_400},
            "0.83592",
            "USD",
        ),
        (
            "byteplus/seedance-1.0-pro",
            {"provider_options": {"service_tier": "flex"}},
            {"completion_tokens": 100_000},
            "0.125",
            "USD",
        ),
        ("byteplus/seedance-1.5-pro", {"provider_options": {"draft": True}, "generate_audio": True},
         {"completion_tokens": 30_000}, "0.072", "USD"),
        ("atlas/seedance-2.5", {}, {"price_usd": "1.2096"}, "1.2096", "USD"),
        ("replicate/seedance-2.0", {}, {"output_seconds": "5"}, "0.9", "USD"),
    ],
)  # fmt: skip
def test_what_was_used_says_what_was_charged(
    catalog: Catalog, name: str, fields: dict[str, object], usage: dict[str, str], charged: str, currency: str
) -> None:
    provider, _, model = name.partition("/")
    offer = catalog.offer(provider, model, retired=True)
    request = resolve(ask(**fields), offer, {"v": link("video")})
    counted = {key: Decimal(value) for key, value in usage.items()}
    price = settle(request, offer, counted, cny_per_usd=CNY_PER_USD)
    assert price is not None
    assert (price.amount, price.currency) == (Decimal(charged), currency)


@pytest.mark.parametrize(
    ("name", "fields", "usage"),
    [
        ("ark/seedance-2.0", {}, {}),
        ("ark/seedance-2.0", {}, {"output_seconds": "5"}),
        ("fal/seedance-2.0", {"reference_videos": ("v",)}, {"output_seconds": "5"}),
        ("atlas/seedance-2.5", {}, {"completion_tokens": "108900"}),
    ],
)
def test_a_usage_that_does_not_tell_the_price_settles_nothing(
    catalog: Catalog, name: str, fields: dict[str, object], usage: dict[str, str]
) -> None:
    provider, _, model = name.partition("/")
    offer = catalog.offer(provider, model)
    request = resolve(ask(**fields), offer, {"v": link("video")})
    counted = {key: Decimal(value) for key, value in usage.items()}
    assert settle(request, offer, counted, cny_per_usd=CNY_PER_USD) is None


def test_the_maximum_is_never_below_the_price(catalog: Catalog) -> None:
    media = {"i": file(), "u": link("video"), **clip(7.3)}
    requests = [
        ask(),
        ask(duration=10, aspect_ratio="9:16"),
        ask(resolution="480p"),
        ask(first_frame="i"),
        ask(reference_videos=("v",)),
        ask(reference_videos=("v", "u")),
    ]
    seen = 0
    for offer in catalog.offers(on_sale=False):
        name = f"{offer.provider.name}/{offer.model.id}"
        for request in requests:
            try:
                found = price_or_none(catalog, name, request, media)
            except InvalidRequest:
                continue
            seen += found is not None
            assert found is None or found.maximum.amount >= found.price.amount
            assert found is None or found.maximum.usd >= found.price.usd
    assert seen > 100
