"""What Ark sells, as its documentation says: ids, abilities, pixels, prices. Written apart from the product's data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")

_PIXELS = {
    "2.5": {
        "480p": "854x480 752x560 640x640 560x752 480x854 992x432",
        "720p": "1280x720 1112x834 960x960 834x1112 720x1280 1470x630",
        "1080p": "1920x1080 1664x1248 1440x1440 1248x1664 1080x1920 2206x946",
    },
    "2.0": {
        "480p": "864x496 752x560 640x640 560x752 496x864 992x432",
        "720p": "1280x720 1112x834 960x960 834x1112 720x1280 1470x630",
        "1080p": "1920x1080 1664x1248 1440x1440 1248x1664 1080x1920 2206x946",
        "4k": "3840x2160 3326x2494 2880x2880 2494x3326 2160x3840 4398x1886",
    },
    "1.0": {
        "480p": "864x480 736x544 640x640 544x736 480x864 960x416",
        "720p": "1248x704 1120x832 960x960 832x1120 704x1248 1504x640",
        "1080p": "1920x1088 1664x1248 1440x1440 1248x1664 1088x1920 2176x928",
    },
}


@dataclass(frozen=True, kw_only=True)
class Sold:
    """One model: what it can do. Counts are the most; durations in seconds; prices per million tokens."""

    pixels: str
    ids: tuple[str, str]
    """At Ark, at BytePlus."""
    tasks: frozenset[str]
    resolutions: tuple[str, ...]
    default_resolution: str
    durations: tuple[int, int]
    auto_duration: bool = False
    default_ratio: str = "adaptive"
    text_adaptive: bool = True
    images: int = 0
    videos: int = 0
    audios: int = 0
    assets: int = 0
    audio_alone: bool = False
    sound: bool = False
    draft: bool = False
    flex: bool = False
    frames: bool = False
    camera: bool = False
    second_series: bool = False
    """2.0 and later: priority, web search."""
    newest: bool = False
    """2.5: task types, mov."""
    cny: tuple[str, str]
    """Without and with a video going in; for 1.5: silent, with sound."""
    usd: tuple[str, str]


def _ids(name: str, byteplus: str = "") -> tuple[str, str]:
    return f"doubao-seedance-{name}", f"{byteplus or 'seedance-'}{name}"


_ALL = frozenset({"t2v", "i2v", "flf2v", "r2v"})
_DREAM = "dreamina-seedance-"
_SERIES_2 = {"videos": 3, "audios": 3, "images": 9, "assets": 15, "sound": True, "second_series": True}

MODELS = (
    Sold(
        pixels="2.5", ids=_ids("2-5-260628", _DREAM), tasks=_ALL, resolutions=("480p", "720p", "1080p"),
        default_resolution="720p", durations=(4, 30), auto_duration=True, images=30, videos=10, audios=10,
        assets=50, audio_alone=True, sound=True, draft=True, second_series=True, newest=True,
        cny=("70", "42"), usd=("10.70", "6.40"),
    ),
    Sold(
        pixels="2.0", ids=_ids("2-0-260128", _DREAM), tasks=_ALL, resolutions=("480p", "720p", "1080p", "4k"),
        default_resolution="720p", durations=(4, 15), auto_duration=True, cny=("46", "28"), usd=("7.0", "4.3"),
        **_SERIES_2,
    ),
    Sold(
        pixels="2.0", ids=_ids("2-0-fast-260128", _DREAM), tasks=_ALL, resolutions=("480p", "720p"),
        default_resolution="720p", durations=(4, 15), auto_duration=True, cny=("37", "22"), usd=("5.6", "3.3"),
        **_SERIES_2,
    ),
    Sold(
        pixels="2.0", ids=_ids("2-0-mini-260615", _DREAM), tasks=_ALL, resolutions=("480p", "720p"),
        default_resolution="720p", durations=(4, 15), auto_duration=True, cny=("23", "14"), usd=("3.5", "2.1"),
        **_SERIES_2,
    ),
    Sold(
        pixels="2.0", ids=_ids("1-5-pro-251215"), tasks=frozenset({"t2v", "i2v", "flf2v"}),
        resolutions=("480p", "720p", "1080p"), default_resolution="720p", durations=(4, 12), auto_duration=True,
        sound=True, draft=True, flex=True, camera=True, cny=("8", "16"), usd=("1.2", "2.4"),
    ),
    Sold(
        pixels="1.0", ids=_ids("1-0-pro-250528"), tasks=frozenset({"t2v", "i2v", "flf2v"}),
        resolutions=("480p", "720p", "1080p"), default_resolution="1080p", durations=(2, 12), text_adaptive=False,
        flex=True, frames=True, camera=True, cny=("15", "15"), usd=("2.5", "2.5"),
    ),
    Sold(
        pixels="1.0", ids=_ids("1-0-pro-fast-251015"), tasks=frozenset({"t2v", "i2v"}),
        resolutions=("480p", "720p", "1080p"), default_resolution="1080p", durations=(2, 12), text_adaptive=False,
        flex=True, frames=True, camera=True, cny=("4.2", "4.2"), usd=("1.0", "1.0"),
    ),
    Sold(
        pixels="1.0", ids=_ids("1-0-lite-t2v-250428"), tasks=frozenset({"t2v"}),
        resolutions=("480p", "720p", "1080p"), default_resolution="720p", durations=(2, 12), text_adaptive=False,
        flex=True, frames=True, camera=True, cny=("10", "10"), usd=("1.8", "1.8"),
    ),
    Sold(
        pixels="1.0", ids=_ids("1-0-lite-i2v-250428"), tasks=frozenset({"i2v", "flf2v", "r2v"}), images=4,
        assets=4, resolutions=("480p", "720p", "1080p"), default_resolution="720p", durations=(2, 12),
        flex=True, frames=True, camera=True, cny=("10", "10"), usd=("1.8", "1.8"),
    ),
)  # fmt: skip


def find(model: str, platform: int) -> Sold | None:
    """The model with this id at Ark (0) or BytePlus (1). An endpoint (`ep-...`) stands for 2.0."""
    if model.startswith("ep-"):
        return MODELS[1]
    return next((sold for sold in MODELS if model == sold.ids[platform]), None)


def size(sold: Sold, resolution: str, ratio: str) -> tuple[int, int]:
    """Pixels of the video. What follows a picture is taken as 16:9."""
    row = _PIXELS[sold.pixels][resolution].split()
    width, height = row[RATIOS.index(ratio) if ratio in RATIOS else 0].split("x")
    return int(width), int(height)


def price(
    sold: Sold,
    *,
    tokens: int,
    currency: str,
    video_in: bool,
    resolution: str,
    sound: bool,
    flex: bool,
) -> Decimal:
    """What so many tokens cost."""
    rates = [Decimal(text) for text in (sold.cny if currency == "CNY" else sold.usd)]
    rate = rates[sound if sold.pixels == "2.0" and not sold.second_series else video_in]
    if sold.newest and resolution == "1080p":
        rate = {"CNY": (Decimal(77), Decimal(46)), "USD": (Decimal("11.70"), Decimal("7.00"))}[currency][
            video_in
        ]
    if resolution in ("1080p", "4k") and sold is MODELS[1]:
        table = {
            ("1080p", "CNY"): ("51", "31"), ("1080p", "USD"): ("7.7", "4.7"),
            ("4k", "CNY"): ("26", "16"), ("4k", "USD"): ("4.0", "2.4"),
        }  # fmt: skip
        rate = Decimal(table[resolution, currency][video_in])
    return rate * tokens / 1_000_000 / (2 if flex else 1)
