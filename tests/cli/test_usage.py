"""What the command says about itself, and how it refuses."""

from __future__ import annotations

import ast
import json
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import seedance_mcp
from seedance_mcp.cli.words import told

from .conftest import Run, heed_interrupts

FOR_AN_ASSISTANT = re.compile(
    r"\b(the person|call(ed)? again|this call's|named? arguments|confirm_token|(re)?start the server)\b"
    r"|\b(check_status|list_models|generate_video|estimate_cost|upload_media|view_video|cancel_job|plan_film|create_film)\b"
    r"|\b(max_usd|allow_duplicate|request_key|media_id)\b|\b[a-z_]+=('|false|true)|a person (says so|looks)"
)
COMMANDS = ("demo", "generate", "estimate", "film", "models", "jobs", "view", "doctor", "install", "setup")


def test_the_version_is_that_of_the_package(run_apart: Run) -> None:
    result = run_apart("--version")
    assert (result.returncode, result.stdout.strip()) == (0, f"seedance-mcp {version('seedance-mcp')}")


def test_the_help_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.returncode == 0
    assert [name for name in COMMANDS if name not in result.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_arguments(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.returncode == 0
    assert f"seedance-mcp {command}" in result.stdout


def test_every_field_of_a_request_is_an_argument(run: Run) -> None:
    from seedance_mcp.types import VideoRequest

    shown = run("generate", "--help").stdout
    flags = [f"--{name.replace('_', '-')}" for name in VideoRequest.model_fields if name != "prompt"]
    assert [flag for flag in flags if flag not in shown] == []


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("generate", "x", "--no-such-flag"),
        ("jobs", "frobnicate"),
        ("jobs", "list", "--limit", "0"),
        ("generate", "x", "--max-usd", "much"),
        ("view",),
    ],
)
def test_wrong_usage_is_told_in_two_lines(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.returncode == 2
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    assert error.startswith("error [usage]: ")
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("command", ["generate", "estimate"])
def test_a_prompt_without_quotation_marks_is_answered_with_them(run: Run, command: str) -> None:
    result = run(command, "a", "red", "fox", "--duration", "5")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error [usage]: unrecognized arguments: red fox",
        'hint: Put the whole prompt into quotation marks: "a red fox".',
    ]


@pytest.mark.parametrize(
    ("words", "bounds"),
    [
        (("view", "a.mp4", "--frames", "99"), "'99' is not a whole number from 1 to 36"),
        (("view", "a.mp4", "--frames", "few"), "'few' is not a whole number from 1 to 36"),
        (("jobs", "list", "--limit", "0"), "'0' is not a whole number from 1 to 100"),
    ],
)
def test_a_number_out_of_bounds_is_told_the_bounds(run: Run, words: tuple[str, ...], bounds: str) -> None:
    result = run(*words)
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == f"error [usage]: argument {words[-2]}: {bounds}"


def test_a_misspelt_option_is_answered_with_the_help_of_its_command(run: Run) -> None:
    for words in (("generate", "x", "--durration", "5"), ("jobs", "show", "job_1", "--wiat")):
        command = " ".join(words[: 1 if words[0] == "generate" else 2])
        assert run(*words).stderr.splitlines()[-1].endswith(f"seedance-mcp {command} --help"), words


def said_to_whoever_calls() -> list[str]:
    """
    Every sentence of the package that an error, a hint or a note can hold, with x for what is filled in.

    Left out: what only the server says, documentation, SQL, and the questions about a price, which `generate` puts itself.
    """
    package = Path(seedance_mcp.__file__).parent
    modules = [package / "errors.py"]
    for part in ("catalog", "films", "jobs", "media", "providers"):
        modules += sorted((package / part).rglob("*.py"))
    found: list[str] = []
    for module in modules:
        if module.name == "confirmation.py":
            continue
        tree = ast.parse(module.read_text(encoding="utf-8"))
        inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                inner.update(map(id, node.values))
                found.append("".join(map(filled, node.values)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
                found.append(node.value)
    return [text for text in found if " " in text and not re.match(r"(SELECT|INSERT|UPDATE|DELETE)\b", text)]


def filled(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        what = "SEEDANCE_MODEL" if "wrong" in ast.unparse(part.value) else "x"
        return f"'{what}'" if part.conversion == ord("r") else what
    assert isinstance(part, ast.Constant)
    return str(part.value)


def test_nothing_that_a_command_says_is_written_for_an_assistant() -> None:
    sentences = said_to_whoever_calls()
    written = [text for text in sentences if FOR_AN_ASSISTANT.search(text)]
    assert len(written) > 20, "else this looks in the wrong place"
    spoken = [(text, told(text)) for text in written]
    assert [pair for pair in spoken if FOR_AN_ASSISTANT.search(pair[1])] == []


@pytest.mark.parametrize("job_id", ["job_abc", "job_yWW6EuJN-7MmQUho", "job_-abc", "job_abc-", "job_a_b--c_"])
def test_a_job_is_named_whole_in_a_command_whatever_its_characters(job_id: str) -> None:
    words = told(f"Asked to stop; check_status with job_id {job_id} tells how it ended.")
    assert f"jobs show {job_id}` tells how it ended." in words


@pytest.mark.parametrize(
    ("words", "settings", "hint"),
    [
        (("view", "nowhere.mp4"), {}, "hint: Check the spelling."),
        (("jobs", "show", "job_1"), {}, "jobs list` shows the recent ones."),
        (
            ("generate", "x", "--model", "seedance-1.0-pro", "--duration", "99"),
            {},
            "hint: Change the named options and run it again; nothing was spent.",
        ),
        (
            ("generate", "x", "--model", "seedance-1.0-pro"),
            {"FAL_KEY": "canary 4711", "REPLICATE_API_TOKEN": "canary-4711"},
            "USD, run it again with --provider replicate.",
        ),
    ],
)
def test_a_refusal_says_what_to_do_in_the_terminal(
    run: Run, words: tuple[str, ...], settings: dict[str, str], hint: str
) -> None:
    result = run(*words, **settings)
    assert result.returncode == 2
    assert hint in result.stderr


def test_the_help_names_commands_and_no_tools(run: Run) -> None:
    shown = " ".join(run("generate", "--help").stdout.split())
    assert FOR_AN_ASSISTANT.search(shown) is None, shown
    assert "e.g. seedance-2.0; see `" in shown


def test_a_setting_that_cannot_be_used_is_named(run_apart: Run) -> None:
    for words, code in (((), 0), (("jobs", "list"), 2)):  # the server lives to tell its client
        result = run_apart(*words, SEEDANCE_MAX_USD_PER_JOB="lots")
        assert result.returncode == code
        assert "SEEDANCE_MAX_USD_PER_JOB='lots'" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_damaged_database_is_set_aside_and_said(run: Run, tmp_path: Path) -> None:
    run("jobs", "list")
    [database] = (tmp_path / "state").glob("*.db")
    database.write_bytes(b"not a database" * 1000)
    result = run("jobs", "list")
    assert result.returncode == 0, result.stderr
    assert "has been set aside as" in result.stderr
    assert b"not a database" in b"".join(path.read_bytes() for path in database.parent.glob("*.db"))


def test_values_that_no_request_can_have_are_all_named_at_once(run: Run) -> None:
    result = run("estimate", "a fox", "--duration", "five", "--seed", "-7", "--provider-options", "oops")
    assert result.returncode == 2
    assert result.stderr.startswith("error [invalid_request]: ")
    result = run("estimate", "a fox", "--duration", "five", "--seed", "-7")
    assert "duration: " in result.stderr
    assert "seed: " in result.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("generate", "a fox", "--first-frame", ""), "--first-frame"),
        (("generate", "a fox", "--first", " "), "--first-frame"),
        (("estimate", "a fox", "--model=", "--provider="), "--model is empty; --provider"),
        (
            ("generate", "a fox", "--reference-images", "a.png", "--reference-images", ""),
            "--reference-images",
        ),
        (("generate", "a fox", "--provider-options", ""), "--provider-options"),
        (("generate", "a fox", "--request-key", ""), "--request-key"),
        (("generate", ""), "prompt"),
        (("view", ""), "source"),
        (("view", "a.mp4", "--out", ""), "--out"),
        (("jobs", "show", ""), "job_id"),
        (("demo", ""), "folder"),
        (("models", "--provider", ""), "--provider"),
    ],
)
def test_an_empty_value_is_refused_by_name(run: Run, words: tuple[str, ...], named: str) -> None:
    """As where a variable of the shell is not set: what is left would be another video."""
    result = run(*words)
    assert (result.returncode, result.stdout) == (2, "")
    error, hint = result.stderr.splitlines()
    assert error == f"error [invalid_request]: {named} is empty"
    assert "variable that is not set" in hint
    assert run("jobs", "list").stdout.strip() == "No jobs yet."


def test_a_reader_that_goes_away_is_no_error(command_environ: dict[str, str], tmp_path: Path) -> None:
    """As with `seedance-mcp models --json | head -1`."""
    with subprocess.Popen(
        [sys.executable, "-m", "seedance_mcp", "models", "--json"],
        cwd=tmp_path,
        env=command_environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 0
    assert said == b""


def test_help_and_version_come_without_loading_anything_large() -> None:
    code = (
        "import sys\n"
        "from seedance_mcp.cli import run\n"
        "try:\n    run(['--version'])\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in ('mcp', 'pydantic', 'av', 'numpy', 'httpx2') if name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.splitlines()[1:] == [""]


def test_jobs_without_a_verb_lists_them(run: Run) -> None:
    made = run("generate", "a fox", "--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")
    assert made.returncode == 0, made.stderr
    plain, listed = run("jobs"), run("jobs", "list")
    assert (plain.returncode, plain.stdout) == (0, listed.stdout)
    assert "a fox" in plain.stdout
    in_front, behind = run("jobs", "--json", "--limit", "1"), run("jobs", "list", "--json", "--limit", "1")
    assert json.loads(in_front.stdout) == json.loads(behind.stdout)
    assert run("jobs", "--json", "list").stdout == behind.stdout
    assert run("jobs", "--spending").stdout == run("jobs", "list", "--spending").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's own")
@pytest.mark.parametrize(
    ("redirected", "code"),
    [("2>&-", 0), ("2>/dev/full", 0), (">&- 2>&- <&-", 0), (">/dev/full", 1)],
)
def test_a_stream_that_takes_no_words_breaks_off_no_purchase(
    command_environ: dict[str, str], tmp_path: Path, redirected: str, code: int
) -> None:
    line = f'"{sys.executable}" -m seedance_mcp generate fox --duration 4 --resolution 480p {redirected}'
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, env=command_environ, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("error [output]" in done.stderr) == (code == 1)
    if redirected == "2>&-":
        assert done.stdout.strip().endswith(".mp4"), "stdout holds nothing but the path"
        assert "\n" not in done.stdout.strip()
    (video,) = Path(command_environ["SEEDANCE_OUTPUT_DIR"]).glob("*.mp4")
    assert video.stat().st_size > 1000


def test_an_estimate_names_the_ready_offers_within_a_limit(run: Run) -> None:
    words = ("estimate", "a mug", "--model", "seedance-2.0", "--duration", "10", "--max-usd", "1")
    result = run(*words, ARK_API_KEY="nobody-takes-it")
    assert result.returncode == 0, result.stderr
    assert "Ready, and within --max-usd 1: ark/seedance-1.0-pro-fast, ark/seedance-2.0-mini." in result.stdout


def test_an_offer_names_in_words_what_is_different_there(run: Run) -> None:
    """Also what the request leaves to each model: else a price at 720p stands beside one at 1080p."""
    wish = ("estimate", "a mug", "--provider", "replicate")
    said = run(*wish, "--model", "seedance-2.0", REPLICATE_API_TOKEN="r8_nobodytakesit").stdout
    [row] = [line for line in said.splitlines() if line.startswith("ark  ") and "1.0-pro-fast" in line]
    assert "resolution 1080p" in row
    assert "watermark off" in row
    assert "False" not in said


INTERRUPTED_WHILE_IT_LOADS = """
import importlib.abc, os, signal, sys
class Loading(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "pydantic_core":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Loading())
from seedance_mcp import cli
sys.exit(cli.run(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal of another process there")
def test_an_interrupt_while_a_command_loads_ends_it_without_a_traceback(
    command_environ: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_IT_LOADS, "jobs"],
        cwd=tmp_path,
        env=command_environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=heed_interrupts,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
