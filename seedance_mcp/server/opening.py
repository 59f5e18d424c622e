"""Opens the app for as long as the server runs, and tries again for as long as it cannot be opened."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import AsyncGenerator, Generator
from contextvars import ContextVar
from typing import TYPE_CHECKING

import anyio

from ..config import Settings
from ..errors import ConfigError, SeedanceError, StoreError
from ..types import Scope
from .updates import Updates

if TYPE_CHECKING:
    from ..app import App
    from ..catalog import Catalog

_LOG = logging.getLogger(__name__)

_HANDSHAKE_SECONDS = 0.25
"""How long the opening waits at most for the client to be done with what needs no app: the handshake, the list of tools."""

_CALL_SECONDS = 10.0
"""How long a call waits for the first try: on a busy machine that takes longer than a client waits for the server."""

_PATIENCE_SECONDS = 1.5
"""How long one try waits for a process that holds the database: a server whose client has left cannot end before."""

_SOONEST_SECONDS, _LATEST_SECONDS = 0.25, 5.0
"""Between two tries."""


_CALLER: ContextVar[Scope | None] = ContextVar("caller", default=None)


@contextlib.contextmanager
def called_by(scope: Scope) -> Generator[None]:
    """Answer a request of this person in here: the app is theirs."""
    before = _CALLER.set(scope)
    try:
        yield
    finally:
        _CALLER.reset(before)


def person_who_calls() -> str:
    """Return whose request is being answered; empty: that of whoever runs the installation."""
    scope = _CALLER.get()
    return scope.person if scope is not None else ""


class Opening:
    """The app of a running server, or the reason why it is not there (yet)."""

    def __init__(self, settings: Settings, reason: SeedanceError, *, final: bool = False) -> None:
        """With `final`, the reason stays: nothing will be tried."""
        self.settings = settings
        self._state: App | SeedanceError = reason
        self._closing = anyio.Event()
        self._wanted = anyio.Event()
        self._tried = anyio.Event()
        self._ending = False
        self._waiting: set[anyio.CancelScope] = set()
        self.asked_by_a_person = False
        """Whether who calls is a person, not an assistant."""
        if final:
            self._tried.set()

    @classmethod
    def for_a_person(cls, app: App) -> Opening:
        """An app that is open already, for calls that a person makes."""
        opening = cls(app.settings, _OPENING)
        opening._is(app)
        opening.asked_by_a_person = True
        return opening

    @property
    def app(self) -> App:
        """The app, as whoever calls sees it. Raises the reason why it is not open, as a SeedanceError."""
        if isinstance(self._state, SeedanceError):
            raise self._state
        scope = _CALLER.get()
        return self._state if scope is None else self._state.for_person(scope)

    @property
    def catalog(self) -> Catalog:
        """Everything that can be bought, also while the app is not open; without the user's own file if that is wrong."""
        from ..catalog import Catalog

        try:
            return (
                Catalog.load(self.settings.catalog)
                if isinstance(self._state, SeedanceError)
                else self._state.catalog
            )
        except ConfigError:
            return Catalog.load()

    async def keep_open(self, updates: Updates, buys: bool = True) -> None:
        """
        Open the app and keep it open until the end; what is in the way may pass, so it is tried again and again.

        Without `buys` it is a replica's: nobody is left behind for open jobs, which are the workers'.

        A database that another process holds, a full disk or a folder that is not there yet are such things; a wrong
        setting is not. An app that breaks down by a mistake of its own is opened anew.

        It begins when a call wants the app, or after the handshake: until then the client waits for the server. A client
        that leaves before is no reason not to open it: jobs may be open, and somebody has to be left behind for them.
        Garbage collection is off while the app's modules load: it only costs time there.
        """
        with anyio.move_on_after(_HANDSHAKE_SECONDS):
            await self._wanted.wait()
        gc.disable()
        from ..app import Role, open_app

        gc.freeze()
        gc.enable()
        pause = _SOONEST_SECONDS
        while True:
            try:
                role = Role.WHOLE if buys else Role.REPLICA
                opened = open_app(self.settings, leave=buys, patience=_PATIENCE_SECONDS, role=role)
                async with opened as app, updates.following(app):
                    self._is(app)
                    pause = _SOONEST_SECONDS
                    await self._wanted.wait()
                    if not self._closing.is_set():
                        _log_settings_notices(app)
                    await self._closing.wait()
                return
            except SeedanceError as error:
                self._is(error)
                if not isinstance(error, StoreError):
                    return
            except Exception:
                _LOG.exception("The app broke down in a way that nobody planned; it is opened anew")
                self._is(
                    StoreError(
                        "The server made a mistake and is starting anew; its log (stderr) has the details.",
                        hint="Call again in a moment; check_status then tells how each job stands.",
                    )
                )
            with anyio.move_on_after(pause):
                await self._closing.wait()
                return
            pause = min(2 * pause, _LATEST_SECONDS)

    def _is(self, state: App | SeedanceError) -> None:
        before, self._state = self._state, state
        self._tried.set()
        if isinstance(state, SeedanceError):
            # A server that does not start tells nobody why; one whose tools answer with the reason does.
            if not (isinstance(before, SeedanceError) and before.message == state.message):
                _LOG.error("%she server cannot work now: %s %s", self._whose, state.message, state.hint)
        elif isinstance(before, SeedanceError) and before is not _OPENING:
            _LOG.warning("%she server can work now.", self._whose)

    @property
    def _whose(self) -> str:
        return f"For the team {self.settings.team}: t" if self.settings.team else "T"

    async def first_try(self, seconds: float = _CALL_SECONDS) -> None:
        """Wait for the first try to succeed or fail, at most so long."""
        self._wanted.set()
        with anyio.move_on_after(seconds):
            await self._tried.wait()

    @property
    def is_open(self) -> bool:
        """True if the app is open, and the end has not begun."""
        return not isinstance(self._state, SeedanceError) and not self._ending

    @property
    def waiting(self) -> int:
        """How many calls wait for something."""
        return len(self._waiting)

    @contextlib.contextmanager
    def until_ending(self) -> Generator[None]:
        """Wait for something in here, and for no longer than until `stop_waiting`."""
        with anyio.CancelScope() as scope:
            if self._ending:
                scope.cancel()
            self._waiting.add(scope)
            try:
                yield
            finally:
                self._waiting.discard(scope)

    def stop_waiting(self) -> None:
        """Have every call that waits for something answer now with how that is."""
        self._ending = True
        for scope in list(self._waiting):
            scope.cancel()

    async def begin_ending(self) -> None:
        """Notify the app, if it is open, that the end has begun."""
        if not isinstance(self._state, SeedanceError):
            await self._state.installation.begin_ending()

    def close(self) -> None:
        """Let the app end."""
        self._closing.set()
        self._wanted.set()


def _log_settings_notices(app: App) -> None:
    """Warn of what is wrong with the settings. The catalogue is read for it: not before the first call wants something."""
    with contextlib.suppress(SeedanceError):  # trouble with the catalogue is told by who needs it
        for notice in app.settings_notices:
            _LOG.warning("%s", notice)


_OPENING = StoreError(
    "The job database is still being opened; another process may be holding it.",
    hint="Call again in a moment: it is tried until it opens.",
)


@contextlib.asynccontextmanager
async def opening(
    settings: Settings, updates: Updates, wrong: SeedanceError | None, *, buys: bool = True
) -> AsyncGenerator[Opening]:
    """
    Keep the app open in the background. With `wrong`, settings that cannot be used, nothing is opened at all. Without `buys`
    it reserves, waits and answers, and leaves the rest to workers.
    """
    if wrong is not None:
        _LOG.error("The server cannot work: %s %s", wrong.message, wrong.hint)
        yield Opening(settings, wrong, final=True)
        return
    for name, value in settings.open_limits.items():
        _LOG.warning("%s %s: it counts as not set, and its default holds.", name, value.words)
    installation = Opening(settings, _OPENING)
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(installation.keep_open, updates, buys)
        try:
            yield installation
        except Exception as error:
            failure = error  # raised outside: in here, the task group would wrap it
        finally:
            installation.close()
    if failure is not None:
        raise failure
