"""Films in the terminal: the document, the plan and its price, the question, the film."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import PurchaseTerms
from tests.server.asking import priced

from .conftest import Run
from .terminal import at_terminal

DOCUMENT = """
title = "Lantern"
model = "seedance-1.0-pro"
resolution = "480p"

[[shots]]
id = "s01"
seconds = 2
prompt = "a harbour"

[[shots]]
id = "s02"
seconds = 2
prompt = "a lantern"
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A film of two shots."""
    path = tmp_path / "lantern.toml"
    path.write_text(DOCUMENT, encoding="utf-8")
    return path


def plan(run: Run, *words: str, **settings: str) -> dict[str, Any]:
    """The plan as data."""
    result = run("film", "plan", "lantern.toml", *words, "--json", **settings)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_document_that_cannot_be_used_is_told_whole_and_nothing_is_opened(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "lantern.toml"
    wrong.write_text(DOCUMENT.replace("seconds", "second", 1).replace("a lantern", "@ben"), encoding="utf-8")
    for words in (("lantern.toml",), ("plan", "lantern.toml"), ("show", "lantern.toml")):
        result = run("film", *words)
        assert (result.returncode, result.stdout) == (2, "")
        *errors, hint = result.stderr.splitlines()
        places = [line.removeprefix("error [invalid_request]: ").partition(":")[0] for line in errors]
        assert {"shot s01.seconds", "shot s01.second", "shot s02.prompt"} <= set(places)
        assert "nothing was bought" in hint
    assert sorted(path.name for path in tmp_path.rglob("*.db")) == []
    assert not wrong.with_suffix(".film").exists()


FILES = """
title = "Lantern"
model = "seedance-1.0-pro"

[cast.mira]
looks = "short hair"
images = ["no.png", "lantern.toml"]
voice = "no.wav"

[[shots]]
id = "s01"
seconds = 20
prompt = "@mira waits"
first_frame = "no.png"

[[shots]]
id = "s02"
seconds = 2
prompt = "a lantern"
last_frame = "end.png"

[music]
file = "tide.wav"
"""


@pytest.mark.parametrize("more", ["", 'titel = "Lantern"\n'])
def test_files_that_are_not_there_are_told_once_beside_the_rest(run: Run, tmp_path: Path, more: str) -> None:
    (tmp_path / "lantern.toml").write_text(more + FILES, encoding="utf-8")
    result = run("film", "plan", "lantern.toml", "--quality", "animatic")
    assert result.returncode == 2
    told = [line.removeprefix("error [invalid_request]: ") for line in result.stderr.splitlines()]
    missing = {
        "cast.mira.images[1]": "no.png",
        "cast.mira.voice": "no.wav",
        "shot s02.last_frame": "end.png",
        "music.file": "tide.wav",
    }
    assert [line for line in told if "There is no file" in line] == [
        f"{place}: There is no file {tmp_path / name}." for place, name in missing.items()
    ]
    seconds = "shot s01.seconds: 20 is not possible with seedance-1.0-pro at sandbox"
    assert f"{seconds}; it can be 2 to 12 seconds" in told
    assert ("titel: there is no such field. Did you mean title?" in told) == bool(more)


@pytest.mark.parametrize("verb", ["plan", "make", "show"])
def test_what_is_wrong_with_a_document_is_also_told_as_json(run: Run, tmp_path: Path, verb: str) -> None:
    (tmp_path / "lantern.toml").write_text('titel = "Lantern"\n' + FILES, encoding="utf-8")
    result = run("film", verb, "lantern.toml", "--json")
    assert result.returncode == 2
    said = json.loads(result.stdout)
    assert (said["film_id"], said["plan"], said["price"], said["shots"]) == (None, None, None, [])
    assert [f"error [invalid_request]: {problem}" for problem in said["problems"]] == [
        line for line in result.stderr.splitlines() if line.startswith("error")
    ]


def test_a_plan_with_problems_is_json_and_ends_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lantern.toml").write_text(FILES, encoding="utf-8")
    for verb in ("plan", "make"):
        result = run("film", verb, "lantern.toml", "--json")
        said = json.loads(result.stdout)
        assert (result.returncode, said["plan"], len(said["problems"]) >= 5) == (2, None, True)
        assert said["next_step"] == "Correct what is named; nothing was bought."
    missing = run("film", "plan", "lantern.toml", "--redo", "s09", "--json")
    assert json.loads(missing.stdout)["problems"] == ["There is no shot 's09'."]


@pytest.mark.parametrize(
    ("provider", "more", "code", "told"),
    [
        ("fal", {}, "config", "FAL_KEY"),
        ("sandbox", {"SEEDANCE_MAX_USD_PER_DAY": "1"}, "budget_exceeded", "SEEDANCE_MAX_USD_PER_DAY"),
    ],
)
def test_a_plan_that_would_be_refused_has_no_token_and_says_why(
    run: Run, tmp_path: Path, document: Path, provider: str, more: dict[str, str], code: str, told: str
) -> None:
    document.write_text(f'provider = "{provider}"\n{DOCUMENT}', encoding="utf-8")
    result = run("film", "plan", document.name, "--json", **priced({}, tmp_path, "0.3"), **more)
    said = json.loads(result.stdout)
    (problem,) = said["problems"]
    assert (result.returncode, said["plan"], problem in said["notes"]) == (2, None, False)
    assert Decimal(said["price"]["maximum"]) > 0
    assert problem.startswith("It could not be made now. ")
    assert f"error [{code}]: {problem}" in result.stderr
    assert told in problem + said["next_step"]
    assert said["next_step"].endswith("film make lantern.toml asks, and makes it.")
    assert "--provider" not in said["next_step"] + result.stderr


def test_the_next_step_of_json_is_a_command_and_view_takes_the_film(run: Run, document: Path) -> None:
    words = ("lantern.toml", "--quality", "animatic", "--json")
    planned, made = (run("film", verb, *words) for verb in ("plan", "make"))
    assert (made.returncode, made.stderr.count("joining...")) == (0, 1)
    shown = run("film", "show", "lantern.toml", "--json")
    looked = run("view", json.loads(made.stdout)["film_id"])
    film = Path(json.loads(made.stdout)["film_path"])
    assert (looked.returncode, looked.stderr) == (0, "")
    assert str(film) in looked.stdout
    assert film.with_name("film-animatic-sheet.jpg").is_file()
    steps = [json.loads(one.stdout)["next_step"] for one in (planned, made, shown)]
    assert "film make lantern.toml --quality animatic makes it." in steps[0]
    assert "film plan lantern.toml --quality animatic says what is left" in steps[1]
    assert steps[1] == steps[2]
    assert not any(tool in step for step in steps for tool in ("plan_film", "create_film", "view_video"))


def test_the_example_can_be_planned_as_it_is_and_replaces_nothing(run: Run, tmp_path: Path) -> None:
    written = run("film", "new", "harbour.toml")
    assert (written.returncode, written.stdout.strip()) == (0, str(tmp_path / "harbour.toml"))
    assert run("film", "plan", "harbour.toml", "--quality", "animatic").returncode == 0
    again = run("film", "new", "harbour.toml")
    assert (again.returncode, again.stdout) == (2, "")
    assert "is not overwritten" in again.stderr


def test_a_plan_prices_each_shot_and_buys_nothing(run: Run, tmp_path: Path, document: Path) -> None:
    settings = priced({}, tmp_path, "0.3")
    shown = run("film", "plan", "lantern.toml", **settings)
    assert shown.returncode == 0, shown.stderr
    planned = plan(run, **settings)
    assert [(one["shot"], one["state"], one["take"], one["usd"]) for one in planned["shots"]] == [
        ("s01", "missing", 1, "0.6"),
        ("s02", "missing", 1, "0.6"),
    ]
    assert planned["price"]["maximum"] == "1.2"
    assert "at most 1.20 USD" in shown.stdout
    assert document.read_text(encoding="utf-8") == DOCUMENT
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


def test_the_document_alone_makes_the_film_and_a_changed_line_one_shot(run: Run, document: Path) -> None:
    made = run("film", "lantern.toml", "--quality", "animatic")
    assert made.returncode == 0, made.stderr
    film = Path(made.stdout.strip())
    assert film.is_file()
    assert "s02: current, take 1 (" in made.stderr
    assert "(2 of 2)" in made.stderr
    shown = run("film", "show", "lantern.toml").stdout
    assert str(film) in shown
    assert "succeeded, quality animatic" in shown
    exported = run("film", "export", "lantern.toml", "--to", "edit")
    assert exported.returncode == 0, exported.stderr
    files = {path.name for path in Path(exported.stdout.strip()).iterdir()}
    assert {"01-s01.mp4", "02-s02.mp4", "film.mp4", "film.json", "sheet.jpg"} <= files
    judged = run("film", "review", "lantern.toml", "s02", "good", "--note", "Lovely.")
    assert judged.stdout.endswith(": good. Kept.\n")
    assert "Lovely." in run("jobs", "show", judged.stdout.partition("(")[2].partition(")")[0]).stdout
    chosen = run("film", "review", "lantern.toml", "--choose", "s02=1", "--choose", "s01=").stdout
    assert chosen.splitlines() == [
        "s02: take 1 is chosen; the film in quality animatic shows take 1.",
        "s01: nothing is chosen or kept; the film in quality animatic shows take 1.",
    ]
    document.write_text(DOCUMENT.replace("a lantern", "a lantern goes out"), encoding="utf-8")
    planned = plan(run, "--quality", "animatic")
    assert [one["shot"] for one in planned["shots"] if one["in_plan"]] == ["s02"]
    asked = plan(run, "--quality", "animatic", "--redo", "s01")
    assert [one["take"] for one in asked["shots"] if one["in_plan"]] == [2, 2]
    kept = plan(run, "--quality", "animatic", "--keep", "s02")
    assert [one["state"] for one in kept["shots"]] == ["current", "current"]


@pytest.mark.parametrize(
    ("words", "more", "code", "told"),
    [
        ((), {}, "confirmation_required", "--yes-up-to"),
        (("--yes-up-to", "1.19"), {}, "budget_exceeded", "It may cost 1.20 USD"),
        (("--yes-up-to", "2"), {"SEEDANCE_CONFIRM": "strict"}, "confirmation_required", "in a terminal."),
        (("--yes-up-to", "2"), {"SEEDANCE_MAX_USD_PER_DAY": "1"}, "budget_exceeded", "limit"),
    ],
)
def test_without_agreement_to_the_price_nothing_is_bought(
    run: Run,
    tmp_path: Path,
    document: Path,
    words: tuple[str, ...],
    more: dict[str, str],
    code: str,
    told: str,
) -> None:
    result = run("film", "make", document.name, *words, **priced({}, tmp_path, "0.3"), **more)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"error [{code}]: " in result.stderr
    assert told in result.stderr
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


def test_agreed_to_beforehand_a_film_is_bought_once(run: Run, tmp_path: Path, document: Path) -> None:
    settings = priced({}, tmp_path, "0.3")
    words = ("film", "make", document.name, "--yes-up-to", "1.20")
    made, again = (run(*words, "--json", **settings) for _ in range(2))
    for result in (made, again):
        assert result.returncode == 0, result.stderr
    jobs = [[shot["job_id"] for shot in json.loads(one.stdout)["shots"]] for one in (made, again)]
    assert jobs[0] == jobs[1]
    assert len(json.loads(run("jobs", "list", "--json").stdout)["jobs"]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("y", 0)])
def test_at_a_terminal_the_person_agrees_to_the_whole(
    tmp_path: Path, document: Path, command_environ: dict[str, str], answer: str, code: int
) -> None:
    ended, shown = at_terminal(
        [sys.executable, "-P", "-m", "seedance_mcp", "film", document.name],
        [("Make 2 shots for at most 1.20 USD? [y/N]", answer)],
        folder=tmp_path,
        environ={**priced(command_environ, tmp_path, "0.3"), "SEEDANCE_CONFIRM": "strict"},
    )
    assert ended == code, shown
    assert ("Not made; nothing was bought." in shown) == (answer == "n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "lantern.toml", "--redo", "s09"), "There is no shot 's09'."),
        (("review", "lantern.toml", "s09", "good"), "There is no shot 's09'."),
        (("review", "lantern.toml", "s01", "good"), "Shot s01 has no take yet."),
        (("review", "lantern.toml", "s01"), "A verdict needs a shot and one of good, usable or bad"),
        (("review", "lantern.toml", "--choose", "s09=1"), "There is no shot 's09'."),
        (("review", "lantern.toml", "--choose", "s01=1"), "Shot s01 has no take 1 with a finished video."),
        (("review", "lantern.toml", "--choose", "s01"), "is not SHOT=TAKE"),
        (("plan", "nothing.toml"), "nothing.toml cannot be read"),
        (("shwo", "lantern.toml"), "invalid choice: 'shwo' (choose from "),
        (
            ("make", "lantern.toml", "--redo", "s01", "--keep", "s01"),
            "'s01' cannot both be made anew and kept.",
        ),
        (("make", "lantern.toml", "--quality", "best"), "invalid choice"),
    ],
)
def test_what_there_is_not_is_refused(run: Run, document: Path, words: tuple[str, ...], told: str) -> None:
    result = run("film", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr


def test_a_film_that_is_not_joined_yet_cannot_be_viewed(run: Run, document: Path) -> None:
    film_id = plan(run, "--quality", "animatic")["film_id"]
    result = run("view", film_id)
    assert (result.returncode, result.stdout) == (2, "")
    assert "film show FILE` tells how far it is." in result.stderr
    assert "There is no film" in run("view", "flm_nobody").stderr


def test_there_is_nothing_to_cancel_of_a_film_that_is_not_made(run: Run, document: Path) -> None:
    result = run("film", "cancel", document.name)
    assert (result.returncode, result.stderr) == (1, "")
    assert "Nothing of this film is being made." in result.stdout


async def of_an_assistant(environ: dict[str, str]) -> str:
    """Have a film made that has no document; its id."""
    storyboard = {"title": "Tide", "model": "seedance-1.0-pro-fast", "resolution": "480p"}
    shots = [{"id": "s01", "seconds": 2, "prompt": "the tide"}]
    async with open_app(load_settings(environ)) as app:
        film_id = (await app.films.take({**storyboard, "shots": shots}, None)).id
        plan = await app.films.plan(film_id, "animatic")
        await app.films.make(film_id, plan.token, PurchaseTerms())
        assert (await app.films.wait(film_id, 60)).status == "succeeded"
    return film_id


def test_a_film_without_a_document_is_shown_exported_and_cancelled_by_its_id(
    run: Run, tmp_path: Path, command_environ: dict[str, str]
) -> None:
    film_id = anyio.run(of_an_assistant, command_environ)
    shown, exported = run("film", "show", film_id, "--json"), run("film", "export", film_id, "--to", "edit")
    told = json.loads(shown.stdout)
    assert (told["film_id"], told["status"]) == (film_id, "succeeded")
    assert "An assistant wrote this film" in told["next_step"]
    assert (exported.returncode, (tmp_path / "edit" / "01-s01.mp4").is_file()) == (0, True)
    assert "Nothing of this film is being made." in run("film", "cancel", film_id).stdout
    assert "There is no film" in run("film", "show", "flm_nobody").stderr
