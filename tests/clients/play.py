"""What every client is put through, and the record of what was seen, from which `docs/clients.md` has its table."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.server.asking import SMALL
from tests.server.left import until

from .driver import Driver, Threw
from .tape import messages

RECORD = Path(__file__).parents[2] / "docs" / "clients.json"
TOOLS = 10
STALLED = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}
YES, NO = "yes", "no"

_UPDATING = os.environ.get("SEEDANCE_UPDATE_CLIENTS") == "1"
_LONG = 61
"""Seconds that the call waits that is given up; no other call does."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a client: `yes`, `no`, or what there is to say; an empty text where it was not tried."""

    era: str
    lists: str
    estimates: str
    generates: str
    progress: str
    refusal: str
    cancels: str
    resources: str
    pictures: str
    skills: str


def text_of(answer: dict[str, Any]) -> str:
    """Return all the text of an answer."""
    return "\n".join(block["text"] for block in answer["content"] if block["type"] == "text")


def job_id_in(answer: dict[str, Any]) -> str:
    """Return the id of the job that an answer is about."""
    [line] = [line for line in text_of(answer).splitlines() if line.startswith("job_id: ")]
    return line.removeprefix("job_id: ")


def readable(answer: dict[str, Any]) -> bool:
    """Return whether a refusal of `check_status` shows what was wrong, and what to do."""
    return "There is no job 'job_nothing'." in text_of(answer) and "Hint: Call check_status" in text_of(
        answer
    )


def has_picture(answer: dict[str, Any]) -> bool:
    """Return whether an answer has a picture that a model can look at."""
    return any(block["type"] == "image" for block in answer["content"])


def as_word(holds: object) -> str:
    """Return the word for the table."""
    return YES if holds else NO


async def play(client: Driver, folder: Path, tape: Path) -> Seen:
    """List, estimate, make a video, be refused, give up a call, cancel a job, read resources; what was seen of each."""
    listed = [tool["name"] for tool in (await client.ask("listTools"))["tools"]]
    estimate = await client.call("estimate_cost", prompt="A fox", model="seedance-2.0")
    making = {"tool": "generate_video", "args": {**SMALL, "wait_seconds": 60}, "withProgress": True}
    made = await client.ask("call", **making)
    values = [one["progress"] for one in made["told"]]
    refused = await client.call("check_status", job_id="job_nothing")
    job = f"seedance://jobs/{job_id_in(made['result'])}"
    resources = [one["uri"] for one in (await client.ask("listResources"))["resources"]]
    picture = (await client.ask("readResource", uri=f"{job}/contact-sheet"))["contents"][0]["mimeType"]
    return Seen(
        era=revision_in(tape),
        lists=as_word(len(listed) == TOOLS),
        estimates=as_word("placeholder" in text_of(estimate)),
        generates=as_word(
            "status: succeeded" in text_of(made["result"]) and list((folder / "videos").glob("*.mp4"))
        ),
        progress=as_word(values and values == sorted(set(values))),
        refusal=as_word(readable(refused)),
        cancels=await _cancels(client, tape),
        resources=as_word(job in resources and picture == "image/jpeg"),
        pictures=as_word(has_picture(made["result"])),
        skills="",
    )


async def _cancels(client: Driver, tape: Path) -> str:
    """Give up a call that waits, then cancel its job, which had gone on."""
    job_id = job_id_in(await client.call("generate_video", **STALLED))
    abandon = tape.with_name("abandon")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_when_sent, tape, abandon)
        waiting = {"job_id": job_id, "wait_seconds": _LONG}
        with pytest.raises(Threw):
            await client.ask("call", tool="check_status", args=waiting, abandon=str(abandon))
    going_on = text_of(await client.call("check_status", job_id=job_id, wait_seconds=0))
    await client.call("cancel_job", job_id=job_id)
    ended = text_of(await client.call("check_status", job_id=job_id, wait_seconds=30))
    if '"status": "cancelled"' not in ended and "status: cancelled" not in ended:
        return NO
    assert "cancelled" not in going_on
    # Looked at last: what is said of a call that was given up may come after the calls that follow it.
    told = any(message.get("method") == "notifications/cancelled" for message in messages(tape, ">"))
    return YES if told else "jobs; a call that is given up is not told to the server"


async def _when_sent(tape: Path, abandon: Path) -> None:
    """Have the call given up as soon as the server got it."""
    await until(lambda: any(_waits_long(message) for message in messages(tape, ">")))
    abandon.touch()


def _waits_long(message: dict[str, Any]) -> bool:
    params = message.get("params", {})
    return message.get("method") == "tools/call" and params["arguments"].get("wait_seconds") == _LONG


def revision_in(tape: Path) -> str:
    """Return the revision of the protocol that both agreed on."""
    for message in messages(tape, "<"):
        if revision := message.get("result", {}).get("protocolVersion"):
            return revision
    [first, *_] = messages(tape, ">")
    return first["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"]


def recorded() -> dict[str, dict[str, str]]:
    """Return what was seen of each client when the record was made, by the name of its row."""
    if not RECORD.exists():
        return {}
    return json.loads(RECORD.read_text(encoding="utf-8"))


def compare(row: str, seen: Seen) -> None:
    """Hold what was seen of a client against the record; or, where it is to be written anew, put it there."""
    tried = {name: value for name, value in asdict(seen).items() if value}
    if _UPDATING:
        rows = {**recorded(), row: {"date": datetime.now(UTC).date().isoformat(), **tried}}
        text = json.dumps(dict(sorted(rows.items())), indent=2, ensure_ascii=False) + "\n"
        RECORD.write_text(text, encoding="utf-8", newline="\n")
    known = {name: value for name, value in recorded().get(row, {}).items() if name != "date"}
    assert tried == known, "run with SEEDANCE_UPDATE_CLIENTS=1 and look at the difference"
