"""Ways to ask the server that several tests share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, TextContent

SMALL = {"prompt": "A red fox in the snow", "model": "seedance-1.0-pro", "resolution": "480p", "duration": 2}
"""The quickest request that there is."""


def content(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a call that went well."""
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def refusal(result: CallToolResult) -> dict[str, Any]:
    """The error of a call that was refused, which the text has to hold as well."""
    assert result.is_error
    assert result.structured_content is None
    assert result.meta is not None
    error: dict[str, Any] = result.meta["seedance/error"]
    for told in (error["code"], error["hint"], *(error.get("problems") or [error["message"]])):
        assert told in text(result)
    assert not error.get("token") or error["token"] in text(result)
    return error


def text(result: CallToolResult) -> str:
    """What a client reads that looks at text alone."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


async def make(client: Client, **changes: Any) -> dict[str, Any]:
    """Make a video and wait for it; the job."""
    job = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 0, **changes}))
    return content(await client.call_tool("check_status", {"job_id": job["job_id"], "wait_seconds": 30}))


def priced(
    environ: Mapping[str, str], folder: Path, usd_per_second: str, *, more: str = ""
) -> dict[str, str]:
    """An environment in which the sandbox has a price, so that money rules apply."""
    catalog = folder / "priced.toml"
    catalog.write_text(
        "[providers.sandbox.shared.all]\n"
        f'prices = [{{ amount = "{usd_per_second}", per = "second", source = "a test"{more and ", "}{more} }}]\n',
        encoding="utf-8",
    )
    return {**environ, "SEEDANCE_CATALOG": str(catalog)}
