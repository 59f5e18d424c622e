"""What counts as read: the same request is a new purchase only when somebody could read how the first one ended."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from tests.emulator import Behaviour, Emulator
from tests.reliability.waiting import until

from .asking import SMALL, content
from .conftest import Era
from .process import INITIALIZED, Server, call, initialize, serving

WISH = {"prompt": "A red fox trots through fresh snow", "resolution": "480p", "duration": 5}


class House:
    """One provider, and clients that come and go: each starts a server of its own on the same store."""

    def __init__(self, emulator: Emulator, environ: dict[str, str], folder: Path, *, modern: bool) -> None:
        self.emulator = emulator
        self._environ = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        self._folder = folder
        self._modern = modern
        self._number = 1

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Server]:
        """A client that leaves without a word at the end of the context."""
        async with serving(self._environ, self._folder) as server:
            if not self._modern:
                await server.ask(initialize())
                await server.send(INITIALIZED)
            yield server

    def wish(self, tool: str = "generate_video", **arguments: Any) -> Any:
        """A call on its way; without arguments, the purchase that all clients here want."""
        self._number += 1
        return call(self._number, tool, arguments or {**WISH, "wait_seconds": 60}, modern=self._modern)

    async def answer(self, server: Server, tool: str = "generate_video", **arguments: Any) -> dict[str, Any]:
        """What a call was answered with."""
        result = (await server.ask(self.wish(tool, **arguments)))["result"]
        assert not result.get("isError"), result
        return result["structuredContent"]

    @staticmethod
    async def received(server: Server) -> Any:
        """The next answer that is in the pipe; notifications are dropped."""
        while "id" not in (message := await server.receive()):
            assert "method" in message
        return message

    async def bought(self, times: int = 1) -> None:
        """Wait until so many purchases are known to the provider."""

        async def true() -> bool:
            return len(self.emulator.ledger.tasks) >= times

        await until(true)

    async def finish(self) -> None:
        """Let the provider finish everything, and wait until nothing is open in the store."""
        for task_id in self.emulator.ledger.tasks:
            self.emulator.ledger.force(task_id, "succeeded")

        async def true() -> bool:
            with closing(sqlite3.connect(self._folder / "state" / "jobs.db")) as connection:
                return {row[0] for row in connection.execute("SELECT state FROM jobs")} == {"done"}

        await until(true)


Opening = Callable[[], AbstractAsyncContextManager[House]]


@pytest.fixture(params=[False, True], ids=["handshake", "modern"])
def opening(request: pytest.FixtureRequest, environ: dict[str, str], tmp_path: Path) -> Opening:
    """Opens the house, whose clients speak as the older or the newer protocol says."""

    @asynccontextmanager
    async def open_house() -> AsyncIterator[House]:
        async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator:
            yield House(emulator, environ, tmp_path, modern=request.param)

    return open_house


async def test_a_client_that_closes_its_pipes_while_it_waits_has_read_nothing(opening: Opening) -> None:
    async with opening() as house:
        async with house.client() as gone:
            await gone.send(house.wish())
            await house.bought()
            await gone.stdin.aclose()
            for task_id in house.emulator.ledger.tasks:
                house.emulator.ledger.force(task_id, "succeeded")
            await gone.process.wait()
        async with house.client() as other:
            await house.finish()
            again = await house.answer(other)
        assert (again["deduplicated"], again["status"]) == (True, "succeeded")
        assert house.emulator.ledger.count("submit") == len(house.emulator.ledger.tasks) == 1


async def test_an_answer_that_was_sent_is_not_an_answer_that_was_read(opening: Opening) -> None:
    async with opening() as house:
        async with house.client() as gone:
            await gone.send(house.wish())
            await house.bought()
            await house.finish()
            sent = (await house.received(gone))["result"]["structuredContent"]
        async with house.client() as other:
            again = await house.answer(other)
        assert sent["status"] == "succeeded"
        assert (again["job_id"], again["deduplicated"]) == (sent["job_id"], True)
        assert "allow_duplicate or another seed" in again["notes"][0]
        assert house.emulator.ledger.count("submit") == len(house.emulator.ledger.tasks) == 1


async def test_a_client_that_repeats_its_calls_gets_the_same_jobs_however_often(opening: Opening) -> None:
    boat = {**WISH, "prompt": "A boat"}
    async with opening() as house, house.client() as impatient:
        fox = house.wish(**WISH, wait_seconds=60)
        await impatient.send(fox, house.wish(**boat, wait_seconds=60))
        await house.bought(2)
        await house.finish()
        sent = [await house.received(impatient) for _ in range(2)]
        ids = {answer["id"] == fox["id"]: answer["result"]["structuredContent"]["job_id"] for answer in sent}
        for _ in range(3):
            assert (await house.answer(impatient, **WISH))["job_id"] == ids[True]
            assert (await house.answer(impatient, **boat))["job_id"] == ids[False]
        assert house.emulator.ledger.count("submit") == len(house.emulator.ledger.tasks) == 2


async def test_after_a_later_call_of_its_client_the_same_request_is_a_new_purchase(opening: Opening) -> None:
    async with opening() as house:
        async with house.client() as client:
            await client.send(house.wish())
            await house.bought()
            await house.finish()
            first = (await house.received(client))["result"]["structuredContent"]
            await house.answer(client, "check_status", job_id=first["job_id"])
        async with house.client() as other:
            again = await house.answer(other, **WISH, wait_seconds=0)
        assert again["job_id"] != first["job_id"]
        assert len(house.emulator.ledger.tasks) == 2


async def test_what_a_vanished_client_was_told_is_told_once_more_to_the_next(opening: Opening) -> None:
    async def told(client: Server) -> list[str]:
        answer = await house.answer(client, "list_models", provider="ark")
        return [job["job_id"] for job in answer.get("finished_meanwhile", [])]

    async with opening() as house:
        async with house.client() as gone:
            job = await house.answer(gone, **WISH, wait_seconds=0)
            await house.finish()
            assert await told(gone) == [job["job_id"]]
        async with house.client() as other:
            assert [await told(other) for _ in range(3)] == [[job["job_id"]], [], []]
        async with house.client() as third:
            assert await told(third) == []


async def test_each_session_of_one_process_proves_only_what_it_was_told_itself(
    settings: Settings, era: Era
) -> None:
    server = create_server(settings)
    with anyio.fail_after(60):
        async with Client(server, mode=era) as gone:
            first = content(await gone.call_tool("generate_video", {**SMALL, "wait_seconds": 30}))
            async with Client(server, mode=era) as other:
                news = content(await other.call_tool("list_models", {}))
                again = content(await other.call_tool("generate_video", {**SMALL, "wait_seconds": 0}))
                await other.call_tool("list_models", {})
                new = content(await other.call_tool("generate_video", {**SMALL, "wait_seconds": 0}))
    assert [job["job_id"] for job in news["finished_meanwhile"]] == [first["job_id"]]
    assert again["job_id"] == first["job_id"] != new["job_id"]
