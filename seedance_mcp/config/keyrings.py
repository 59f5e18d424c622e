"""Keys in the operating system's keyring, by the library `keyring` where it is installed; nobody waits for it long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from .cleaning import NotAllowed
from .installation import extra_command

KEYRING = "the system's keyring"
"""Where a key is from that the keyring holds."""

_SERVICE = "seedance-mcp"
_LIBRARY = "keyring"
_SECONDS = 4.0
"""A keyring that is locked may ask the person at the screen; who starts a server does not wait for that."""

_Answer = TypeVar("_Answer")


class NoKeyring(Exception):
    """The keyring cannot be used; the message says why, as the end of a sentence."""


def read_key(name: str) -> str:
    """
    Return the key that the keyring holds under the name of its variable.

    Raises:
        NotAllowed: it holds none, or cannot be read.
    """
    try:
        found: object = _asked(lambda library: library.get_password(_SERVICE, name), _SECONDS)
    except NoKeyring as error:
        raise NotAllowed(str(error)) from None
    if not isinstance(found, str) or not found:
        raise NotAllowed("it holds no such key")
    return found


def store_key(name: str, key: str, *, seconds: float = 60) -> str:
    """
    Keep a key in the keyring, read it again, and return what the keyring is called.

    Raises:
        NoKeyring: it is not kept there.
    """

    def store(library: Any) -> str:
        called = str(library.get_keyring().name)  # first: what fails then has not stored it
        library.set_password(_SERVICE, name, key)
        if library.get_password(_SERVICE, name) != key:
            raise NoKeyring("it took the key and does not have it")
        return called

    return _asked(store, seconds)


def _asked(question: Callable[[Any], _Answer], seconds: float) -> _Answer:
    """
    Put a question to the library, in a thread that is left to itself when it takes longer.

    Raises:
        NoKeyring: there is no library, no keyring, or no answer.
    """
    if find_spec(_LIBRARY) is None:
        raise NoKeyring(f"the library for it is not installed; run `{extra_command('keyring')}`")
    answers: list[_Answer] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question(import_module(_LIBRARY)))
        except BaseException as error:  # whatever a backend raises: else Python prints it, with the key in it
            failures.append(error)

    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    if not failures:
        raise NoKeyring(f"it gave no answer in {seconds:g} seconds; it may be locked")
    if isinstance(failures[0], NoKeyring):
        raise failures[0]
    # Not the message: a backend may quote what it was given.
    raise NoKeyring(f"it cannot be used here ({type(failures[0]).__name__})")
