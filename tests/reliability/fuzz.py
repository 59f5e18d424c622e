"""Plays generated calls and junk against a real server over stdio: `python -m tests.reliability.fuzz --calls 100000`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .fuzz_frames import Frames

LONGEST_ANSWER_SECONDS = 30.0
MOST_MEGABYTES = 600
_AT_ONCE = 200


@dataclass
class Outcome:
    """What came of a run; `wrong` names each broken promise with the frame that broke it."""

    calls: int = 0
    seed: int = 0
    answers: int = 0
    refused: int = 0
    junk: int = 0
    peak_megabytes: float = 0.0
    seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


class _Session:
    def __init__(self, process: subprocess.Popen[bytes], home: str) -> None:
        self.process = process
        self.home = home
        self.waiting: dict[Any, bytes] = {}
        self.changed = threading.Condition()
        self.outcome = Outcome()
        self.result: Any = None

    def write(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self.changed:
                self._judge(line)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _judge(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
        except ValueError:
            self.outcome.wrong.append(f"no JSON on stdout: {line[:200]!r}")
            return
        if "id" not in answer or "method" in answer:
            return
        frame = self.waiting.pop(answer["id"], b"(not waited for)")
        self.outcome.answers += 1
        self.result = answer.get("result")
        if b"Traceback" in line or self.home.encode() in line:
            self.outcome.wrong.append(
                f"a trace or the home folder in the answer to {frame[:500]!r}: {line[:500]!r}"
            )
        code = _code(answer)
        if code:
            self.outcome.refused += 1
            self.outcome.codes[str(code)] += 1
            if code in ("no code", "internal"):
                self.outcome.wrong.append(f"{code} for {frame[:700]!r}: {line[:400]!r}")

    def ask(self, number: Any, line: bytes, *, most: int) -> None:
        """Send a request when at most so many others are unanswered."""
        self.settle(most)
        with self.changed:
            self.waiting[number] = line
        self.write(line)

    def settle(self, most: int = 0) -> None:
        with self.changed:
            fine = self.changed.wait_for(
                lambda: len(self.waiting) <= most or self.process.poll() is not None, LONGEST_ANSWER_SECONDS
            )
            if self.process.poll() is not None:
                raise RuntimeError(f"the server died with {self.process.poll()}")
            if not fine:
                oldest = next(iter(self.waiting.values()))
                raise RuntimeError(f"no answer within {LONGEST_ANSWER_SECONDS:g} s to {oldest[:700]!r}")


def _code(answer: dict[str, Any]) -> object:
    if "error" in answer:
        return answer["error"].get("code", "no code")
    result = answer.get("result") or {}
    if result.get("isError"):
        return (result.get("_meta") or {}).get("seedance/error", {}).get("code", "no code")
    return None


def run(calls: int, seed: int, folder: Path | None = None) -> Outcome:
    """Make so many calls at a server of its own, in the sandbox, and say what went wrong."""
    with tempfile.TemporaryDirectory() as spare:
        return _run(calls, seed, folder or Path(spare))


def _run(calls: int, seed: int, folder: Path) -> Outcome:
    home = folder / "home-canary"
    for made in (home, folder / "media", folder / "state"):
        made.mkdir()
    (folder / "media" / "text.png").write_text("no picture")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SEEDANCE_")},
        "HOME": str(home),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_MEDIA_DIRS": str(folder / "media"),
        "SEEDANCE_SANDBOX_SECONDS": "3600",
        "SEEDANCE_PROVIDER": "sandbox",
        "SEEDANCE_DETACH": "0",
        "SEEDANCE_PREVIEW": "0",
    }
    start = time.monotonic()
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "seedance_mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environ,
            cwd=folder,
        )
        session = _Session(process, str(home))
        outcome = session.outcome
        outcome.calls, outcome.seed = calls, seed
        reader = threading.Thread(target=session.read, daemon=True)
        reader.start()
        try:
            _play(session, calls, seed, folder)
            outcome.peak_megabytes = _peak(process.pid)
            assert process.stdin
            process.stdin.close()
            if code := process.wait(LONGEST_ANSWER_SECONDS):
                outcome.wrong.append(f"the exit code is {code}")
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            outcome.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            process.kill()
            process.wait()
            reader.join(10)
            for pipe in (process.stdin, process.stdout):
                assert pipe
                with contextlib.suppress(OSError):
                    pipe.close()
    said = (folder / "stderr").read_text(errors="replace")
    if "Traceback" in said:
        outcome.wrong.append(f"a trace on stderr: …{said[said.index('Traceback') :][:3000]}")
    if outcome.peak_megabytes > MOST_MEGABYTES:
        outcome.wrong.append(f"{outcome.peak_megabytes:.0f} MB of memory")
    outcome.seconds = time.monotonic() - start
    return outcome


def _play(session: _Session, calls: int, seed: int, folder: Path) -> None:
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "fuzz", "version": "1"},
    }
    session.ask(-1, _line(-1, "initialize", hello), most=0)
    session.settle()
    session.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    session.ask(-2, _line(-2, "tools/list", {}), most=0)
    session.settle()
    frames = Frames(random.Random(seed), session.result["tools"], folder)
    for number in range(calls):
        if frames.random.random() < 0.05:
            session.write(frames.junk())
            session.outcome.junk += 1
        method, params = frames.call()
        line = _line(number, method, params)
        session.ask(number, line, most=_AT_ONCE)
    session.settle()


def _line(number: int, method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main() -> None:
    """Read the command line, play, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    outcome = run(asked.calls, asked.seed)
    print(outcome)
    sys.exit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
