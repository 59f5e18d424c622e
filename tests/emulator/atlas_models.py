"""What Atlas Cloud sells: ids, fields and prices, written apart from the product's data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .ark_models import Sold
from .hosted import MODEL, Item, Order, Refused, flag, links, one_of, only, text_of

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
_KIND = "(?P<kind>text|image|reference)-to-video"
_TWO = ("480p", "720p", "1080p")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One family of ids. `resolutions` empty: the id holds it, or there is no choice."""

    pattern: str
    item: Item
    resolutions: tuple[str, ...]


def _item(sold: Sold) -> Item:
    return Item(sold=sold, tokens=sold.usd[0], fed_tokens=sold.usd[1] if sold.second_series else "")


MODELS = (
    Listed(
        pattern=rf"bytedance/seedance-2\.5/{_KIND}", item=_item(MODEL["2.5"]), resolutions=("480p", "720p")
    ),
    Listed(
        pattern=rf"bytedance/seedance-2\.0/{_KIND}",
        item=Item(sold=MODEL["2.0"], tokens="11.2", fed_tokens="6.88"),
        resolutions=_TWO,
    ),
    Listed(
        pattern=rf"bytedance/seedance-2\.0-fast/{_KIND}",
        item=_item(MODEL["2.0-fast"]),
        resolutions=("480p", "720p"),
    ),
    Listed(
        pattern=rf"bytedance/seedance-2\.0-mini/{_KIND}",
        item=_item(MODEL["2.0-mini"]),
        resolutions=("480p", "720p"),
    ),
    Listed(
        pattern=r"bytedance/seedance-v1\.5-pro/(?P<kind>text|image)-to-video",
        item=_item(MODEL["1.5-pro"]),
        resolutions=("480p", "720p"),
    ),
    Listed(
        pattern=r"bytedance/seedance-v1-pro-(?P<short>t2v|i2v)-(?P<resolution>480p|720p|1080p)",
        item=_item(MODEL["1.0-pro"]),
        resolutions=(),
    ),
    Listed(
        pattern=r"bytedance/seedance-v1-pro-fast/(?P<kind>text|image)-to-video",
        item=_item(MODEL["1.0-pro-fast"]),
        resolutions=(),
    ),
    Listed(
        pattern=r"bytedance/seedance-v1-lite-(?P<short>t2v|i2v)-(?P<resolution>480p|720p|1080p)",
        item=_item(MODEL["1.0-lite"]),
        resolutions=(),
    ),
)


def read(fields: dict[str, Any]) -> Order:
    """The order in a body whose model is known; refused where the service would refuse it."""
    listed, found = next(
        (model, match) for model in MODELS if (match := re.fullmatch(model.pattern, fields["model"]))
    )
    said = found.groupdict()
    kind = said.get("kind") or ("text" if said["short"] == "t2v" else "image")
    sold = listed.item.sold
    only(fields, *_names(fields["model"], kind, sold, bool(listed.resolutions)))
    if kind == "image" and not links(fields, "image", 1):
        raise Refused(422, "image is required")
    links(fields, "last_image", 1)
    images, videos, audios = (
        links(fields, f"reference_{name}s", most or 2)
        for name, most in (("image", sold.images), ("video", sold.videos), ("audio", sold.audios))
    )
    if kind == "reference" and not images + videos + audios:
        raise Refused(422, "a reference is required")
    newer = sold.second_series
    ratios: tuple[str, ...] = (*RATIOS, "adaptive") if newer else RATIOS
    if sold.newest and kind == "image":
        ratios = ("adaptive",)
    seconds = tuple(range(sold.durations[0], sold.durations[1] + 1))
    if type(fields.get("seed", 0)) is not int:
        raise Refused(422, "seed must be an integer")
    for name in ("watermark", "return_last_frame", "web_search", "camera_fixed"):
        flag(fields, name, False)
    return Order(
        item=listed.item,
        prompt=text_of(fields, needed=kind == "text"),
        resolution=said.get("resolution")
        or one_of(
            fields, "resolution", listed.resolutions or (sold.default_resolution,), sold.default_resolution
        ),
        ratio=one_of(fields, "ratio" if newer else "aspect_ratio", ratios, "adaptive" if newer else "16:9"),
        duration=one_of(fields, "duration", (*seconds, -1) if newer else seconds, 5),
        sound=flag(fields, "generate_audio", True) if sold.sound else False,
        videos=videos,
    )


def _names(model: str, kind: str, sold: Sold, sized: bool) -> list[str]:
    names = ["model", "prompt", "duration", "webhook_url", *(["resolution"] if sized else [])]
    if kind == "image":
        names += ["image"] if model.endswith("pro-fast/image-to-video") else ["image", "last_image"]
    if kind == "reference":
        names += ["reference_images", "reference_videos", "reference_audios"]
    if not sold.second_series:
        return [*names, "aspect_ratio", "seed", "camera_fixed", *(["generate_audio"] if sold.sound else [])]
    names += ["ratio", "generate_audio", "watermark", "return_last_frame"]
    names += ["output_format"] if sold.newest else ["seed"]
    names += ["web_search"] if kind == "text" else []
    return [*names, "bitrate_mode"] if "mini" in model else names
