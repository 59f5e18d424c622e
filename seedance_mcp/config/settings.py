"""Everything a user can set: name, meaning and default of each setting."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from . import cleaning, places, proxies, urls, values
from .declaring import setting
from .outbound import DIRECT, Outbound
from .proxies import Proxy
from .team_settings import TeamSettings

Confirm = Literal["ask", "strict", "off"]

_NAMED_LIKE_KEYS = ("_KEY", "_KEY_ID", "_TOKEN")


@dataclass(frozen=True, kw_only=True)
class LeftOpen:
    """
    A value that counts as not set although its name stands there: where, and whether it is blank.

    Otherwise it is a `${...}` that the program which starts the server did not fill in.
    """

    origin: str
    blank: bool

    @property
    def words(self) -> str:
        """What is wrong with it, as the end of a sentence about its name."""
        return "is blank" if self.blank else "is a ${...} that nobody filled in"


@dataclass(frozen=True, kw_only=True)
class Settings(TeamSettings):
    """
    Everything a user can set. Build with `load_settings`.

    Keys and base URLs are asked for by name (`secret`, `base_url`) because the data files say which
    variables a provider reads.
    """

    provider: str | None = setting(
        "SEEDANCE_PROVIDER",
        str,
        None,
        "Provider to use when a call names none. Default: the cheapest that is ready.",
    )
    model: str | None = setting(
        "SEEDANCE_MODEL",
        str,
        None,
        "Model to use when a call names none. Default: the newest within the per-job limit.",
    )
    output_dir: Path = setting(
        "SEEDANCE_OUTPUT_DIR", places.path, None, "Where the videos go that are ordered with it."
    )
    state_dir: Path = setting(
        "SEEDANCE_STATE_DIR", places.path, None, "Where the job database lives. Never on a network drive."
    )
    database_url: SecretStr | None = setting(
        "SEEDANCE_DATABASE_URL",
        urls.postgres,
        None,
        "Job database in PostgreSQL, for several machines: `postgresql://user:password@host/database`. Needs the extra `team`"
        " and `seedance-mcp migrate`. Default: a file in the state folder.",
        clean=cleaning.as_it_is,
        role="secret",
    )
    media_dirs: tuple[Path, ...] = setting(
        "SEEDANCE_MEDIA_DIRS",
        places.paths,
        (),
        "Folders whose files may be used as media, beside the output folder.",
    )
    fit: bool = setting(
        "SEEDANCE_FIT",
        values.switch,
        False,
        "1: an image outside a model's limits is sent as a copy drawn to fit, not refused; a frame that nearly has the"
        " video's shape gets its exact pixels. The argument `fit` decides for one call.",
    )
    max_usd_per_job: Decimal = setting(
        "SEEDANCE_MAX_USD_PER_JOB",
        values.amount,
        Decimal(3),
        "Most that one job may cost, in USD.",
        role="limit",
    )
    max_usd_per_day: Decimal = setting(
        "SEEDANCE_MAX_USD_PER_DAY",
        values.amount,
        Decimal(10),
        "Most that a day may cost, in USD.",
        role="limit",
    )
    max_jobs_per_hour: int = setting(
        "SEEDANCE_MAX_JOBS_PER_HOUR",
        values.count,
        20,
        "Most paid jobs that may start in an hour.",
        role="limit",
    )
    confirm: Confirm = setting(
        "SEEDANCE_CONFIRM",
        values.choice("ask", "strict", "off"),
        "ask",
        "Who agrees to prices above the threshold, and to unknown ones. `ask`: you, in a dialogue of your client, on"
        " the board or by `seedance-mcp approve`, or your assistant, which says that you did. `strict`: only you. `off`:"
        " nobody; an unknown price is then refused unless the call names `max_usd`.",
        role="limit",
    )
    confirm_above_usd: Decimal = setting(
        "SEEDANCE_CONFIRM_ABOVE_USD",
        values.amount,
        Decimal(1),
        "Price in USD above which a person has to agree.",
        role="limit",
    )
    ask_limit_usd: Decimal = setting(
        "SEEDANCE_ASK_LIMIT_USD",
        values.amount,
        Decimal(5),
        "With `SEEDANCE_CONFIRM=ask`: how much in USD may be spent within an hour on an assistant's word alone that you"
        " agreed. Beyond it only your own agreement counts.",
        role="limit",
    )
    fallback: bool = setting(
        "SEEDANCE_FALLBACK",
        values.switch,
        False,
        "1: when a provider refuses a purchase for a reason of its own, buy at the next cheapest that is ready.",
    )
    on_finish: str | None = setting(
        "SEEDANCE_ON_FINISH",
        str,
        None,
        "Command to run when a job ends: once, without a shell, at most 60 seconds, in the folder of the video, with the job as"
        " JSON on stdin and without variables that are named like keys.",
        clean=cleaning.as_it_is,
        role="secret",
    )
    carrier: str | None = setting(
        "SEEDANCE_CARRIER",
        str.lower,
        None,
        "Where local files go that the chosen provider reads only from a URL: a provider that takes uploads, or `s3`."
        " Default: nowhere.",
    )
    s3_bucket: str | None = setting(
        "SEEDANCE_S3_BUCKET", str, None, "Bucket for `SEEDANCE_CARRIER=s3`. It can be private."
    )
    s3_endpoint: str | None = setting(
        "SEEDANCE_S3_ENDPOINT",
        urls.web_address,
        None,
        "Where the bucket is, with `{bucket}` where its name belongs if not in the path. Default: Amazon S3.",
        clean=cleaning.address,
        role="secret",
    )
    s3_region: str = setting("SEEDANCE_S3_REGION", str, "us-east-1", "Region of the bucket.")
    s3_prefix: str = setting(
        "SEEDANCE_S3_PREFIX", str, "seedance/", "What the names of the files in the bucket begin with."
    )
    s3_access_key_id: SecretStr | None = setting(
        "SEEDANCE_S3_ACCESS_KEY_ID",
        SecretStr,
        None,
        "Key that may put and get objects there.",
        clean=cleaning.key,
        role="secret",
    )
    s3_secret_access_key: SecretStr | None = setting(
        "SEEDANCE_S3_SECRET_ACCESS_KEY",
        SecretStr,
        None,
        "Its secret half.",
        clean=cleaning.key,
        role="secret",
    )
    s3_key_file: Path | None = setting(
        "SEEDANCE_S3_KEY_FILE",
        places.path,
        None,
        "File with that key instead: its id in one line, its secret half in the next. Read at each use.",
    )
    s3_public_endpoint: str | None = setting(
        "SEEDANCE_S3_PUBLIC_ENDPOINT",
        urls.web_address,
        None,
        "Where others reach the store of `SEEDANCE_OBJECT_STORE`, if not at `SEEDANCE_S3_ENDPOINT`: for the links in answers.",
        clean=cleaning.address,
        role="secret",
    )
    object_store: str | None = setting(
        "SEEDANCE_OBJECT_STORE",
        str,
        None,
        "`s3://bucket/prefix`: where finished videos are put besides, for whoever calls over HTTP (`docs/http.md`). Region,"
        " endpoint and key as for `SEEDANCE_CARRIER=s3`. Default: nowhere.",
    )
    keyring: tuple[str, ...] = setting(
        "SEEDANCE_KEYRING",
        values.names_of_keys,
        (),
        "Keys to be read from the system's keyring, by the names of their variables; `seedance-mcp setup` writes it. Needs the"
        " extra `keyring`; without it a message says how to install it.",
    )
    proxy: Proxy | str | None = setting(
        "SEEDANCE_PROXY",
        proxies.proxy_setting,
        None,
        "Proxy for provider calls and downloads: `env` (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, else the system's) or"
        " `http://[user:password@]host:port`. `NO_PROXY` holds for both. Default: none, whatever the environment says.",
        clean=cleaning.as_it_is,
        role="secret",
    )
    allow_http: bool = setting(
        "SEEDANCE_ALLOW_HTTP",
        values.switch,
        False,
        "1: another address may be `http://` on another machine, where keys and prompts can be read on the way.",
    )
    cny_per_usd: Decimal = setting(
        "SEEDANCE_CNY_PER_USD",
        values.rate,
        Decimal("7.0"),
        "Rate at which CNY prices count against the USD limits.",
    )
    catalog: Path | None = setting(
        "SEEDANCE_CATALOG", places.path, None, "TOML file whose lines override the built-in catalogue."
    )
    poll_seconds: float = setting(
        "SEEDANCE_POLL_SECONDS",
        values.seconds,
        5.0,
        "Base interval between polls, in seconds; at a provider on the internet at least 1, in the sandbox at most 1.",
    )
    sandbox_seconds: float = setting(
        "SEEDANCE_SANDBOX_SECONDS",
        values.seconds,
        6.0,
        "How long the sandbox pretends to work; 0: as fast as it renders.",
    )
    detach: bool = setting(
        "SEEDANCE_DETACH",
        values.switch,
        True,
        "0: start no process that outlives the server: no watcher of open jobs, none for `SEEDANCE_ON_FINISH`.",
    )
    preview: bool = setting("SEEDANCE_PREVIEW", values.switch, True, "0: no contact sheet image in results.")
    protocol: Literal["auto", "legacy"] = setting(
        "SEEDANCE_PROTOCOL",
        values.choice("auto", "legacy"),
        "auto",
        "`legacy`: refuse server/discover, for clients that trip over it.",
    )
    log_level: str = setting(
        "SEEDANCE_LOG_LEVEL",
        values.choice("debug", "info", "warning", "error"),
        "warning",
        "What goes to stderr: debug, info, warning or error.",
    )
    log_format: str = setting(
        "SEEDANCE_LOG_FORMAT",
        values.choice("text", "json"),
        "text",
        "`json`: each record is an object on a line of its own.",
    )
    outbound: Outbound = DIRECT
    """How others are reached: `proxy` and `allow_http`, and what variables of no program in particular say."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """For each variable that was given, keys too: `environment` or the path of the settings file."""
    given: Mapping[str, SecretStr] = field(default_factory=dict[str, SecretStr], repr=False)
    """Our own variables and everything named like a key. Secret, because keys are among them."""
    left_open: Mapping[str, LeftOpen] = field(default_factory=dict[str, LeftOpen])
    """By name, what counts as not set: each `${...}` that nobody filled in, keys too, and each limit that is blank."""
    unusable_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """By name, a sentence on each variable that is named like a key and cannot be one; it may be another program's."""

    @property
    def open_limits(self) -> Mapping[str, LeftOpen]:
        """Those of `left_open` that limit spending: their defaults hold."""
        limits = {entry.metadata["name"] for entry in fields(self) if entry.metadata.get("limits")}
        return {name: value for name, value in self.left_open.items() if name in limits}

    def secret(self, *names: str) -> SecretStr | None:
        """The first of these variables that is set, such as a provider's key; None if none is, or it cannot be a key."""
        name = self._first_set(names)
        return self.given.get(name) if name else None

    def with_place(self, name: str) -> str:
        """Name a setting and where it is set, or can be: the environment, or the settings file by its path."""
        origin = self.sources.get(name) or places.default_settings_file() or "environment"
        return f"{name} (in {'the environment' if origin == 'environment' else origin})"

    def key_problem(self, *names: str) -> str | None:
        """A sentence on the first of these variables that is set, if it cannot be a key; it never holds the value."""
        name = self._first_set(names)
        return self.unusable_keys.get(name) if name else None

    def _first_set(self, names: Iterable[str]) -> str | None:
        return next((name for name in names if name in self.given or name in self.unusable_keys), None)

    def with_key(self, name: str, key: SecretStr) -> Settings:
        """The same settings with a key under the name of its variable: to try one that is not stored."""
        return replace(
            self,
            sources={**self.sources, name: "the terminal"},
            given={**self.given, name: key},
            left_open={other: value for other, value in self.left_open.items() if other != name},
            unusable_keys={other: value for other, value in self.unusable_keys.items() if other != name},
        )

    def base_url(self, provider: str) -> str | None:
        """The user's replacement for a provider's base URL, without a trailing slash; None if there is none."""
        value = self.secret(f"SEEDANCE_{provider.upper()}_BASE_URL")
        return value.get_secret_value().rstrip("/") if value else None

    @property
    def media_folders(self) -> tuple[Path, ...]:
        """The folders whose files may be used as media: the output folder and `media_dirs`."""
        return (self.output_dir, *self.media_dirs)

    def hidden(self) -> tuple[str, ...]:
        """Everything that no log may hold: what is named like a key, and what opens the proxies."""
        keys = (value for name, value in self.given.items() if name.endswith(_NAMED_LIKE_KEYS))
        proxies = self.outbound.proxies
        logins = [
            proxy.login.get_secret_value()
            for proxy in ((proxies.https, proxies.http) if proxies else ())
            if proxy is not None and proxy.login is not None
        ]
        passwords = (login.partition(":")[2] for login in logins)
        written = (base64.b64encode(login.encode()).decode() for login in logins)
        return (
            *(value.get_secret_value() for value in keys),
            *logins,
            *passwords,
            *written,
            *self._database_words(),
            *(key.get_secret_value() for key in self.team_keys.values()),
            *(word for one in self.of_teams for word in one.hidden()),
        )

    def _database_words(self) -> tuple[str, ...]:
        """The address of the database, and the password in it, as it is and as it is written there."""
        if self.database_url is None:
            return ()
        url = self.database_url.get_secret_value()
        password = urlsplit(url).password
        return (url, password, unquote(password)) if password else (url,)

    def also_reading(self, *folders: Path) -> Settings:
        """The same settings with more folders that media may come from: for paths a person typed."""
        return replace(self, media_dirs=(*self.media_dirs, *folders))


def setting_table() -> tuple[tuple[str, str, str], ...]:
    """Every setting as (name, default, help), for documentation."""
    last = {entry.name for entry in fields(TeamSettings)}  # a base's fields come first, and are needed by few
    shown = {"output_dir": "`Videos/Seedance`", "state_dir": "the platform's data folder"}
    return tuple(
        (
            entry.metadata["name"],
            shown.get(entry.name, "" if entry.default in (None, ()) else _shown(entry.default)),
            entry.metadata["help"],
        )
        for entry in sorted(fields(Settings), key=lambda entry: entry.name in last)
        if entry.metadata
    )


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "`1`" if default else "`0`"
    if isinstance(default, tuple):
        return f"`{' '.join(cast('tuple[str, ...]', default))}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
