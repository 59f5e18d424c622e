"""Replicate's dialect: predictions with nested input, a list with a cursor, files; all forgotten after an hour."""

from __future__ import annotations

import math
from typing import Any

from .hosted import (
    MODEL,
    SILENCED,
    Item,
    Order,
    Refused,
    call_of,
    flag,
    links,
    one_of,
    only,
    stamp,
    text_of,
    upload_of,
)
from .ledger import Task
from .wire import Request, Response
from .world import World

PAGE = 100
KEPT_SECONDS = 3600.0
RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
_TWO = {"480p": "0.08", "720p": "0.18", "1080p": "0.45", "4k": "1.00"}
_TWO_FED = {"480p": "0.10", "720p": "0.22", "1080p": "0.55", "4k": "1.25"}
ITEMS = {
    "bytedance/seedance-2.5": Item(
        sold=MODEL["2.5"], seconds={"480p": "0.1028", "720p": "0.2312"}, fed={"480p": "0.4304", "720p": "0.9676"}
    ),
    "bytedance/seedance-2.0": Item(sold=MODEL["2.0"], seconds=_TWO, fed=_TWO_FED),
    "bytedance/seedance-2.0-fast": Item(sold=MODEL["2.0-fast"], seconds={"720p": "0.15"}, fed={"720p": "0.17"}),
    "bytedance/seedance-2.0-mini": Item(
        sold=MODEL["2.0-mini"], seconds={"480p": "0.04", "720p": "0.09"}, fed={"480p": "0.05", "720p": "0.11"}
    ),
    "bytedance/seedance-1.5-pro": Item(
        sold=MODEL["1.5-pro"],
        seconds={"480p": "0.025", "720p": "0.052", "1080p": "0.12"},
        silent={"480p": "0.013", "720p": "0.026", "1080p": "0.06"},
    ),
    "bytedance/seedance-1-pro": Item(
        sold=MODEL["1.0-pro"], seconds={"480p": "0.03", "720p": "0.06", "1080p": "0.15"}
    ),
    "bytedance/seedance-1-pro-fast": Item(
        sold=MODEL["1.0-pro-fast"], seconds={"480p": "0.015", "720p": "0.025", "1080p": "0.06"}
    ),
    "bytedance/seedance-1-lite": Item(
        sold=MODEL["1.0-lite"], seconds={"480p": "0.018", "720p": "0.036", "1080p": "0.072"}
    ),
}  # fmt: skip
_TITLES = {
    400: "Bad request", 401: "Unauthenticated", 402: "Insufficient credit", 403: "Forbidden", 404: "Not found",
    422: "Input validation failed", 429: "Too many requests",
}  # fmt: skip
_ERRORS = {
    "moderated": "The output was flagged as sensitive. Please try again with different inputs.",
    "silenced": SILENCED,
    "failed": "Prediction interrupted; please retry.",
}
_WORDS = {"queued": "starting", "running": "processing", "cancelled": "canceled"}


class ReplicateDialect:
    """The HTTP API as documented and as its client of version 1.0.7 speaks it."""

    name = "replicate"
    path = "/v1"

    def __init__(self) -> None:
        self.uploads: dict[str, tuple[str, bytes, float]] = {}
        """The kind, the bytes and the time of every file that is kept."""

    def environment(self, base_url: str, key: str) -> dict[str, str]:
        """The variables that point the server here."""
        return {"SEEDANCE_REPLICATE_BASE_URL": base_url, "REPLICATE_API_TOKEN": key}

    def call(self, request: Request) -> str | None:
        """Name the call."""
        return call_of(
            request,
            ("POST", r"/v1/models/[\w.-]+/[\w.-]+/predictions", "submit"),
            ("POST", r"/v1/predictions", "submit"),
            ("GET", r"/v1/predictions", "list"),
            ("GET", r"/v1/predictions/[\w.-]+", "poll"),
            ("POST", r"/v1/predictions/[\w.-]+/cancel", "cancel"),
            ("POST", r"/v1/files", "upload"),
            ("GET", r"/v1/files", "files"),
            ("GET", r"/v1/files/[\w.-]+", "file"),
            ("DELETE", r"/v1/files/[\w.-]+", "erase"),
            ("GET", r"/v1/account", "check"),
        )

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Carry the call out."""
        if request.headers.get("authorization") != f"Bearer {world.key}":
            return self._error(401, "You did not pass a valid authentication token.")
        try:
            match call:
                case "submit":
                    return self._create(request, world)
                case "list":
                    return self._list(request, world)
                case "upload":
                    return self._keep(request, world)
                case "files":
                    return Response.of(
                        {
                            "next": None,
                            "previous": None,
                            "results": [self._described(each, world) for each in self.uploads],
                        }
                    )
                case "file" | "erase":
                    return self._file(request.path.rpartition("/")[2], world, erase=call == "erase")
                case "check":
                    return Response.of({"type": "user", "username": "emulated", "name": "Emulated"})
                case "cancel":
                    task = self._find(request.path.split("/")[3], world)
                    if task.status(world.clock()) in ("queued", "running"):
                        task.force("cancelled", world.clock())
                    return Response.of(self._record(task, world))
                case _:
                    task = self._find(request.path.rpartition("/")[2], world)
                    return Response.of(self._record(task, world, task.words.pop(0) if task.words else None))
        except Refused as no:
            return self._error(no.status, no.message)

    def refusal(self, status: int, code: str) -> Response:
        """An error in Replicate's shape; it has no codes, so `code` is the text."""
        if status == 429:
            text = "Request was throttled. Your rate limit resets in ~30s."
            return Response.of({"detail": text, "status": 429}, 429)
        return self._error(status, code or "The request failed.")

    def _error(self, status: int, detail: str) -> Response:
        title = _TITLES.get(status, "Internal server error")
        return Response.of({"title": title, "detail": detail, "status": status}, status)

    def _create(self, request: Request, world: World) -> Response:
        try:
            body = request.json
        except ValueError:
            raise Refused(400, "The body is not JSON.") from None
        if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
            raise Refused(422, "- input: this field is required")
        model = "/".join(request.path.split("/")[3:5]) if "/models/" in request.path else body.get("version")
        item = ITEMS.get(str(model))
        if item is None:
            raise Refused(404, "The requested resource could not be found.")
        order = _read(body["input"], item, str(model))
        task = order.accepted(
            world,
            dialect=self.name,
            model=str(model),
            body=body["input"],
            task_id=world.new_id() + world.new_id(),
            broke=Refused(402, "You have insufficient credit to run this model."),
        )
        record = self._record(task, world)
        held = "prefer" in request.headers and not record["completed_at"]
        return Response.of(record, 202 if held else 201)

    def _find(self, task_id: str, world: World) -> Task:
        task = world.ledger.tasks.get(task_id)
        if (
            task is None
            or task.dialect != self.name
            or task.deleted
            or world.clock() < task.created_at + world.behaviour.get_lag
        ):
            raise Refused(404, "The requested resource could not be found.")
        return task

    def _record(self, task: Task, world: World, word: str | None = None) -> dict[str, Any]:
        now = world.clock()
        status = word or task.status(now)
        ended = status in ("succeeded", "failed", "cancelled", "expired")
        gone = ended and now > task.changed_at(now) + KEPT_SECONDS
        pushed = task.forced_at if task.forced not in (None, "queued", "cancelled") else math.inf
        began = min(task.created_at + task.queued_seconds, pushed)
        started = status != "queued" and began <= task.changed_at(now)
        base = f"{world.origin}{self.path}/predictions/{task.id}"
        return {
            "id": task.id,
            "model": task.model,
            "version": "hidden",
            "status": _WORDS.get(status, "failed" if status == "expired" else status),
            "input": {} if gone else task.body,
            "output": world.result_url(task, "mp4") if status == "succeeded" and not gone else None,
            "error": _ERRORS[(task.error or ("failed", ""))[0]] if status in ("failed", "expired") else None,
            "logs": "",
            "metrics": {"predict_time": task.running_seconds} if status == "succeeded" else {},
            "created_at": stamp(task.created_at),
            "started_at": stamp(began) if started else None,
            "completed_at": stamp(task.changed_at(now)) if ended else None,
            "data_removed": gone,
            "urls": {"get": base, "cancel": f"{base}/cancel", "web": f"https://replicate.com/p/{task.id}"},
        }

    def _list(self, request: Request, world: World) -> Response:
        now = world.clock()
        found = [
            task
            for task in world.ledger.tasks.values()
            if task.dialect == self.name
            and not task.deleted
            and task.created_at + world.behaviour.list_lag <= now
        ]
        found.sort(key=lambda task: task.created_at, reverse=True)
        start = int(request.query.get("cursor", ["0"])[0])
        more = len(found) > start + PAGE
        url = f"{world.origin}{self.path}/predictions?cursor="
        return Response.of(
            {
                "next": f"{url}{start + PAGE}" if more else None,
                "previous": f"{url}{start - PAGE}" if start else None,
                "results": [self._record(task, world) for task in found[start : start + PAGE]],
            }
        )

    def _keep(self, request: Request, world: World) -> Response:
        kind, data = upload_of(request.body, request.headers.get("content-type", ""), "content")
        file_id = world.new_id()
        self.uploads[file_id] = (kind, data, world.clock())
        return Response.of(self._described(file_id, world), 201)

    def _described(self, file_id: str, world: World) -> dict[str, Any]:
        kind, data, kept_at = self.uploads[file_id]
        return {
            "id": file_id,
            "name": "upload",
            "content_type": kind,
            "size": len(data),
            "expires_at": stamp(kept_at + 24 * 3600),
            "created_at": stamp(kept_at),
            "etag": file_id,
            "checksums": {},
            "metadata": {},
            "urls": {"get": f"{world.origin}{self.path}/files/{file_id}"},
        }

    def _file(self, file_id: str, world: World, *, erase: bool) -> Response:
        if file_id not in self.uploads:
            raise Refused(404, "The requested resource could not be found.")
        if erase:
            del self.uploads[file_id]
            return Response(status=204)
        return Response.of(self._described(file_id, world))


def _read(fields: dict[str, Any], item: Item, model: str) -> Order:
    """The order in a prediction's input, refused where the model would refuse it."""
    sold, newer = item.sold, item.sold.second_series
    names = ["prompt", "image", "last_frame_image", "duration", "resolution", "aspect_ratio", "seed"]
    if newer:
        names += ["reference_images", "reference_videos", "reference_audios", "generate_audio"]
    elif sold.sound:
        names += ["generate_audio", "camera_fixed"]
    else:
        names += ["camera_fixed", "fps", "reference_images"]
    only(fields, *names)
    image, last = links(fields, "image", 1), links(fields, "last_frame_image", 1)
    images = links(fields, "reference_images", 9 if newer else 4)
    videos, audios = links(fields, "reference_videos", 3), links(fields, "reference_audios", 3)
    if last and not image:
        raise Refused(422, "last_frame_image needs image")
    if images and image:
        raise Refused(422, "reference_images cannot be combined with image")
    if audios and not (images or videos):
        raise Refused(422, "reference_audios need an image or a video")
    least, most = sold.durations
    lengths = tuple(range(1 if model.endswith("2.0") else 2 if not newer else least, most + 1))
    seed = fields.get("seed")
    if seed is not None and type(seed) is not int:
        raise Refused(422, "- input.seed: Invalid type. Expected: integer")
    return Order(
        item=item,
        prompt=text_of(fields),
        resolution=one_of(fields, "resolution", tuple(item.seconds), sold.default_resolution),
        ratio=one_of(fields, "aspect_ratio", (*RATIOS, "9:21", "adaptive"), "16:9"),
        duration=one_of(fields, "duration", (*lengths, -1) if newer else lengths, 5),
        sound=flag(fields, "generate_audio", True) if sold.sound else False,
        videos=videos,
    )
