"""Opens a file for reading only after its descriptor, not its name, has been found to be allowed."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...errors import MediaError
from .folders import Folders, parts_below, path_of
from .path_rules import check_names, check_text, outside

Judge = Callable[[os.stat_result, Path], None]
"""Raises MediaError unless the file held by a descriptor (its facts, its true path) may be read."""

Opener = Callable[[Path, Path, Judge], tuple[int, Path]]
"""Opens a path below an allowed folder, if the judge agrees: a descriptor for reading, and the true path."""


@contextmanager
def open_allowed(
    path: Path, *, allowed: Sequence[Path], forbidden: Sequence[Path], opener: Opener | None = None
) -> Generator[tuple[int, Path]]:
    """
    Open a regular file inside an `allowed` folder: a descriptor for reading, and the file's true path.

    A relative path is looked up in the allowed folders. Symbolic links are followed as long as what they
    lead to is itself allowed (not on Windows, where links are refused). A file in a `forbidden` folder is
    never opened, under no name: opening the job database a second time would drop its locks. `opener` is how
    the system at hand opens a file safely.

    Raises:
        MediaError: the file may not be read, is none, or is not there.
    """
    check_text(str(path))
    folders = Folders.of(allowed, forbidden)
    true_path = _follow(_whole(path, folders), folders)
    if folders.is_forbidden(true_path):
        raise _state_refusal()
    root = folders.root(true_path)
    if root is None:
        raise outside(path, allowed)
    opener = opener or best_opener()
    try:
        descriptor, found = opener(true_path, root, judge_for(path, folders))
    except OSError as error:
        raise _explained(path, error) from None
    try:
        yield descriptor, found
    finally:
        os.close(descriptor)


def open_plain(path: Path, *, writable: bool = False) -> int:
    """
    Open a file of our own, or one that was checked before, for reading; the caller closes the descriptor.

    Neither is ever a link: one that lies there was put there later, and may lead to what is private. Only one of our
    own is opened `writable`.

    Raises:
        MediaError: there is none, or it is no regular file.
    """
    flags = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")
    access = os.O_RDWR if writable else os.O_RDONLY
    try:
        _check_regular(path, path.lstat())
        return os.open(path, sum((getattr(os, flag, 0) for flag in flags), access))
    except OSError as error:
        raise _explained(path, error) from None


def _whole(path: Path, folders: Folders) -> Path:
    if path.parts and path.parts[0] == "~":
        try:
            return path.expanduser()
        except RuntimeError:
            raise MediaError("The home folder (~) is not known here.", hint="Write the whole path.") from None
    if path.is_absolute():
        return path
    for root in folders.allowed:
        if os.path.lexists(root / path):
            return root / path
    listed = ", ".join(str(folder) for folder in folders.named) or "none yet"
    raise MediaError(
        f"There is no {path} in the folders that may be read.",
        hint=f"Give the whole path. Folders that may be read: {listed} (setting SEEDANCE_MEDIA_DIRS).",
    )


def _follow(path: Path, folders: Folders) -> Path:
    """Follow symbolic links by name; what gets opened is judged again by its descriptor."""
    if sys.platform == "win32":
        from . import windows

        return windows.without_links(path, (*folders.named, *folders.allowed))
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError, RecursionError) as error:  # the last one: a chain of a thousand links
        raise MediaError(f"{path} cannot be followed: {error}") from None


def judge_for(asked: Path, folders: Folders) -> Judge:
    """The judge by these folders; `asked` is the path that its messages name."""
    closed = folders.forbidden_files()

    def judge(info: os.stat_result, found: Path) -> None:
        if (info.st_dev, info.st_ino) in closed or folders.is_forbidden(found):
            raise _state_refusal()
        root = folders.root(found)
        if root is None:
            raise outside(asked, folders.named)
        check_text(str(found))
        check_names(parts_below(found, root) or ())
        _check_regular(asked, info)

    return judge


def best_opener() -> Opener:
    """The safest way to open a file that this system has."""
    if sys.platform == "win32":
        from . import windows

        return windows.open_judged
    if sys.platform == "linux" and Path("/proc/self/fd").is_dir():
        return open_by_handle
    return open_by_walking


if sys.platform == "linux":

    def open_by_handle(path: Path, _root: Path, judge: Judge) -> tuple[int, Path]:
        """Take hold of the file without opening it, judge what is held, then open that and nothing else."""
        handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            info = os.fstat(handle)
            if not info.st_nlink:
                raise FileNotFoundError(errno.ENOENT, "it was removed")
            held = Path(f"/proc/self/fd/{handle}")
            found = held.readlink()
            judge(info, found)
            return os.open(held, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), found
        finally:
            os.close(handle)


if sys.platform != "win32":

    def open_by_walking(path: Path, root: Path, judge: Judge) -> tuple[int, Path]:
        """
        Step down from the allowed folder one name at a time, following no link.

        For systems without /proc. The file is judged before it is opened and must be the same one after.
        """
        folder_flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        *steps, name = parts_below(path, root) or (".",)
        folder = os.open(root, folder_flags)
        try:
            for step in steps:
                inner = os.open(step, folder_flags | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            before = os.stat(name, dir_fd=folder, follow_symlinks=False)
            judge(before, path)
            descriptor = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
            )
        finally:
            os.close(folder)
        try:
            after = os.fstat(descriptor)
            if not os.path.samestat(before, after):
                raise MediaError(f"{path} was replaced while it was being opened.", hint="Try again.")
            found = path_of(descriptor) or path
            judge(after, found)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, found


def _state_refusal() -> MediaError:
    return MediaError(
        "This file belongs to the server's own state and is never used as media.",
        hint="Give a picture, video or sound from another folder.",
    )


def _check_regular(path: Path, info: os.stat_result) -> None:
    if stat.S_ISREG(info.st_mode):
        if not info.st_size:
            raise MediaError(f"{path} is empty.")
        return
    if stat.S_ISDIR(info.st_mode):
        raise MediaError(f"{path} is a folder.", hint="Name one file in it.")
    raise MediaError(f"{path} is no regular file but a device, pipe, socket or link.")


def _explained(path: Path, error: OSError) -> MediaError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MediaError(
            f"There is no file {path}.", hint="Check the spelling; ask the person where the file is."
        )
    if isinstance(error, PermissionError):
        return MediaError(f"The server has no permission to read {path}.")
    return MediaError(f"{path} cannot be opened: {error.strerror or type(error).__name__}.")
