"""An assistant's and a person's whole day at one provider, with everything that was said to them kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedance_mcp.catalog import Catalog, able_offers
from seedance_mcp.catalog.pricing import estimate
from seedance_mcp.types import VideoRequest
from tests.emulator import DIALECTS, Emulator, Fault
from tests.server import process

from .secrets_canaries import HOME, OF_THE_JOB, PICTURE, TEXT

REFUSED_MEDIA = (
    "{media}/private.png",
    "{media}/private.txt",
    "{media}/link.png",
    "{home}/.ssh/id_rsa",
    "~/.ssh/id_rsa",
)
"""Files whose contents may not be read, as an assistant names them."""

FREE_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 500},
    {"kind": "page"},
    {"kind": "cut_json"},
    {"kind": "no_id"},
    {"kind": "wrong_types"},
    {"kind": "redirect", "value": "http://169.254.169.254/latest?token=x"},
    {"kind": "lost"},
)
"""What happens once each while a task is followed."""

PAID_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 400, "accepted": False},
    {"kind": "status", "status": 503, "accepted": False},
    {"kind": "page", "accepted": False},
    {"kind": "truncated"},
    {"kind": "no_id"},
    {"kind": "wrong_types"},
    {"kind": "lost"},
    {"kind": "status", "status": 401, "accepted": False},
)
"""What becomes of purchases; the last one closes the account, so that nothing can come after it."""


_OWN_LINE = re.compile(rf"(?m)^((?:{'|'.join(OF_THE_JOB)}): )\S+$")


def model_of(provider: str) -> str:
    """
    The oldest model that the provider makes both from words and from a picture, at a resolution of choice.

    One with a published price, if there is any: of those without, only one job may be open at a time.
    """
    catalog = Catalog.load()
    wishes = [
        VideoRequest(prompt="a boat", resolution="480p", duration=5, first_frame=picture)
        for picture in (None, "https://media.example.com/a.png")
    ]
    able = [
        {one.model.id: one for one in able_offers(wish, catalog, {}) if one.provider.name == provider}
        for wish in wishes
    ]
    both = [model for model in able[0] if model in able[1]]
    priced = [
        model for model in both if estimate(wishes[0], able[0][model], {}, cny_per_usd=Decimal(7)) is not None
    ]
    return (priced or both)[-1]


class Rooms:
    """The folders of one installation: what the server may read, and what it may not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.media, self.state, self.videos, self.home = (
            root / name for name in ("media", "state", "videos", HOME)
        )
        self.media.mkdir(parents=True)
        (self.home / ".ssh").mkdir(parents=True)
        note = PngInfo()
        note.add_text("Comment", f"taken at {PICTURE}")
        self.photo = self.media / "photo.png"
        Image.new("RGB", (864, 480), (180, 40, 40)).save(self.photo, pnginfo=note)
        for path in (self.media / "private.png", self.media / "private.txt", self.home / ".ssh" / "id_rsa"):
            path.write_text(f"dear diary: {TEXT}\n" * 40)
        (self.media / "link.png").symlink_to(self.home / ".ssh" / "id_rsa")

    def environ(self, emulator: Emulator, keys: Mapping[str, str]) -> dict[str, str]:
        """The settings of the installation."""
        return {
            "HOME": str(self.home),
            "SEEDANCE_STATE_DIR": str(self.state),
            "SEEDANCE_OUTPUT_DIR": str(self.videos),
            "SEEDANCE_MEDIA_DIRS": str(self.media),
            "SEEDANCE_LOG_LEVEL": "debug",
            "SEEDANCE_POLL_SECONDS": "0.05",
            "SEEDANCE_DETACH": "0",
            "SEEDANCE_CONFIRM": "off",
            "SEEDANCE_MAX_USD_PER_JOB": "50",
            "SEEDANCE_MAX_USD_PER_DAY": "500",
            "SEEDANCE_MAX_JOBS_PER_HOUR": "100",
            **keys,
            # Whoever else has a key here is asked at this provider's address, and nobody in earnest.
            **{f"SEEDANCE_{name.upper()}_BASE_URL": emulator.origin(emulator.names[0]) for name in DIALECTS},
            **emulator.environment(),
        }

    def media_paths(self) -> list[str]:
        """The files that may not be read."""
        return [text.format(media=self.media, home=self.home) for text in REFUSED_MEDIA]


class Assistant:
    """Calls the server's tools and keeps each line of it: `heard`, without the result URLs that belong there."""

    def __init__(self, server: process.Server, provider: str) -> None:
        self._server = server
        self._number = 10
        self.heard: dict[str, bytes] = {}
        self._wish = {
            "provider": provider,
            "model": model_of(provider),
            "duration": 5,
            "resolution": "480p",
        }

    async def hello(self) -> None:
        """Open as the older protocol does."""
        await self._ask("initialize", process.initialize(self._number))
        await self._server.send(process.INITIALIZED)

    async def call(self, tool: str, own: bool = False, **arguments: Any) -> dict[str, Any]:
        """Call a tool. `own`: the answer holds jobs, and so may hold each one's URL of its result."""
        self._number += 1
        message = process.call(self._number, tool, arguments)
        answer = await self._ask(f"{self._number} {tool} {arguments}", message, own=own)
        return answer["result"].get("structuredContent") or {}

    async def read(self, uri: str, own: bool = False) -> dict[str, Any]:
        """Read a resource."""
        self._number += 1
        message = process.request(self._number, "resources/read", {"uri": uri})
        return await self._ask(f"{self._number} {uri}", message, own=own)

    async def generate(self, prompt: str, **more: Any) -> dict[str, Any]:
        """Ask for a video; the answer, which may be an error."""
        return await self.call(
            "generate_video", own=True, prompt=prompt, wait_seconds=0, **self._wish, **more
        )

    async def estimate(self, prompt: str) -> dict[str, Any]:
        """Ask for the price."""
        return await self.call("estimate_cost", prompt=prompt, **self._wish)

    async def _ask(self, title: str, message: dict[str, Any], *, own: bool = False) -> dict[str, Any]:
        await self._server.send(message)
        lines: list[Any] = []
        while not lines or lines[-1].get("id") != message["id"]:
            lines.append(await self._server.receive())
        told = without_urls(lines) if own else lines
        self.heard[title] = json.dumps(told, ensure_ascii=False).encode(errors="surrogatepass")
        return lines[-1]


def without_urls(value: Any) -> Any:
    """The same value without what stands under `video_url`, also in JSON that is told as text."""
    if isinstance(value, dict):
        return {name: without_urls(inner) for name, inner in value.items() if name not in OF_THE_JOB}
    if isinstance(value, list):
        return [without_urls(inner) for inner in value]
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return json.dumps(without_urls(json.loads(value)))
    return _OWN_LINE.sub(r"\1", value) if isinstance(value, str) else value


async def assist(
    rooms: Rooms, emulator: Emulator, provider: str, environ: dict[str, str]
) -> dict[str, bytes]:
    """Use every tool and resource, in good times and bad. Returns all that the server said."""
    async with process.serving(environ, rooms.root, seconds=100) as server:
        assistant = Assistant(server, provider)
        await assistant.hello()
        await _media(assistant, rooms, provider)
        jobs = await _good_times(assistant, rooms, emulator, provider)
        jobs += await _bad_times(assistant, emulator)
        await assistant.read("seedance://jobs", own=True)
        for uri in ("budget", "models", "jobs/none", "guide/../../x"):
            await assistant.read(f"seedance://{uri}")
        for job in jobs:
            await assistant.read(f"seedance://jobs/{job}", own=True)
            await assistant.call("check_status", own=True, job_id=job, wait_seconds=0)
        await assistant.read(f"seedance://jobs/{jobs[0]}/contact-sheet")
        await assistant.call("check_status", own=True, limit=100)
        await server.stdin.aclose()
        await server.rest()
        await server.process.wait()
    return {**assistant.heard, "stderr": server.stderr}


async def _media(assistant: Assistant, rooms: Rooms, provider: str) -> None:
    for path in rooms.media_paths():
        await assistant.call("upload_media", source=path, provider=provider)
        await assistant.generate("never made", first_frame=path)
        await assistant.call("view_video", source=path)
    await assistant.call("list_models")
    await assistant.call("list_models", model=model_of(provider), provider=provider)
    await assistant.estimate("a paper boat")


async def _good_times(assistant: Assistant, rooms: Rooms, emulator: Emulator, provider: str) -> list[str]:
    """Make videos, one from an uploaded picture; cancel one; let two fail at the provider."""
    kept = await assistant.call("upload_media", source=str(rooms.photo), provider=provider)
    made = [await assistant.generate("from a picture", first_frame=kept["media_id"])]
    made.append(await assistant.generate("from words"))
    assert all("job_id" in job for job in made), made
    for job in made:
        ended = await assistant.call("check_status", own=True, job_id=job["job_id"], wait_seconds=20)
        assert ended["status"] == "succeeded", ended
    await assistant.call("view_video", source=made[0]["job_id"], frames=2)
    await assistant.call("check_status", own=True)
    emulator.behaviour.queued_seconds = 1_000_000.0
    made.append(await assistant.generate("called off"))
    await assistant.call("cancel_job", own=True, job_id=made[-1]["job_id"])
    emulator.behaviour.queued_seconds = 0.0
    for fate in ("failed", "moderated"):
        emulator.behaviour.outcome = fate
        made.append(await assistant.generate(f"this one {fate}"))
        await assistant.call("check_status", own=True, job_id=made[-1]["job_id"], wait_seconds=5)
    emulator.behaviour.outcome = "succeeded"
    return [job["job_id"] for job in made]


async def _bad_times(assistant: Assistant, emulator: Emulator) -> list[str]:
    """Follow a task, fetch a result and buy with everything going wrong that can."""
    jobs: list[dict[str, Any]] = []
    for fault in FREE_FAULTS:
        for call in ("poll", "result"):
            emulator.faults.add(Fault(call=call, **fault))
    jobs.append(await assistant.generate("through thick and thin"))
    await assistant.call("check_status", own=True, job_id=jobs[0]["job_id"], wait_seconds=4)
    emulator.faults.clear()
    for number, fault in enumerate(PAID_FAULTS):
        emulator.faults.add(Fault(**fault))
        jobs.append(await assistant.generate(f"bought badly, {number}"))
        emulator.faults.clear()
    return [job["job_id"] for job in jobs if "job_id" in job]
