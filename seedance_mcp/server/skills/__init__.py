"""Skills: folders of instructions for assistants, which come with the package and are served as the MCP extension says."""

from __future__ import annotations

from .extension import MARKDOWN, SCHEME, SkillsExtension, listed_skill_files, read_skill_file
from .folders import Skill, skills

__all__ = [
    "MARKDOWN",
    "SCHEME",
    "Skill",
    "SkillsExtension",
    "listed_skill_files",
    "read_skill_file",
    "skills",
]
