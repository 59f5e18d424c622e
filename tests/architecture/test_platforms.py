"""What is missing on Windows is used only where a check of the platform stands before it."""

from __future__ import annotations

import ast

from .source import Module, modules, parents

POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": {
        "O_CLOEXEC",
        "O_DIRECTORY",
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "O_PATH",
        "chown",
        "fchmod",
        "fork",
        "geteuid",
        "getgid",
        "getpgid",
        "getuid",
        "killpg",
        "mkfifo",
        "setpgid",
        "setsid",
        "statvfs",
        "uname",
        "wait3",
        "wait4",
    },
    "signal": {
        "SIGALRM",
        "SIGCHLD",
        "SIGHUP",
        "SIGKILL",
        "SIGSTOP",
        "SIGUSR1",
        "SIGUSR2",
        "alarm",
        "setitimer",
    },
}
WINDOWS_MODULES = {"msvcrt", "winreg", "_winapi"}
CHECKS = ("sys.platform", "os.name", "hasattr(os", "hasattr(signal", "_WINDOWS", "WINDOWS")


def test_what_only_posix_has_stands_behind_a_check() -> None:
    unguarded = [
        f"{module.path}:{line}: {what}"
        for module in modules()
        for node, line, what in _platform_specific(module)
        if not _guarded(node, module)
    ]
    assert unguarded == []


def _platform_specific(module: Module) -> list[tuple[ast.AST, int, str]]:
    found: list[tuple[ast.AST, int, str]] = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names} & (POSIX_MODULES | WINDOWS_MODULES)
            found += [(node, node.lineno, name) for name in names]
        elif isinstance(node, ast.ImportFrom) and node.module in POSIX_MODULES | WINDOWS_MODULES:
            found.append((node, node.lineno, node.module))
        elif isinstance(node, ast.Attribute) and node.attr in POSIX_NAMES.get(ast.unparse(node.value), ()):
            found.append((node, node.lineno, f"{ast.unparse(node.value)}.{node.attr}"))
    return found


def _guarded(node: ast.AST, module: Module) -> bool:
    """
    True when an `if` around it, or an earlier `if` of the same function or module, asks for the platform.

    A whole module may be for one platform: it says so by asserting `sys.platform` at its top.
    """
    above = parents(module.tree)
    while node in above:
        outer = above[node]
        if isinstance(outer, ast.If | ast.IfExp) and _asks(outer.test):
            return True
        if isinstance(outer, ast.Try) and any(
            "ImportError" in ast.unparse(h.type) for h in outer.handlers if h.type
        ):
            return True
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            before = [step for step in outer.body if getattr(step, "lineno", 0) <= getattr(node, "lineno", 0)]
            if any(isinstance(step, ast.If | ast.Assert) and _asks(step.test) for step in before):
                return True
        node = outer
    return False


def _asks(test: ast.expr) -> bool:
    text = ast.unparse(test)
    return any(check in text for check in CHECKS)
