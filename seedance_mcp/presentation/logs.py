"""Logging to stderr, from which keys and signatures of addresses are removed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from ..config import Settings
from ..texts import inert

_QUERY = re.compile(r"(https?://[^\s?#'\"<>]+)\?[^\s'\"<>]+")
_USERINFO = re.compile(r"(https?://)[^\s/@'\"<>]+@")
_TOKEN = re.compile(
    r"sdc_[a-z2-7]{8}_[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"
)
"""Our own tokens, and those that an authorization server signs (JWT)."""

_SHORTEST_SECRET = 6


class Redacting(logging.Formatter):
    """Writes a record, tracebacks included, without any known secret, the query of any address, or a command to a terminal."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secrets = sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        return self._cleaned(super().format(record))

    def _cleaned(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        text = _TOKEN.sub("[secret]", text)
        text = _USERINFO.sub(r"\1", _QUERY.sub(r"\1?[...]", text))
        return "\n".join(inert(line) for line in text.split("\n"))


class JsonLines(Redacting):
    """
    Writes a record as a JSON object on a line of its own, without all that `Redacting` leaves out.

    `fields` of a record (by `extra`) stand in it as they are: whoever gives them answers for them.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._cleaned(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self._cleaned(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure(settings: Settings) -> None:
    """Send records of the chosen level to stderr; libraries speak only when something is wrong."""
    handler = logging.StreamHandler()
    form = JsonLines if settings.log_format == "json" else Redacting
    handler.setFormatter(form(settings.hidden()))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for library in ("httpx2", "httpcore2", "mcp", "asyncio", "botocore", "sse_starlette", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
