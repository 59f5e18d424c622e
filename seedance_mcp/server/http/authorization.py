"""The authorization server whose tokens count: what the settings say of it, and what clients are told of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import Headers

from ...errors import ConfigError
from ..http_server import Receive, Scope, Send
from .access_jwts import AccessJwt, AccessJwts
from .challenges import PREFIX
from .issuer_keys import IssuerKeys, KeySource
from .refusals import Refused

if TYPE_CHECKING:
    from ...config import Settings
    from .places import Doorplate

_METADATA = "/.well-known/oauth-protected-resource"
_OFFERED = ("read", "spend")
"""The scopes that a client asks for. `admin` is for people, who agree for others: no call of a client needs it."""

_KEPT_SECONDS = 300
_ANYBODY = "any"


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """
    Who gives out tokens for this server, and to whom.

    `subject` is the one who runs it, None: nobody of those who sign in. Of the others only `people` are let in, each for
    themselves alone, or everybody if `any` is among them; whoever else comes is refused, whatever their tokens say.
    """

    issuer: str
    subject: str | None
    people: frozenset[str]
    resource: str
    tokens: AccessJwts
    source: KeySource
    keys: IssuerKeys
    teams: Mapping[str, str] = field(default_factory=dict[str, str])
    """Which value of the claim that tells teams means which team; empty: there are none."""

    @classmethod
    def of(cls, settings: Settings, resource: str) -> Authorization | None:
        """
        Read the settings, for a server at the address `resource`; None if they name no authorization server.

        Raises:
            ConfigError: they name one and not who may come, or the other way round; or there are teams, and no claim of its
                tokens says in which one somebody is.
        """
        issuer, subject = settings.oauth_issuer, settings.oauth_subject
        if issuer is None:
            for name in ("subject", "people", "audience", "jwks", "board_client_id", "team_claim", "teams"):
                if getattr(settings, f"oauth_{name}"):
                    raise ConfigError(
                        f"{settings.with_place(f'SEEDANCE_OAUTH_{name.upper()}')} is set, and no authorization server is.",
                        hint="Name it in SEEDANCE_OAUTH_ISSUER, or take the other out.",
                    )
            return None
        if subject is None and not settings.oauth_people:
            raise ConfigError(
                f"{settings.with_place('SEEDANCE_OAUTH_ISSUER')} is set, and not who may come with its tokens.",
                hint="Put `sub` of your tokens into SEEDANCE_OAUTH_SUBJECT, and those of others, or `any`, into"
                " SEEDANCE_OAUTH_PEOPLE.",
            )
        if bool(settings.teams) is not bool(settings.oauth_team_claim):
            there, missing = "SEEDANCE_TEAMS", "SEEDANCE_OAUTH_TEAM_CLAIM"
            if settings.oauth_team_claim:
                there, missing = missing, there
            raise ConfigError(
                f"{settings.with_place(there)} is set, and {missing} is not.",
                hint="With several teams the claim of the tokens that says in which one somebody is has to be named, such as"
                " SEEDANCE_OAUTH_TEAM_CLAIM=groups.",
            )
        teams = dict(settings.oauth_teams) or {name: name for name in settings.teams}
        if nobodys := set(teams.values()) - set(settings.teams):
            raise ConfigError(
                f"{settings.with_place('SEEDANCE_OAUTH_TEAMS')} names {min(nobodys)}, which is not in SEEDANCE_TEAMS."
            )
        algorithms = settings.oauth_algorithms
        source = KeySource(
            issuer=issuer, jwks=settings.oauth_jwks, algorithms=algorithms, outbound=settings.outbound
        )
        audience, keys = settings.oauth_audience or resource, IssuerKeys(source)
        return cls(
            issuer=issuer,
            subject=subject,
            people=frozenset(settings.oauth_people),
            resource=resource,
            tokens=AccessJwts(issuer, audience, algorithms, keys, settings.oauth_team_claim),
            source=source,
            keys=keys,
            teams=teams,
        )

    @property
    def metadata(self) -> str:
        """The address of what clients are told."""
        parts = urlsplit(self.resource)
        return urlunsplit(parts._replace(path=f"{_METADATA}{parts.path}"))

    def check_is_served(self, token: AccessJwt) -> None:
        """Raise Refused for a token of anybody who was not let in."""
        if token.subject != self.subject and not self.people & {token.subject, _ANYBODY}:
            raise Refused(
                403,
                "This server is not for whom the token is of. The person who runs it says who may come by"
                " SEEDANCE_OAUTH_SUBJECT and SEEDANCE_OAUTH_PEOPLE (`sub` in the token).",
            )

    def team_of(self, token: AccessJwt) -> str:
        """Return in which team somebody is; empty where there are none. Raises Refused: in none of them, or in several."""
        if not self.teams:
            return ""
        named = {team for value, team in self.teams.items() if value in token.groups}
        if len(named) != 1:
            raise self.no_team()
        return named.pop()

    def no_team(self) -> Refused:
        """Refuse a token that is of no team of this server, or of several; which there are nobody is told."""
        return Refused(
            403,
            "The token does not say that its person is in one team of this server, and in one alone. Who is in which team is"
            " decided at the authorization server.",
        )

    def person_of(self, token: AccessJwt) -> str:
        """Return as whom the jobs and the money of whoever a token stands for are kept; empty: whoever runs the server."""
        return "" if token.subject == self.subject else f"{self.issuer} {token.subject}"

    def id_of(self, token: AccessJwt) -> str:
        """Name whoever a token stands for, by what is the same in all tokens of theirs and tells nobody who they are."""
        digest = hashlib.sha256(f"{self.issuer}\0{token.subject}".encode()).hexdigest()
        return f"oauth-{digest[:16]}"


class ResourceMetadata:
    """Answers everybody which authorization server gives out tokens for this server (RFC 9728)."""

    def __init__(self, authorization: Authorization, doorplate: Doorplate) -> None:
        self._path = urlsplit(authorization.metadata).path
        self._doorplate = doorplate
        self._body = json.dumps(
            {
                "resource": authorization.resource,
                "authorization_servers": [authorization.issuer],
                "scopes_supported": [f"{PREFIX}{scope}" for scope in _OFFERED],
                "bearer_methods_supported": ["header"],
                "resource_name": "Seedance video",
            }
        ).encode()

    def answers(self, scope: Scope) -> bool:
        """Return whether a request is for this."""
        return scope["type"] == "http" and scope["path"] == self._path and scope["method"] in ("GET", "HEAD")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, if it was meant for this server."""
        try:
            self._doorplate.check(Headers(scope=scope))
        except Refused as refused:
            await refused.refusal(scope, receive, send)
            return
        told = {
            "content-type": "application/json",
            "content-length": str(len(self._body)),
            "cache-control": f"public, max-age={_KEPT_SECONDS}",
        }
        raw = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": self._body if scope["method"] == "GET" else b""})
