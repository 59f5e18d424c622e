"""RunComfy's dialect: requests followed by status and result, cancelled only in the queue; no list, no uploads."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from .hosted import MODEL, SILENCED, Item, Order, Refused, call_of, flag, links, one_of, only, stamp, text_of
from .ledger import Task
from .wire import Request, Response
from .world import World

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_NEWEST = {"480p": "0.17", "720p": "0.35", "1080p": "0.57"}
_TWO = {"480p": "0.10", "720p": "0.22", "1080p": "0.55", "4k": "1.00"}
_MINI = {"480p": "0.05", "720p": "0.11"}
_OLD = {"480p": "0.03", "720p": "0.06", "1080p": "0.14"}
_CODES = {400: 400001, 401: 400004, 402: 400002, 403: 403001, 404: 404001}
_WORDS = {"queued": "in_queue", "running": "in_progress", "succeeded": "completed", "failed": "completed"}
_ERRORS = {
    "moderated": "The output was flagged by content moderation.", "silenced": SILENCED,
    "failed": "The generation failed.",
}  # fmt: skip


def _item(model: str) -> tuple[Item, str, str | None] | None:
    """What is sold under this id, the kind of task in the id, and the resolution in the id if it is there."""
    base = "bytedance/"
    found = re.fullmatch(
        base
        + r"seedance-2\.5/(text-to-video|image-to-video|reference-to-video|first-last-frame)/(480p|720p|1080p|4k)",
        model,
    )
    if found:
        item = Item(sold=MODEL["2.5"], seconds=_NEWEST, fed=_NEWEST)
        return (item, found[1], found[2]) if found[2] in _NEWEST else None
    found = re.fullmatch(base + r"seedance-2\.0/(pro|fast)", model)
    if found:
        sold = MODEL["2.0" if found[1] == "pro" else "2.0-fast"]
        prices = {name: _TWO[name] for name in sold.resolutions}
        return Item(sold=sold, seconds=prices, fed=prices), "any", None
    found = re.fullmatch(base + r"seedance-2\.0-mini/(text|image|video)-to-video", model)
    if found:
        return Item(sold=MODEL["2.0-mini"], seconds=_MINI, fed=_MINI), f"mini-{found[1]}", None
    if model == base + "seedance-v1.5-pro/image-to-video":
        return Item(sold=MODEL["1.5-pro"], seconds=_OLD), "first", None
    if model == base + "seedance-1-0/pro/fast/text-to-video":
        return Item(sold=MODEL["1.0-pro-fast"], seconds=_OLD), "text", None
    return None


class RunComfyDialect:
    """The Model API as documented and as its public clients speak it."""

    name = "runcomfy"
    path = ""

    def environment(self, base_url: str, key: str) -> dict[str, str]:
        """The variables that point the server here."""
        return {"SEEDANCE_RUNCOMFY_BASE_URL": base_url, "RUNCOMFY_TOKEN": key}

    def call(self, request: Request) -> str | None:
        """Name the call."""
        return call_of(
            request,
            ("POST", r"/v1/models/[\w./-]+", "submit"),
            ("GET", r"/v1/requests/[\w.-]+/status", "poll"),
            ("GET", r"/v1/requests/[\w.-]+/result", "outcome"),
            ("POST", r"/v1/requests/[\w.-]+/cancel", "cancel"),
            ("GET", r"/v1/models/[\w./-]+", "quote"),
            ("GET", r"/prod/v2/balance", "check"),
        )

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Carry the call out."""
        if request.headers.get("authorization") != f"Bearer {world.key}":
            return self._error(401, "The token is invalid or has expired.")
        try:
            match call:
                case "submit":
                    return self._create(request, world)
                case "check":
                    left = Decimal(100) if world.behaviour.funds is None else world.behaviour.funds
                    return Response.of(
                        {
                            "balance_usd": float(left),
                            "balance_microdollars": int(left * 1_000_000),
                            "currency": "USD",
                        }
                    )
                case "quote":
                    return self._price(request.path.removeprefix("/v1/models/"))
                case _:
                    task = self._find(request.path.split("/")[3], world)
            if call == "cancel":
                return self._cancel(task, world)
            return self._result(task, world) if call == "outcome" else self._status(task, world)
        except Refused as no:
            return self._error(no.status, no.message)

    def refusal(self, status: int, code: str) -> Response:
        """An error in RunComfy's shape."""
        return self._error(status, "The request failed.", code)

    def _error(self, status: int, message: str, code: int | str = "") -> Response:
        number = code or _CODES.get(status, status * 1000)
        return Response.of({"error_code": number, "error_message": message, "detail": ""}, status)

    def _create(self, request: Request, world: World) -> Response:
        model = request.path.removeprefix("/v1/models/")
        known = _item(model)
        if known is None:
            raise Refused(404, "The model does not exist.")
        try:
            body = request.json
        except ValueError:
            raise Refused(400, "The body is not JSON.") from None
        if not isinstance(body, dict):
            raise Refused(400, "The body is not an object.")
        order = _read(body, *known)
        task = order.accepted(
            world,
            dialect=self.name,
            model=model,
            body=body,
            task_id=f"{world.new_id()}-{world.new_id()}",
            broke=Refused(402, "Insufficient balance."),
        )
        return Response.of({"request_id": task.id, **self._urls(task, world)})

    def _urls(self, task: Task, world: World) -> dict[str, str]:
        base = f"{world.origin}/v1/requests/{task.id}"
        return {f"{name}_url": f"{base}/{name}" for name in ("status", "result", "cancel")}

    def _find(self, task_id: str, world: World) -> Task:
        task = world.ledger.tasks.get(task_id)
        hidden = task and world.clock() < task.created_at + world.behaviour.get_lag
        if task is None or task.dialect != self.name or hidden or task.deleted:
            raise Refused(404, "The request does not exist or has expired.")
        return task

    def _status(self, task: Task, world: World) -> Response:
        word = task.words.pop(0) if task.words else task.status(world.clock())
        answer: dict[str, Any] = {"request_id": task.id, "status": _WORDS.get(word, word)}
        if word == "queued":
            answer["queue_position"] = 1
        return Response.of(answer | self._urls(task, world))

    def _result(self, task: Task, world: World) -> Response:
        now = world.clock()
        status = task.status(now)
        answer: dict[str, Any] = {"request_id": task.id, "created_at": stamp(task.created_at)}
        if status not in ("succeeded", "failed", "cancelled"):
            return Response.of(answer | {"status": _WORDS.get(status, status)})
        answer |= {"status": status, "finished_at": stamp(task.changed_at(now)), "model_id": task.model}
        if status == "succeeded":
            answer |= {"output": {"video": world.result_url(task, "mp4")}, "cost": float(task.price)}
        elif status == "failed":
            answer["error"] = _ERRORS[(task.error or ("failed", ""))[0]]
        return Response.of(answer)

    def _cancel(self, task: Task, world: World) -> Response:
        now = world.clock()
        before = task.status(now)
        if before == "queued":
            task.force("cancelled", now)
        stopped = before in ("queued", "cancelled")
        return Response.of(
            {
                "request_id": task.id,
                "status": _WORDS.get(task.status(now), task.status(now)),
                "outcome": "cancelled" if stopped else "not_cancellable",
            },
            202,
        )

    def _price(self, model: str) -> Response:
        known = _item(model)
        if known is None:
            raise Refused(404, "The model does not exist.")
        item, _, resolution = known
        price = item.seconds[resolution or item.sold.default_resolution]
        return Response.of({"model_id": model, "base_price_usd": float(price), "price_unit": "second"})


def _read(body: dict[str, Any], item: Item, kind: str, resolution: str | None) -> Order:
    """The order in a body, refused where the model would refuse it."""
    sold = item.sold
    lengths = tuple(range(sold.durations[0], sold.durations[1] + 1))
    if kind == "first":
        only(
            body,
            "prompt",
            "first_frame_image_url",
            "resolution",
            "ratio",
            "duration",
            "generate_audio",
            "camera_fixed",
        )
        if not links(body, "first_frame_image_url", 1):
            raise Refused(422, "first_frame_image_url is required")
        flag(body, "camera_fixed", True)
        return Order(
            item=item, prompt=text_of(body), resolution=one_of(body, "resolution", tuple(item.seconds), "480p"),
            ratio=one_of(body, "ratio", RATIOS, "adaptive"), duration=one_of(body, "duration", lengths, 5),
            sound=flag(body, "generate_audio", True),
        )  # fmt: skip
    if kind == "text":
        only(body, "text", "resolution", "duration")
        return Order(
            item=item, prompt=text_of(body, "text"), ratio="16:9", duration=one_of(body, "duration", lengths, 5),
            resolution=one_of(body, "resolution", tuple(item.seconds), sold.default_resolution),
        )  # fmt: skip
    mini = kind.startswith("mini-")
    names = ["prompt", "duration", "aspect_ratio", "generate_audio"]
    if resolution is None:
        names.append("resolution")
    names += (
        ["image", "last_image", "video", "reference_images", "reference_audios", "enable_web_search"]
        if mini
        else ["images", "videos", "audios"]
    )
    only(body, *names)
    pictures = links(body, "images", 9) + links(body, "image", 1) + links(body, "reference_images", 9)
    videos = links(body, "videos", 3) + links(body, "video", 1)
    needs = {"image-to-video": 1, "first-last-frame": 2, "mini-image": 1}.get(kind, 0)
    if pictures < needs or (kind == "mini-video" and not videos):
        raise Refused(422, "A required input is missing")
    if kind in ("text-to-video", "mini-text") and pictures + videos:
        raise Refused(422, "text-to-video takes no media")
    return Order(
        item=item, prompt=text_of(body, needed=not pictures), videos=videos,
        resolution=resolution or one_of(body, "resolution", tuple(item.seconds), sold.default_resolution),
        ratio=one_of(body, "aspect_ratio", RATIOS, "adaptive"), duration=one_of(body, "duration", lengths, 5),
        sound=flag(body, "generate_audio", True),
    )  # fmt: skip
