"""The fault matrix as data, read from `docs/fault_matrix.toml`, and as Markdown for `docs/reliability.md`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedance_mcp.catalog import Catalog

PATH = Path(__file__).resolve().parents[1] / "docs" / "fault_matrix.toml"

CALLS: Mapping[str, str] = {
    "submit": "buying", "poll": "following", "cancel": "stopping", "check": "checking the key",
    "list": "looking for a lost purchase", "download": "fetching", "upload": "sending media",
}  # fmt: skip
"""The calls of a provider, in the order of the columns, and what the server does with each."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault: fields of the emulator's `Fault` and `Behaviour`, or a scene; `cells` is by call."""

    name: str
    says: str
    fault: Mapping[str, Any] = field(default_factory=dict[str, Any])
    behaviour: Mapping[str, Any] = field(default_factory=dict[str, Any])
    scene: str = ""
    cells: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the table calls an outcome, and what it means for job and money."""

    says: str
    means: str


def _read_row(found: dict[str, Any], usual: Mapping[str, str]) -> Row:
    others = found.pop("others", "")
    cells = {
        call: found.pop(call) if call in found else f"-{others}" if others else usual[call] for call in CALLS
    }
    return Row(cells=cells, **found)


_DATA = tomllib.loads(PATH.read_text(encoding="utf-8"))

ROWS: tuple[Row, ...] = tuple(_read_row(found, _DATA["usual"]) for found in _DATA["row"])
"""Every fault."""

WORDS: Mapping[str, Words] = {name: Words(**found) for name, found in _DATA["words"].items()}
"""What each outcome is called, by the first word of a cell."""

_PECULIAR = {(found["provider"], found["row"], found["call"]): found["cell"] for found in _DATA["peculiar"]}
_ROW_CALLS = {(row.name, call) for row in ROWS for call in CALLS}
if unknown := [place for place in _PECULIAR if place[1:] not in _ROW_CALLS]:
    raise ValueError(f"{PATH.name}: no row has the cells {unknown}")


def cell(provider: str, row: Row, call: str) -> str:
    """What the matrix says of a fault and a call at a provider."""
    return _PECULIAR.get((provider, row.name, call), row.cells[call])


def matrix() -> str:
    """Every fault against every call."""
    heads = ("what goes wrong", *(f"while {doing}" for doing in CALLS.values()))
    lines = [(row.says, *(_words(row.cells[call])[0] for call in CALLS)) for row in ROWS]
    return _table([heads, ("---",) * len(heads), *lines])


def legend() -> str:
    """What the words in the table mean for job and money."""
    cells = [row.cells[call] for row in ROWS for call in CALLS if not row.cells[call].startswith("-")]
    means = {says.partition(":")[0]: means for says, means in map(_words, cells)}
    return _table([("words", "means"), ("---", "---"), *means.items()])


def reasons() -> str:
    """Why some cells are empty."""
    found = {cell[1:]: None for row in ROWS for cell in row.cells.values() if cell.startswith("-")}
    return "; ".join(found) + "."


def lost_answers() -> str:
    """What decides, at each provider, how a lost answer is cleared up."""
    lines = [
        ("provider", "can be asked which tasks it took", "a whole list without it proves", "stops tasks",
         "charges for failed tasks", "keeps results"),
        ("---",) * 6,
    ]  # fmt: skip
    for info in Catalog.load().providers.values():
        if info.placeholder:
            continue
        lists = "recover" in info.supports
        minutes = (info.net_max_seconds + info.list_lag_seconds) / 60
        proof = (
            f"not bought, {minutes:.0f} minutes after the answer was lost"
            if info.absence_is_proof
            else "nothing"
        )
        lines.append(
            (
                info.title,
                "yes" if lists else "no: you decide",
                proof if lists else "",
                "yes" if "cancel" in info.supports else "no",
                "yes" if info.failed_is_billed else "no",
                f"{info.result_hours:g} hour{'' if info.result_hours == 1 else 's'}",
            )
        )
    return _table(lines)


def _words(cell: str) -> tuple[str, str]:
    """What a cell says and means; nothing for an empty one."""
    if cell.startswith("-"):
        return "", ""
    name, _, code = cell.partition(" ")
    words = WORDS[name]
    return words.says.format(code=code), words.means


def _table(lines: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
