"""The emulator's own API over HTTP, for tests whose emulator is another process."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .faults import faults_from
from .wire import Request, Response

if TYPE_CHECKING:
    from .server import Emulator


CONTROLS = {
    "GET ledger": "what was bought and charged",
    "GET calls": "every call that came, with its body",
    "POST faults": "a JSON list of faults, each an object with the fields below; they wait for their calls, in order",
    "DELETE faults": "end all faults",
    "POST behaviour": "a JSON object with fields of the behaviour below, for tasks that are bought from now on",
    "POST task/ID/STATUS": "make a task queued, running, succeeded, failed, moderated, cancelled or expired, now",
}
"""Every control, and what it does."""


def answer(request: Request, emulator: Emulator) -> Response:
    """Answer a call below `/_control`; see `CONTROLS`."""
    try:
        match request.method, request.path.removeprefix("/_control/").split("/"):
            case "GET", ["ledger"]:
                return Response.of(emulator.ledger.summary())
            case "GET", ["calls"]:
                calls = [dataclasses.asdict(call) for call in emulator.ledger.calls]
                return Response.of(
                    [{**call, "body": call["body"].decode(errors="replace")} for call in calls]
                )
            case "POST", ["faults"]:
                emulator.faults.add(*faults_from(request.json))
            case "DELETE", ["faults"]:
                emulator.faults.clear()
            case "POST", ["behaviour"]:
                emulator.behaviour.change(request.json)
            case "POST", ["task", task_id, status]:
                emulator.ledger.force(task_id, status)
            case _:
                return Response.of({"error": "no such control"}, 404)
    except (ValueError, TypeError, LookupError) as error:
        return Response.of({"error": str(error)}, 400)
    return Response.of({})
