"""Reads the skills that come with the package, on first use: their files with digests, and what their front matter says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

_ENTRY = "SKILL.md"
_FENCE = "---\n"


@dataclass(frozen=True)
class SkillFile:
    """A file of a skill: its path from the skill's folder, with slashes, and what is in it."""

    path: str
    text: str

    @cached_property
    def raw(self) -> bytes:
        """The bytes that size and digest are of."""
        return self.text.encode()

    @cached_property
    def digest(self) -> str:
        """The digest as the extension writes it: `sha256:` and 64 hexadecimal digits."""
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"


@dataclass(frozen=True)
class Skill:
    """A skill; `frontmatter` is all that `SKILL.md` begins with, and `files` has that file first."""

    frontmatter: Mapping[str, str]
    files: tuple[SkillFile, ...]

    @property
    def name(self) -> str:
        """Its name, which is that of its folder."""
        return self.frontmatter["name"]

    @property
    def uri(self) -> str:
        """The address by which hosts know it: that of its `SKILL.md`."""
        return self.address(self.files[0])

    def address(self, file: SkillFile) -> str:
        """Return the address of one of its files."""
        return f"skill://{self.name}/{file.path}"


@cache
def skills() -> tuple[Skill, ...]:
    """
    Return every skill, complete.

    Each has the catalogue's prompting guides among its `references`: they are written once, and a skill that is copied
    elsewhere works without the server's resources.
    """
    folders = sorted(files(__name__.rpartition(".")[0]).iterdir(), key=lambda folder: folder.name)
    return tuple(_skill(folder) for folder in folders if folder.joinpath(_ENTRY).is_file())


def _skill(folder: Traversable) -> Skill:
    from ...catalog import Catalog  # here, because a server starts without the catalogue

    own = [SkillFile(path, text) for path, text in _texts(folder)]
    guides = Catalog.load().guides()
    added = [SkillFile(f"references/{name}.md", guide.text) for name, guide in guides.items()]
    ordered = sorted([*own, *added], key=lambda file: (file.path != _ENTRY, file.path))
    return Skill(frontmatter=_frontmatter(ordered[0].text), files=tuple(ordered))


def _texts(folder: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    for child in folder.iterdir():
        if child.is_dir():
            yield from _texts(child, f"{above}{child.name}/")
        else:
            yield f"{above}{child.name}", child.read_text(encoding="utf-8")


def _frontmatter(text: str) -> dict[str, str]:
    """Read the YAML that our skills use: one line for each field, plain text that needs no quotation marks."""
    block = text.removeprefix(_FENCE).partition(_FENCE)[0]
    return {name: value for name, _, value in (line.partition(": ") for line in block.splitlines())}
