"""Atlas Cloud's dialect: one call for status and result, a history by page, quotes, temporary uploads."""

from __future__ import annotations

import json
import re
from typing import Any

from .atlas_models import MODELS, read
from .hosted import SILENCED, Refused, call_of, stamp, upload_of
from .ledger import Task
from .wire import Request, Response
from .world import World

PAGE = 50
LARGEST = 52_428_800
MODERATED = 1039
_PREDICTION = "/api/v1/model/prediction/"
_WORDS = {
    "queued": "created", "running": "processing", "succeeded": "completed", "cancelled": "canceled",
    "expired": "timeout",
}  # fmt: skip
_ERRORS = {
    "moderated": ("content moderation", MODERATED), "silenced": (SILENCED, MODERATED),
    "failed": ("the model could not make it", 1000),
}  # fmt: skip


class AtlasDialect:
    """The media API as documented and as the package `atlascloud-mcp` speaks it. It has no cancellation."""

    name = "atlas"
    path = ""

    def __init__(self) -> None:
        self.uploads: dict[str, tuple[str, bytes]] = {}

    def environment(self, base_url: str, key: str) -> dict[str, str]:
        """The variables that point the server here."""
        return {"SEEDANCE_ATLAS_BASE_URL": base_url, "ATLASCLOUD_API_KEY": key}

    def call(self, request: Request) -> str | None:
        """Name the call."""
        return call_of(
            request,
            ("POST", r"/api/v1/model/generateVideo", "submit"),
            ("GET", rf"{_PREDICTION}[\w.-]+", "poll"),
            ("POST", r"/api/v1/model/calculate", "quote"),
            ("GET", r"/api/v1/model/history", "list"),
            ("POST", r"/api/v1/model/uploadMedia", "upload"),
            ("GET", r"/uploads/[\w.-]+", "file"),
            ("GET", r"/public/v1/balance", "check"),
        )

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Carry the call out."""
        try:
            if call == "file":
                kind, data = self.uploads.get(request.path.rpartition("/")[2], ("", b""))
                return Response(body=data, content_type=kind) if kind else Response(status=404)
            if request.headers.get("authorization") != f"Bearer {world.key}":
                raise Refused(401, "invalid api key")
            match call:
                case "submit":
                    return self._create(request, world)
                case "quote":
                    price = str(read(_fields(request)).price())
                    return _said({"price": price, "origin_price": price, "estimated": True})
                case "list":
                    return self._list(request, world)
                case "upload":
                    return self._keep(request, world)
                case "check":
                    left = {
                        "value": f"{100 if world.behaviour.funds is None else world.behaviour.funds:.6f}",
                        "currency": "usd",
                    }
                    return Response.of(
                        {"object": "balance", "scope": "self", "available": left, "cash": left}
                    )
                case _:
                    return self._poll(request.path.removeprefix(_PREDICTION), world)
        except Refused as no:
            # What is wrong with a body is a 400 here; moderation has a code of its own.
            status = 400 if no.status == 422 else no.status
            return self.refusal(status, no.message, MODERATED if no.code == "content_policy_violation" else 0)

    def refusal(self, status: int, code: str, number: int = 0) -> Response:
        """An error in the media API's shape; it has one code of its own, so `code` is the text."""
        body = {
            "code": number or status,
            "msg": code or "the request failed",
            "request_id": "emulated",
            "data": None,
        }
        return Response.of(body, status)

    def _create(self, request: Request, world: World) -> Response:
        fields = _fields(request)
        order = read(fields)
        task = order.accepted(
            world,
            dialect=self.name,
            model=fields["model"],
            body=fields,
            task_id=f"{world.new_id()}{world.new_id()}",
            broke=Refused(402, "insufficient balance"),
        )
        return _said({"id": task.id, "status": "processing", "urls": {"get": self._where(task, world)}})

    def _poll(self, task_id: str, world: World) -> Response:
        task = world.ledger.tasks.get(task_id)
        if task is None or task.dialect != self.name or task.deleted:
            raise Refused(404, "prediction not found")
        if world.clock() < task.created_at + world.behaviour.get_lag:
            raise Refused(400, "prediction not found")
        record = self._record(task, world, task.words.pop(0) if task.words else None)
        # The record of a task that broke comes with a server error.
        return _said(record, 500 if record["error_code"] == _ERRORS["failed"][1] else 200)

    def _record(self, task: Task, world: World, word: str | None = None) -> dict[str, Any]:
        now = world.clock()
        status = word or task.status(now)
        done = status == "succeeded"
        text, number = _ERRORS[(task.error or ("failed", ""))[0]] if status == "failed" else ("", 0)
        files = [world.result_url(task, "mp4")] if done else []
        if done and task.body.get("return_last_frame"):
            files.append(world.result_url(task, "png"))
        return {
            "id": task.id,
            "model": task.model,
            "status": _WORDS.get(status, status),
            "outputs": files,
            "price": str(task.price) if done else "",
            "error": text,
            "error_code": number,
            "has_nsfw_contents": [False] if done else [],
            "executionTime": int(task.running_seconds * 1000) if done else 0,
            "urls": {"get": self._where(task, world)},
            "created_at": stamp(task.created_at),
            "completed_at": stamp(task.changed_at(now)) if done or number else "",
        }

    def _where(self, task: Task, world: World) -> str:
        return f"{world.origin}{_PREDICTION}{task.id}"

    def _list(self, request: Request, world: World) -> Response:
        now = world.clock()
        asked = {name: request.query.get(name, [""])[0] for name in ("model", "status", "no", "size")}
        rows = [
            {
                "ID": task.id,
                "createdAt": int(task.created_at),
                "model": task.model,
                "requestBody": json.dumps(task.body),
                "result": record,
                "status": record["status"],
            }
            for task in sorted(world.ledger.tasks.values(), key=lambda task: -task.created_at)
            if task.dialect == self.name
            and not task.deleted
            and task.created_at + world.behaviour.list_lag <= now
            and asked["model"] in ("", task.model)
            and (record := self._record(task, world))
            and asked["status"] in ("", record["status"])
        ]
        number, size = max(1, int(asked["no"] or 1)), min(PAGE, int(asked["size"] or 10))
        items = rows[(number - 1) * size : number * size]
        return _said({"items": items, "pageNo": number, "pageSize": size, "total": len(rows)})

    def _keep(self, request: Request, world: World) -> Response:
        kind, data = upload_of(request.body, request.headers.get("content-type", ""), "file")
        ending = re.search(rb'filename="[^"]*(\.\w+)"', request.body)
        if not ending:
            raise Refused(400, "the file name has no extension")
        name = f"{world.new_id()}{ending[1].decode()}"
        self.uploads[name] = (kind, data)
        sort = kind.partition("/")[0]
        url = f"{world.origin}/uploads/{name}"
        return _said({"type": sort, "download_url": url, "filename": name, "size": len(data)})


def _said(data: dict[str, Any], status: int = 200) -> Response:
    return Response.of(
        {"code": status, "message": "success" if status == 200 else "error", "data": data}, status
    )


def _fields(request: Request) -> dict[str, Any]:
    if len(request.body) > LARGEST:
        raise Refused(413, "the request is too large")
    try:
        fields: dict[str, Any] = request.json
    except ValueError:
        raise Refused(400, "the body is not JSON") from None
    if type(fields) is not dict or type(fields.get("model")) is not str:
        raise Refused(400, "model is required")
    if not any(re.fullmatch(model.pattern, fields["model"]) for model in MODELS):
        raise Refused(404, "the model is not available")
    return fields
