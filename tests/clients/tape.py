"""
Stands between a client and the server that it starts, and writes every message of both to a file.

    python tape.py FILE COMMAND...

Each line of FILE begins with `>` (from the client) or `<` (from the server).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any


def messages(file: Path, direction: str) -> list[dict[str, Any]]:
    """Return what went in one direction so far; a last line that is not finished is left out."""
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [json.loads(line[1:]) for line in lines if line.startswith(direction.encode())]


def _main(file: str, *command: str) -> int:
    with Path(file).open("ab") as tape, subprocess.Popen(command, stdin=-1, stdout=-1) as server:
        assert server.stdin
        assert server.stdout
        turn = threading.Lock()

        def copy(direction: bytes, source: IO[bytes], target: IO[bytes]) -> None:
            for line in source:
                with turn:
                    tape.write(direction + line)
                    tape.flush()
                target.write(line)
                target.flush()

        answers = threading.Thread(target=copy, args=(b"<", server.stdout, sys.stdout.buffer), daemon=True)
        answers.start()
        try:
            copy(b">", sys.stdin.buffer, server.stdin)
            server.stdin.close()
        except BrokenPipeError:  # the server has ended before its client
            pass
        answers.join()
        return server.wait()


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
