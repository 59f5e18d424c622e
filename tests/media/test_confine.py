"""The worker gets no secrets, little time and memory, and dies with the call that started it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketListener, SocketStream
from anyio.streams.stapled import MultiListener

from seedance_mcp.errors import InspectionFailed, MediaError
from seedance_mcp.media.confine import Limits, UnfinishedInspection, run_worker
from tests.media.crafting import picture

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")

HANGS = """
import json, signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
connection = socket.create_connection(("127.0.0.1", json.loads(sys.argv[1])["arguments"]["port"]))
connection.send(b"here")
while True:
    pass
"""

TELLS = """
import json, os, sys
print(json.dumps({"facts": {"environment": dict(os.environ), "modules": sorted(sys.modules)}}))
"""

TRIES = """
import json, socket, sys
from seedance_mcp.media.worker.main import give_up_rights
folder = json.loads(sys.argv[1])["arguments"]["folder"]
def opens(): open(folder + "/secret")
def writes(): open(folder + "/new", "w")
def connects(): socket.socket()
def grows(): bytearray(3 << 30)
give_up_rights(1024, 5)
failed = []
for attempt in (opens, writes, connects, grows):
    try:
        attempt()
    except (OSError, MemoryError) as error:
        failed.append(attempt.__name__)
print(json.dumps({"facts": {"failed": failed}}))
"""

STARVED = """
import seedance_mcp.media.worker.main as worker
from seedance_mcp.media.worker.refusal import RefusalError
def look(source, signature):
    {trouble}
worker._look = lambda task, signature: look
worker.main()
"""

HARM = {
    "a crash": "import os; os.abort()",
    "a flood": "import sys\nwhile True: sys.stdout.write('x' * 65536)",
    "too little memory": STARVED.format(trouble="raise MemoryError"),
    "too little memory for a decoder": STARVED.format(
        trouble="raise RefusalError('It stops decoding.') from MemoryError()"
    ),
}
OUR_FAULT = {
    "nothing": "",
    "an exit code": "import sys; sys.exit(3)",
    "a traceback": 'print(\'{"broken": "Traceback"}\')',
    "no JSON": "print('what')",
}

IMPORTS_LATE = """
import seedance_mcp.media.worker.main as worker
def look(source, signature):
    try:
        import colorsys
    except (ImportError, OSError):
        pass
    return {}, b""
worker._look = lambda task, signature: look
worker.main()
"""

ANNOUNCES = """
import sys
lazy import colorsys
import seedance_mcp.media.worker.main as worker
def look(source, signature):
    return {"white": colorsys.rgb_to_hsv(1, 1, 1)[2]}, b""
worker._look = lambda task, signature: look
worker.main()
"""


@contextmanager
def source(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(picture(tmp_path / "a.png"), os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes the code of a worker; it is found because the worker looks where we do."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(code: str) -> str:
        (tmp_path / "odd_worker.py").write_text(code)
        return "odd_worker"

    return write


async def is_dead(stream: SocketStream) -> None:
    """Return when the system has closed the worker's connection, which it does when the worker dies."""
    with anyio.fail_after(5), suppress(anyio.BrokenResourceError):
        async for chunk in stream:
            assert chunk == b"here"


async def test_a_worker_that_hangs_is_killed_when_its_time_is_up(
    tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(HANGS)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        with (
            source(tmp_path) as file,
            anyio.fail_after(10),
            pytest.raises(UnfinishedInspection, match="longer than 1 seconds"),
        ):
            await run_worker("hang", {"port": port}, source=file, limits=Limits(seconds=1), module=name)
        async with await accepted(listener) as stream:
            await is_dead(stream)


async def accepted(listener: MultiListener[SocketStream]) -> SocketStream:
    """The connection that somebody has made to it."""
    [alone] = listener.listeners
    assert isinstance(alone, SocketListener)
    return await alone.accept()


async def test_a_worker_is_killed_when_the_call_is_cancelled(
    tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(HANGS)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        stream: SocketStream | None = None
        with source(tmp_path) as file, anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:

                async def hang() -> None:
                    await run_worker(
                        "hang", {"port": port}, source=file, limits=Limits(seconds=60), module=name
                    )

                tasks.start_soon(hang)
                stream = await accepted(listener)
                assert await stream.receive() == b"here"
                tasks.cancel_scope.cancel()
            assert stream
            async with stream:
                await is_dead(stream)


@pytest.mark.parametrize("answer", HARM)
async def test_a_file_that_makes_the_decoder_crash_is_refused_as_such(
    answer: str, tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(HARM[answer])
    with source(tmp_path) as file, anyio.fail_after(20), pytest.raises(UnfinishedInspection):
        await run_worker("inspect", {}, source=file, limits=Limits(seconds=10), module=name)


@pytest.mark.parametrize("answer", OUR_FAULT)
async def test_a_mistake_of_the_worker_is_not_called_damage_of_the_file(
    answer: str, tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(OUR_FAULT[answer])
    with source(tmp_path) as file, anyio.fail_after(20), pytest.raises(InspectionFailed) as error:
        await run_worker("inspect", {}, source=file, limits=Limits(seconds=10), module=name)
    assert "damaged" not in error.value.message
    assert error.value.hint


async def test_a_worker_that_cannot_be_started_is_not_called_damage_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "removed-meanwhile"))
    with source(tmp_path) as file, anyio.fail_after(20), pytest.raises(InspectionFailed):
        await run_worker("inspect", {}, source=file, limits=Limits(seconds=10))


async def test_a_file_that_is_no_media_is_refused_and_no_more_than_that(
    tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(STARVED.format(trouble="raise RefusalError('It stops decoding.')"))
    with source(tmp_path) as file, anyio.fail_after(20), pytest.raises(MediaError) as error:
        await run_worker("inspect", {}, source=file, limits=Limits(seconds=10), module=name)
    assert not isinstance(error.value, UnfinishedInspection)


async def test_what_a_confined_worker_imports_is_told(
    tmp_path: Path, module: Callable[[str], str], late_imports: list[str]
) -> None:
    name = module(IMPORTS_LATE)
    with source(tmp_path) as file, anyio.fail_after(20):
        await run_worker("inspect", {}, source=file, limits=Limits(seconds=10), module=name)
    assert late_imports == ["colorsys"]
    late_imports.clear()


@pytest.mark.skipif(sys.version_info < (3, 15), reason="there are no lazy imports before Python 3.15")
async def test_what_a_library_only_announced_is_imported_before_the_worker_is_confined(
    tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(ANNOUNCES)
    with source(tmp_path) as file, anyio.fail_after(20):
        reply = await run_worker("inspect", {}, source=file, limits=Limits(seconds=10), module=name)
    assert reply.facts == {"white": 1}


async def test_a_worker_sees_no_variable_of_the_server(
    tmp_path: Path, module: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARK_API_KEY", "canary-4711")
    monkeypatch.setenv("LD_PRELOAD_CANARY", "canary-4711")
    name = module(TELLS)
    with source(tmp_path) as file, anyio.fail_after(10):
        reply = await run_worker("tell", {}, source=file, limits=Limits(seconds=5), module=name)
    assert "canary-4711" not in str(reply.facts["environment"])
    assert {"HOME", "PATH"}.isdisjoint(reply.facts["environment"])


async def test_the_real_worker_starts_without_the_rest_of_the_package(
    tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module("import seedance_mcp.media.worker.main\n" + TELLS)
    with source(tmp_path) as file, anyio.fail_after(10):
        reply = await run_worker("tell", {}, source=file, limits=Limits(seconds=5), module=name)
    loaded = set(reply.facts["modules"])
    assert "seedance_mcp.media.worker.main" in loaded
    assert loaded.isdisjoint({"mcp", "pydantic", "anyio", "seedance_mcp.types", "numpy", "av", "PIL"})


@POSIX
async def test_a_confined_worker_opens_no_file_and_no_socket(
    tmp_path: Path, module: Callable[[str], str]
) -> None:
    (tmp_path / "secret").write_text("secret")
    name = module(TRIES)
    with source(tmp_path) as file, anyio.fail_after(10):
        reply = await run_worker(
            "try", {"folder": str(tmp_path)}, source=file, limits=Limits(seconds=5), module=name
        )
    expected = ["opens", "writes", "connects"] + (["grows"] if sys.platform == "linux" else [])
    assert reply.facts["failed"] == expected


async def test_many_workers_take_turns(tmp_path: Path) -> None:
    answers: list[int] = []

    async def look() -> None:
        with source(tmp_path) as file:
            reply = await run_worker("inspect", {}, source=file, limits=Limits(seconds=20))
            answers.append(reply.facts["width"])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(look)
    assert answers == [64] * 6
