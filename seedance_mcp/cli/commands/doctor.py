"""The command `doctor`: whether a video could be made now, and what stands in its way."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from typing import Any

import anyio

from ...config import Reading, choose_team, read_settings
from ...texts import inert
from ..doctor.checkup import conclude, examine, no_such_team
from ..doctor.findings import Finding
from ..opening import log_to_stderr
from ..text import json_text
from ..words import told

_MARKS = {"ok": "ok", "off": "-", "warning": "WARN", "problem": "FAIL"}

_TEAM = "SEEDANCE_TEAM"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what shortens the examination and how it is printed."""
    parser.add_argument("--offline", action="store_true", help="Ask no provider; a key that is set counts")
    parser.add_argument(
        "--start-entries",
        action="store_true",
        help="Also run what each client's entry starts, with --version",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON")
    parser.epilog = "Exit code 0: a video could be made now; 1: not. Nothing is bought, and no key is shown."


def execute(arguments: argparse.Namespace) -> int:
    """Examine everything, for one team after the other where there are several; 0 when a video could be made now, else 1."""
    reading = read_settings()
    log_to_stderr(reading.settings)
    if not reading.settings.of_teams or _TEAM in reading.wrong:
        found = anyio.run(_doctor, reading, arguments)
        if arguments.json:
            print(json_text(found))
        return 0 if found["able"] else 1
    by_team: dict[str, dict[str, Any]] = {}
    for one in reading.settings.of_teams:
        if not arguments.json:
            print(f"{chr(10) if by_team else ''}Team {one.team}\n")
        choose_team(str(one.team))  # so that hints name it
        by_team[str(one.team)] = anyio.run(_doctor, replace(reading, settings=one), arguments)
    able = all(found["able"] for found in by_team.values())
    if arguments.json:
        print(json_text({"able": able, "teams": by_team}))
    return 0 if able else 1


async def _doctor(reading: Reading, arguments: argparse.Namespace) -> dict[str, Any]:
    """Examine one installation, and print what is found as it comes; with `--json` only return it."""
    as_json: bool = arguments.json
    settings = reading.settings
    findings: list[Finding] = []
    looked_at = (
        no_such_team(reading.wrong[_TEAM])
        if _TEAM in reading.wrong
        else examine(
            settings,
            network=not arguments.offline,
            wrong=reading.wrong,
            start_entries=arguments.start_entries,
        )
    )
    async for finding in looked_at:
        findings.append(replace(finding, text=told(finding.text), hint=told(finding.hint)))
        if not as_json:
            _print(findings[-1], before=findings[-2] if len(findings) > 1 else None)
    able, words = conclude(findings, settings)
    if not as_json:
        print(f"\n{words}")
    return {"able": able, "conclusion": words, "findings": [asdict(one) for one in findings]}


def _print(finding: Finding, *, before: Finding | None) -> None:
    if before is None or before.area != finding.area:
        print(f"{'' if before is None else chr(10)}{finding.area}")
    print(f"  {_MARKS[finding.verdict]:<4}  {inert(f'{finding.subject}: {finding.text}')}")
    if finding.hint:
        print(f"        {inert(finding.hint)}")
    sys.stdout.flush()
