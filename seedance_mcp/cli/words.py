"""Rewrites for the person at the terminal what is written for an assistant: commands for tools, options for arguments."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..config import runnable

_QUOTED = re.compile(r'("[^"]*")')
"""What stands in quotation marks is a prompt or somebody else's words, and stays as it is."""

_ANY_JOB = "JOB_ID"

_COMMANDS = {
    "check_status": f"jobs show {_ANY_JOB}",
    "estimate_cost": "estimate",
    "list_models": "models",
    "generate_video": "generate",
    "view_video": "view",
    "cancel_job": f"jobs cancel {_ANY_JOB}",
    "plan_film": "film plan FILE",
    "create_film": "film make FILE",
}


def _option(found: re.Match[str]) -> str:
    return f"--{found[1].replace('_', '-')}"


def _command(found: re.Match[str]) -> str:
    return f"`seedance-mcp {_COMMANDS[found[0]]}`"


def _option_with_value(found: re.Match[str]) -> str:
    return f"{_option(found)} {found[2]}"


def _switched_off(found: re.Match[str]) -> str:
    return f"--no-{found[1].replace('_', '-')}"


_PHRASES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # Somebody else's part in it: whoever types a command runs the server, too.
    (
        r"(SEEDANCE_\w+(?: and SEEDANCE_\w+)*) can be corrected only by the person who runs the server: tell them\."
        r" Until then a call that names ([\w ]+) itself can be made\.",
        r"Correct \1. Until then a command that names \2 itself works.",
    ),
    (r"[Tt]he person who runs the server has to correct the key\b", "Correct the key"),
    (r"Tell the person, who can correct the key\b", "Correct the key"),
    (r"[,;]? (?:and|then)(?: then)? (?:re)?start the server(?: again)?(?:: tell them)?(?=[.;])", ""),
    (r"SEEDANCE_TEAM \(in the environment\)", "--team, or SEEDANCE_TEAM in the environment"),
    (r"Restart the server: it sets", "The next command sets"),
    (
        r"Only the person who runs the server can raise the limit, in its settings\.",
        "The limit can be raised in the settings.",
    ),
    (r"Only the person who runs the server can raise\b", "Or raise"),
    (r"; ask the person where the file is", ""),
    (r"To raise max_usd is the person's decision\.", "Or raise max_usd."),
    (
        r"Ask the person to put its folder into SEEDANCE_MEDIA_DIRS, or to copy it",
        "Put its folder into SEEDANCE_MEDIA_DIRS, or copy it",
    ),
    (r"Ask the person for the file's path on their computer, or for", "Give the file's path here, or"),
    (
        r"looks like a path in the assistant's own sandbox; this machine has no",
        "is not here: there is no",
    ),
    (r"\ba person looks at its console, then runs in a terminal\b", "look at its console, then run"),
    (r"\ba person says so in a terminal: ", "say so: "),
    (r"If the person wants it once more all the same,", "If you want it once more all the same,"),
    (r"\bask the person(?: who runs the server)? to ", ""),
    (r"\bthe person's own agreement counts\b", "your own agreement counts"),
    (r"\bthat the person agreed\b", "that you agreed"),
    # Where a tool has no command of the same kind.
    (r" Where the server has an object store, call upload_media without a source[^.]*\.", ""),
    (r"Call upload_media(?: and pass the media_id it returns| again)\.", "Name the file itself."),
    (
        r"Call check_status without job_id to list recent jobs\.",
        "`seedance-mcp jobs list` shows the recent ones.",
    ),
    (
        r"Call check_status with this job_id and wait for it\.",
        f"`seedance-mcp jobs show {_ANY_JOB} --wait` waits for it.",
    ),
    (r"\bcall check_status later\b", f"`seedance-mcp jobs show {_ANY_JOB} --wait` goes on with it"),
    (r"\(redo\)", "(--redo SHOT)"),
    (r"\(replace\)", "(--replace)"),
    (r"\(check_status\)", "(`seedance-mcp jobs`)"),
    (
        r"\(check_status with the film's id\), or cancel it \(cancel_job\)",
        "(`seedance-mcp film show FILE`), or cancel it (`seedance-mcp film cancel FILE`)",
    ),
    (r", or plan_film with its storyboard\b", ""),
    (
        r"Show the person the new plan, and call again with its token once they agree\.",
        "Run it again to see the new plan.",
    ),
    (
        r"check_status with job_id flm_[\w-]+ tells how far it is",
        "`seedance-mcp film show FILE` tells how far it is",
    ),
    (r"check_status with job_id (job_[\w-]+)", r"`seedance-mcp jobs show \1`"),
    # Calls and their arguments.
    (r"Change the named arguments and call again;", "Change the named options and run it again;"),
    (r"Attach the file anew and call upload_media with that: [^.]+\.", "Attach the file anew."),
    (
        r"Tell the person\. Once an administrator has agreed, make the same call again\.",
        "Run it again once an administrator has agreed.",
    ),
    (r"\bprovider 'sandbox', can be named in the call\b", "--provider sandbox, can be named"),
    (r"\bthis call's max_usd of\b", "the --max-usd of"),
    (r"\b(call|run it) again\b", "run it again"),
    (r"\b(named|same) arguments\b", r"\1 options"),
    (r"(?<=\bwith )([a-z_]+)=false\b", _switched_off),
    (r"(?<=[ (])([a-z]+(?:_[a-z]+)*)='([\w.-]+)'", _option_with_value),
    (r"\bquality final with based_on its job_id\b", f"--quality final with --based-on {_ANY_JOB}"),
    (r"\bprovider 'sandbox' works\b", "--provider sandbox works"),
    (r"(?<![\w./'`-])(max_usd|allow_duplicate|request_key)(?![\w/=-]|\.\w)", _option),
    (rf"(?<![\w./'`-])(?:{'|'.join(_COMMANDS)})(?![\w/=-]|\.\w)", _command),
)

_RULES = tuple((re.compile(pattern), words) for pattern, words in _PHRASES)


def told(text: str, job_id: str | None = None) -> str:
    """
    Write a sentence of ours for the terminal, with commands that run as they are printed (see `runnable`).

    `job_id` is the job that it is about; None: the commands say JOB_ID.
    """
    pieces = _QUOTED.split(text)
    for place in range(0, len(pieces), 2):
        for pattern, words in _RULES:
            pieces[place] = pattern.sub(words, pieces[place])
        if job_id is not None:
            pieces[place] = pieces[place].replace(_ANY_JOB, job_id)
    return runnable("".join(pieces))
