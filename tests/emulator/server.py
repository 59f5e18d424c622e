"""Runs the pretended services, each on a port of its own, in this event loop or in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from types import TracebackType

import anyio
from anyio.abc import Listener, SocketAttribute, SocketListener, SocketStream, TaskGroup
from anyio.from_thread import start_blocking_portal

from . import control
from .ark import ArkDialect
from .atlas import AtlasDialect
from .fal import FalDialect
from .faults import Fault, Faults, play
from .ledger import Call, Ledger, Task
from .replicate import ReplicateDialect
from .runcomfy import RunComfyDialect
from .wire import Connection, Request, Response
from .world import Behaviour, Dialect, World

KEY = "emulator-key-0123456789"

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "ark": lambda: ArkDialect("ark"),
    "byteplus": lambda: ArkDialect("byteplus"),
    "fal": FalDialect,
    "atlas": AtlasDialect,
    "replicate": ReplicateDialect,
    "runcomfy": RunComfyDialect,
}
"""Every service that can be pretended, by the name that the catalogue gives its provider."""


class Emulator:
    """
    Pretended services on loopback ports, with one ledger and one list of faults for all of them. Further accounts,
    each with a ledger of its own, are opened by `add_account`.

    `async with Emulator() as emulator` runs it in this event loop, `with Emulator().threaded() as emulator` in
    a thread of its own, for tests that block. `clock` gives epoch seconds.
    """

    def __init__(
        self,
        *names: str,
        key: str = KEY,
        seed: int = 0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        behaviour: Behaviour | None = None,
    ) -> None:
        self.key = key
        self.behaviour = behaviour or Behaviour()
        self.faults = Faults(seed)
        self._dialects = {name: DIALECTS[name]() for name in names or DIALECTS}
        self._worlds = {
            name: World(key=key, clock=clock, seed=seed + place, behaviour=self.behaviour)
            for place, name in enumerate(self._dialects)
        }
        self._port = port
        self._further: dict[str, dict[str, World]] = {}
        self.ledger = next(iter(self._worlds.values())).ledger
        for world in self._worlds.values():
            world.ledger = self.ledger
        self._group: TaskGroup
        self._listeners: list[Listener[SocketStream]] = []
        self._streams: set[SocketStream] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The services that run here."""
        return tuple(self._dialects)

    def base_url(self, name: str = "ark") -> str:
        """What the service's base URL is here."""
        return self._worlds[name].origin + self._dialects[name].path

    def origin(self, name: str = "ark") -> str:
        """Scheme, host and port of the service."""
        return self._worlds[name].origin

    def dialect(self, name: str) -> Dialect:
        """How the service speaks: replace its `answer` to make it say something else."""
        return self._dialects[name]

    def environment(self, *names: str, key: str | None = None) -> dict[str, str]:
        """The variables that point the server at these services (default: all), with this key (default: the first)."""
        found: dict[str, str] = {}
        for name in names or self._dialects:
            found |= self._dialects[name].environment(self.base_url(name), key or self.key)
        return found

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """The ledgers of all accounts, the first one's first."""
        further = (next(iter(worlds.values())).ledger for worlds in self._further.values())
        return self.ledger, *further

    @property
    def tasks(self) -> dict[str, Task]:
        """The tasks of all accounts."""
        return {name: task for ledger in self.ledgers for name, task in ledger.tasks.items()}

    def add_account(self, key: str) -> Ledger:
        """
        Open another account, with a key of its own, at every service that runs here; call it after they run.

        Gives its ledger: its own tasks, and the calls that came with its key. Accounts do not see each other's tasks.
        """
        ledger = Ledger(next(iter(self._worlds.values())).clock)
        self._further[key] = {}
        for place, (name, first) in enumerate(self._worlds.items()):
            world = World(
                key=key,
                clock=first.true_clock,
                seed=len(self._further) * 1000 + place,
                behaviour=self.behaviour,
            )
            world.origin, world.ledger = first.origin, ledger
            self._further[key][name] = world
        return ledger

    def rotate(self, key: str) -> None:
        """Take another key from now on for the first account; the earlier one opens nothing any more."""
        self.key = key
        for world in self._worlds.values():
            world.key = key

    def _world(self, name: str, request: Request) -> World:
        """The account that a request is about: by its key; a file's address has none and is known by the task."""
        said = request.headers.get("authorization", "")
        task_id = request.path.rpartition("/")[2].partition(".")[0]
        for key, worlds in self._further.items():
            if key in said or said.endswith(f"token-of-{key[-4:]}"):
                return worlds[name]
            if request.path.startswith("/_results/") and task_id in worlds[name].ledger.tasks:
                return worlds[name]
        return self._worlds[name]

    def fail(self, kind: str, call: str = "submit", **fields: object) -> None:
        """Let this happen to the next such call: the fields of `Fault`."""
        self.faults.add(replace(Fault(kind=kind, call=call), **fields))

    async def __aenter__(self) -> Emulator:
        self._group = group = anyio.create_task_group()
        await group.__aenter__()
        for place, name in enumerate(self._dialects):
            port = self._port + place if self._port else 0
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
            self._listeners.append(listener)
            bound = listener.extra(SocketAttribute.local_port)
            self._worlds[name].origin = f"http://127.0.0.1:{bound}"
            for each in listener.listeners:
                assert isinstance(each, SocketListener)
                group.start_soon(self._accept, each, name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._group.cancel_scope.cancel()
        # The error of the test is its own; inside a group's it would not be recognised.
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            for listener in self._listeners:
                await listener.aclose()
            for stream in tuple(self._streams):
                await stream.aclose()

    @contextmanager
    def threaded(self) -> Generator[Emulator]:
        """Run in a thread, so that the caller may block."""
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(self):
            yield self

    async def _accept(self, listener: SocketListener, name: str) -> None:
        while True:
            stream = await listener.accept()
            # Noted here: a task that is cancelled before its first step closes nothing.
            self._streams.add(stream)
            self._group.start_soon(self._attend, stream, name)

    async def _attend(self, stream: SocketStream, name: str) -> None:
        async with stream:
            connection = Connection(stream)
            async for request in connection.requests():
                try:
                    if not await self._serve(connection, request, name):
                        break
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    break
        self._streams.discard(stream)

    async def _serve(self, connection: Connection, request: Request, name: str) -> bool:
        """Answer one request. Returns whether the connection can go on."""
        dialect, world = self._dialects[name], self._world(name, request)
        if request.path.startswith("/_control"):
            await connection.send(control.answer(request, self))
            return True
        call = "result" if request.path.startswith("/_results/") else dialect.call(request)
        if call is None:
            await connection.send(dialect.refusal(404, ""))
            return True
        fault = self.faults.take(name, call)
        known = set(world.ledger.tasks)
        answer = self._carry_out(call, request, dialect, world) if not fault or fault.accepted else Response()
        if not world.behaviour.undated:
            shown = formatdate(world.clock(), usegmt=True)
            answer = replace(answer, headers={"Date": shown, **answer.headers})
        bought = next(iter(set(world.ledger.tasks) - known), None)
        world.ledger.calls.append(
            Call(
                dialect=name,
                name=call,
                method=request.method,
                target=request.target,
                headers=request.headers,
                body=request.body,
                at=world.clock(),
                fault=fault.kind if fault else None,
                status=answer.status,
                task_id=bought,
            )
        )
        if fault:
            return await play(fault, connection, answer, dialect.refusal, self.faults.random)
        await connection.send(answer)
        return True

    def _carry_out(self, call: str, request: Request, dialect: Dialect, world: World) -> Response:
        if world.too_often(call):
            return dialect.refusal(429, "")
        return world.result(request) if call == "result" else dialect.answer(call, request, world)
