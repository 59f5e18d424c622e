"""fal's dialect: a queue with addresses to follow, files by token, requests listed by endpoint, unit prices."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from .hosted import MODEL, Item, Order, Refused, call_of, flag, links, one_of, only, stamp, text_of
from .ledger import Task
from .wire import Request, Response
from .world import World

RATIOS = ("auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
PAGE = 50
ITEMS = {
    "bytedance/seedance-2.5": Item(
        sold=MODEL["2.5"], seconds={"480p": "0.2205", "720p": "0.473", "1080p": "1.164"},
        fed={"480p": "0.2205", "720p": "0.473", "1080p": "1.164"},
    ),
    "bytedance/seedance-2.0": Item(
        sold=MODEL["2.0"], seconds={"480p": "0.14", "720p": "0.3034", "1080p": "0.682"},
        fed={"480p": "0.084", "720p": "0.1814", "1080p": "0.4092"}, input_seconds=True,
    ),
    "bytedance/seedance-2.0/fast": Item(
        sold=MODEL["2.0-fast"], seconds={"480p": "0.11", "720p": "0.2419"},
        fed={"480p": "0.066", "720p": "0.14515"}, input_seconds=True,
    ),
    "bytedance/seedance-2.0/mini": Item(
        sold=MODEL["2.0-mini"], seconds={"480p": "0.0721", "720p": "0.1547"},
        fed={"480p": "0.0721", "720p": "0.1547"}, input_seconds=True,
    ),
    "fal-ai/bytedance/seedance/v1.5/pro": Item(
        sold=MODEL["1.5-pro"], seconds={"480p": "0.024", "720p": "0.052", "1080p": "0.12"}
    ),
    "fal-ai/bytedance/seedance/v1/pro": Item(sold=MODEL["1.0-pro"], tokens="2.5"),
    "fal-ai/bytedance/seedance/v1/pro/fast": Item(sold=MODEL["1.0-pro-fast"], tokens="1"),
    "fal-ai/bytedance/seedance/v1/lite": Item(
        sold=MODEL["1.0-lite"], seconds={"480p": "0.018", "720p": "0.036", "1080p": "0.072"}
    ),
}  # fmt: skip
_TYPES = {
    400: "bad_request", 422: "value_error", 429: "concurrent_requests_limit", 500: "internal_server_error",
    503: "runner_scheduling_failure", 504: "request_timeout",
}  # fmt: skip
_ERRORS = {
    "moderated": ("content_policy_violation", "The content could not be processed because it was flagged."),
    "silenced": ("content_policy_violation", "Output audio has sensitive content."),
    "failed": ("downstream_service_error", "The downstream service failed."),
}
_LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."


def _sold(endpoint: str) -> tuple[Item, str] | None:
    base, _, kind = endpoint.rpartition("/")
    if base not in ITEMS or kind not in ("text-to-video", "image-to-video", "reference-to-video"):
        return None
    if kind == "reference-to-video" and not ITEMS[base].sold.second_series:
        return None
    return ITEMS[base], kind


_UNIT = Decimal("1e-12")


class FalDialect:
    """The queue, storage and platform hosts, all at one address."""

    name = "fal"
    path = ""

    def __init__(self) -> None:
        self.uploads: dict[str, bytes] = {}

    def environment(self, base_url: str, key: str) -> dict[str, str]:
        """The variables that point the server here."""
        return {"SEEDANCE_FAL_BASE_URL": base_url, "FAL_KEY": key}

    def call(self, request: Request) -> str | None:
        """Name the call."""
        return call_of(
            request,
            ("POST", r"/storage/auth/token", "check"),
            ("POST", r"/files/upload", "upload"),
            ("GET", r"/v1/models/requests/by-endpoint", "list"),
            ("GET", r"/v1/models/pricing", "quote"),
            ("GET", r"/[\w.-]+/[\w.-]+/requests/[\w.-]+/status", "poll"),
            ("GET", r"/[\w.-]+/[\w.-]+/requests/[\w.-]+", "outcome"),
            ("PUT", r"/[\w.-]+/[\w.-]+/requests/[\w.-]+/cancel", "cancel"),
            ("POST", r"/[\w.-]+/[\w./-]+", "submit"),
        )

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Carry the call out."""
        expected = f"Bearer token-of-{world.key[-4:]}" if call == "upload" else f"Key {world.key}"
        if request.headers.get("authorization") != expected:
            return Response.of({"detail": "Invalid authentication credentials"}, 401)
        try:
            match call:
                case "submit":
                    return self._create(request, world)
                case "list":
                    return self._list(request, world)
                case "quote":
                    return self._price(request)
                case "check":
                    token = {"token": f"token-of-{world.key[-4:]}", "token_type": "Bearer"}
                    expiry = stamp(world.clock() + 3600)
                    return Response.of({**token, "base_url": world.origin, "expires_at": expiry})
                case "upload":
                    file_id = world.new_id()
                    self.uploads[file_id] = request.body
                    name = request.headers.get("x-fal-file-name", "file")
                    return Response.of({"access_url": f"https://v3.fal.media/files/b/{file_id}/{name}"})
                case _:
                    task = self._find(request.path.split("/")[4], world)
            if call == "cancel":
                return self._cancel(task, world)
            return self._outcome(task, world) if call == "outcome" else self._status(task, world)
        except Refused as no:
            return self._error(no)

    def refusal(self, status: int, code: str) -> Response:
        """An error in fal's shape."""
        kind = code or _TYPES.get(status, "")
        body = {"detail": "The request failed."} | ({"error_type": kind} if kind else {})
        return Response.of(body, status, x_fal_request_id="emulated")

    def _error(self, no: Refused) -> Response:
        if no.status != 422:
            return Response.of({"detail": no.message}, no.status)
        detail = {"loc": ["body"], "msg": no.message, "type": no.code or "value_error", "input": None}
        return Response.of({"detail": [detail]}, 422)

    def _create(self, request: Request, world: World) -> Response:
        endpoint = request.path.removeprefix("/")
        known = _sold(endpoint)
        if known is None:
            raise Refused(404, f"Application {endpoint} not found")
        try:
            body = request.json
        except ValueError:
            raise Refused(422, "JSON decode error", "json_invalid") from None
        if not isinstance(body, dict):
            raise Refused(422, "Input should be a valid dictionary", "dict_type")
        order = _read(body, *known)
        task = order.accepted(
            world,
            dialect=self.name,
            model=endpoint,
            body=body,
            task_id=f"{world.new_id()}-{world.new_id()}",
            broke=Refused(403, _LOCKED),
        )
        base = self._base(task, world)
        return Response.of(
            {
                "status": "IN_QUEUE",
                "request_id": task.id,
                "response_url": base,
                "status_url": f"{base}/status",
                "cancel_url": f"{base}/cancel",
                "queue_position": 0,
            },
            x_fal_request_id=task.id,
        )

    def _base(self, task: Task, world: World) -> str:
        app = "/".join(task.model.split("/")[:2])
        return f"{world.origin}/{app}/requests/{task.id}"

    def _find(self, task_id: str, world: World) -> Task:
        task = world.ledger.tasks.get(task_id)
        hidden = task and world.clock() < task.created_at + world.behaviour.get_lag
        if task is None or task.dialect != self.name or hidden or task.deleted:
            raise Refused(404, "Request not found")
        return task

    def _status(self, task: Task, world: World) -> Response:
        status = task.words.pop(0) if task.words else task.status(world.clock())
        answer: dict[str, Any] = {"request_id": task.id, "response_url": self._base(task, world)}
        match status:
            case "queued":
                return Response.of(answer | {"status": "IN_QUEUE", "queue_position": 0}, 202)
            case "running":
                return Response.of(answer | {"status": "IN_PROGRESS", "logs": None}, 202)
            case "succeeded":
                metrics = {"inference_time": task.running_seconds}
                return Response.of(answer | {"status": "COMPLETED", "logs": None, "metrics": metrics})
            case "failed" | "cancelled" | "expired":
                return Response.of(
                    answer | {"status": "COMPLETED", "logs": None} | self._failure(task, status)
                )
            case word:
                return Response.of(answer | {"status": word, "logs": None}, 202)

    def _failure(self, task: Task, status: str) -> dict[str, str]:
        if status == "cancelled":
            return {"error": "Request was cancelled by the client", "error_type": "client_cancelled"}
        if task.error and task.error[0] in ("moderated", "silenced"):
            return {}  # told by the result alone, as a model's own errors are
        kind, text = _ERRORS["failed"]
        return {"error": text, "error_type": kind}

    def _outcome(self, task: Task, world: World) -> Response:
        status = task.status(world.clock())
        if status == "succeeded":
            file = {"url": world.result_url(task, "mp4"), "content_type": "video/mp4", "file_name": "v.mp4"}
            known = _sold(task.model)
            assert known
            units = task.price / Decimal(str(_rate(known[0])["unit_price"]))
            return Response.of(
                {"video": file, "seed": 7}, x_fal_billable_units=str(units.quantize(_UNIT, ROUND_DOWN))
            )
        if status == "failed":
            kind, text = _ERRORS[(task.error or ("failed", ""))[0]]
            return self._error(Refused(422, text, kind))
        return Response.of({"detail": "Request is still in progress"}, 400)

    def _cancel(self, task: Task, world: World) -> Response:
        if task.status(world.clock()) in ("succeeded", "failed"):
            return Response.of({"status": "ALREADY_COMPLETED"}, 400)
        task.force("cancelled", world.clock())
        return Response.of({"status": "CANCELLATION_REQUESTED"}, 202)

    def _list(self, request: Request, world: World) -> Response:
        endpoint = request.query.get("endpoint_id", [""])[0]
        start = request.query.get("start", [""])[0]
        found = [
            task
            for task in world.ledger.tasks.values()
            if task.dialect == self.name
            and task.model == endpoint
            and stamp(task.created_at) >= start
            and task.created_at + world.behaviour.list_lag <= world.clock()
            and not task.deleted
        ]
        cursor = request.query.get("cursor", ["0"])[0]
        if not cursor.isdecimal():
            raise Refused(422, "Invalid cursor")
        first = int(cursor)
        page = found[first : first + PAGE]
        more = len(found) > first + PAGE
        items = [
            {
                "request_id": task.id,
                "endpoint_id": task.model,
                "sent_at": stamp(task.created_at),
                "started_at": stamp(task.created_at + task.queued_seconds),
                "json_input": task.body,
            }
            for task in page
        ]
        return Response.of(
            {"items": items, "has_more": more, "next_cursor": str(first + PAGE) if more else None}
        )

    def _price(self, request: Request) -> Response:
        endpoint = request.query.get("endpoint_id", [""])[0]
        known = _sold(endpoint)
        if known is None:
            raise Refused(404, "Endpoint not found")
        return Response.of({"prices": [{"endpoint_id": endpoint, "currency": "USD", **_rate(known[0])}]})


def _rate(item: Item) -> dict[str, Any]:
    """What a unit of an endpoint's work costs, and what it is; other resolutions take more or fewer of them."""
    if item.tokens:
        return {"unit_price": float(item.tokens), "unit": "1000000 tokens"}
    return {"unit_price": float(item.seconds["720p"]), "unit": "seconds"}


def _read(body: dict[str, Any], item: Item, kind: str) -> Order:
    """The order in a body, refused where the model would refuse it."""
    sold, newer = item.sold, item.sold.second_series
    names = ["prompt", "duration", "resolution", "aspect_ratio"]
    names += ["generate_audio", "bitrate_mode", "end_user_id"] if newer else []
    names += [] if newer else ["seed", "camera_fixed", "enable_safety_checker"]
    names += ["generate_audio"] if sold.sound and not newer else []
    if kind == "image-to-video":
        names += ["image_url", "end_image_url"] if newer else ["image_url"]
    if kind == "reference-to-video":
        names += ["image_urls", "video_urls", "audio_urls"]
    only(body, *names)
    if kind == "image-to-video" and not links(body, "image_url", 1):
        raise Refused(422, "Field required", "missing")
    links(body, "end_image_url", 1)
    images, videos, audios = (
        links(body, f"{name}_urls", 9 if name == "image" else 3) for name in ("image", "video", "audio")
    )
    if audios and not (images or videos):
        raise Refused(422, "audio_urls need an image or a video", "value_error")
    lengths = tuple(str(seconds) for seconds in range(sold.durations[0], sold.durations[1] + 1))
    duration = one_of(body, "duration", (*lengths, "auto") if newer else lengths, "auto" if newer else "5")
    resolutions = tuple(item.seconds) or sold.resolutions
    return Order(
        item=item,
        prompt=text_of(body),
        resolution=one_of(body, "resolution", resolutions, sold.default_resolution),
        ratio=one_of(body, "aspect_ratio", RATIOS, "auto" if newer else "16:9"),
        duration=-1 if duration == "auto" else int(duration),
        sound=flag(body, "generate_audio", True) if sold.sound else False,
        videos=videos,
    )
