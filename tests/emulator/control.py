"""The emulator's own API over HTTP, for tests whose emulator is another process."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .faults import faults_from
from .wire import Request, Response

if TYPE_CHECKING:
    from .server import Emulator


def answer(request: Request, emulator: Emulator) -> Response:
    """
    Answer a call below `/_control`.

    `GET ledger`: what was bought and charged. `GET calls`: every call. `POST faults`: add a list of faults;
    `DELETE faults`: end them. `POST behaviour`: change fields. `POST task/ID/STATUS`: force a task's status.
    """
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
