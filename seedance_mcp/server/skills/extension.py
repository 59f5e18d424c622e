"""The MCP extension `io.modelcontextprotocol/skills` (SEP-2640): which skills there are, and the digests of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.types import INVALID_PARAMS, PaginatedRequestParams, ReadResourceRequestParams, Resource

from .folders import Skill, skills

SCHEME = "skill://"
MARKDOWN = "text/markdown"

_CACHED = {"ttlMs": 3_600_000, "cacheScope": "public"}

_Context = ServerRequestContext[Any, Any]


class SkillsExtension(Extension):
    """Answers `skills/list` and `skills/get`. The files themselves are resources; `resources/read` has them."""

    identifier = "io.modelcontextprotocol/skills"

    def methods(self) -> Sequence[MethodBinding]:
        """
        Return both methods, for every revision of the protocol.

        The extension is declared only where a revision has a place for that (from 2026-07-28 on), but a client that
        asks all the same is answered.
        """
        return (
            MethodBinding("skills/list", PaginatedRequestParams, _list),
            MethodBinding("skills/get", ReadResourceRequestParams, _get),
        )


def listed_skill_files() -> list[Resource]:
    """Return the resources that the list of all resources has of the skills: the entry of each, from which links lead on."""
    return [
        Resource(
            uri=skill.uri,
            name=skill.name,
            description=skill.frontmatter["description"],
            mime_type=MARKDOWN,
            size=len(skill.files[0].raw),
        )
        for skill in skills()
    ]


def read_skill_file(uri: str) -> str | None:
    """Return what is in a file of a skill, or None if there is none at this address."""
    return next((file.text for skill in skills() for file in skill.files if skill.address(file) == uri), None)


async def _list(context: _Context, params: PaginatedRequestParams) -> dict[str, Any]:
    return {"skills": [_entry(skill) for skill in skills()], **_CACHED}


async def _get(context: _Context, params: ReadResourceRequestParams) -> dict[str, Any]:
    for skill in skills():
        if skill.uri == params.uri:
            return {"skill": _entry(skill), **_CACHED}
    known = ", ".join(skill.uri for skill in skills())
    raise MCPError(
        INVALID_PARAMS, f"There is no skill {params.uri[:200]!r}.", {"hint": f"There are: {known}."}
    )


# Plain, as the wire has it: the classes of models would be built at each start, for what hardly any client asks.
def _entry(skill: Skill) -> dict[str, Any]:
    return {
        "uri": skill.uri,
        "frontmatter": dict(skill.frontmatter),
        "resources": [
            {"uri": skill.address(file), "digest": file.digest, "size": len(file.raw)} for file in skill.files
        ],
    }
