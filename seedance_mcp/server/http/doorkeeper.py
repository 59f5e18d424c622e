"""Who calls: by the token that a request brings, or by being a program of the same user on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.datastructures import Headers

from ...errors import SeedanceError
from ..board.peers import is_this_user
from ..calls import Caller
from ..http_server import Scope
from .refusals import Refused

if TYPE_CHECKING:
    from ..opening import Opening

_REALM = 'Bearer realm="seedance"'


def not_good() -> Refused:
    """One sentence for everything that can be wrong with a token: nobody learns which there are."""
    return Refused(
        401,
        "The token is not good here (any more).",
        www_authenticate=f'{_REALM}, error="invalid_token"',
    )


class Doorkeeper:
    """
    Lets callers in.

    On a private place whoever runs for the same user of this machine needs no token, as on stdio, until there is one; from
    then on everybody does. On any other place everybody does. There is no authorization server to send anybody to, so
    no challenge names metadata of one.
    """

    def __init__(self, opening: Opening, *, private: bool) -> None:
        self._opening = opening
        self._private = private

    async def admit(self, headers: Headers, scope: Scope) -> Caller:
        """
        Return who sends a request.

        Raises:
            Refused: nobody knows; or it cannot be told now, because the job database cannot be read.
        """
        shown = headers.getlist("authorization")
        if len(shown) > 1:
            raise Refused(
                400,
                "The request has two Authorization headers.",
                www_authenticate=f'{_REALM}, error="invalid_request"',
            )
        await self._opening.first_try()
        try:
            tokens = self._opening.app.tokens
            if self._private and not await tokens.are_wanted():
                return await self._neighbour(scope)
            scheme, _, text = shown[0].strip().partition(" ") if shown else ("", "", "")
            if scheme.casefold() != "bearer":
                raise Refused(
                    401,
                    "A token is needed: send it as Authorization: Bearer sdc_... The person who runs the server makes one"
                    " with `seedance-mcp tokens add NAME`.",
                    www_authenticate=_REALM,
                )
            token = await tokens.find(text.strip())
        except SeedanceError as error:
            raise Refused(
                503, f"The server cannot look at tokens now: {error.message}", retry_after="2"
            ) from None
        if token is None:
            raise not_good()
        return Caller(id=token.id, name=token.name, scopes=token.scopes, local=self._private)

    async def still_admits(self, caller: Caller) -> bool:
        """Return whether a call that was let in may go on; it may while that cannot be told."""
        try:
            tokens = self._opening.app.tokens
            return await tokens.is_good(caller.id) if caller.id else not await tokens.are_wanted()
        except SeedanceError:
            return True

    async def _neighbour(self, scope: Scope) -> Caller:
        if not await anyio.to_thread.run_sync(is_this_user, scope.get("client"), scope.get("server")):
            raise Refused(
                403,
                "The program that calls runs for another user of this machine, or has hung up. The person who runs the"
                " server can give out a token: `seedance-mcp tokens add NAME`.",
            )
        return Caller()
