"""What happens when a video costs more than the threshold: nobody is there to buy from, so nothing is ever bought."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import ApprovalRequired, ConfirmationRequired
from seedance_mcp.types import Job, PurchaseTerms, Scope, VideoRequest
from tests.server.asking import SMALL, priced

from .conftest import Run
from .terminal import INTERRUPT, at_terminal

Terminal = Callable[..., tuple[int, str]]


@pytest.fixture
def terminal(command_environ: dict[str, str], tmp_path: Path) -> Terminal:
    """Run `seedance-mcp` with these words at a pseudo terminal, and answer its question."""

    def start(
        *words: str, answer: str, meanwhile: Callable[[], object] = lambda: None, **settings: str
    ) -> tuple[int, str]:
        command = [sys.executable, "-m", "seedance_mcp", *words]
        environ = {**command_environ, **settings}
        return at_terminal(
            command, [("[y/N]", answer)], folder=tmp_path, environ=environ, meanwhile=meanwhile
        )

    return start


PAID = {
    "ARK_API_KEY": "not-a-key",
    "SEEDANCE_ARK_BASE_URL": "http://127.0.0.1:9/api/v3",
    "SEEDANCE_CONFIRM_ABOVE_USD": "0.01",
}
WORDS = ("generate", "a red fox", "--provider", "ark", "--model", "seedance-1.0-pro", "--resolution", "480p")


def test_without_a_terminal_a_person_has_to_say_yes_on_the_command_line(run: Run) -> None:
    result = run(*WORDS, **PAID)
    assert result.returncode == 2
    error, hint = result.stderr.splitlines()[-2:]
    assert error.startswith("error [confirmation_required]: ")
    assert "--yes" in hint
    assert "USD" in error


def test_yes_on_the_command_line_is_consent(run: Run) -> None:
    result = run(*WORDS, "--yes", **PAID)
    assert result.returncode == 1
    assert "error [not_sent]: " in result.stderr


def test_strict_means_a_person_at_a_terminal(run: Run) -> None:
    result = run(*WORDS, "--yes", **PAID, SEEDANCE_CONFIRM="strict")
    assert result.returncode == 2
    assert "error [confirmation_required]: " in result.stderr


def test_the_terminal_lists_what_waits_for_an_administrator_and_agrees(
    run: Run, command_environ: dict[str, str], tmp_path: Path
) -> None:
    dear = {**priced(command_environ, tmp_path, "0.75"), "SEEDANCE_APPROVE_ABOVE_USD": "1"}
    settings = load_settings(dear, settings_file=tmp_path / "no.toml")
    fox = VideoRequest.model_validate({**SMALL, "prompt": "[sandbox:stall] a fox"})

    async def asked(wish: VideoRequest) -> Job | ApprovalRequired:
        async with open_app(settings, scope=Scope(person="ann")) as app:
            try:
                return (await app.generate(wish, PurchaseTerms())).job
            except ApprovalRequired as waits:
                return waits

    waits = anyio.run(asked, fox)
    assert isinstance(waits, ApprovalRequired)
    listed = run("approve", **dear)
    assert listed.returncode == 0, listed.stderr
    for word in (waits.approval, "ann", "1.50 USD", "a fox"):
        assert word in listed.stdout
    assert run("approve", waits.approval, "--yes", **dear).stdout.startswith("Agreed, once.")
    again = run("approve", waits.approval, "--yes", **dear)
    assert (again.returncode, again.stdout) == (
        0,
        "It was agreed to before, and that is for one purchase. Tell the assistant to go on.\n",
    )
    assert run("approve", **dear).stdout.count(" agreed ") == 1
    job = anyio.run(asked, fox)
    assert isinstance(job, Job)
    after = run("approve", **dear).stdout
    assert "Nothing waits." in after
    assert f"bought  you  ann  1.50 USD  {job.id}" in after
    refused = fox.model_copy(update={"prompt": "[sandbox:refuse] a fox"})
    again = anyio.run(asked, refused)
    assert isinstance(again, ApprovalRequired)
    assert run("approve", again.approval, "--yes", **dear).returncode == 0
    unbought = anyio.run(asked, refused)
    assert isinstance(unbought, Job)
    line = next(line for line in run("approve", **dear).stdout.splitlines() if unbought.id in line)
    assert "nothing bought" in line
    assert line.endswith(f"{unbought.id} was refused by the provider")
    assert "USD" not in line


def test_more_than_max_usd_is_refused(run: Run) -> None:
    result = run(*WORDS, "--yes", "--max-usd", "0.01", **PAID)
    assert result.returncode == 2
    assert "error [budget_exceeded]: " in result.stderr
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


@pytest.mark.parametrize(
    ("usd", "said"), [("2.365", "2.37"), ("2.361", "2.37"), ("0.12341", "0.1235"), ("0.5", "0.50")]
)
def test_a_price_reads_the_same_wherever_it_is_told_and_never_less_than_it_is(
    run: Run, tmp_path: Path, usd: str, said: str
) -> None:
    per_second = str(Decimal(usd) / 2)
    settings = {**priced({}, tmp_path, per_second), "SEEDANCE_CONFIRM_ABOVE_USD": "0.01"}
    wish = ("a red fox", "--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")
    estimate = run("estimate", *wish, **settings).stdout
    assert estimate.splitlines()[0].endswith(f": {said} USD"), estimate
    assert f"it may cost {said} USD, more than" in estimate
    asked = run("generate", *wish, **settings).stderr
    assert f": {said} USD; " in asked
    assert f"for at most {said} USD?" in asked
    for limit in ("SEEDANCE_MAX_USD_PER_JOB", "SEEDANCE_MAX_USD_PER_DAY"):
        assert (
            f"may cost {said} USD; the limit" in run("generate", *wish, **settings, **{limit: "0.1"}).stderr
        )
    assert f"may cost {said} USD, above" in run("generate", *wish, "--max-usd", "0.1", **settings).stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("", 2), ("y", 1)])
def test_at_a_terminal_the_person_is_asked(terminal: Terminal, answer: str, code: int) -> None:
    ended, shown = terminal(*WORDS, answer=answer, **PAID)
    assert ended == code
    assert ("Not generated; nothing was spent." in shown) == (code == 2)
    assert "Make this video for at most 0." in shown
    assert "Provider: ark. Model: seedance-1.0-pro. Length: 5 seconds." in shown
    assert 'Its prompt, as quoted text: "a red fox"' in shown


def test_an_unknown_price_is_called_unknown_and_needs_a_yes_or_max_usd(run: Run, tmp_path: Path) -> None:
    overlay = tmp_path / "catalog.toml"
    overlay.write_text('[providers.ark.offers."seedance-1.0-pro"]\nprices = []\n', encoding="utf-8")
    unknown = {**PAID, "SEEDANCE_CATALOG": str(overlay), "SEEDANCE_CONFIRM_ABOVE_USD": "100"}
    asked = run(*WORDS, **unknown)
    assert asked.returncode == 2
    assert "price unknown, at most 3.00 USD is counted" in asked.stderr
    assert "Price unknown, at most 3.00 USD is counted for it." in asked.stderr
    estimate = run("estimate", *WORDS[1:], **unknown)
    assert "price unknown" in estimate.stdout
    off = {**unknown, "SEEDANCE_CONFIRM": "off"}
    refused = run(*WORDS, **off)
    assert refused.returncode == 2
    assert "error [budget_exceeded]: The price of this video is unknown" in refused.stderr
    assert "--max-usd" in refused.stderr
    for enough in (("--max-usd", "3"), ("--yes",)):
        assert "error [not_sent]: " in run(*WORDS, "--allow-duplicate", *enough, **off).stderr
    too_little = run(*WORDS, "--max-usd", "2", **off)
    assert "unknown and counts as 3.00 USD, above the --max-usd of 2" in too_little.stderr
    listed = run("jobs", "list").stdout
    assert listed.count("nothing spent") == 2, "of what was not sent"


@pytest.fixture
def code(environ: dict[str, str], tmp_path: Path) -> str:
    """The code of a question that an assistant was told to put to the person."""

    async def ask() -> str:
        async with open_app(load_settings(priced(environ, tmp_path, "0.75"))) as app:
            with pytest.raises(ConfirmationRequired) as asked:
                await app.generate(VideoRequest.model_validate({**SMALL, "prompt": "a \x1b[2J red fox"}))
        return asked.value.approval

    return anyio.run(ask)


def test_a_code_that_a_film_was_ordered_on_names_the_film(
    run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    async def order() -> tuple[str, str]:
        async with open_app(load_settings(priced(environ, tmp_path, "0.75")), watch=False) as app:
            shot = {"seconds": 2, "prompt": "a red fox"}
            document = {"title": "Fox", "model": "seedance-1.0-pro", "resolution": "480p", "shots": [shot]}
            film_id = (await app.films.take(document, None)).id
            token = (await app.films.plan(film_id)).token
            with pytest.raises(ConfirmationRequired) as asked:
                await app.films.make(film_id, token, PurchaseTerms())
            await app.films.make(film_id, token, PurchaseTerms(confirm_token=asked.value.token))
            return film_id, asked.value.approval

    film_id, code = anyio.run(order)
    used = run("approve", code, "--yes")
    assert used.returncode == 2
    assert f"it was agreed to, and film {film_id} was ordered on that." in used.stderr
    assert "`seedance-mcp film cancel FILE` with its document stops it" in used.stderr


def test_approve_shows_what_is_agreed_to_and_without_a_terminal_only_yes_agrees(run: Run, code: str) -> None:
    refused = run("approve", code)
    assert refused.returncode == 2
    assert "error [confirmation_required]: This is no terminal" in refused.stderr
    assert "--yes" in refused.stderr
    agreed = run("approve", code, "--yes")
    assert (agreed.returncode, agreed.stdout) == (0, "Agreed, once. Tell the assistant to go on.\n")
    for result in (refused, agreed):
        assert "Make this video for at most 1.50 USD?" in result.stderr
        assert "Provider: sandbox. Model: seedance-1.0-pro. Length: 2 seconds." in result.stderr
        assert 'Its prompt, as quoted text: "a \ufffd[2J red fox"' in result.stderr
    unknown = run("approve", "12345678", "--yes")
    assert (unknown.returncode, "unknown, used already, or older" in unknown.stderr) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "agrees"), [("y", True), ("n", False), ("", False)])
def test_approve_asks_the_person_at_the_terminal(
    terminal: Terminal, environ: dict[str, str], tmp_path: Path, code: str, answer: str, agrees: bool
) -> None:
    ended, shown = terminal("approve", code, answer=answer)
    assert ended == (0 if agrees else 2)
    assert "Make this video for at most 1.50 USD?" in shown
    assert ("Not agreed. Nothing was bought." in shown) == (not agrees)

    async def ask(token: str | None) -> Job | ConfirmationRequired:
        async with open_app(load_settings(priced(environ, tmp_path, "0.75"))) as app:
            request = VideoRequest.model_validate({**SMALL, "prompt": "a \x1b[2J red fox"})
            try:
                return (await app.generate(request, PurchaseTerms(confirm_token=token))).job
            except ConfirmationRequired as question:
                return question

    outcome = anyio.run(ask, None if agrees else code)
    # After the person's own no, an assistant's word that they agreed counts for nothing.
    assert isinstance(outcome, Job) == agrees
    assert agrees or getattr(outcome, "token", "") is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize("command", ["generate", "approve"])
def test_an_interrupt_at_a_question_ends_the_command_at_once_and_agrees_to_nothing(
    terminal: Terminal, run: Run, environ: dict[str, str], tmp_path: Path, code: str, command: str
) -> None:
    words, settings = (WORDS, PAID) if command == "generate" else (("approve", code), {})
    ended, shown = terminal(*words, answer=INTERRUPT, **settings)
    assert (ended, "Traceback" in shown) == (130, False), shown
    assert run("jobs", "list").stdout.strip() == "No jobs yet."
    assert isinstance(make(environ, tmp_path), ConfirmationRequired)


def make(environ: dict[str, str], folder: Path, **more: Any) -> Job | ConfirmationRequired:
    """Let the assistant ask for the video of `code`: the job, or the question."""

    async def ask() -> Job | ConfirmationRequired:
        async with open_app(load_settings(priced(environ, folder, "0.75"))) as app:
            request = VideoRequest.model_validate({**SMALL, "prompt": "a \x1b[2J red fox"})
            try:
                return (await app.generate(request, PurchaseTerms(**more))).job
            except ConfirmationRequired as question:
                return question

    return anyio.run(ask)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize("mode", ["ask", "strict"])
def test_a_no_after_a_yes_takes_back_every_yes_to_the_same_request(
    terminal: Terminal, run: Run, environ: dict[str, str], tmp_path: Path, code: str, mode: str
) -> None:
    environ["SEEDANCE_CONFIRM"] = mode
    other = getattr(make(environ, tmp_path), "approval", "")
    assert terminal("approve", code, answer="y")[0] == 0
    assert run("approve", other, "--yes").returncode == 0
    ended, shown = terminal("approve", code, answer="n")
    assert (ended, "Not agreed. Nothing was bought." in shown) == (2, True)
    assert isinstance(make(environ, tmp_path), ConfirmationRequired)
    assert run("approve", code, "--yes").returncode == 0
    assert isinstance(make(environ, tmp_path), Job), "the person can still agree, by the code"
    assert isinstance(make(environ, tmp_path, allow_duplicate=True), ConfirmationRequired)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_no_that_comes_too_late_is_told_what_was_bought(
    terminal: Terminal, run: Run, environ: dict[str, str], tmp_path: Path, code: str
) -> None:
    bought: list[Job | ConfirmationRequired] = []
    assert run("approve", code, "--yes").returncode == 0
    ended, shown = terminal(
        "approve", code, answer="n", meanwhile=lambda: bought.append(make(environ, tmp_path))
    )
    (job,) = bought
    assert isinstance(job, Job)
    assert ended == 2
    assert "Nothing was bought" not in shown
    assert f"Too late: it was agreed to before, and job {job.id} was started on that." in shown
    again = run("approve", code)
    assert f"it was agreed to, and job {job.id} was started on that" in again.stderr
    another = make(environ, tmp_path, allow_duplicate=True)
    assert isinstance(another, ConfirmationRequired)
    assert another.token is None, "after the no an assistant's word counts for nothing"
    ended, shown = terminal("approve", another.approval, answer="n")
    assert f"Nothing was bought on this question; job {job.id} was before" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_yes_of_generate_at_a_terminal_is_for_that_command_alone(
    terminal: Terminal, run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    """The same was bought while the person thought: the yes buys nothing, and nothing is left of it."""
    environ["SEEDANCE_CONFIRM"] = "strict"
    bought: list[Job | ConfirmationRequired] = []

    def meanwhile() -> None:
        question = make(environ, tmp_path)
        assert isinstance(question, ConfirmationRequired)
        assert run("approve", question.approval, "--yes").returncode == 0
        bought.append(make(environ, tmp_path))

    words = ("generate", "a \x1b[2J red fox", "--model", "seedance-1.0-pro", "--resolution", "480p")
    ended, shown = terminal(
        *words,
        "--duration",
        "2",
        answer="y",
        meanwhile=meanwhile,
        SEEDANCE_CONFIRM="strict",
        SEEDANCE_CATALOG=priced(environ, tmp_path, "0.75")["SEEDANCE_CATALOG"],
    )
    (job,) = bought
    assert isinstance(job, Job)
    assert (ended, "This request was made before: this is its job" in shown) == (0, True)
    assert isinstance(make(environ, tmp_path, allow_duplicate=True), ConfirmationRequired)
