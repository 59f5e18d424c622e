"""Generates tool calls from the tools' own schemas, other requests, and frames that are none."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

_TEXTS = (
    "", " ", "a cat", "x" * 300, "y" * 25_000, "\x00", "\ud800", "\u202egnp", "\x1b[2J", "../../etc/passwd",
    "/etc/passwd", "~nobody/x.png", "~/x.png", "https://[", "https://127.0.0.1/a.png", "file:///etc/passwd",
    "file://host/x", "data:image/png;base64,AAAA", "job:none", "media:none", "job_" + "0" * 26, "-1", "NaN",
    "[]", "{}", "[" * 2000, "seedance-2.0", "sandbox", "ark", "480p", "16:9", "%s%n{0}", "'; DROP TABLE jobs;--",
    "/proc/self/environ", "\\\\host\\share", "C:\\con",
)  # fmt: skip
_NUMBERS = (0, -1, 1, 2, 5, 10**6, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308, 3.7)
_URIS = (
    "seedance://jobs", "seedance://jobs/none", "seedance://models", "seedance://budget", "seedance://guide/x",
    "seedance://jobs/../../etc/passwd", "seedance://", "file:///etc/passwd", "seedance://jobs/%00", "x" * 5000,
    "seedance://models/\ud800", "seedance://jobs/none/video", "seedance://guide/../../x", "https://[",
)  # fmt: skip
_JUNK = (
    b"not json", b"\xff\xfe\x00", b"[" * 100_000, b"[1,2]", b"{}", b"null", b'{"jsonrpc":"2.0"}', b"",
    b'{"jsonrpc":"2.0","id":1e99,"method":"x"}', b'{"jsonrpc":"2.0","id":null,"method":"x"}',
    b'{"jsonrpc":"2.0","id":{"a":1},"method":"x"}', b'{"jsonrpc":"2.0","id":"never","result":{}}',
    b'[{"jsonrpc":"2.0","id":"batch","method":"ping"}]', b'{"jsonrpc":"1.0","id":"old","method":"ping"}',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"never"}}',
    b'{"jsonrpc":"2.0","method":"notifications/unknown"}', b'{"jsonrpc":"2.0","method":"' + b"m" * 100_000 + b'"}',
)  # fmt: skip


class Frames:
    """The frames of one run, decided by its random numbers alone."""

    def __init__(self, rng: random.Random, tools: list[dict[str, Any]], folder: Path) -> None:
        self.random = rng
        self._tools = tools
        self._texts = (
            *_TEXTS,
            str(folder / "media/text.png"),
            str(folder / "media/none.png"),
            str(folder / "state"),
        )

    def call(self) -> tuple[str, dict[str, Any]]:
        """One request: method and params."""
        roll = self.random.random()
        if roll < 0.90:
            tool = self.random.choice(self._tools)
            return "tools/call", {"name": tool["name"], "arguments": self._arguments(tool)}
        if roll < 0.95:
            return "resources/read", {"uri": self.random.choice(_URIS)}
        if roll < 0.97:
            name = self.random.choice(("job_id", "model", "provider", "x", ""))
            reference = {"type": "ref/resource", "uri": "seedance://jobs/{job_id}"}
            return "completion/complete", {
                "ref": reference,
                "argument": {"name": name, "value": self.random.choice(self._texts)},
            }
        return self.random.choice(
            (
                ("tools/call", {"name": "none", "arguments": {}}),
                ("tools/call", {"name": 5}),
                ("tools/call", {"name": "check_status", "arguments": "text"}),
                ("prompts/get", {"name": "x"}),
                ("prompts/get", {"name": "storyboard", "arguments": {"idea": "x", "seconds": "1e9"}}),
                ("resources/list", {"cursor": "x"}),
                ("resources/templates/list", {}),
                ("tools/list", {}),
                ("no/such/method", {}),
                ("ping", {}),
            )
        )

    def junk(self) -> bytes:
        """A line that is no request."""
        if self.random.random() < 0.3:
            return bytes(self.random.randrange(256) for _ in range(200)).replace(b"\n", b"")
        return self.random.choice(_JUNK)

    def _arguments(self, tool: dict[str, Any]) -> dict[str, Any]:
        known = tool["inputSchema"]["properties"]
        required = tool["inputSchema"].get("required", [])
        chosen = [name for name in known if name in required or self.random.random() < 0.3]
        arguments = {name: self._value(known[name]) for name in chosen if self.random.random() > 0.03}
        if self.random.random() < 0.1:
            arguments[self.random.choice(self._texts)[:100]] = self._absurd()
        if "wait_seconds" in known and self.random.random() < 0.98:
            arguments["wait_seconds"] = 0
        return arguments

    def _value(self, schema: dict[str, Any]) -> Any:
        if self.random.random() < 0.15:
            return self._absurd()
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        match schema.get("type"):
            case "integer" | "number":
                return self.random.choice((1, 2, 5, self.random.choice(_NUMBERS)))
            case "boolean":
                return self.random.random() < 0.5
            case "array":
                return [self.random.choice(self._texts) for _ in range(self.random.choice((0, 1, 3, 60)))]
            case "object":
                return {
                    self.random.choice(self._texts)[:50]: self._absurd()
                    for _ in range(self.random.choice((0, 1, 5)))
                }
            case _:
                return self.random.choice(self._texts)

    def _absurd(self) -> Any:
        deep: Any = []
        for _ in range(50):
            deep = [deep]
        return self.random.choice(
            (
                None,
                True,
                [],
                {},
                deep,
                {"a": deep},
                json.dumps(deep),
                self.random.choice(_NUMBERS),
                self.random.choice(self._texts),
            )
        )
