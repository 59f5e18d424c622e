"""Puts the server together: identity, instructions, tools, resources, prompts, and the lifespan that opens the app."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from mcp.server import CacheHint, MCPServer
from mcp.server.request_state import RequestStateSecurity

from ..config import Settings
from ..errors import SeedanceError
from .board.mcp_app import AppsExtension
from .callers import as_their_caller
from .completions import add_completions
from .ending import Ending
from .job_tasks import JobTasks
from .opening import Opening, opening, person_who_calls
from .prompts import add_prompts, all_prompts
from .resources import add_resources
from .revisions import only_what_was_negotiated
from .sealing import LateSeal
from .skills import SkillsExtension
from .tasks import TasksExtension, no_news_of_tasks_unasked
from .tooling import Toolbox
from .tools import all_tools, answering_with_a_job
from .updates import PeoplesBus, Updates

_HOUR_MS = 3_600_000

INSTRUCTIONS = (
    "Makes Seedance videos. Tell the person the price (estimate_cost) before generate_video spends it. Jobs"
    " go on by themselves: after a time-out call check_status, never generate_video again. Give the person"
    " video_path. How to direct one: skill://direct-seedance-video/SKILL.md"
)


@dataclass(frozen=True, kw_only=True)
class OverHttp:
    """
    What a server over HTTP is built with: how state that clients bring back is sealed, who is told of the opening, and whether
    this process `buys`, or leaves that to workers.
    """

    security: RequestStateSecurity
    opened: Callable[[Opening], None]
    buys: bool = True


def assemble(
    settings: Settings,
    wrong: SeedanceError | None = None,
    ending: Ending | None = None,
    http: OverHttp | None = None,
) -> MCPServer[Any]:
    """
    Build the server for these settings; with `wrong` its tools answer with that, and nothing is opened.

    `ending` is told when the client has left; the lifespan closes later. With `http` each request comes by itself, so
    clients of the older era cannot subscribe: nothing would reach them.
    """
    bus = PeoplesBus(person_who_calls)
    updates = Updates(bus)

    @contextlib.asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncGenerator[Opening]:
        buys = http is None or http.buys
        async with opening(settings, updates, wrong, buys=buys) as installation:
            if http is not None:
                http.opened(installation)
            with contextlib.nullcontext() if ending is None else ending.first(installation.begin_ending):
                yield installation

    server = Toolbox(
        name="seedance",
        title="Seedance video",
        version=version("seedance-mcp"),
        instructions=INSTRUCTIONS,
        tools=list(all_tools(over_http=http is not None)),
        lifespan=lifespan,
        subscriptions=bus,
        middleware=[as_their_caller, only_what_was_negotiated, no_news_of_tasks_unasked],
        extensions=[SkillsExtension(), AppsExtension(), TasksExtension(JobTasks(answering_with_a_job))],
        cache_hints={
            "tools/list": CacheHint(ttl_ms=_HOUR_MS, scope="public"),
            "prompts/list": CacheHint(ttl_ms=_HOUR_MS, scope="public"),
        },
        log_level="WARNING",
        request_state_security=http.security if http else RequestStateSecurity(codec=LateSeal()),
    )
    add_resources(server)
    add_prompts(server, all_prompts)
    add_completions(server, all_prompts)
    if http is None:
        updates.serve_handshake_clients(server)
    return server
