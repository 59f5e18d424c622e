"""One call of a tool: the app behind it, who calls, and the ways to talk back before the answer."""

from __future__ import annotations

import logging
from typing import Any, cast

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ..app import App, Update
from ..errors import SeedanceError
from .hosts import Waits, waits
from .revisions import defines

_LOG = logging.getLogger(__name__)

_QUESTION = "agreement"
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"agree": {"type": "boolean", "title": "Yes, make this video", "default": True}},
    "required": ["agree"],
}
_MOST_MESSAGE_CHARACTERS = 200


class Call:
    """A call of a tool, as the tool sees it."""

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._reported = 0.0

    @property
    def app(self) -> App:
        """The app. Raises the reason why it could not be opened, as a SeedanceError."""
        state = self._context.request_context.lifespan_context
        if isinstance(state, SeedanceError):
            raise state
        return cast("App", state)

    @property
    def client(self) -> str:
        """The name that the client gives itself; empty if it gives none."""
        params = self._context.session.client_params
        return params.client_info.name if params else ""

    @property
    def waits(self) -> Waits:
        """How long this client lets a call take."""
        meta = self._context.request_context.meta or {}
        return waits(self.client, wants_progress=meta.get("progress_token") is not None)

    async def report(self, update: Update) -> None:
        """
        Tell the client how far its call is, if it asked to be told.

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

    async def ask(self, question: str) -> bool | InputRequiredResult | None:
        """
        Ask the person for agreement. The same question must read the same each time.

        Returns the answer; None if the client cannot ask after all; or, in the protocol era in which the
        client calls again with the answer, what the tool has to return now.
        """
        params = ElicitRequestFormParams(message=question, requested_schema=_FORM)
        if not self._modern:
            try:
                answer = await self._context.session.elicit_form(
                    question, _FORM, related_request_id=self._context.request_context.request_id
                )
            except MCPError as error:
                _LOG.warning("The client declares elicitation but answers with error %d", error.error.code)
                return None
            return _agreed(answer)
        given = (self._context.input_responses or {}).get(_QUESTION)
        if isinstance(given, ElicitResult) and self._context.request_state == question:
            return _agreed(given)
        return InputRequiredResult(
            input_requests={_QUESTION: ElicitRequest(params=params)}, request_state=question
        )

    @property
    def _modern(self) -> bool:
        return self._context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _agreed(answer: ElicitResult) -> bool:
    return answer.action == "accept" and (answer.content or {}).get("agree") is True
