"""Random schedules of everything that can happen to the money core: no promise about money is ever broken."""

from __future__ import annotations

import os

import pytest

from . import simulation_world
from .simulation import Outcome, play, run

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
CHUNKS = 8 if LONG else 4
STEPS = 30_000_000 if LONG else 1_000_000
APART = 1_000_000
"""How far the seeds of one part are from those of the next."""

HARMFUL = (
    "killed while sending", "paused while sending", "late packet: accepted", "late packet: answer lost",
    "packet: answer lost", "deadline", "list without a task that exists", "disk full at a write", "receipt kept",
    "clock set back in the end", "clock set back", "clock set forward", "machine restarted", "moved to another machine",
    "a stale decision refused", "the same request again", "refused by the budget", "decided by hand", "asked to stop",
    "forgetful", "an assistant hands the code back unasked", "bought on an assistant's word", "a person agrees",
    "a person says no", "an unknown price", "the very same once more", "a person agrees in a dialogue",
    "a person takes a yes back", "a client vanishes", "an answer to nobody", "an answer that comes too late",
    "an answer that is read",
    "another account's job is left alone", "said to be the same account", "planned otherwise",
    "tripped before a write", "tripped inside a transaction", "tripped after a write", "tripped at a read",
    "tripped at a provider", "tripped at a listener", "tripped before an order", "tripped at an answer", "lock lost",
    "a set reserved", "the same set again", "the rest of a set reserved",
    "somebody looks", "somebody answers another's question", "refused by a person's cap",
)  # fmt: skip


@pytest.mark.timeout(6 * 3600 if LONG else 400)
@pytest.mark.parametrize("part", range(CHUNKS))
def test_no_schedule_breaks_a_promise(part: int) -> None:
    outcome = run(STEPS // CHUNKS, seed=part * APART, processes=1)
    assert outcome.violations == []
    assert outcome.steps >= STEPS // CHUNKS
    assert outcome.bought > outcome.steps / 200, "a schedule in which little is bought proves little"
    assert [what for what in HARMFUL if not outcome.counts[what]] == []


def test_a_seed_tells_the_whole_schedule() -> None:
    assert play(3) == play(3)
    assert play(3) != play(4)


def test_a_broken_promise_is_told_with_its_seed_and_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = simulation_world.World.kill

    def twice(world: simulation_world.World, process: simulation_world.Process) -> None:
        world.connection.execute("UPDATE jobs SET document = json_set(document, '$.version', version + 7)")
        real(world, process)

    monkeypatch.setattr(simulation_world.World, "kill", twice)
    outcome = run(50_000, seed=5, processes=1)
    assert len(outcome.violations) == 1
    first, *_, last = outcome.violations[0].splitlines()
    seed = first.removeprefix("seed ").partition(",")[0]
    assert last.endswith(f"python -m tests.reliability.simulation --seed {seed} --steps 1")
    assert play(int(seed)).violations == outcome.violations


def test_figures_of_several_workers_add_up() -> None:
    outcome = run(20_000, seed=11, processes=2)
    assert outcome.violations == []
    assert outcome.steps >= 20_000
    assert outcome.schedules * 200 < outcome.steps
    total = Outcome()
    total.add(outcome)
    assert total.counts == outcome.counts
