"""A little of each proof, for every day: the same functions as in the proofs, a few rounds of them."""

from __future__ import annotations

import sys
from decimal import Decimal
from itertools import islice
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.providers.http.addresses import transport
from seedance_mcp.types import MediaFile
from tests import test_matrix as matrix
from tests.emulator import Behaviour, Emulator
from tests.jobs import test_watcher_lease as watcher_lease
from tests.providers import test_damage as damage
from tests.providers import test_strange_answers as strange

from . import contention, fuzz, kill, mutants, simulation
from . import test_damaged_database as damaged
from . import test_disk as disk
from . import test_every_mode as modes
from . import test_faults as faults
from . import test_mishaps as mishaps
from . import test_paths_race as paths_race
from . import test_secrets as secrets
from . import test_twins as twins
from . import test_urls as urls
from . import test_wrong_clocks as clocks
from .fault_market import PROVIDERS, hurry
from .mutants_table import MUTANTS

forked = pytest.mark.skipif(
    sys.platform != "linux", reason="processes are forked from one that has imported everything"
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs paths, links and modes of POSIX")

QUICK = ("versions that stand still", "open jobs may be bought again", "a lost answer is tried again")
"""Mistakes that their first schedule finds within a second."""


def test_a_few_schedules_break_no_promise() -> None:
    outcome = simulation.run(5_000, seed=7, processes=1)
    assert outcome.violations == []
    assert outcome.steps >= 5_000
    assert outcome.bought > 0


def test_a_few_mistakes_are_noticed() -> None:
    outcome = mutants.run([mutant for mutant in MUTANTS if mutant.name in QUICK], processes=1)
    assert (outcome.caught, outcome.survivors) == (len(QUICK), [])


@forked
@pytest.mark.timeout(300)
@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "byteplus"])
def test_a_process_that_is_killed_buys_nothing_twice_and_loses_nothing(provider: str) -> None:
    outcome = kill.run(1, seed=5, provider=provider)
    assert outcome.violations == []
    assert outcome.kills >= 1
    assert outcome.bought == 2 * outcome.rounds


@forked
@pytest.mark.timeout(300)
def test_three_processes_share_one_budget_to_the_millionth() -> None:
    outcome = contention.run(processes=3, jobs=8, seed=5)
    assert outcome.violations == []
    assert outcome.overspend == Decimal("0.000000")
    assert outcome.bought > 0
    assert outcome.refused > 0


@pytest.mark.timeout(400)  # a few seconds; as long as its cells may take on a busy machine
@pytest.mark.parametrize("name", PROVIDERS)
async def test_some_faults_end_as_the_matrix_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    found = faults.cells(name)
    first = PROVIDERS.index(name)  # other cells at each
    assert await faults.wrong_cells(name, found[first :: len(found) // 3][:3], tmp_path) == []


@pytest.mark.parametrize("name", damage.ADAPTERS)
async def test_some_damaged_answers_are_neither_unclassified_nor_a_refusal(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    file = MediaFile(kind="image", path=path, mime_type="image/png", bytes=7)
    made = islice(damage.damages(name, file), 0, None, 50)
    tried, wrong = await damage.read(name, made, monkeypatch)
    assert tried >= damage.COUNT / 50
    assert not wrong, damage.summed_up(wrong)


def test_a_damaged_database_stops_purchases_until_a_person_allows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = damaged.make_history(tmp_path) / "jobs.db"
    hurry(monkeypatch)
    with Emulator("ark").threaded() as emulator:
        anyio.run(
            damaged.test_a_damaged_database_is_kept_and_stops_purchases_until_a_person_allows_them,
            damaged.garbage_in_the_middle,
            emulator,
            history,
            tmp_path,
        )


@forked
@pytest.mark.timeout(disk.PATIENCE)
def test_a_disk_that_runs_full_at_some_pages_loses_no_purchase(tmp_path: Path) -> None:
    with Emulator(disk.PROVIDER, behaviour=Behaviour(queued_seconds=0.2)).threaded() as emulator:
        emulator.fail("late", "submit", times=None, seconds=0.15)
        wanted = [[phase, 3, "killed"] for phase in disk.PHASES]
        lines = disk.played(emulator, tmp_path, "file sizes", wanted)
        disk.judge(emulator, [line for line in lines if "point" in line])


def test_some_generated_calls_do_not_break_the_server(tmp_path: Path) -> None:
    outcome = fuzz.run(300, seed=2, folder=tmp_path)
    assert outcome.wrong == []
    assert outcome.answers >= 300
    assert outcome.refused < outcome.answers


@pytest.mark.parametrize(("model", "resolution", "ratio"), matrix.SIZES[:: len(matrix.SIZES) // 4])
def test_some_sizes_come_out_of_the_sandbox_to_the_pixel(
    tmp_path: Path, model: str, resolution: str, ratio: str
) -> None:
    matrix.test_each_model_renders_each_resolution_and_ratio_exactly(tmp_path, model, resolution, ratio)


async def test_every_mode_of_one_provider_becomes_a_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await modes.test_every_model_in_every_mode_becomes_a_film("runcomfy", tmp_path, monkeypatch)


def test_a_job_is_followed_in_some_orders_of_a_server_and_its_watchers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher_lease.test_a_server_that_is_killed_at_any_step_of_its_end_changes_nothing_about_that(
        0, tmp_path, watcher_lease.played_clock(monkeypatch)
    )


@pytest.mark.parametrize("name", PROVIDERS[-1:])
async def test_a_strangely_written_answer_to_a_purchase_is_accepted(name: str) -> None:
    await strange.test_a_purchase_is_accepted_however_strangely_its_answer_is_written(name)


async def test_the_twin_of_a_purchase_is_found_after_a_lost_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await twins.test_the_twin_that_nobody_has_is_found("fal", tmp_path, monkeypatch)


async def test_a_task_that_was_bought_under_a_wrong_clock_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clocks.test_a_task_that_was_bought_under_a_wrong_clock_is_found(
        "ark", -11 * clocks.MINUTE, True, tmp_path, monkeypatch
    )


@pytest.mark.parametrize("name", list(mishaps.MISHAPS)[:3])
async def test_one_thing_that_goes_wrong_holds_up_no_other_job(name: str, tmp_path: Path) -> None:
    await mishaps.play(name, tmp_path)


def test_nothing_secret_gets_out_at_one_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets.test_nothing_secret_gets_out("ark", tmp_path, monkeypatch, capsys)


async def test_some_hostile_urls_are_neither_fetched_nor_looked_up(tmp_path: Path) -> None:
    for url in urls.URLS[::10]:
        await urls.refuses(url, tmp_path, transport(trusted=frozenset(), resolve=urls.nobody))


@posix
async def test_some_hostile_paths_are_refused_and_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import test_paths as paths  # skips its whole module where there are no such paths

    world = paths.build(tmp_path.resolve() / "w")
    monkeypatch.setenv("HOME", str(world.home))
    monkeypatch.chdir(world.root)
    names = {"fd": 0, "good": 0, "pid": 0, "job": "job_nothing"}
    async with Emulator("ark") as emulator, open_app(paths.installation(world, emulator)) as app:
        trial = paths.Trial(world, app, emulator)
        with paths.unread(paths.secret_files(world), world.allowed / "frame001.png"):
            for path in paths.GROUPS["links"][::4]:
                await trial.attempt(world.named(path, **names))
        await trial.judge()


@posix
def test_some_reads_of_a_swapped_path_do_not_get_the_secret(tmp_path: Path) -> None:
    outcome = paths_race.race(tmp_path, 3000, paths_race.best_opener(), patience=0)
    assert outcome.leaks == 0
    assert outcome.pictures + outcome.refused == outcome.reads >= 3000
