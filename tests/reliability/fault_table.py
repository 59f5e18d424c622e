"""The fault matrix as Markdown, for `docs/reliability.md`."""

from __future__ import annotations

from seedance_mcp.catalog import Catalog

from .fault_outcomes import outcome
from .fault_rows import CALLS, ROWS

_HEADS = {
    "submit": "buying", "poll": "following", "cancel": "stopping", "check": "checking the key",
    "list": "looking for a lost purchase", "download": "fetching", "upload": "sending media",
}  # fmt: skip


def matrix() -> str:
    """Every fault against every call."""
    lines = [("what goes wrong", *(f"while {_HEADS[call]}" for call in CALLS)), ("---",) * (len(CALLS) + 1)]
    lines += [(row.says, *(_cell(row.cells[call]) for call in CALLS)) for row in ROWS]
    return _table(lines)


def legend() -> str:
    """What the words in the table mean for job and money."""
    means = {
        found.says.partition(":")[0]: found.means
        for row in ROWS
        for cell in row.cells.values()
        if not cell.startswith("-")
        for found in (outcome(cell),)
    }
    return _table([("words", "means"), ("---", "---"), *means.items()])


def reasons() -> str:
    """Why some cells are empty."""
    found = {cell[1:]: None for row in ROWS for cell in row.cells.values() if cell.startswith("-")}
    return "; ".join(found) + "."


def sellers() -> str:
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


def _cell(cell: str) -> str:
    return "" if cell.startswith("-") else outcome(cell).says


def _table(lines: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
