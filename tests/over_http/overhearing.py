"""Buys as one caller while another listens: what is nobody else's affair must not be heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import httpx2
from mcp.client.subscriptions import ResourceUpdated

from .local import STALLED, called, client, post, result_of

BUDGET = ["seedance://budget"]


async def jobs_of(http: httpx2.AsyncClient, url: str, headers: Mapping[str, Any]) -> list[str]:
    """Name the jobs that a caller sees."""
    answer = result_of(await post(http, url, called("check_status"), headers))
    return [job["job_id"] for job in answer["structuredContent"]["jobs"]]


async def buy(http: httpx2.AsyncClient, url: str, headers: Mapping[str, Any]) -> str:
    """Buy a video that is never done, and return its job."""
    answer = result_of(await post(http, url, called("generate_video", STALLED), headers))
    return answer["structuredContent"]["job_id"]


async def bought_beside(
    http: httpx2.AsyncClient, url: str, headers: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """Buy as one, who hears of it, while the other listens to everything; return the job, and what the other heard."""
    heard: list[str] = []
    listening = anyio.Event()
    async with (
        client(url, "auto", dict(headers)) as ours,
        client(url, "auto", dict(other)) as theirs,
        anyio.create_task_group() as tasks,
    ):

        async def listen() -> None:
            async with theirs.listen(resources_list_changed=True, resource_subscriptions=BUDGET) as news:
                listening.set()
                while True:
                    heard.append(str(await anext(aiter(news))))

        tasks.start_soon(listen)
        await listening.wait()
        async with ours.listen(resource_subscriptions=BUDGET) as news:
            job_id = await buy(http, url, headers)
            assert await anext(aiter(news)) == ResourceUpdated(uri="seedance://budget")
        await jobs_of(http, url, other)  # news of ours would have come by now
        tasks.cancel_scope.cancel()
    return job_id, heard
