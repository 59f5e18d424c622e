"""
The kinds of tests, by what a test needs, and which test is of which kind.

`conftest.py` marks every test with its kind, so that `pytest -m "unit or wire"` runs two of them, and fails a test that
does more than its kind may.
"""

from __future__ import annotations

import os
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
"""Tries something by the thousand or in every combination, starts many processes, or tests a tool of other tests.
`reliability/test_miniatures.py` and the tests in `MINIATURES`, of the kind `process`, play a little of each."""

KINDS = {
    "architecture": UNIT,
    "architecture/test_layers.py": PROCESS,
    "architecture/test_package.py": PROCESS,
    "architecture/test_readme.py": PROCESS,
    "architecture/test_source_distribution.py": PROOF,
    "board": WIRE,
    "board/test_mcp_app.py": UNIT,
    "board/test_media.py": PROCESS,
    "board/test_overview.py": UNIT,
    "board/test_page.py": UNIT,
    "board/test_process.py": PROCESS,
    "board/test_sessions.py": UNIT,
    "board_page": PROOF,
    "catalog": UNIT,
    "cli": PROCESS,
    "cli/test_accounts.py": PROOF,
    "cli/test_arguments.py": UNIT,
    "cli/test_carriage.py": UNIT,
    "cli/test_consent.py": PROOF,
    "cli/test_demo.py": PROOF,
    "cli/test_doctor.py": PROOF,
    "cli/test_film_making.py": PROOF,
    "cli/test_setup.py": PROOF,
    "cli/test_strange_words.py": PROOF,
    "cli/test_usage.py": PROOF,
    "cli/test_videos.py": PROOF,
    "cli/test_watch.py": PROOF,
    "clients": PROOF,
    "config": UNIT,
    "config/test_commands.py": PROCESS,
    "emulator": PROOF,
    "films": PROCESS,
    "films/test_broken.py": PROOF,
    "films/test_casting.py": UNIT,
    "films/test_document.py": UNIT,
    "films/test_export.py": PROOF,
    "films/test_freshness.py": UNIT,
    "films/test_full_disk.py": PROOF,
    "films/test_limits.py": UNIT,
    "films/test_starter.py": UNIT,
    "films/test_take_rules.py": UNIT,
    "installing": UNIT,
    "jobs": PROCESS,
    "jobs/test_accounts.py": WIRE,
    "jobs/test_approvals.py": UNIT,
    "jobs/test_archive.py": UNIT,
    "jobs/test_by_hand.py": UNIT,
    "jobs/test_carriers.py": PROOF,
    "jobs/test_damaged_records.py": UNIT,
    "jobs/test_downloads.py": WIRE,
    "jobs/test_elapsed_time.py": UNIT,
    "jobs/test_files.py": UNIT,
    "jobs/test_film_orders.py": UNIT,
    "jobs/test_film_returns.py": UNIT,
    "jobs/test_films.py": UNIT,
    "jobs/test_fitting.py": PROOF,
    "jobs/test_held_back_sound.py": WIRE,
    "jobs/test_hooks.py": PROOF,
    "jobs/test_job_codes.py": UNIT,
    "jobs/test_journal.py": UNIT,
    "jobs/test_leases.py": UNIT,
    "jobs/test_missing.py": UNIT,
    "jobs/test_network_drives.py": UNIT,
    "jobs/test_no_end.py": WIRE,
    "jobs/test_outcomes.py": UNIT,
    "jobs/test_output_folders.py": PROOF,
    "jobs/test_read_tracking.py": UNIT,
    "jobs/test_receipts.py": UNIT,
    "jobs/test_retries.py": WIRE,
    "jobs/test_reviews.py": UNIT,
    "jobs/test_soundness.py": WIRE,
    "jobs/test_stand_ins.py": UNIT,
    "jobs/test_too_early.py": WIRE,
    "jobs/test_unable.py": WIRE,
    "jobs/test_unfinished.py": UNIT,
    "jobs/test_unreachable_results.py": PROOF,
    "jobs/test_viewing.py": PROOF,
    "jobs/test_watcher_lease.py": PROOF,
    "media": PROCESS,
    "media/test_captions.py": UNIT,
    "media/test_cuts.py": UNIT,
    "media/test_film_sheet.py": PROOF,
    "media/test_fitting.py": PROOF,
    "media/test_headers.py": PROOF,
    "media/test_looks.py": PROOF,
    "media/test_outgoing.py": PROOF,
    "media/test_placeholder.py": PROOF,
    "media/test_placeholder_words.py": UNIT,
    "media/test_probe.py": PROOF,
    "objects": WIRE,
    "over_http": WIRE,
    "over_http/test_conversation_files.py": PROCESS,
    "over_http/test_from_afar.py": PROCESS,
    "over_http/test_incoming.py": PROCESS,
    "over_http/test_metrics.py": PROCESS,
    "over_http/test_object_store.py": PROCESS,
    "over_http/test_process.py": PROCESS,
    "postgres": PROOF,
    "postgres/test_back_up.py": PROCESS,
    "postgres/test_policies.py": PROCESS,
    "postgres/test_sharing.py": PROCESS,
    "postgres/test_store.py": PROCESS,
    "postgres/test_tables.py": PROCESS,
    "providers": WIRE,
    "providers/test_added_provider.py": PROCESS,
    "providers/test_damage.py": PROOF,
    "providers/test_proxies.py": PROCESS,
    "providers/test_sandbox.py": PROOF,
    "providers/test_strange_answers.py": PROOF,
    "published": UNIT,
    "published/test_by_their_tools.py": PROOF,
    "reliability": PROOF,
    "reliability/test_films.py": UNIT,
    "reliability/test_killed_sets.py": PROCESS,
    "reliability/test_miniatures.py": PROCESS,
    "server": PROCESS,
    "server/test_accounts.py": WIRE,
    "server/test_approvals.py": WIRE,
    "server/test_arguments.py": PROOF,
    "server/test_carriers.py": PROOF,
    "server/test_delivery.py": PROOF,
    "server/test_endings.py": PROOF,
    "server/test_every_provider.py": PROOF,
    "server/test_malformed_keys.py": PROOF,
    "server/test_messages.py": PROOF,
    "server/test_opening.py": PROOF,
    "server/test_outlooks.py": WIRE,
    "server/test_output_schemas.py": PROOF,
    "server/test_prompts.py": UNIT,
    "server/test_reading.py": PROOF,
    "server/test_revisions.py": PROOF,
    "server/test_skills.py": UNIT,
    "server/test_stdio.py": PROOF,
    "server/test_strange_requests.py": PROOF,
    "server/test_unknown_settings.py": PROOF,
    "server/test_waiting.py": PROOF,
    "server/test_words.py": PROOF,
    "server/test_wrong_settings.py": PROOF,
    "test_app.py": PROOF,
    "test_matrix.py": PROOF,
    "test_other_systems.py": UNIT,
    "test_sweep.py": PROOF,
}
"""The kind of each folder, and of each file in it that is of another kind; paths from this folder."""

MINIATURES = {
    "board_page/test_local_page.py": "test_a_person_approves_one_price_and_declines_another",
    "cli/test_accounts.py": "test_the_message_about_another_key_names_a_command_that_goes_on_with_the_first",
    "cli/test_consent.py": "test_approve_asks_the_person_at_the_terminal",
    "cli/test_doctor.py": "test_a_wrong_setting_is_named_once",
    "cli/test_film_making.py": "test_all_that_is_wrong_with_a_document_is_told_with_its_place",
    "cli/test_setup.py": "test_a_key_is_checked_stored_for_the_user_alone_and_priced",
    "cli/test_strange_words.py": "test_a_job_is_listed_and_shown_without_anything_that_a_terminal_acts_on",
    "cli/test_usage.py": "test_a_refusal_says_what_to_do_in_the_terminal",
    "cli/test_videos.py": "test_generate_prints_the_path_of_a_playable_video",
    "cli/test_watch.py": "test_with_nothing_to_do_it_says_so_and_ends",
    "jobs/test_carriers.py": "test_estimates_and_uploads_say_by_which_way_the_file_goes",
    "jobs/test_fitting.py": "test_the_price_is_that_of_the_picture_that_is_sent",
    "jobs/test_hooks.py": "test_it_is_run_once_for_each_job_however_it_ends",
    "jobs/test_output_folders.py": "test_a_video_goes_to_the_folder_it_was_ordered_for_whoever_saves_it",
    "jobs/test_unreachable_results.py": "test_an_address_refused_by_whatever_code_is_replaced_by_a_fresh_one",
    "jobs/test_viewing.py": "test_a_sheet_is_written_beside_the_video_as_it_is_shown",
    "media/test_fitting.py": "test_every_picture_gets_a_size_inside_the_limits",
    "media/test_headers.py": "test_a_film_whose_headers_are_true_leaves_with_them",
    "media/test_looks.py": "test_videos_of_different_lengths_and_rates_show_the_same_times",
    "media/test_outgoing.py": "test_a_copy_that_is_not_what_the_file_was_is_not_sent",
    "media/test_placeholder.py": "test_size_length_rate_and_sound_are_exact",
    "media/test_probe.py": "test_a_crafted_video_is_described_as_it_was_made",
    "providers/test_sandbox.py": "test_a_task_goes_from_the_purchase_to_a_finished_file",
    "reliability/test_doubtful_lists.py": "test_a_list_out_of_a_cache_proves_nothing_until_a_new_one_comes",
    "reliability/test_gaps_in_lists.py": "test_odd_rows_of_others_do_not_hide_a_lost_purchase",
    "reliability/test_late_buyers.py": "test_a_buyer_whose_purchase_was_judged_absent_meanwhile_adopts_it",
    "reliability/test_lost_ways.py": "test_a_task_of_which_only_the_receipt_is_left_is_followed",
    "server/test_arguments.py": "test_nothing_in_whatever_words_is_as_if_it_had_been_left_out",
    "server/test_delivery.py": "test_a_provider_that_names_another_model_than_was_ordered_is_told_of",
    "server/test_endings.py": "test_a_server_that_has_nothing_open_leaves_nobody_behind",
    "server/test_every_provider.py": "test_price_upload_video_file_and_charge",
    "server/test_malformed_keys.py": "test_nobody_else_is_paid_in_place_of_the_one_who_would_be_chosen",
    "server/test_messages.py": "test_a_line_that_is_no_request_is_told_so",
    "server/test_opening.py": "test_a_state_folder_that_comes_later_is_used_when_it_is_there",
    "server/test_output_schemas.py": "test_prices_that_need_agreement_are_within_the_schema_too",
    "server/test_reading.py": "test_each_session_of_one_process_proves_only_what_it_was_told_itself",
    "server/test_revisions.py": "test_a_client_is_sent_only_what_its_revision_defines",
    "server/test_stdio.py": "test_a_video_is_made_over_real_pipes",
    "server/test_strange_requests.py": "test_what_is_no_character_or_no_number_is_refused_by_the_name_of_its_place",
    "server/test_unknown_settings.py": "test_nothing_is_bought_while_a_limit_stands_under_a_wrong_name",
    "server/test_waiting.py": "test_a_known_client_gets_the_finished_video",
    "server/test_words.py": "test_wherever_the_budget_is_shown_what_is_reserved_is_said_to_be_spent",
    "server/test_wrong_settings.py": "test_a_server_with_wrong_settings_starts_and_tells_all_of_them",
    "test_app.py": "test_a_job_ends_as_a_verified_file_with_a_readable_name_and_a_sidecar",
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
    "clients/test_every_client.py",
    "clients/test_conformance.py",
    "clients/test_typescript.py",
    "server/test_waiting.py",
    "cli/test_watch.py",
)
"""Files with tests that take the longest, those first; paths from this folder."""

TURN = "SEEDANCE_TEST_TURN"
"""The variable by which a run plays every second case of each proof with parameters: 0 or 1; unset: all cases."""

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


def in_turn(items: Iterable[pytest.Item], turn: int) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """
    Part the tests into those of this turn, 0 or 1, and those of the other.

    Of a proof with several cases every second one is of each turn, beginning with one that its name decides. A proof
    with one case, and what is no proof, is of both.
    """
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker(PROOF):
            cases[item.nodeid.partition("[")[0]].append(item)
    others: set[pytest.Item] = set()
    for name, alike in cases.items():
        if len(alike) > 1:
            others.update(alike[(zlib.crc32(name.encode()) + turn) % 2 :: 2])
    return [item for item in items if item not in others], [item for item in items if item in others]


def chosen_turn() -> int | None:
    """Return the turn that the environment names; None: all cases are played. Raises ValueError."""
    named = os.environ.get(TURN)
    if named not in (None, "", "0", "1"):
        raise ValueError(f"{TURN} is {named!r}; it is 0, 1 or unset.")
    return int(named) if named else None


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
