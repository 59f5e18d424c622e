"""Ark's dialect (BytePlus speaks the same): create, get, list and delete of generation tasks."""

from __future__ import annotations

import math
import re
import time
from typing import Any

from . import ark_models
from .ark_rules import Order, Refused, check
from .ledger import Task
from .wire import Request, Response
from .world import World

TASKS = "/api/v3/contents/generations/tasks"
MODERATED = "OutputVideoSensitiveContentDetected"
SILENCED = "OutputAudioSensitiveContentDetected"
TRIGGERS = {
    "[refused]": (None, "InputTextSensitiveContentDetected"),
    "[moderated]": ("failed", MODERATED),
    "[silenced]": ("failed", SILENCED),
    "[fails]": ("failed", "InternalServiceError"),
    "[mismatch]": ("failed", "InvalidParameter.TaskTypeMismatch"),
}
"""Words in a prompt that decide a task's fate: for tests that can say nothing else to the service."""

_CODES = {
    400: "InvalidParameter", 401: "AuthenticationError", 402: "AccountOverdueError", 403: "AccessDenied",
    404: "ResourceNotFound", 408: "RequestTimeout", 409: "InvalidAction.RunningTaskDeletion",
    422: "InvalidParameter", 429: "RateLimitExceeded.EndpointRPMExceeded", 500: "InternalServiceError",
}  # fmt: skip
_SECONDS_IN = 5
"""How long every video that goes in is taken to be."""


class ArkDialect:
    """The four task endpoints of Ark, as documented and measured."""

    path = "/api/v3"

    def __init__(self, name: str) -> None:
        self.name = name
        self.currency = "CNY" if name == "ark" else "USD"

    def environment(self, base_url: str, key: str) -> dict[str, str]:
        """The variables that point the server here."""
        return {f"SEEDANCE_{self.name.upper()}_BASE_URL": base_url, f"{self.name.upper()}_API_KEY": key}

    def call(self, request: Request) -> str | None:
        """Name the call. Any POST below the tasks is a purchase: there is no cancel path."""
        if request.method == "POST" and request.path.startswith(TASKS):
            return "submit"
        if request.path == TASKS:
            return "list" if request.method == "GET" else None
        if re.fullmatch(rf"{TASKS}/[^/]+", request.path):
            return {"GET": "poll", "DELETE": "cancel"}.get(request.method)
        return None

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Carry the call out."""
        if request.headers.get("authorization") != f"Bearer {world.key}":
            return self.refusal(401, "")
        try:
            if call == "submit":
                return self._create(request, world)
            if call == "list":
                return self._list(request, world)
            task = self._find(request.path.rpartition("/")[2], world)
            return self._delete(task, world) if call == "cancel" else self._get(task, world)
        except Refused as no:
            return self._error(no.status, no.code, no.message, no.param)

    def refusal(self, status: int, code: str) -> Response:
        """An error in Ark's shape."""
        code = code or _CODES.get(status, "InternalServiceError")
        return self._error(status, code, "The request failed.")

    def _error(self, status: int, code: str, message: str, param: str = "") -> Response:
        request_id = "021766666666666" + "0" * 20
        error = {"code": code, "message": f"{message} Request id: {request_id}", "param": param, "type": ""}
        return Response.of({"error": error}, status, x_request_id=request_id)

    def _create(self, request: Request, world: World) -> Response:
        if len(request.body) > 64_000_000:
            raise Refused("InvalidParameter", "The request body is too large.", status=413)
        try:
            body = request.json
        except ValueError:
            raise Refused("InvalidParameter", "The request body is not valid JSON.") from None
        order = check(body, int(self.currency == "USD"))
        text = " ".join(item.get("text", "") for item in body["content"])
        outcome, code = next((fate for word, fate in TRIGGERS.items() if word in text), ("", ""))
        if code and outcome is None:
            raise Refused(
                code, "The request failed because the input text may contain sensitive information."
            )
        facts = self._facts(order, world)
        video_in = order.videos > 0
        price = ark_models.price(
            order.sold,
            tokens=facts["tokens"],
            currency=self.currency,
            video_in=video_in,
            resolution=order.resolution,
            sound=order.sound,
            flex=order.fields.get("service_tier") == "flex",
        )
        if not world.can_pay(price):
            raise Refused("AccountOverdueError", "The account has an overdue balance.", status=403)
        if outcome is None or not outcome:
            outcome = "failed" if world.behaviour.outcome == "moderated" else world.behaviour.outcome
            code = {"moderated": MODERATED, "failed": "InternalServiceError"}.get(world.behaviour.outcome, "")
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(world.clock()))
        task = world.accept(
            dialect=self.name,
            model=str(body["model"]),
            body=body,
            price=price,
            currency=self.currency,
            facts=facts,
            task_id=f"cgt-{stamp}-{world.new_id()}",
            error=(code, "The request failed.") if outcome == "failed" else None,
            outcome=outcome,
        )
        return Response.of({"id": task.id})

    def _facts(self, order: Order, world: World) -> dict[str, Any]:
        fields = order.fields
        facts: dict[str, Any] = {"tag": fields.get("safety_identifier"), "audio": order.sound}
        if order.draft_id is not None:
            draft = world.ledger.tasks.get(order.draft_id)
            usable = draft and draft.body.get("draft") and draft.status(world.clock()) == "succeeded"
            if not draft or not usable or draft.model != fields["model"]:
                raise Refused("InvalidParameter", "The draft task cannot be used.", "content", 400)
            facts["draft_task_id"] = draft.id
            seconds, ratio = draft.facts["seconds"], draft.facts["ratio"]
        else:
            auto = order.sold.durations[1] if order.duration == -1 else order.duration
            seconds, ratio = (order.frames / 24 if order.frames else float(auto)), order.ratio
        draft_size = "480p" if fields.get("draft") else order.resolution
        width, height = ark_models.size(order.sold, draft_size, ratio)
        tokens = math.floor(width * height * (24 * seconds + 1) / 1024)
        if order.videos:
            counted = max(order.videos * _SECONDS_IN + seconds, math.ceil(5 / 3 * seconds))
            tokens = math.floor(width * height * (24 * counted + 1) / 1024)
        if fields.get("draft") and not order.sold.newest:
            tokens = math.floor(tokens * (0.6 if order.sound else 0.7))
        return facts | {
            "tokens": tokens, "width": width, "height": height, "seconds": seconds, "ratio": ratio,
            "resolution": draft_size, "seed": fields.get("seed", 58_944),
        }  # fmt: skip

    def _find(self, task_id: str, world: World) -> Task:
        task = world.ledger.tasks.get(task_id)
        hidden = task and world.clock() < task.created_at + world.behaviour.get_lag
        if task is None or task.deleted or hidden or task.dialect != self.name:
            message = f"The specified resource `{task_id}` is not found."
            raise Refused("ResourceNotFound", message, status=404)
        return task

    def _get(self, task: Task, world: World) -> Response:
        return Response.of(self._record(task, world, task.words.pop(0) if task.words else None))

    def _record(self, task: Task, world: World, word: str | None = None) -> dict[str, Any]:
        now = world.clock()
        status = word or task.status(now)
        fields = {name: value for name, value in task.body.items() if value is not None}
        record: dict[str, Any] = {
            "id": task.id,
            "model": task.model,
            "status": status,
            "created_at": int(task.created_at),
            "updated_at": int(task.changed_at(now)),
            "service_tier": fields.get("service_tier", "default"),
            "execution_expires_after": fields.get("execution_expires_after", 172_800),
            "draft": fields.get("draft", False),
        }
        for name in ("safety_identifier", "priority", "generate_audio", "output_format", "tools"):
            if name in fields:
                record[name] = fields[name]
        if status == "failed":
            code, message = task.error or ("InternalServiceError", "The request failed.")
            record["error"] = {"code": code, "message": f"{message} Request id: 0217"}
        if status == "succeeded":
            record |= self._outcome(task, world, fields)
        return record

    def _outcome(self, task: Task, world: World, fields: dict[str, Any]) -> dict[str, Any]:
        facts = task.facts
        content = {"video_url": world.result_url(task, "mp4")}
        if fields.get("return_last_frame"):
            content["last_frame_url"] = world.result_url(task, "png")
        tokens = facts["tokens"]
        usage: dict[str, Any] = {"completion_tokens": tokens, "total_tokens": tokens}
        if fields.get("tools"):
            usage["tool_usage"] = {"web_search": 1}
        length = (
            {"frames": fields["frames"]} if "frames" in fields else {"duration": math.floor(facts["seconds"])}
        )
        more = {"draft_task_id": facts["draft_task_id"]} if "draft_task_id" in facts else {}
        return {
            "content": content, "usage": usage, "seed": facts["seed"], "resolution": facts["resolution"],
            "ratio": facts["ratio"], "framespersecond": 24, **length, **more,
        }  # fmt: skip

    def _list(self, request: Request, world: World) -> Response:
        query = request.query
        try:
            number, size = (
                int(query.get(name, [usual])[0]) for name, usual in (("page_num", "1"), ("page_size", "20"))
            )
        except ValueError:
            raise Refused("InvalidParameter", "page_num and page_size are integers.") from None
        if not (1 <= number <= 500 and 1 <= size <= 500):
            raise Refused("InvalidParameter", "page_num and page_size are 1 to 500.")
        now = world.clock()
        tier = query.get("filter.service_tier", ["default"])[0]
        found = [
            task
            for task in world.ledger.tasks.values()
            if not task.deleted
            and task.dialect == self.name
            and task.created_at + world.behaviour.list_lag <= now < task.created_at + 7 * 86_400
            and (task.body.get("service_tier") or "default") == tier
            and query.get("filter.model", [task.model])[0] == task.model
            and query.get("filter.status", [task.status(now)])[0] == task.status(now)
            and task.id in query.get("filter.task_ids", [task.id])
        ]
        found.sort(key=lambda task: task.created_at, reverse=True)
        hidden = {"resolution", "ratio", "duration", "frames", "seed"}
        if not world.behaviour.list_shows_tags:
            hidden.add("safety_identifier")
        items = [
            {name: value for name, value in self._record(task, world).items() if name not in hidden}
            for task in found[(number - 1) * size : number * size]
        ]
        return Response.of({"total": len(found), "items": items})

    def _delete(self, task: Task, world: World) -> Response:
        now = world.clock()
        match task.status(now):
            case "queued":
                task.force("cancelled", now)
            case "running":
                message = "Cannot delete task because it is currently running."
                raise Refused("InvalidAction.RunningTaskDeletion", message, status=409)
            case "cancelled":
                raise Refused("OperationDenied.InvalidState", "The task is cancelled.", status=403)
            case _:
                task.deleted = True
        return Response.of({})
