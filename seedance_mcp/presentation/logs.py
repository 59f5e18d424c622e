"""Logging to stderr, from which keys and signatures of addresses are removed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from ..config import Settings
from ..texts import inert

_QUERY = re.compile(r"(https?://[^\s?#'\"<>]+)\?[^\s'\"<>]+")
_USERINFO = re.compile(r"(https?://)[^\s/@'\"<>]+@")
_TOKEN = re.compile(r"sdc_[a-z2-7]{8}_[A-Za-z0-9_-]{20,}")
_SHORTEST_SECRET = 6


class Redacting(logging.Formatter):
    """Writes a record, tracebacks included, without any known secret, the query of any address, or a command to a terminal."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secrets = sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        text = _TOKEN.sub("[secret]", text)
        text = _USERINFO.sub(r"\1", _QUERY.sub(r"\1?[...]", text))
        return "\n".join(inert(line) for line in text.split("\n"))


def configure(settings: Settings) -> None:
    """Send records of the chosen level to stderr; libraries speak only when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(Redacting(settings.hidden()))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for library in ("httpx2", "httpcore2", "mcp", "asyncio", "botocore", "sse_starlette", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
