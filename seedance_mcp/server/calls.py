"""One call of a tool: the app behind it, and the ways to talk back before the answer."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import anyio
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from ..config import Settings
from ..errors import ConfirmationRequired, InvalidRequest, SeedanceError
from ..texts import one_line
from ..types import Job
from .callers import CALLER_KEY, TRACKER_KEY, asked_over_http, caller_of
from .hosts import Waits, waits
from .opening import Opening
from .revisions import defines
from .tasks import takes_tasks
from .transport import client_of, peer_of

if TYPE_CHECKING:
    from ..app import App, ReadTracker, Update

_LOG = logging.getLogger(__name__)

_QUESTION = "agreement"
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"agree": {"type": "boolean", "title": "Yes, make this video", "default": False}},
    "required": ["agree"],
}
_MOST_MESSAGE_CHARACTERS = 200

_TRACKERS: WeakKeyDictionary[object, ReadTracker] = WeakKeyDictionary()
"""One for each connected client, for as long as it is connected."""


def _tracker_of(request: ServerRequestContext[Any, Any]) -> ReadTracker:
    from ..app import ReadTracker

    if tracker := asked_over_http(request).get(TRACKER_KEY):
        return tracker
    peer = peer_of(request)
    try:
        return ReadTracker() if peer is None else _TRACKERS.setdefault(peer, ReadTracker())
    except TypeError:  # a server with another lifespan than ours, whose state nothing can refer to weakly
        return ReadTracker()


class Reply(StrEnum):
    """What a client answered to a question, in words for whoever reads the refusal. NOTHING is no answer at all."""

    YES = "yes"
    NO = "it accepted the question with the answer no"
    DECLINED = "it declined the question"
    CANCELLED = "it cancelled the question"
    NOTHING = "it accepted the question and gave no answer"
    FAILED = "it failed to put the question"

    @property
    def is_no(self) -> bool:
        """True if the client said no, whether or not a person saw the question."""
        return self in (Reply.NO, Reply.DECLINED, Reply.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a client answered to the question with this code, brought along with a new call."""

    code: str
    reply: Reply


class Call:
    """A call of a tool, as the tool sees it."""

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._reported = 0.0
        self._began = anyio.current_time()
        self._tracker = _tracker_of(context.request_context)
        self._telling: set[str] = set()
        self.caller = caller_of(context.request_context)

    @property
    def _has_object_store(self) -> bool:
        return self.settings is not None and self.settings.object_store is not None

    @property
    def over_http(self) -> bool:
        """True if the call came through this server's own gate for HTTP."""
        return CALLER_KEY in asked_over_http(self._context.request_context)

    @property
    def app(self) -> App:
        """The app. Raises the reason why it is not open now, as a SeedanceError."""
        return cast("Opening", self._context.request_context.lifespan_context).app

    @property
    def settings(self) -> Settings | None:
        """The settings that the server was started with; None in a server without an app."""
        opening: object = self._context.request_context.lifespan_context
        return opening.settings if isinstance(opening, Opening) else None

    async def opened(self) -> None:
        """Wait until the app is open, or was tried to be opened in vain, at most 10 seconds."""
        opening: object = self._context.request_context.lifespan_context
        if isinstance(opening, Opening):  # not in a server without an app
            await opening.first_try()

    @property
    def by_a_person(self) -> bool:
        """True if who calls is a person, on the board."""
        opening: object = self._context.request_context.lifespan_context
        return isinstance(opening, Opening) and opening.asked_by_a_person

    @property
    def client(self) -> str:
        """The name that the client gives itself, or over HTTP its program; empty if it gives none."""
        return client_of(self._context.request_context)

    async def prove_reading(self, arguments: Mapping[str, Any]) -> None:
        """
        Put on record what this client must have read to be able to make this call, with these arguments.

        Without the record a job only stands for the same request for longer, so trouble with the database is no
        reason not to answer. Who may only look cannot repeat a purchase, and what they have read nobody else has.
        """
        if "spend" not in self.caller.scopes:
            return
        proved = self._tracker.proved_by(str(arguments))
        if not proved:
            return
        try:
            await self.app.note_read(self.client, proved)
        except SeedanceError as error:
            _LOG.info("It could not be noted what the client has read: %s", error.message)
        except Exception:
            _LOG.exception("It could not be noted what the client has read")
        else:
            self._tracker.proved(proved)

    async def finished_meanwhile(self, *others: str) -> list[Job]:
        """List the jobs that ended and that this session was not told of, except `others`; the answer tells of all of these."""
        if self.by_a_person:  # what a person sees is no evidence of what an assistant has read
            return []
        news = [
            job
            for job in await self.app.unread(self.client)
            if job.id not in others and not self._tracker.was_told(job.id)
        ]
        self._telling.update(job.id for job in news)
        self._telling.update(others)
        return news

    def answered(self) -> None:
        """Note that the answer goes out now, with all that it tells."""
        self._tracker.told(self._telling, seconds=anyio.current_time() - self._began)

    def notices(self) -> list[str]:
        """List what this session has to be told once, with its first answer; nothing in a server without an app."""
        if isinstance(self._context.request_context.lifespan_context, dict):
            return []
        told: list[str] = []
        if url := self.board_url:
            told.append(
                f"The person sees all jobs, and can agree to prices, on the board in a browser: {url}"
            )
        if not self.caller.local:
            link = "the link in video_url, and " if self._has_object_store else ""
            told.append(
                f"Paths in answers are those of the machine of the server. From yours, a video is {link}the resource"
                " seedance://jobs/{job_id}/video or seedance://films/{film_id}/video, or in parts .../video/0, .../video/1 and"
                " so on."
            )
        try:
            return self._tracker.first_time((*self.app.notices, *told))
        except SeedanceError:  # the answer is about that already
            return []

    @property
    def board_url(self) -> str | None:
        """The address of the board on this machine, for a person here; None if none runs, or a person calls from there."""
        opening: object = self._context.request_context.lifespan_context
        if not isinstance(opening, Opening) or opening.asked_by_a_person or not self.caller.local:
            return None
        try:
            running = opening.app.board.running()
        except SeedanceError:  # the app is not open
            return None
        return running.url if running else None

    @property
    def waits(self) -> Waits:
        """How long this client lets a call take."""
        request = self._context.request_context
        wants_progress = (request.meta or {}).get("progress_token") is not None
        named = request.session.client_params is not None or request.request is None
        return waits(self.client, wants_progress=wants_progress, named=named)

    @contextlib.contextmanager
    def until_ending(self) -> Generator[None]:
        """Wait for something in here, and for no longer than until the server begins to end."""
        opening: object = self._context.request_context.lifespan_context
        with opening.until_ending() if isinstance(opening, Opening) else contextlib.nullcontext():
            yield

    def check_may_call(self, tool: str, arguments: Iterable[str]) -> None:
        """Raise InvalidRequest if who calls may only look, and this tool with these arguments does more."""
        if "spend" not in self.caller.scopes:
            from .rights import right_for_tool

            if right_for_tool(tool, arguments) != "read":
                self.check_may_spend()

    def check_may_spend(self) -> None:
        """Raise InvalidRequest if who calls may only look."""
        if "spend" not in self.caller.scopes:
            from .rights import options_to_spend

            options = options_to_spend(self.caller.scopes)
            raise InvalidRequest(
                ["The token of this call may look, and not write, spend or cancel."],
                hint=f"A person can make another: `seedance-mcp tokens add NAME {options}`. Nothing was spent.",
            )

    def check_sources(self, sources: Iterable[str]) -> None:
        """Refuse media sources that are paths, for who calls from another machine. Raises InvalidRequest."""
        if not self.caller.local:
            from ..jobs import is_path

            self.refuse_paths(source for source in sources if is_path(source))

    def refuse_paths(self, paths: Iterable[str]) -> None:
        """
        Refuse paths, for who calls from another machine: no file of theirs is here, and those here are not theirs to name.

        Raises:
            InvalidRequest: names each.
        """
        if not self.caller.local and (
            problems := [
                f"{one_line(path, 80)!r} is a path, and you call from another machine." for path in paths
            ]
        ):
            own = (
                " For a file of your machine call upload_media without source."
                if self._has_object_store
                else ""
            )
            raise InvalidRequest(
                problems,
                hint="Pass an https URL that anyone can open, media:<id>, job:<id> or asset://<id>; of videos, the id of a"
                f" job, set or film.{own} Nothing was spent.",
            )

    async def report(self, update: Update) -> None:
        """
        Report to the client how far its call is, if it asked for progress.

        The protocol wants every value above the last one; a job may stand still, so the value then creeps.
        """
        crept = self._reported + (1.0 - self._reported) * 0.005
        self._reported = min(max(update.fraction, crept), 1.0)
        message = " ".join(update.message.split())[:_MOST_MESSAGE_CHARACTERS]
        if crept < 1.0:
            revision = self._context.request_context.protocol_version
            known = message if defines(revision, "params.message") else None
            await self._context.report_progress(self._reported, 1.0, known)

    @property
    def can_ask(self) -> bool:
        """True if the client can put a question to the person in front of it."""
        capabilities = self._context.client_capabilities
        form = capabilities.elicitation if capabilities else None
        # `{}` is how clients declared forms before there was another mode.
        able = form is not None and (form.form is not None or form.url is None)
        return able and (self._modern or self._context.session.can_send_request)

    @property
    def brought(self) -> Answered | None:
        """
        The answer that comes with this call, in the protocol era in which the client calls again with it.

        The state that comes back with it is the code of the question: nothing but its record tells what it was.
        """
        given = (self._context.input_responses or {}).get(_QUESTION)
        code = self._context.request_state
        if self._modern and self.can_ask and isinstance(given, ElicitResult) and code:
            return Answered(code=code, reply=_read(given))
        return None

    async def ask(self, asked: ConfirmationRequired) -> Reply | InputRequiredResult:
        """
        Ask the person for agreement.

        Returns what the client answered; or, in the protocol era in which the client calls again with the answer
        (see `brought`), what the tool has to return now.
        """
        question = asked.question
        if not self._modern:
            try:
                answer = await self._context.session.elicit_form(
                    question, _FORM, related_request_id=self._context.request_context.request_id
                )
            except MCPError as error:
                _LOG.warning("The client declares elicitation but answers with error %d", error.error.code)
                return Reply.FAILED
            except ValidationError:
                _LOG.warning("The client declares elicitation but answers with what is no answer to it")
                return Reply.FAILED
            return _read(answer)
        params = ElicitRequestFormParams(message=question, requested_schema=_FORM)
        return InputRequiredResult(
            input_requests={_QUESTION: ElicitRequest(params=params)}, request_state=asked.approval
        )

    @property
    def takes_tasks(self) -> bool:
        """True if the client said with this call that its answer may be a task."""
        return takes_tasks(self._context.request_context)

    @property
    def _modern(self) -> bool:
        return self._context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _read(answer: ElicitResult) -> Reply:
    match answer.action, (answer.content or {}).get("agree"):
        case "accept", True:
            return Reply.YES
        case "accept", False:
            return Reply.NO
        case "accept", _:
            return Reply.NOTHING
        case "decline", _:
            return Reply.DECLINED
        case _:
            return Reply.CANCELLED
