"""Sessions of clients in the simulated machine: what they are told of results, and what of it really reaches somebody."""

from __future__ import annotations

import contextlib
import random
from functools import partial
from typing import TYPE_CHECKING

from seedance_mcp.errors import StoreError
from seedance_mcp.jobs.read_tracking import PROMPT_SECONDS, ReadTracker
from seedance_mcp.store import job_records
from seedance_mcp.store.database import Connection

from .simulation_loop import PAUSE, Until
from .simulation_rules import Violation

if TYPE_CHECKING:
    from collections.abc import Collection

    from seedance_mcp.store import Store

    from .simulation_process import Process
    from .simulation_world import World

CLIENT = "c"
_OFTEN = 0.08
"""How likely it is, after each action of the schedule, that a client calls or vanishes."""


class Session:
    """One client, connected to one server, with the real rule of what it has provably read."""

    def __init__(self, process: Process, store: Store, patience: float) -> None:
        self.process, self.store, self.patience = process, store, patience
        self.reader = ReadTracker()
        self.gone = False


class Readers:
    """
    Who was told of finished jobs, and who has read it in truth.

    In one schedule in eight clients vanish, or give up on a call in silence, and calls of theirs overlap; in the
    others each call is followed at once by another one of the same client. It has dice of its own.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = random.Random(f"readers of {world.seed}")
        self._unreliable = world.seed % 8 == 4
        self._sessions: list[Session] = []
        self.read: set[str] = set()
        """Jobs whose end some client has really read of."""

    def act(self) -> None:
        """Let a client call, or vanish, now and then."""
        if not self._unreliable or self._random.random() > _OFTEN:
            return
        self._sessions = [one for one in self._sessions if self._lives(one)]
        if self._sessions and self._random.random() < 0.2:
            session = self._random.choice(self._sessions)
            session.gone = True
            self._world.did("a client vanishes", session.process, "")
            return
        awake = [process for process in self._world.processes.values() if not process.paused]
        if awake and self._world.has_room:
            session = self._session(self._random.choice(awake))
            seconds = self._random.choice((0.0, 0.0, PROMPT_SECONDS / 2, 2 * PROMPT_SECONDS))
            self._world.spawn(session.process, self._call(session, seconds), contained=True)

    def tell(self, process: Process) -> None:
        """Let a client that reads its answers call twice, at once."""
        if self._unreliable:
            return
        self._world.did("results read", process, "")
        for store in self._world.people.stores(process):
            session = Session(process, store, patience=float("inf"))
            with contextlib.suppress(StoreError):
                session.reader.told(store.read_now(self._unread), seconds=0.0)
                proved = session.reader.proved_by("")
                self.read.update(proved)
                store.write_now(partial(self._note, jobs=proved))

    def _lives(self, session: Session) -> bool:
        return not session.gone and session.process.instance in self._world.processes

    def _session(self, process: Process) -> Session:
        here = [one for one in self._sessions if one.process is process]
        if here and self._random.random() < 0.8:
            return self._random.choice(here)
        # A client that gives up sooner in silence is the limit that is told of with the promise.
        store = self._world.people.store_of(process, self._world.people.one())
        session = Session(process, store, self._random.choice((PROMPT_SECONDS, 60.0, float("inf"))))
        self._sessions.append(session)
        return session

    async def _call(self, session: Session, seconds: float) -> None:
        """Do what the server does with a call that takes so long; its answer arrives, or does not."""
        world, process, reader = self._world, session.process, session.reader
        if session.gone:  # before it had called
            return
        world.did("a client calls", process, "")
        began = world.uptime
        named = sorted(self.read) if self._random.random() < 0.3 else []
        proved = reader.proved_by(str(named))
        if proved:
            with contextlib.suppress(StoreError):
                await session.store.write(lambda connection: self._note(connection, proved))
                reader.proved(proved)
        await Until(lambda: world.uptime - began >= seconds)
        jobs = [job for job in await session.store.read(self._unread) if not reader.was_told(job)]
        await PAUSE
        took = world.uptime - began
        reader.told(jobs, seconds=took)
        if not jobs:
            return
        if session.gone:
            world.count("an answer to nobody")
        elif took > session.patience:
            world.count("an answer that comes too late")
        else:
            world.count("an answer that is read")
            self.read.update(jobs)

    def _unread(self, connection: Connection) -> list[str]:
        return [job.id for job in job_records.unread(connection, CLIENT, now=self._world.wall)]

    def _note(self, connection: Connection, jobs: Collection[str]) -> None:
        """I11: only what somebody has really read is noted as read."""
        for job in jobs:
            if job not in self.read:
                raise Violation("I11", "noted as read, though nobody can have read it", job)
        job_records.note_read(connection, CLIENT, jobs, now=self._world.wall)
