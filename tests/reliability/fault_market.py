"""The provider of one cell of the fault matrix, and the installation that buys from it."""

from __future__ import annotations

import hashlib
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Catalog, Offer, ProviderInfo
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.jobs.results import retries, saving
from seedance_mcp.jobs.results.transfer import Limits
from seedance_mcp.jobs.tracking import polling
from seedance_mcp.media import VideoFacts
from seedance_mcp.providers.http import api as http
from seedance_mcp.providers.http.timeouts import Deadlines
from seedance_mcp.types import VideoRequest
from tests.emulator import Behaviour, Emulator

QUIET = {"net_max_seconds": 0.3, "list_lag_seconds": 0.3}
"""Seconds after which a provider's list proves something here; in earnest it takes ten minutes."""

NO_LIMIT = "{ calls = 1000, seconds = 1, source = 'none here' }"
"""Calls need not take turns here: what that does has tests of its own."""

SHORT = Deadlines(connect=8.0, read=2.0, total=5.0, purchase=4.0, upload=10.0)

PROVIDERS = ("ark", "byteplus", "replicate", "runcomfy", "atlas", "fal")
"""Every provider that the matrix is played against: names in the catalogue whose dialect the emulator speaks."""

SILENT_ABOUT_MONEY: frozenset[str] = frozenset()
"""Those that never say what they charged: there the highest price stays counted."""

_ARK = {"check": "list"}
_CALLS: Mapping[str, Mapping[str, str]] = {"*": {"download": "result"}, "ark": _ARK, "byteplus": _ARK}
"""What a dialect calls our calls, where that is another word; `*` for all."""

_PREFERRED = (
    "seedance-1.0-pro-fast",
    "seedance-1.0-pro",
    "seedance-1.5-pro",
    "seedance-2.0-fast",
    "seedance-2.0",
)


@cache
def catalog(name: str, *, impatient: bool = False, brief: bool = False) -> Catalog:
    """
    The catalogue with a short quiet period, and no limits to the number of calls.

    `impatient`: the horizon ends soon after it. `brief`: the provider keeps results for no time at all.
    """
    lines: dict[str, float] = dict(QUIET)
    if impatient:
        lines["horizon_hours"] = 1.0 / 3600
    if brief:
        lines["result_hours"] = 0.000001

    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder) / "catalog.toml"
        told = "\n".join(f"{key} = {value}" for key, value in lines.items())
        told += "".join(f"\nlimits.{kind} = {NO_LIMIT}" for kind in ("submit", "read", "list"))
        overlay.write_text(f"[providers.{name}]\n{told}\n")
        return Catalog.load(overlay)


def info(name: str) -> ProviderInfo:
    """What the catalogue says of a provider."""
    return catalog(name).provider(name)


def call_name(name: str, call: str) -> str:
    """What the provider's dialect calls one of our calls."""
    return {**_CALLS["*"], **_CALLS.get(name, {})}.get(call, call)


@cache
def offer(name: str) -> Offer:
    """The cheapest way of buying there."""
    sold = {offer.model.id: offer for offer in catalog(name).offers(provider=name)}
    return next((sold[model] for model in _PREFERRED if model in sold), next(iter(sold.values())))


def request(name: str, **fields: Any) -> VideoRequest:
    """A video from words, as short as it can be."""
    return VideoRequest.model_validate(
        {"prompt": "a paper boat", "provider": name, "model": offer(name).model.id, **fields}
    )


def settings(environ: Mapping[str, str], folder: Path) -> Settings:
    """An installation of its own, that waits for nothing."""
    return load_settings(
        {
            "SEEDANCE_STATE_DIR": str(folder / "state"),
            "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
            "SEEDANCE_MEDIA_DIRS": str(folder / "media"),
            "SEEDANCE_POLL_SECONDS": "0.1",
            "SEEDANCE_SANDBOX_SECONDS": "0",
            "SEEDANCE_DETACH": "0",
            "SEEDANCE_CONFIRM": "off",
            "SEEDANCE_MAX_USD_PER_JOB": "50",
            "SEEDANCE_MAX_USD_PER_DAY": "500",
            **environ,
        },
        settings_file=folder / "none.toml",
    )


@dataclass(kw_only=True)
class Shop:
    """An open installation, the provider that it buys from, and the truth about both."""

    name: str
    app: App
    emulator: Emulator
    info: ProviderInfo

    def charged(self) -> Decimal:
        """What the provider has charged."""
        return self.emulator.ledger.charged(self.info.currency)


@asynccontextmanager
async def opened(
    name: str,
    folder: Path,
    behaviour: Behaviour,
    *,
    impatient: bool = False,
    brief: bool = False,
    closed: bool = False,
) -> AsyncIterator[Shop]:
    """Open one provider and one installation. `closed`: at the provider's address nobody listens."""
    async with Emulator(name, behaviour=behaviour) as emulator:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))  # ours, so that nobody else comes to listen there
            origin = f"http://127.0.0.1:{silent.getsockname()[1]}" if closed else emulator.origin(name)
            environ = {
                variable: value.replace(emulator.origin(name), origin)
                for variable, value in emulator.environment(name).items()
            }
            async with installed(environ, folder, catalog(name, impatient=impatient, brief=brief)) as app:
                yield Shop(name=name, app=app, emulator=emulator, info=app.catalog.provider(name))


@asynccontextmanager
async def installed(environ: Mapping[str, str], folder: Path, known: Catalog) -> AsyncIterator[App]:
    """Open one installation that has read its catalogue already: that takes longer than a whole cell."""
    async with open_app(settings(environ, folder)) as app:
        app.installation.__dict__["catalog"] = known
        yield app


def hurry(patch: Any) -> None:
    """
    Let nobody wait for long: shorter deadlines, and videos checked without a process of their own.

    `patch` is pytest's monkeypatch; `patch.setattr` is all that is used of it.
    """
    patiently = http.Api.__init__

    def briefly(api: http.Api, *given: Any, **named: Any) -> None:
        patiently(api, *given, **{**named, "deadlines": SHORT})

    patch.setattr(http.Api, "__init__", briefly)
    patch.setattr(http, "FIRST_PAUSE", 0.02)
    patch.setattr(polling, "_NOT_FOUND_SECONDS", 3.0)
    patch.setattr(retries, "_FIRST_PAUSE", 0.0001)
    patch.setattr(saving, "_VIDEO_LIMITS", Limits(idle_seconds=1.5))
    patch.setattr(saving, "probe_video", _decoded)


async def _decoded(path: Path, *, full: bool = False) -> VideoFacts:
    from seedance_mcp.errors import MediaError
    from seedance_mcp.media.worker.refusal import RefusalError
    from seedance_mcp.media.worker.scanning import check_film
    from seedance_mcp.media.worker.signatures import recognise

    def check() -> dict[str, Any]:
        with path.open("rb") as file:
            try:
                return check_film(file, recognise(file))[0]
            except RefusalError as error:
                raise MediaError(error.message) from error

    return VideoFacts(path=path, bytes=path.stat().st_size, **await anyio.to_thread.run_sync(check))


def sha256(data: bytes) -> str:
    """The hash of a file's bytes, as jobs have it."""
    return hashlib.sha256(data).hexdigest()
