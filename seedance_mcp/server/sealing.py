"""
Seals what clients bring back with an answer, and loads the library that encrypts it when the first question is asked.

The SDK loads that library (`cryptography`, 8 MB) wherever it is loaded itself. Few servers on stdio ever ask a question.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.server.request_state import AESGCMRequestStateCodec

_LIBRARY = "cryptography"
_KEY_BYTES = 32


class LateSeal:
    """The SDK's own seal under a key of this process, made when it is used for the first time."""

    def seal(self, payload: bytes) -> str:
        """Return a token that only this process can open."""
        return self._sdk.seal(payload)

    def unseal(self, token: str) -> bytes:
        """Open a token. Raises the SDK's InvalidRequestState if this process has not made it."""
        return self._sdk.unseal(token)

    @cached_property
    def _sdk(self) -> AESGCMRequestStateCodec:
        from mcp.server import request_state

        for name, value in list(vars(request_state).items()):
            if isinstance(value, _Later):
                setattr(request_state, name, value.load())
        return request_state.AESGCMRequestStateCodec([secrets.token_bytes(_KEY_BYTES)])


def load_without_encryption() -> None:
    """
    Load the SDK's seal without the library that encrypts; `LateSeal` brings that in.

    An SDK that does more with the library while it loads than to take names from it is loaded with it later.
    """
    if _LIBRARY in sys.modules:
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        with contextlib.suppress(Exception):
            import_module("mcp.server.request_state")
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == _LIBRARY]:
            del sys.modules[name]


class _Later:
    """A name in a module of the library, which is loaded with the first call."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def load(self) -> Any:
        return getattr(import_module(self._module), self._name)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.load()(*args, **named)


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> _Later:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Later(self.__name__, name)


class _Finder(MetaPathFinder, Loader):
    """Finds a stand-in for each module of the library."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _LIBRARY:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass
