"""Keyrings that keep their passwords in a file, and such as fail in one way each: for `PYTHON_KEYRING_BACKEND`."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend

FILE = "TEST_KEYRING_FILE"
"""The variable that names the file."""


class FileKeyring(KeyringBackend):
    """Keeps passwords in the file that `TEST_KEYRING_FILE` names."""

    priority = 1  # pyright: ignore[reportAssignmentType]
    name = "the keyring of this test"  # pyright: ignore[reportAssignmentType]

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password, or None."""
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        content = {**self._all(), f"{service}/{username}": password}
        Path(os.environ[FILE]).write_text(json.dumps(content), encoding="utf-8")

    def _all(self) -> dict[str, str]:
        file = Path(os.environ[FILE])
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


class BreakingKeyring(FileKeyring):
    """Ends its thread, as a backend in Rust does that panics, with the password in what it says."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Say what was to be kept."""
        raise SystemExit(f"cannot keep {password}")


class MeddlingKeyring(FileKeyring):
    """Writes the file that `TEST_SETTINGS_FILE` names while it keeps a password, as another program could."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password, and write the file."""
        super().set_password(service, username, password)
        path = Path(os.environ["TEST_SETTINGS_FILE"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# by another\n", encoding="utf-8")


class NamelessKeyring(FileKeyring):
    """Cannot say what it is called."""

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Fail."""
        raise RuntimeError("no name")


class LockedKeyring(FileKeyring):
    """Never answers, as one that asks a person who is not there."""

    def get_password(self, service: str, username: str) -> str | None:
        """Wait for longer than any test."""
        threading.Event().wait(600)
        return None
