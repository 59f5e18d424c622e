"""Settings from the environment and a settings file; each value remembers where it came from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, cast

import platformdirs
from pydantic import SecretStr

from .errors import ConfigError

Confirm = Literal["ask", "strict", "off"]


def _text(value: str) -> str:
    return value


def _path(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _paths(value: str) -> tuple[Path, ...]:
    return tuple(_path(part) for part in value.split(os.pathsep) if part.strip())


def _amount(value: str) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        raise ValueError("it must be zero or more")
    return amount


def _rate(value: str) -> Decimal:
    rate = _amount(value)
    if not rate:
        raise ValueError("it must be above zero")
    return rate


def _count(value: str) -> int:
    count = int(value)
    if count < 0:
        raise ValueError("it must be zero or more")
    return count


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 <= seconds < 86_400:
        raise ValueError("it must be between 0 and 86400 seconds")
    return seconds


def _switch(value: str) -> bool:
    word = value.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("it must be 1 or 0")


def _web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("it must be https://host[:port]")
    return value.rstrip("/")


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        word = value.strip().lower()
        if word not in allowed:
            raise ValueError(f"it must be one of {', '.join(allowed)}")
        return word

    return parse


def _setting(name: str, parse: Callable[[str], Any], default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"name": name, "parse": parse, "help": help_text})


def default_output_dir() -> Path:
    """The user's Videos folder, `Seedance` in it."""
    return Path(platformdirs.user_videos_dir()) / "Seedance"


def default_state_dir() -> Path:
    """The platform's data folder for this program."""
    return Path(platformdirs.user_data_dir("seedance-mcp", appauthor=False))


def default_settings_file() -> Path:
    """`config.toml` in the platform's config folder for this program."""
    return Path(platformdirs.user_config_dir("seedance-mcp", appauthor=False)) / "config.toml"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    Everything a user can set. Build with `load_settings`.

    Keys and base URLs are asked for by name (`secret`, `base_url`) because the data files say which
    variables a provider reads.
    """

    provider: str | None = _setting(
        "SEEDANCE_PROVIDER",
        _text,
        None,
        "Provider to use when a call names none. Default: the cheapest that is ready.",
    )
    model: str | None = _setting(
        "SEEDANCE_MODEL",
        _text,
        None,
        "Model to use when a call names none. Default: the newest within the per-job limit.",
    )
    output_dir: Path = _setting("SEEDANCE_OUTPUT_DIR", _path, None, "Where finished videos go.")
    state_dir: Path = _setting(
        "SEEDANCE_STATE_DIR", _path, None, "Where the job database lives. Never on a network drive."
    )
    media_dirs: tuple[Path, ...] = _setting(
        "SEEDANCE_MEDIA_DIRS",
        _paths,
        (),
        "Folders whose files may be used as media, beside the output folder.",
    )
    fit: bool = _setting(
        "SEEDANCE_FIT",
        _switch,
        False,
        "1: an image outside a model's limits (bytes, sides, shape, format) is sent as a copy drawn to fit, not refused.",
    )
    max_usd_per_job: Decimal = _setting(
        "SEEDANCE_MAX_USD_PER_JOB", _amount, Decimal(3), "Most that one job may cost, in USD."
    )
    max_usd_per_day: Decimal = _setting(
        "SEEDANCE_MAX_USD_PER_DAY", _amount, Decimal(10), "Most that a day may cost, in USD."
    )
    max_jobs_per_hour: int = _setting(
        "SEEDANCE_MAX_JOBS_PER_HOUR", _count, 20, "Most paid jobs that may start in an hour."
    )
    confirm: Confirm = _setting(
        "SEEDANCE_CONFIRM",
        _choice("ask", "strict", "off"),
        "ask",
        "Who agrees to prices above the threshold: `ask`, `strict` or `off`.",
    )
    confirm_above_usd: Decimal = _setting(
        "SEEDANCE_CONFIRM_ABOVE_USD", _amount, Decimal(1), "Price in USD above which a person has to agree."
    )
    fallback: bool = _setting(
        "SEEDANCE_FALLBACK",
        _switch,
        False,
        "1: when a provider refuses a purchase for a reason of its own, buy at the next cheapest that is ready.",
    )
    on_finish: str | None = _setting(
        "SEEDANCE_ON_FINISH",
        _text,
        None,
        "Command to run when a job ends (no shell; the job as JSON on stdin).",
    )
    carrier: str | None = _setting(
        "SEEDANCE_CARRIER",
        str.lower,
        None,
        "Where local files go that the chosen provider reads only from a URL: a provider that takes uploads, or `s3`."
        " Default: nowhere.",
    )
    s3_bucket: str | None = _setting(
        "SEEDANCE_S3_BUCKET", _text, None, "Bucket for `SEEDANCE_CARRIER=s3`. It can be private."
    )
    s3_endpoint: str | None = _setting(
        "SEEDANCE_S3_ENDPOINT",
        _web_address,
        None,
        "Where the bucket is, with `{bucket}` where its name belongs if not in the path. Default: Amazon S3.",
    )
    s3_region: str = _setting("SEEDANCE_S3_REGION", _text, "us-east-1", "Region of the bucket.")
    s3_prefix: str = _setting(
        "SEEDANCE_S3_PREFIX", _text, "seedance/", "What the names of the files in the bucket begin with."
    )
    s3_access_key_id: SecretStr | None = _setting(
        "SEEDANCE_S3_ACCESS_KEY_ID", SecretStr, None, "Key that may put and get objects there."
    )
    s3_secret_access_key: SecretStr | None = _setting(
        "SEEDANCE_S3_SECRET_ACCESS_KEY", SecretStr, None, "Its secret half."
    )
    cny_per_usd: Decimal = _setting(
        "SEEDANCE_CNY_PER_USD",
        _rate,
        Decimal("7.0"),
        "Rate at which CNY prices count against the USD limits.",
    )
    catalog: Path | None = _setting(
        "SEEDANCE_CATALOG", _path, None, "TOML file whose lines override the built-in catalogue."
    )
    poll_seconds: float = _setting(
        "SEEDANCE_POLL_SECONDS", _seconds, 5.0, "Base interval between polls, in seconds."
    )
    sandbox_seconds: float = _setting(
        "SEEDANCE_SANDBOX_SECONDS",
        _seconds,
        6.0,
        "How long the sandbox pretends to work; 0: as fast as it renders.",
    )
    detach: bool = _setting(
        "SEEDANCE_DETACH", _switch, True, "0: leave no watcher behind when the server exits with open jobs."
    )
    preview: bool = _setting("SEEDANCE_PREVIEW", _switch, True, "0: no contact sheet image in results.")
    protocol: Literal["auto", "legacy"] = _setting(
        "SEEDANCE_PROTOCOL",
        _choice("auto", "legacy"),
        "auto",
        "`legacy`: refuse server/discover, for clients that trip over it.",
    )
    log_level: str = _setting(
        "SEEDANCE_LOG_LEVEL",
        _choice("debug", "info", "warning", "error"),
        "warning",
        "What goes to stderr: debug, info, warning or error.",
    )
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """For each variable that was given, keys too: `environment` or the path of the settings file."""
    given: Mapping[str, SecretStr] = field(default_factory=dict[str, SecretStr], repr=False)
    """Our own variables and everything named like a key, as given. Secret, because keys are among them."""

    def secret(self, *names: str) -> SecretStr | None:
        """The first of these variables that is set, such as a provider's key; None if none is."""
        return next((self.given[name] for name in names if name in self.given), None)

    def base_url(self, provider: str) -> str | None:
        """The user's replacement for a provider's base URL, without a trailing slash; None if there is none."""
        value = self.secret(f"SEEDANCE_{provider.upper()}_BASE_URL")
        return value.get_secret_value().rstrip("/") if value else None

    def also_reading(self, *folders: Path) -> Settings:
        """The same settings with more folders that media may come from: for paths a person typed."""
        return replace(self, media_dirs=(*self.media_dirs, *folders))


def setting_table() -> tuple[tuple[str, str, str], ...]:
    """Every setting as (name, default, help), for documentation."""
    shown = {"output_dir": "`Videos/Seedance`", "state_dir": "the platform's data folder"}
    return tuple(
        (
            entry.metadata["name"],
            shown.get(entry.name, "" if entry.default in (None, ()) else _shown(entry.default)),
            entry.metadata["help"],
        )
        for entry in fields(Settings)
        if entry.metadata
    )


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "`1`" if default else "`0`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def load_settings(environ: Mapping[str, str] | None = None, *, settings_file: Path | None = None) -> Settings:
    """
    Read the settings file, then the environment, which wins.

    A blank value, or a literal `${...}` that a client failed to fill in, counts as unset.

    Raises:
        ConfigError: a value cannot be used, or the file is not TOML.
    """
    environ = os.environ if environ is None else environ  # noqa: TID251  the one place that reads it
    path = settings_file or default_settings_file()
    given: dict[str, str] = {}
    sources: dict[str, str] = {}
    for origin, values in ((str(path), _read_file(path)), ("environment", environ)):
        for name, value in values.items():
            text = value.strip()
            if not name.startswith("SEEDANCE_") and not name.endswith(("_KEY", "_TOKEN")):
                continue
            if text and not (text.startswith("${") and text.endswith("}")):
                given[name] = text
                sources[name] = origin

    parsed: dict[str, Any] = {"output_dir": default_output_dir(), "state_dir": default_state_dir()}
    for entry in fields(Settings):
        name = entry.metadata.get("name")
        if name not in given:
            continue
        try:
            parsed[entry.name] = entry.metadata["parse"](given[name])
        except (ValueError, InvalidOperation) as error:
            reason = (
                str(error) if isinstance(error, ValueError) and "must" in str(error) else "it cannot be read"
            )
            raise ConfigError(f"{name}={given[name]!r} (from {sources[name]}) is wrong: {reason}.") from None
    secrets = {name: SecretStr(value) for name, value in given.items()}
    return Settings(**parsed, sources=sources, given=secrets)


def _read_file(path: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error}") from error
    return {name: _written(value) for name, value in content.items()}


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return os.pathsep.join(str(item) for item in cast("list[object]", value))
    return str(value)
