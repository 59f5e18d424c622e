"""A provider that quotes the key and the addresses of results wherever it says anything."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.emulator import Emulator
from tests.emulator.wire import Request, Response
from tests.emulator.world import World

from .secrets_canaries import told

_SIGNATURE = re.compile(rb"X-Tos-Signature=([0-9a-f]{64})")


class Chatter:
    """
    Listens to what one pretended provider answers, and makes its sentences quote secrets while `quoting`.

    `signatures` are those of all addresses that it has given out.
    """

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.signatures = set[str]()
        self.quoting = True
        self._key = emulator.key
        self._forms = itertools.cycle(told(emulator.key))
        self._address = ""
        dialect: Any = emulator.dialect(name)
        self._answer: Callable[[str, Request, World], Response] = dialect.answer
        self._refusal: Callable[[int, str], Response] = dialect.refusal
        dialect.answer, dialect.refusal = self.answer, self.refusal

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Answer as the service does, with secrets in its sentences."""
        answer = self._answer(call, request, world)
        found = [signature.decode() for signature in _SIGNATURE.findall(answer.body)]
        if found:
            self.signatures |= set(found)
            self._address = f"https://results.example.com/v.mp4?X-Tos-Signature={found[0]}"
        return self._quote(answer)

    def refusal(self, status: int, code: str, *more: Any) -> Response:
        """Refuse as the service does, with secrets in its sentences."""
        return self._quote(self._refusal(status, code, *more))

    def _quote(self, answer: Response) -> Response:
        if not self.quoting or not answer.body.startswith((b"{", b"[")):
            return answer
        # A few forms at a time: what a sentence says after its first 300 characters is not kept.
        forms = [next(self._forms) for _ in range(3)]
        more = f" for {', '.join(forms)} at {self._address or 'no address'}"
        return replace(
            answer,
            body=json.dumps(_extended(json.loads(answer.body), more)).encode(),
            headers={**answer.headers, "X-Request-Id": next(self._forms)},
        )


def _extended(value: Any, more: str) -> Any:
    """The same with `more` after every sentence."""
    if isinstance(value, dict):
        return {name: _extended(inner, more) for name, inner in value.items()}
    if isinstance(value, list):
        return [_extended(inner, more) for inner in value]
    return value + more if isinstance(value, str) and " " in value else value
