"""The settings that `seedance-mcp serve` alone goes by."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from . import cleaning, urls, values
from .declaring import setting


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Who may call over HTTP beside those with named tokens, how often, what each may spend, and who agrees to more."""

    max_usd_per_day_per_person: Decimal | None = setting(
        "SEEDANCE_MAX_USD_PER_DAY_PER_PERSON",
        values.amount,
        None,
        "Most that a day of one person may cost, in USD, where several share the server. Default: what is left for all.",
        role="limit",
    )
    max_jobs_per_hour_per_person: int | None = setting(
        "SEEDANCE_MAX_JOBS_PER_HOUR_PER_PERSON",
        values.count,
        None,
        "Most paid jobs that one person may start in an hour. Default: as many as all together.",
        role="limit",
    )
    approve_above_usd: Decimal | None = setting(
        "SEEDANCE_APPROVE_ABOVE_USD",
        values.amount,
        None,
        "Price in USD above which an administrator has to agree: by `seedance-mcp approve`, or with a token that has"
        " `seedance:admin`. Not below `SEEDANCE_CONFIRM_ABOVE_USD`; holds with `SEEDANCE_CONFIRM=off` too. Default: none.",
        role="limit",
    )

    oauth_issuer: str | None = setting(
        "SEEDANCE_OAUTH_ISSUER",
        urls.issuer,
        None,
        "Authorization server whose access tokens (JWT) `seedance-mcp serve` takes, as it names itself in `iss`. Needs"
        " `SEEDANCE_OAUTH_SUBJECT` or `SEEDANCE_OAUTH_PEOPLE`.",
        clean=cleaning.address,
        role="secret",
    )
    oauth_subject: str | None = setting(
        "SEEDANCE_OAUTH_SUBJECT",
        str,
        None,
        "Whose tokens, by `sub`, are those of the person who runs the server. All others are refused, unless"
        " `SEEDANCE_OAUTH_PEOPLE` names them.",
    )
    oauth_people: tuple[str, ...] = setting(
        "SEEDANCE_OAUTH_PEOPLE",
        values.words,
        (),
        "Who else may use the server, each for themselves alone: `sub` of their tokens, with commas or blanks between them, or"
        " `any`: everybody to whom the authorization server gives tokens for it.",
    )
    oauth_audience: str | None = setting(
        "SEEDANCE_OAUTH_AUDIENCE",
        str,
        None,
        "What `aud` in a token has to hold. Default: the public address of the server, such as"
        " `https://videos.example.com/mcp`.",
    )
    oauth_board_client_id: str | None = setting(
        "SEEDANCE_OAUTH_BOARD_CLIENT_ID",
        str,
        None,
        "Name of the board of `seedance-mcp serve --board` at the authorization server, as a public client with PKCE: people"
        " then sign in there too. Redirect address: `https://PUBLIC-HOST/board/sign-in/callback`.",
    )
    oauth_jwks: str | None = setting(
        "SEEDANCE_OAUTH_JWKS",
        urls.jwks,
        None,
        "Where the authorization server's keys are. Default: where its metadata says.",
        clean=cleaning.address,
        role="secret",
    )
    oauth_algorithms: tuple[str, ...] = setting(
        "SEEDANCE_OAUTH_ALGORITHMS",
        values.signature_algorithms,
        ("RS256", "PS256", "ES256", "EdDSA"),
        "How tokens may be signed; also RS384, RS512, PS384, PS512, ES384, ES512.",
    )
    oauth_team_claim: str | None = setting(
        "SEEDANCE_OAUTH_TEAM_CLAIM",
        str,
        None,
        "Claim of the authorization server's tokens that says in which of `SEEDANCE_TEAMS` somebody is, such as `groups`: a"
        " text or a list, exactly one value of which is a team's name.",
    )
    oauth_teams: tuple[tuple[str, str], ...] = setting(
        "SEEDANCE_OAUTH_TEAMS",
        values.teams_by_value,
        (),
        "Which values of that claim mean which team, if they are not the names: `value=team`, with commas between them. Then no"
        " other value counts.",
    )
    http_calls_per_minute: int = setting(
        "SEEDANCE_HTTP_CALLS_PER_MINUTE",
        values.at_least_one,
        600,
        "Most calls of one token, or one person who signs in, within a minute; a fifth of them at once.",
    )
    http_calls_at_once: int = setting(
        "SEEDANCE_HTTP_CALLS_AT_ONCE",
        values.at_least_one,
        128,
        "Most calls of one token, or one person who signs in, that are under way, those that wait and listen included. All"
        " together: 256.",
    )
