"""What Ark refuses: its checks of a create call, in its own words."""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass
from typing import Any

from .ark_models import RATIOS, Sold, find

COMMANDS = {
    "rs": "resolution", "resolution": "resolution", "rt": "ratio", "ratio": "ratio", "dur": "duration",
    "duration": "duration", "frames": "frames", "seed": "seed", "cf": "camera_fixed", "camerafixed": "camera_fixed",
    "wm": "watermark", "watermark": "watermark",
}  # fmt: skip
"""The text commands that a prompt may carry, and the field that each stands for."""

DRAFT_FORBIDS = (
    "duration",
    "ratio",
    "seed",
    "generate_audio",
    "omni_reference_task_type",
    "frames",
    "camera_fixed",
)

_IMAGE_DATA = re.compile(r"data:image/(jpeg|png|webp|bmp|tiff|gif|heic|heif);base64,(.*)", re.DOTALL)
_AUDIO_DATA = re.compile(r"data:audio/(wav|mp3);base64,(.*)", re.DOTALL)


class Refused(Exception):
    """The service says no: HTTP status, code, message, parameter."""

    def __init__(self, code: str, message: str, param: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param


@dataclass(frozen=True, kw_only=True)
class Order:
    """A create call that was taken: what will be made."""

    sold: Sold
    task: str
    resolution: str
    ratio: str
    duration: int
    frames: int | None
    fields: dict[str, Any]
    videos: int
    draft_id: str | None

    @property
    def sound(self) -> bool:
        """Whether the video has sound."""
        return self.sold.sound and self.fields.get("generate_audio", True)


def check(body: Any, platform: int) -> Order:
    """Return what is ordered at Ark (0) or BytePlus (1), or raise Refused."""
    if not isinstance(body, dict):
        raise _invalid("the request body", "it is not an object")
    fields = {name: value for name, value in body.items() if value is not None}
    for name in ("model", "content"):
        if not fields.get(name):
            raise Refused(
                "MissingParameter", f"The request failed because it is missing `{name}` parameter.", name
            )
    sold = find(str(fields["model"]), platform)
    if sold is None:
        message = f"The model or endpoint {fields['model']} does not exist or you do not have access to it."
        raise Refused("InvalidEndpointOrModel.NotFound", message, "model", 404)
    items = fields["content"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _invalid("content", "it is not a list of objects")
    if any(item.get("type") == "draft_task" for item in items):
        return _second_step(sold, fields, items)
    task = _task(sold, items)
    fields |= _commands(items)
    _check_fields(sold, fields, task, items)
    frames = fields.get("frames")
    return Order(
        sold=sold,
        task=task,
        resolution=fields.get("resolution", sold.default_resolution),
        ratio=fields.get("ratio", sold.default_ratio if sold.text_adaptive or task != "t2v" else "16:9"),
        duration=fields.get("duration", 5),
        frames=frames,
        fields=fields,
        videos=sum(item["type"] == "video_url" for item in items),
        draft_id=None,
    )


def _second_step(sold: Sold, fields: dict[str, Any], items: list[dict[str, Any]]) -> Order:
    if len(items) > 1:
        raise _invalid("content", "draft_task must be the only item")
    if not sold.draft:
        raise _unsupported("draft_task", sold, "t2v")
    for name in DRAFT_FORBIDS if sold.newest else ():
        if name in fields:
            raise _invalid(name, "it must not be sent together with a draft_task")
    if fields.get("draft"):
        raise _invalid("draft", "the second step is no draft")
    resolution = fields.get("resolution", "1080p" if sold.newest else "720p")
    if sold.newest and resolution != "1080p":
        raise _invalid("resolution", "only 1080p is supported for a draft_task")
    _check_simple(sold, fields, "t2v")
    return Order(
        sold=sold, task="t2v", resolution=resolution, ratio="16:9", duration=5, frames=None, fields=fields, videos=0,
        draft_id=str((items[0].get("draft_task") or {}).get("id")),
    )  # fmt: skip


def _task(sold: Sold, items: list[dict[str, Any]]) -> str:
    """Which kind of task the content amounts to."""
    kinds: dict[str, list[dict[str, Any]]] = {"text": [], "image_url": [], "video_url": [], "audio_url": []}
    for place, item in enumerate(items):
        if item.get("type") not in kinds:
            raise _invalid(f"content[{place}].type", f"{item.get('type')!r} is not supported")
        kinds[item["type"]].append(item)
        _check_item(place, item)
    images = [item.get("role") for item in kinds["image_url"]]
    if len(images) > 1 and None in images:
        raise _content("role must be specified for image contents.")
    roles = ["first_frame" if role is None else role for role in images]
    if set(roles) - {"first_frame", "last_frame", "reference_image"}:
        raise _content("invalid role specified for image content.")
    for role in ("first_frame", "last_frame"):
        if roles.count(role) > 1:
            raise _content(
                f"expected at most one {role.replace('_', ' ')} image content but got {roles.count(role)}."
            )
    references = roles.count("reference_image"), len(kinds["video_url"]), len(kinds["audio_url"])
    framed = "first_frame" in roles or "last_frame" in roles
    if framed and any(references):
        raise _content("first/last frame content cannot be mixed with reference media content.")
    if "last_frame" in roles and "first_frame" not in roles:
        raise _content("a last frame image content needs a first frame image content.")
    if not any(references) and not framed and not kinds["text"]:
        raise _content("there is neither text nor media.")
    task = "r2v" if any(references) else "flf2v" if "last_frame" in roles else "i2v" if framed else "t2v"
    if task not in sold.tasks:
        raise Refused(
            "InvalidParameter",
            f"The parameter `task_type` specified in the request is not valid: the specified task_type {task} "
            f"does not support model {sold.ids[0]}.",
            "task_type",
        )
    _check_counts(sold, references)
    return task


def _check_counts(sold: Sold, references: tuple[int, int, int]) -> None:
    for count, most, word in zip(
        references, (sold.images, sold.videos, sold.audios), ("image", "video", "audio"), strict=True
    ):
        if count > most:
            raise _content(f"at most {most} reference {word} contents are supported but got {count}.")
    if sum(references) > (sold.assets or 99):
        raise _content(f"at most {sold.assets} reference contents are supported in total.")
    if references[2] and not sum(references[:2]) and not sold.audio_alone:
        raise _content("reference audio needs a reference image or video.")


def _check_item(place: int, item: dict[str, Any]) -> None:
    kind = item["type"]
    where = f"content[{place}].{kind}"
    if kind == "text":
        if not isinstance(item.get("text"), str) or not item["text"].strip():
            raise _invalid(f"content[{place}].text", "it is empty")
        return
    inner = item.get(kind)
    url = inner.get("url") if isinstance(inner, dict) else None
    if not isinstance(url, str) or not url:
        raise Refused("InvalidImageURL.EmptyURL", f"The parameter `{where}` has no url.", where)
    if kind != "image_url" and item.get("role") != f"reference_{kind[:5]}":
        raise _content(f"reference media mode requires {kind[:5]} role to be reference_{kind[:5]}.")
    if url.startswith(("http://", "https://")):
        if ".invalid" in url:
            raise Refused("InvalidParameter", f"The parameter `{where}`: resource download failed.", where)
        return
    if url.startswith("asset://"):
        return
    _check_data(kind, url, where)


def _check_data(kind: str, url: str, where: str) -> None:
    found = {"image_url": _IMAGE_DATA, "audio_url": _AUDIO_DATA}.get(kind)
    match = found.fullmatch(url) if found else None
    if not match:
        raise Refused(
            "InvalidImageURL.InvalidFormat", f"The parameter `{where}` is not a URL of a known form.", where
        )
    try:
        data = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        raise _invalid(where, "the data cannot be decoded") from None
    if len(data) > (30_000_000 if kind == "image_url" else 15_000_000):
        raise _invalid(where, "the file is too large")
    if kind == "image_url":
        _check_picture(data, where)


def _check_picture(data: bytes, where: str) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        width, height = Image.open(io.BytesIO(data)).size
    except UnidentifiedImageError:
        raise _invalid(where, "the image cannot be decoded") from None
    if not (300 <= width <= 6000 and 300 <= height <= 6000 and 0.4 <= width / height <= 2.5):
        raise _invalid(where, "each side must be 300 to 6000 px and the ratio 0.4 to 2.5")


def _commands(items: list[dict[str, Any]]) -> dict[str, Any]:
    """What the text commands in a prompt say. Bad ones are ignored, as the service does."""
    said: dict[str, Any] = {}
    for item in items:
        for name, value in re.findall(r"--(\w+)\s+(\S+)", item.get("text", "")):
            field = COMMANDS.get(name.lower())
            if field in ("duration", "frames", "seed") and re.fullmatch(r"-?\d+", value):
                said[field] = int(value)
            elif field in ("resolution", "ratio"):
                said[field] = value
            elif field and value in ("true", "false"):
                said[field] = value == "true"
    return said


def _check_fields(sold: Sold, fields: dict[str, Any], task: str, items: list[dict[str, Any]]) -> None:
    _check_simple(sold, fields, task)
    resolution = fields.get("resolution", sold.default_resolution)
    if resolution not in sold.resolutions or (sold.images == 4 and task == "r2v" and resolution == "1080p"):
        raise _invalid("resolution", f"{resolution!r} is not supported for model {sold.ids[0]} in {task}")
    ratio = fields.get("ratio", sold.default_ratio)
    if ratio not in (*RATIOS, "adaptive"):
        raise _invalid("ratio", f"{ratio!r} is not supported")
    if fields.get("ratio") == "adaptive" and task == "t2v" and not sold.text_adaptive:
        raise _invalid("ratio", "adaptive is not supported in t2v")
    if sold.newest and task in ("i2v", "flf2v") and ratio != "adaptive":
        raise Refused(
            "InvalidParameter.TaskTypeConstraint",
            "For first-frame or first-last-frame generation, the output ratio follows the first-frame image.",
            "ratio",
        )
    _check_length(sold, fields)
    _check_omni(sold, fields, items, ratio)
    if fields.get("draft"):
        if not sold.draft:
            raise _unsupported("draft", sold, task)
        if fields.get("resolution", "480p") != "480p":
            raise _invalid("resolution", "a draft is 480p")
        if not sold.newest and (fields.get("return_last_frame") or fields.get("service_tier") == "flex"):
            raise _invalid("draft", "it has no last frame and no flex")


def _check_length(sold: Sold, fields: dict[str, Any]) -> None:
    duration, frames = fields.get("duration", 5), fields.get("frames")
    if type(duration) is not int:
        raise _invalid("duration", "it is not an integer")
    low, high = sold.durations
    if not (low <= duration <= high or (duration == -1 and sold.auto_duration)):
        raise _invalid("duration", f"the specified duration is not supported for model {sold.ids[0]}")
    if frames is None:
        return
    if not sold.frames:
        raise _unsupported("frames", sold, "t2v")
    if type(frames) is not int or not 29 <= frames <= 289 or (frames - 25) % 4:
        raise _invalid("frames", "it must be 25+4n from 29 to 289")


def _check_omni(sold: Sold, fields: dict[str, Any], items: list[dict[str, Any]], ratio: str) -> None:
    kind = fields.get("omni_reference_task_type")
    if kind is None:
        return
    if not sold.newest:
        raise _unsupported("omni_reference_task_type", sold, "r2v")
    if kind not in ("auto", "reference", "edit", "extend"):
        raise _invalid("omni_reference_task_type", f"{kind!r} is not supported")
    if kind in ("edit", "extend"):
        wrong = not any(item["type"] == "video_url" for item in items) or ratio != "adaptive"
        if wrong or (kind == "edit" and fields.get("duration") != -1):
            raise Refused(
                "InvalidParameter.TaskTypeConstraint", f"The constraints of {kind} are not met.", "ratio"
            )


def _check_simple(sold: Sold, fields: dict[str, Any], task: str) -> None:
    for name in ("watermark", "generate_audio", "camera_fixed", "return_last_frame", "draft"):
        if name in fields and type(fields[name]) is not bool:
            raise _invalid(name, "it is not a boolean")
    for name, able in (
        ("camera_fixed", sold.camera and task != "r2v"),
        ("generate_audio", sold.sound),
        ("priority", sold.second_series),
        ("tools", sold.second_series),
    ):
        if name in fields and not able:
            raise _unsupported(name, sold, task)
    tier = fields.get("service_tier", "default")
    if tier not in ("default", "flex"):
        raise _invalid("service_tier", f"{tier!r} is not supported")
    if tier == "flex" and not sold.flex:
        raise _unsupported("service_tier", sold, task)
    if fields.get("output_format", "mp4") not in (("mp4", "mov") if sold.newest else ("mp4",)):
        raise _invalid("output_format", "it is not supported")
    for name, low, high in (
        ("seed", -1, 2**32 - 1),
        ("priority", 0, 9),
        ("execution_expires_after", 3600, 259_200),
    ):
        if name in fields and (type(fields[name]) is not int or not low <= fields[name] <= high):
            raise _invalid(name, f"it must be an integer from {low} to {high}")
    if len(str(fields.get("safety_identifier", ""))) > 64:
        raise _invalid("safety_identifier", "it is longer than 64 characters")


def _invalid(param: str, why: str) -> Refused:
    message = f"The parameter `{param}` specified in the request is not valid: {why}."
    return Refused("InvalidParameter", message, param)


def _content(why: str) -> Refused:
    return Refused(
        "InvalidParameter", f"The parameter `content` specified in the request is not valid: {why}", "content"
    )


def _unsupported(param: str, sold: Sold, task: str) -> Refused:
    return Refused(
        "InvalidParameter.UnsupportedParameter",
        f"the specified parameter {param} is not supported for model {sold.ids[0]} in {task}, must be empty",
        param,
    )
