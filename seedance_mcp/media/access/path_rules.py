"""What a path given by an assistant may look like, judged as text before anything is touched."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePath

from ...errors import MediaError

MAX_PATH_CHARACTERS = 4096

_SCHEME = re.compile(r"^(data|blob|file|sandbox|[a-z][a-z0-9+.-]+(?=:/)):", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)$", re.IGNORECASE)
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KERNEL_FOLDERS = ("/dev", "/proc", "/sys")
_KEY_SUFFIXES = frozenset(
    (
        ".asc",
        ".cer",
        ".crt",
        ".csr",
        ".env",
        ".gpg",
        ".jks",
        ".kdbx",
        ".key",
        ".keystore",
        ".ovpn",
        ".p12",
        ".p8",
        ".pem",
        ".pfx",
        ".pgp",
        ".ppk",
    )
)
_KEY_STEMS = frozenset(
    (
        "authorized_keys",
        "credentials",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        "id_rsa",
        "id_xmss",
        "known_hosts",
        "passwd",
        "shadow",
        "wallet",
    )
)
_ASSISTANT_FOLDERS = (
    "/mnt/user-data",
    "/mnt/data",
    "/home/claude",
    "/home/user/uploads",
    "/home/oai",
    "/files",
)


def check_text(text: str, *, windows: bool = os.name == "nt") -> None:
    """
    Refuse text that is no plain path of a local file, without touching the file system.

    Raises:
        MediaError: it is a URL, a network or device path, relative to a drive or a user's home, steps up
            with `..`, or holds characters that do not belong into a path.
    """
    if not text.strip() or len(text) > MAX_PATH_CHARACTERS:
        raise MediaError(f"The path is empty or longer than {MAX_PATH_CHARACTERS} characters.")
    check_readable(text)
    slashed = text.replace("\\", "/")
    if slashed.startswith(("//", "/??/")):
        raise MediaError(
            "Network and device paths are never opened.",
            hint="Copy the file to a local folder and name that copy.",
        )
    if found := _SCHEME.match(text):
        raise MediaError(
            f"This is a {found[1].lower()}: address, not a path.",
            hint="Pass the plain path of a local file, such as /home/me/Videos/cat.png, or an https URL.",
        )
    if windows:
        _check_windows(slashed)
    elif "\\" in text or _DRIVE.match(text):
        raise MediaError("This is a Windows path, but the server does not run on Windows.")
    parts = PurePath(slashed).parts
    if ".." in slashed.split("/"):
        raise MediaError("The path steps up with '..'.", hint="Write the whole path without '..'.")
    if parts and parts[0].startswith("~") and parts[0] != "~":
        raise MediaError("Another user's home folder (~name) is not looked up.", hint="Write the whole path.")
    if any(slashed == folder or slashed.startswith(folder + "/") for folder in _KERNEL_FOLDERS):
        raise MediaError("Files of the operating system (/dev, /proc, /sys) are never used as media.")


def check_readable(text: str) -> None:
    """
    Refuse text with characters that belong into no path and no URL.

    Raises:
        MediaError: it holds control or direction characters, or is no valid text.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs", "Co") or character in _BIDI for character in text):
        raise MediaError(
            "The path holds control or direction characters, or bytes that are no text.",
            hint="Rename the file, or pass the path exactly as the file manager shows it.",
        )


def _check_windows(slashed: str) -> None:
    rest = slashed
    if _DRIVE.match(slashed):
        rest = slashed[2:]
        if not rest.startswith("/"):
            raise MediaError(
                "The path is relative to a drive's current folder.", hint="Write it as C:\\folder\\file.png."
            )
    elif slashed.startswith("/"):
        raise MediaError("The path names no drive.", hint="Write it as C:\\folder\\file.png.")
    if ":" in rest:
        raise MediaError("The path names an alternate data stream (a ':' after the drive).")
    for part in rest.split("/"):
        if part != part.rstrip(". ") and part not in (".", ".."):
            raise MediaError(f"Windows would drop the dot or space at the end of {part!r}.")
        if _RESERVED.match(part.split(".")[0].rstrip(" ")):
            raise MediaError(f"{part!r} is a device on Windows, not a file.")


def check_names(below: Sequence[str]) -> None:
    """
    Refuse hidden files and files named like keys; `below` are the path's parts below an allowed folder.

    Raises:
        MediaError: a part starts with a dot, or the last one is named like a key or a password file.
    """
    if any(part.startswith(".") for part in below):
        raise MediaError(
            "Hidden files and folders (names that start with a dot) are never used as media.",
            hint="Copy the file to a visible folder.",
        )
    name = PurePath(below[-1].lower()) if below else PurePath()
    if name.suffix in _KEY_SUFFIXES or name.stem in _KEY_STEMS:
        raise MediaError(
            "The file is named like a key or a password file.", hint="Give a picture, video or sound."
        )


OUTSIDE = "is outside the folders that may be read."
"""How the refusal of a path outside the allowed folders ends."""


class OutsideFolders(MediaError):
    """The path is outside the folders that may be read."""


def outside(path: Path, allowed: Sequence[Path]) -> MediaError:
    """The refusal of a path outside the allowed folders. It does not tell whether the file exists."""
    folders = ", ".join(str(folder) for folder in allowed) or "none yet"
    slashed = path.as_posix()
    for folder in _ASSISTANT_FOLDERS:
        if (slashed == folder or slashed.startswith(folder + "/")) and not Path(folder).exists():
            return MediaError(
                f"{path} looks like a path in the assistant's own sandbox; this machine has no {folder}.",
                hint="Ask the person for the file's path on their computer, or for an https URL. "
                f"Folders that may be read: {folders} (setting SEEDANCE_MEDIA_DIRS).",
            )
    return OutsideFolders(
        f"{path} {OUTSIDE}",
        hint=f"Folders that may be read: {folders}. Move the file there, or ask the person to add its "
        "folder to the setting SEEDANCE_MEDIA_DIRS.",
    )
