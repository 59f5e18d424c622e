"""Windows: the true path of a file behind a handle, and opening without following links."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import ctypes
    import msvcrt
    import os
    import stat
    from collections.abc import Callable, Sequence
    from ctypes import wintypes
    from pathlib import Path

    from ...errors import MediaError

    _GENERIC_READ = 0x80000000
    _SHARE_ALL = 0x00000007
    _OPEN_EXISTING = 3
    _BACKUP_SEMANTICS = 0x02000000
    """Without it CreateFile opens no folders."""
    _OPEN_REPARSE_POINT = 0x00200000
    """Open a link itself instead of what it leads to."""
    _FILE_TYPE_DISK = 1

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.CreateFileW.restype = wintypes.HANDLE
    _kernel32.CreateFileW.argtypes = (
        wintypes.LPCWSTR,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.LPVOID,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.HANDLE,
    )
    _kernel32.GetFinalPathNameByHandleW.argtypes = (
        wintypes.HANDLE,
        wintypes.LPWSTR,
        wintypes.DWORD,
        wintypes.DWORD,
    )
    _kernel32.GetFileType.argtypes = (wintypes.HANDLE,)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel32.GetWindowsDirectoryW.argtypes = (wintypes.LPWSTR, wintypes.UINT)

    def _handle(path: Path, access: int, flags: int) -> int:
        handle = _kernel32.CreateFileW(str(path), access, _SHARE_ALL, None, _OPEN_EXISTING, flags, None)
        if handle is None or handle == wintypes.HANDLE(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        return int(handle)

    def _final_path(handle: int) -> Path:
        buffer = ctypes.create_unicode_buffer(32_768)
        if not _kernel32.GetFinalPathNameByHandleW(handle, buffer, len(buffer), 0):
            raise ctypes.WinError(ctypes.get_last_error())
        text = buffer.value
        if text.startswith("\\\\?\\UNC\\"):
            return Path("\\\\" + text[8:])
        return Path(text.removeprefix("\\\\?\\"))

    def true_path(folder: Path) -> Path | None:
        """The folder's path links followed, short names spelled out; None if there is no such folder."""
        try:
            handle = _handle(folder, 0, _BACKUP_SEMANTICS)
        except OSError:
            return None
        try:
            found = _final_path(handle)
            return found if found.is_dir() else None
        except OSError:
            return None
        finally:
            _kernel32.CloseHandle(handle)

    def without_links(path: Path, roots: Sequence[Path]) -> Path:
        """
        The path itself, spelled below the true root; a link below an allowed folder is refused, not followed.

        Raises:
            MediaError: a part below the root is a symbolic link, junction or other reparse point.
        """
        root = next((folder for folder in roots if path.is_relative_to(folder)), None)
        if root is None:
            return path
        current = true_path(root) or root
        for part in path.relative_to(root).parts:
            current /= part
            try:
                attributes = os.lstat(current).st_file_attributes
            except OSError:
                continue  # what is missing is reported when it is opened
            if attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT:
                raise MediaError(f"{current} is a link.", hint="Name the file that it leads to.")
        return current

    def open_judged(
        path: Path, _root: Path, judge: Callable[[os.stat_result, Path], None]
    ) -> tuple[int, Path]:
        """Open a file for reading, following no link at its end; keep it only if `judge` lets it pass."""
        if path.is_dir():
            raise MediaError(f"{path} is a folder.", hint="Name one file in it.")
        judge(os.lstat(path), path)
        handle = _handle(path, _GENERIC_READ, _BACKUP_SEMANTICS | _OPEN_REPARSE_POINT)
        if _kernel32.GetFileType(handle) != _FILE_TYPE_DISK:
            _kernel32.CloseHandle(handle)
            raise MediaError(f"{path} is no regular file.")
        try:
            found = _final_path(handle)
            descriptor = msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
        except OSError:
            _kernel32.CloseHandle(handle)
            raise
        try:
            judge(os.fstat(descriptor), found)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, found

    def windows_folder() -> str:
        """Where Windows lies; programs do not start without knowing it."""
        buffer = ctypes.create_unicode_buffer(260)
        _kernel32.GetWindowsDirectoryW(buffer, len(buffer))
        return buffer.value
