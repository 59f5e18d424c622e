"""The MCP extension `io.modelcontextprotocol/skills` (SEP-2640): which skills there are, and the digests of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.types import INVALID_PARAMS, CacheableResult, PaginatedRequestParams, RequestParams, Resource
from pydantic import BaseModel

from .folders import Skill, SkillFile, skills

SCHEME = "skill://"
MARKDOWN = "text/markdown"

_HOUR_MS = 3_600_000


class _File(BaseModel):
    uri: str
    digest: str
    size: int


class _Entry(BaseModel):
    uri: str
    frontmatter: dict[str, str]
    resources: list[_File]


class _Listed(CacheableResult):
    skills: list[_Entry]


class _Got(CacheableResult):
    skill: _Entry


class _Wanted(RequestParams):
    uri: str


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
            MethodBinding("skills/get", _Wanted, _get),
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


async def _list(context: ServerRequestContext[Any, Any], params: PaginatedRequestParams) -> _Listed:
    return _Listed(skills=[_entry(skill) for skill in skills()], ttl_ms=_HOUR_MS, cache_scope="public")


async def _get(context: ServerRequestContext[Any, Any], params: _Wanted) -> _Got:
    for skill in skills():
        if skill.uri == params.uri:
            return _Got(skill=_entry(skill), ttl_ms=_HOUR_MS, cache_scope="public")
    known = ", ".join(skill.uri for skill in skills())
    raise MCPError(
        INVALID_PARAMS, f"There is no skill {params.uri[:200]!r}.", {"hint": f"There are: {known}."}
    )


def _entry(skill: Skill) -> _Entry:
    return _Entry(
        uri=skill.uri,
        frontmatter=dict(skill.frontmatter),
        resources=[_file(skill, file) for file in skill.files],
    )


def _file(skill: Skill, file: SkillFile) -> _File:
    return _File(uri=skill.address(file), digest=file.digest, size=len(file.raw))
