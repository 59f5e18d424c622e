"""Who calls: by the token that a request brings, or by being a program of the same user on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.datastructures import Headers

from ...backoff import Outage
from ...errors import SeedanceError
from ..board.peers import is_this_user
from ..callers import Caller
from ..http_server import Scope
from .challenges import Challenges
from .refusals import Refused

if TYPE_CHECKING:
    from .authorization import Authorization
    from .team_server import TeamServers

_LOG = logging.getLogger(__name__)

_NAMED = "sdc_"
"""What our own tokens begin with."""

_ID_CHARACTERS = 8

_LAST_CALL_SECONDS = 600.0
"""
How long what a signed token began may go on after its end: as long as a call may wait.

Such tokens are often good for five minutes alone, and their clients get new ones; nothing was taken away from anybody.
"""


class Doorkeeper:
    """
    Lets callers in.

    On a private place whoever runs for the same user of this machine needs no token, as on stdio, until there is one or
    an authorization server gives them out; from then on everybody does. On any other place everybody does, and wherever
    there are several teams: a token says in which one its person is.
    """

    def __init__(
        self,
        teams: TeamServers,
        *,
        private: bool,
        challenges: Challenges,
        authorization: Authorization | None,
    ) -> None:
        self._teams = teams
        self._team_of_token: dict[str, str] = {}
        self._private = private
        self._challenges = challenges
        self._authorization = authorization
        self._outage = Outage()

    async def admit(self, headers: Headers, scope: Scope) -> Caller:
        """
        Return who sends a request.

        Raises:
            Refused: nobody knows, or they may not; or it cannot be told now, because the job database cannot be read, or the
                keys of the authorization server.
        """
        shown = headers.getlist("authorization")
        if len(shown) > 1:
            raise self._challenges.one_token_only()
        await self._teams.first_try()
        with self._trouble_hidden():
            if self._private and not await self._are_tokens_wanted():
                return await self._neighbour(scope)
            scheme, _, text = shown[0].strip().partition(" ") if shown else ("", "", "")
            if scheme.casefold() != "bearer":
                raise self._challenges.token_needed()
            text = text.strip()
            if self._authorization is not None and not text.startswith(_NAMED):
                return await self._signed_in(self._authorization, text)
            caller = await self._named(text)
        if caller is None:
            raise self._challenges.not_good()
        return caller

    @contextmanager
    def _trouble_hidden(self) -> Generator[None]:
        """Log why tokens cannot be looked at: those words name hosts and folders of ours, and nobody knows yet who asks."""
        try:
            yield
        except SeedanceError as error:
            if self._outage.failed():
                _LOG.error("Tokens cannot be looked at now: %s %s", error.message, error.hint)
            words = "The server cannot look at tokens now, its log says why; try again."
            raise Refused(503, words, retry_after="2") from None
        if self._outage.over():
            _LOG.warning("Tokens can be looked at again")

    async def named(self, text: str) -> Caller | None:
        """Return whom a named token stands for; None if it is none, or not good (any more). Raises SeedanceError."""
        await self._teams.first_try()
        return await self._named(text)

    async def of_access_token(self, text: str) -> Caller:
        """
        Return who signs in with a token of the authorization server.

        Raises:
            Refused: it is not good, or whose it is may not come; or that cannot be told now.
        """
        if self._authorization is None:
            raise self._challenges.not_good()
        await self._teams.first_try()
        return await self._signed_in(self._authorization, text)

    async def _named(self, text: str) -> Caller | None:
        """Look for a token among those of every team: first where it was found before, so that no other team is in the way."""
        before = self._team_of_token.get(text[: len(_NAMED) + _ID_CHARACTERS])
        trouble: SeedanceError | None = None
        for team in sorted(self._teams, key=lambda team: team.name != before):
            try:
                token = await team.opening.app.installation.tokens.find(text)
            except SeedanceError as error:
                trouble = trouble or error
                continue
            if token is not None:
                self._team_of_token[f"{_NAMED}{token.id}"] = team.name
                return Caller(
                    id=token.id,
                    name=token.name,
                    person=token.person,
                    team=team.name,
                    scopes=token.scopes,
                    local=self._is_local(token.person),
                )
        if trouble is not None:
            raise trouble
        return None

    async def still_admits(self, caller: Caller) -> bool:
        """Return whether a call that was let in may go on; it may while that cannot be told."""
        if caller.until is not None:
            return time.time() < caller.until + _LAST_CALL_SECONDS
        try:
            if caller.id:
                return await self._teams.of(caller).opening.app.installation.tokens.is_good(caller.id)
            return not await self._are_tokens_wanted()
        except SeedanceError:
            return True

    async def _are_tokens_wanted(self) -> bool:
        if self._authorization is not None or self._teams.several:
            return True
        (server,) = self._teams
        return await server.opening.app.installation.tokens.are_wanted()

    async def _signed_in(self, authorization: Authorization, text: str) -> Caller:
        from .issuer_keys import KeysUnavailable

        try:
            token = await authorization.tokens.read(text)
        except KeysUnavailable:
            raise Refused(
                503, "The keys of the authorization server cannot be had now; try again.", retry_after="2"
            ) from None
        if token is None:
            raise self._challenges.not_good()
        authorization.check_is_served(token)
        team = self._teams.named(authorization.team_of(token))
        if team is None:
            raise authorization.no_team()
        await team.opening.first_try()
        if "read" not in token.scopes:
            raise self._challenges.right_needed("read")
        return Caller(
            id=authorization.id_of(token),
            name=token.subject,
            person=authorization.person_of(token),
            team=team.name,
            scopes=token.scopes,
            local=self._is_local(authorization.person_of(token)),
            until=token.until,
        )

    def _is_local(self, person: str) -> bool:
        """Return whether a caller may name files of this machine: those of the others' videos lie among them."""
        return self._private and not person and not self._teams.several

    async def _neighbour(self, scope: Scope) -> Caller:
        if not await anyio.to_thread.run_sync(is_this_user, scope.get("client"), scope.get("server")):
            raise Refused(
                403,
                "The program that calls runs for another user of this machine, or has hung up. The person who runs the"
                " server can give out a token: `seedance-mcp tokens add NAME`.",
            )
        return Caller()
