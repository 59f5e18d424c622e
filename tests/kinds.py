"""
The kinds of tests, by what a test needs, and which test is of which kind.

`conftest.py` marks every test with its kind, so that `pytest -m "unit or wire"` runs two of them, and fails a test that
does more than its kind may.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

UNIT = "unit"
"""This process alone, with files in a folder of its own at most: no socket, no other process."""

WIRE = "wire"
"""Servers on this machine as well, over real sockets; no other process."""

PROCESS = "process"
"""Other processes as well: the real command, media workers. Of a test with parameters one case; the others are proofs."""

PROOF = "proof"
"""Tries something by the thousand or in every combination, or tests a tool that other tests rely on.
`reliability/test_miniatures.py` and the tests in `MINIATURES`, of the kind `process`, play a little of each."""

KINDS = {
    "architecture": UNIT,
    "architecture/test_layers.py": PROCESS,
    "architecture/test_package.py": PROCESS,
    "architecture/test_readme.py": PROCESS,
    "architecture/test_source_distribution.py": PROOF,
    "catalog": UNIT,
    "cli": PROCESS,
    "cli/test_arguments.py": UNIT,
    "cli/test_carriage.py": UNIT,
    "cli/test_demo.py": PROOF,
    "cli/test_watch.py": PROOF,
    "clients": PROOF,
    "config": UNIT,
    "config/test_commands.py": PROCESS,
    "emulator": PROOF,
    "jobs": PROCESS,
    "jobs/test_accounts.py": WIRE,
    "jobs/test_by_hand.py": UNIT,
    "jobs/test_downloads.py": WIRE,
    "jobs/test_elapsed_time.py": UNIT,
    "jobs/test_files.py": UNIT,
    "jobs/test_held_back_sound.py": WIRE,
    "jobs/test_job_codes.py": UNIT,
    "jobs/test_journal.py": UNIT,
    "jobs/test_missing.py": UNIT,
    "jobs/test_network_drives.py": UNIT,
    "jobs/test_no_end.py": WIRE,
    "jobs/test_read_tracking.py": UNIT,
    "jobs/test_receipts.py": UNIT,
    "jobs/test_retries.py": WIRE,
    "jobs/test_soundness.py": UNIT,
    "jobs/test_stand_ins.py": UNIT,
    "jobs/test_too_early.py": WIRE,
    "jobs/test_unfinished.py": UNIT,
    "jobs/test_unreachable_results.py": WIRE,
    "jobs/test_watcher_lease.py": PROOF,
    "media": PROCESS,
    "media/test_cuts.py": UNIT,
    "media/test_placeholder_words.py": UNIT,
    "providers": WIRE,
    "providers/test_added_provider.py": PROCESS,
    "providers/test_damage.py": PROOF,
    "providers/test_proxies.py": PROCESS,
    "providers/test_sandbox.py": PROCESS,
    "providers/test_strange_answers.py": PROOF,
    "reliability": PROOF,
    "reliability/test_miniatures.py": PROCESS,
    "server": PROCESS,
    "server/test_accounts.py": WIRE,
    "server/test_endings.py": PROOF,
    "server/test_every_provider.py": PROOF,
    "server/test_outlooks.py": WIRE,
    "server/test_output_schemas.py": PROOF,
    "server/test_reading.py": PROOF,
    "server/test_revisions.py": PROOF,
    "test_app.py": PROCESS,
    "test_matrix.py": PROOF,
    "test_sweep.py": PROOF,
}
"""The kind of each folder, and of each file in it that is of another kind; paths from this folder."""

MINIATURES = {
    "cli/test_watch.py": "test_with_nothing_to_do_it_says_so_and_ends",
    "reliability/test_doubtful_lists.py": "test_a_list_out_of_a_cache_proves_nothing_until_a_new_one_comes",
    "reliability/test_gaps_in_lists.py": "test_odd_rows_of_others_do_not_hide_a_lost_purchase",
    "reliability/test_late_buyers.py": "test_a_buyer_whose_purchase_was_judged_absent_meanwhile_adopts_it",
    "reliability/test_lost_ways.py": "test_a_task_of_which_only_the_receipt_is_left_is_followed",
    "reliability/test_private.py": "test_every_file_and_folder_of_a_session_is_private",
    "server/test_endings.py": "test_a_server_that_has_nothing_open_leaves_nobody_behind",
    "server/test_every_provider.py": "test_price_upload_video_file_and_charge",
    "server/test_output_schemas.py": "test_prices_that_need_agreement_are_within_the_schema_too",
    "server/test_reading.py": "test_each_session_of_one_process_proves_only_what_it_was_told_itself",
    "server/test_revisions.py": "test_a_client_is_sent_only_what_its_revision_defines",
}
"""Of files of proofs the one test that is played every day as well, as a test of processes."""

LONGEST = (
    "reliability/test_simulation.py",
    "reliability/test_fuzz.py",
    "reliability/test_faults.py",
    "reliability/test_paths_race.py",
    "reliability/test_kill.py",
    "reliability/test_mutants.py",
    "reliability/test_disk.py",
    "reliability/test_secrets.py",
    "reliability/test_miniatures.py",
    "clients/test_inspector.py",
    "clients/test_typescript.py",
    "server/test_waiting.py",
    "cli/test_watch.py",
)
"""Files with tests that take the longest, those first; paths from this folder."""

_CONNECTING = frozenset({"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto"})
if sys.platform == "win32":
    _CONNECTING = frozenset[str]()  # an event loop wakes itself over a socket there
_STARTING = frozenset({"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"})
_FORBIDDEN = {UNIT: _CONNECTING | _STARTING, WIRE: _STARTING}
"""Audit events that a test of a kind must not cause."""


def kind_of(file: Path) -> str | None:
    """Return the kind of the tests in a file, or None if it is none of ours."""
    if not file.is_relative_to(TESTS):
        return None
    inside = file.relative_to(TESTS)
    return next(
        (KINDS[path.as_posix()] for path in (inside, *inside.parents) if path.as_posix() in KINDS), None
    )


def _inside(file: Path) -> str:
    return file.relative_to(TESTS).as_posix()


def is_wanted(file: Path, expression: str) -> bool:
    """Return whether tests of this file can be among those of a mark expression (`pytest -m`)."""
    kind = kind_of(file)
    words = set(re.findall(r"\w+", expression)) - {"and", "or", "not"}
    if kind is None or not words or not words <= set(KINDS.values()):
        return True
    kinds = (PROCESS, PROOF) if kind == PROCESS or _inside(file) in MINIATURES else (kind,)
    return any(eval(expression, {}, {word: word == kind for word in words}) for kind in kinds)


def mark(items: Iterable[pytest.Item]) -> None:
    """
    Mark each test with its kind.

    Of a test of processes with parameters one case keeps the kind, and the others are proofs: which one, the name of
    the test decides, so that every era and every provider has its share.
    """
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        kind = kind_of(item.path)
        test = item.nodeid.partition("[")[0]
        if kind == PROCESS or (kind and MINIATURES.get(_inside(item.path)) == test.rpartition("::")[2]):
            cases[test].append(item)
        elif kind:
            item.add_marker(kind)
    for name, alike in cases.items():
        usual = zlib.crc32(name.encode()) % len(alike)
        for place, item in enumerate(alike):
            item.add_marker(PROCESS if place == usual else PROOF)


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """
    Put the longest tests where each of so many workers begins, so that none is left with one while the others are done.

    Workers take equal parts of the list, one after the other, and whoever is done takes from the ends of the others'.
    """
    rank = {TESTS / path: place for place, path in enumerate(LONGEST)}
    ordered = sorted(items, key=lambda item: rank.get(item.path, len(LONGEST)))
    return [item for worker in range(workers) for item in ordered[worker::workers]]


class Trespasses:
    """Notes what a test does that its kind may not, in this process."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self._forbidden: frozenset[str] = frozenset()
        sys.addaudithook(self._hear)

    def begin(self, kind: str | None) -> None:
        """Start with a test of this kind."""
        self.noted = []
        self._forbidden = _FORBIDDEN.get(kind or "", frozenset())

    def end(self) -> list[str]:
        """Return what was noted since, and note nothing any more."""
        self._forbidden = frozenset()
        return self.noted

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in self._forbidden:
            self.noted.append(f"{event} {arguments!r}"[:200])
