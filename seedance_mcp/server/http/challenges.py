"""What whoever may not call is told of how to become somebody who may: the header WWW-Authenticate, and a sentence."""

from __future__ import annotations

from collections.abc import Collection

from ..rights import options_to_spend
from .refusals import Refused

_REALM = 'Bearer realm="seedance"'
PREFIX = "seedance:"
"""What the scopes begin with outside this program."""


class Challenges:
    """
    The refusals of one server.

    Where an authorization server gives out tokens, each challenge leads to the metadata that name it, at `metadata`, and
    says the scopes to ask for. Where none does, no challenge leads anywhere: a client would follow it into a login that
    does not exist.
    """

    def __init__(self, metadata: str | None = None, *, several: bool = False) -> None:
        """`several`: there are several teams, so that a command that makes a token has to name one."""
        self._metadata = metadata
        self.team = " --team TEAM" if several else ""
        """What a command that makes a token ends with, while it is not known for which team it would be."""

    def token_needed(self) -> Refused:
        """Refuse a request without a token."""
        made = f"The person who runs the server makes one with `seedance-mcp tokens add NAME{self.team}`."
        if self._metadata:
            words = f"A token is needed: one of the authorization server that the server's metadata name, or sdc_... {made}"
        else:
            words = f"A token is needed: send it as Authorization: Bearer sdc_... {made}"
        return self._refused(401, words, scopes="seedance:read" if self._metadata else "")

    def not_good(self) -> Refused:
        """One sentence for everything that can be wrong with a token: nobody learns which there are."""
        return self._refused(401, "The token is not good here (any more).", error="invalid_token")

    def one_token_only(self) -> Refused:
        """Refuse a request that brings two."""
        return self._refused(400, "The request has two Authorization headers.", error="invalid_request")

    def right_needed(self, right: str, scopes_now: Collection[str] = (), team: str = "") -> Refused:
        """
        Refuse a token, of this team, that may do less than it is used for; the client can ask for one that may (step-up).

        With `scopes_now`, those that it has, another one is to have as many and the one that is missing.
        """
        if right == "read":
            words, scopes = "This token has none of the scopes of this server.", "seedance:read"
        else:
            words = "This token may look, and not write, spend or cancel."
            scopes = "seedance:read seedance:spend" + (" seedance:admin" if "admin" in scopes_now else "")
        of_team = f" --team {team}" if team else self.team
        how = f"A person can make another: `seedance-mcp tokens add NAME {options_to_spend(scopes_now)}{of_team}`."
        if self._metadata:
            how = f"Ask the authorization server for one with the scopes {scopes}."
        return self._refused(403, f"{words} {how}", error="insufficient_scope", scopes=scopes)

    def _refused(self, status: int, words: str, *, error: str = "", scopes: str = "") -> Refused:
        parts = {"error": error, "scope": scopes, "resource_metadata": self._metadata}
        challenge = ", ".join([_REALM, *(f'{name}="{text}"' for name, text in parts.items() if text)])
        return Refused(status, words, www_authenticate=challenge)
