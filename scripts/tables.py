"""Writes the generated parts of README.md and of docs/ from the code and the data: `python scripts/tables.py [--check]`."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import publishing
from cogapp import Cog

from seedance_mcp.catalog import Catalog, Offer, ProviderInfo, advice_codes, estimate, resolve
from seedance_mcp.config import load_settings, setting_table
from seedance_mcp.errors import InvalidRequest, SeedanceError
from seedance_mcp.metrics import METRICS
from seedance_mcp.texts import digits
from seedance_mcp.types import JOB_CODES, VideoRequest

ROOT = Path(__file__).resolve().parents[1]
PAGES = tuple(
    ROOT / path
    for path in (
        "README.md",
        "Dockerfile",
        "docs/benchmarks.md",
        "docs/clients.md",
        "docs/decisions.md",
        "docs/reliability.md",
        "docs/settings.md",
        "docs/team.md",
        "docs/troubleshooting.md",
    )
)
NOTHING = Path("no-settings-file")
FIRST_SETTINGS = (
    "SEEDANCE_OUTPUT_DIR",
    "SEEDANCE_MEDIA_DIRS",
    "SEEDANCE_PROVIDER",
    "SEEDANCE_MAX_USD_PER_JOB",
    "SEEDANCE_MAX_USD_PER_DAY",
    "SEEDANCE_CONFIRM",
    "SEEDANCE_CONFIRM_ABOVE_USD",
    "SEEDANCE_ASK_LIMIT_USD",
    "SEEDANCE_FALLBACK",
)


def tools() -> str:
    """Name, arguments and first sentence of every tool, as the server lists them."""
    return _table(
        ("Tool", "Does", "Arguments"),
        [
            (f"`{tool.name}`", first_sentence(tool.description or ""), _arguments(tool.input_schema))
            for tool in listed_tools()
        ],
    )


def settings() -> str:
    """Every setting with its default."""
    return _settings([name for name, _, _ in setting_table()])


def first_settings() -> str:
    """Those that a newcomer may want to know of."""
    return _settings(FIRST_SETTINGS)


def _settings(names: Sequence[str]) -> str:
    known = {name: (default, help_text) for name, default, help_text in setting_table()}
    return _table(("Variable", "Default", "What it does"), [(f"`{name}`", *known[name]) for name in names])


def keys() -> str:
    """Which variable turns on which provider, and where its key comes from."""
    return _table(
        ("Provider", "Name", "Key", "Where to get it", "Another address"),
        [
            (
                info.title,
                f"`{info.name}`",
                " or ".join(f"`{name}`" for name in info.key_variables),
                info.key_page,
                f"`SEEDANCE_{info.name.upper()}_BASE_URL`",
            )
            for info in Catalog.load().providers.values()
            if info.key_variables
        ],
    )


def status() -> str:
    """Whom this version can buy from, as a list of what is there and what is not."""
    bought = {True: list[str](), False: list[str]()}
    for info in Catalog.load().providers.values():
        if not info.placeholder:
            bought[_has_adapter(info)].append(info.title)
    sentences = [
        "**What this version makes.** The built-in sandbox makes free placeholders, offline, on the complete path that"
        " a real video takes."
    ]
    if bought[True]:
        sentences.append(f"Videos can be bought from {_listed(bought[True])}.")
    if bought[False]:
        sentences.append(
            f"Buying from {_listed(bought[False])} is not part of this version yet; their models, limits and prices are"
            " in the catalogue, so that they can be compared."
        )
    return " ".join(sentences)


def prices() -> str:
    """Models against providers: 5 seconds at 720p, 16:9, from text; with sound where the model has it."""
    catalog = Catalog.load()
    names = [name for name in catalog.providers if name != "sandbox"]
    return _table(
        ("Model", *names),
        [(f"`{model}`", *(_cell(catalog, name, model) for name in names)) for model in catalog.models],
    )


def errors() -> str:
    """Every error code with what it means, and what is said to be done where nothing is known that fits better."""
    return _table(
        ("Code", "Means", "What to do", "Same call again may succeed"),
        [
            (
                f"`{kind.code}`",
                first_sentence(kind.__doc__ or ""),
                kind.default_hint or "As the message says.",
                "yes" if kind.retryable else "no",
            )
            for kind in _kinds(SeedanceError)
            if kind.__module__ == "seedance_mcp.errors"
        ],
    )


def job_codes() -> str:
    """Every code that a job's error can have, with what it means."""
    return _table(("Code", "Means"), [(f"`{code}`", said) for code, said in JOB_CODES.items()])


def advice() -> str:
    """Every code that advice on a request can have, with what it means."""
    return _table(("Code", "Means"), [(f"`{code}`", said) for code, said in advice_codes().items()])


def clients() -> str:
    """What was seen of each client that the tests play, from the record that they are held against."""
    rows = json.loads((ROOT / "docs" / "clients.json").read_text(encoding="utf-8"))
    columns = {
        "era": "connects with",
        "lists": "lists",
        "estimates": "estimates",
        "generates": "generates",
        "progress": "progress",
        "refusal": "refusal readable",
        "cancels": "cancels",
        "resources": "resources",
        "pictures": "pictures",
        "skills": "skills",
        "date": "seen",
    }
    return _table(
        ("client", *columns.values()),
        [(client, *(seen.get(name, "–") for name in columns)) for client, seen in rows.items()],
    )


def patience() -> str:
    """How long each product lets a call take, as far as that is known, and how long ours wait by themselves."""
    text = (ROOT / "seedance_mcp" / "server" / "hosts.toml").read_text(encoding="utf-8")
    return _table(
        ("product", "its limit", "waits by itself", "at most"),
        [
            (host["product"], host["limit"], _usual_wait(host), f"{host['most']} s")
            for host in tomllib.loads(text)["host"]
            if "limit" in host
        ],
    )


def _usual_wait(host: dict[str, Any]) -> str:
    if "wait" in host:
        return f"{host['wait']} s"
    return f"generate_video {host['generate']} s, check_status {host['check']} s"


def metrics() -> str:
    """Every metric, with its labels, and of what it tells."""
    told = {"live": "this process, now", "installation": "the installation"}
    return _table(
        ("Metric", "Kind", "Labels", "Of", "What it says"),
        [
            (
                f"`{metric.full_name}`",
                metric.kind,
                ", ".join(f"`{label}`" for label in metric.labels),
                told.get(metric.source, "this process"),
                metric.help,
            )
            for metric in METRICS
        ],
    )


def decisions() -> str:
    """The index of docs/decisions.md: under each date the titles, as links to what was decided."""
    lines = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8").splitlines()
    index: list[str] = []
    for line in lines:
        level, _, title = line.partition(" ")
        if level == "##":
            index.append(f"- {_link(title)}")
        elif level == "###":
            index.append(f"  - {_link(title)}")
    return "\n".join(index)


def _link(title: str) -> str:
    """A link to a heading of the same page, by the anchor that GitHub makes of it."""
    return f"[{title}](#{re.sub(r'[^a-z0-9_ -]', '', title.lower()).replace(' ', '-')})"


def ownership() -> str:
    """The comment by which the MCP registry knows that the package and its entry belong together."""
    return f"<!-- mcp-name: {publishing.facts().registry_name} -->"


def badges() -> str:
    """Links that add the server to an editor, and whether they work yet."""
    links = [
        f"[![Add to {editor}](https://img.shields.io/badge/{editor.replace(' ', '_')}-Add_seedance-{colour})]({link})"
        for editor, colour, link in (
            ("Cursor", "000000", publishing.cursor_link()),
            ("VS Code", "0098FF", publishing.vscode_link()),
        )
    ]
    if not publishing.facts().published:
        links.append(
            f"\nThey start `uvx {publishing.facts().name}` from the package index, where it is not yet: until then they would"
            " start whatever somebody else puts there under that name."
        )
    return "\n".join(links)


def labels() -> str:
    """The labels of the image; the first is what the MCP registry looks for."""
    known = publishing.facts()
    said = {
        "io.modelcontextprotocol.server.name": known.registry_name,
        "org.opencontainers.image.title": known.shop["title"],
        "org.opencontainers.image.description": known.description,
        "org.opencontainers.image.version": known.version,
        "org.opencontainers.image.licenses": known.project["license"],
        "org.opencontainers.image.source": known.home,
    }
    pairs = [f'{name}="{value}"' for name, value in said.items()]
    return "LABEL " + " \\\n      ".join(pairs)


def markers() -> str:
    """What can be written into a prompt to make the sandbox misbehave."""
    from seedance_mcp.providers.sandbox.adapter import MARKERS

    return _table(
        ("In the prompt", "What happens"), [(f"`{marker}`", does) for marker, does in MARKERS.items()]
    )


def _has_adapter(info: ProviderInfo) -> bool:
    module, _, name = info.adapter.partition(":")
    return find_spec(module) is not None and hasattr(import_module(module), name)


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _cell(catalog: Catalog, provider: str, model: str) -> str:
    offers = catalog.offers(provider=provider, model=model, on_sale=False)
    if not offers:
        return ""
    offer = offers[0]
    if offer.retired:
        return f"ended {offer.retired}"
    cost = _five_seconds(offer)
    return "yes, price unknown" if cost is None else digits(cost)


def _five_seconds(offer: Offer) -> Decimal | None:
    wanted = {
        "prompt": "x",
        "duration": 5,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "generate_audio": True,
    }
    for left_out in ((), ("generate_audio",), ("aspect_ratio", "generate_audio")):
        asked = {name: value for name, value in wanted.items() if name not in left_out}
        try:
            request = resolve(VideoRequest.model_validate(asked), offer, {})
        except InvalidRequest:
            continue
        found = estimate(request, offer, {}, cny_per_usd=load_settings({}, settings_file=NOTHING).cny_per_usd)
        return found.price.usd if found else None
    return None


def listed_tools() -> list[Any]:
    """Return the tools as a client of the server is told them."""
    return anyio.run(_listed_tools)


async def _listed_tools() -> list[Any]:
    from mcp import Client

    from seedance_mcp.server import create_server

    with tempfile.TemporaryDirectory() as folder:
        environ = {"SEEDANCE_STATE_DIR": folder, "SEEDANCE_OUTPUT_DIR": folder, "SEEDANCE_DETACH": "0"}
        async with Client(create_server(load_settings(environ, settings_file=NOTHING))) as client:
            return (await client.list_tools()).tools


def _arguments(schema: dict[str, Any]) -> str:
    names = list(schema.get("properties", {}))
    fields = list(VideoRequest.model_fields)
    if set(fields) <= set(names):
        names = ["the fields of a request", *(name for name in names if name not in fields)]
        return ", ".join(name if " " in name else f"`{name}`" for name in names)
    return ", ".join(f"`{name}`" for name in names)


def _kinds(kind: type[SeedanceError]) -> list[type[SeedanceError]]:
    found = [] if kind is SeedanceError else [kind]
    for child in kind.__subclasses__():
        found += _kinds(child)
    return found


def first_sentence(text: str) -> str:
    """Return the first sentence, on one line and with its full stop."""
    line = " ".join(text.split())
    return line.partition(". ")[0].rstrip(".") + "."


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    mode = ["--check"] if "--check" in sys.argv[1:] else ["-r"]
    modules = f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"
    sys.exit(Cog().main(["cog", *mode, "-I", modules, *map(str, PAGES)]))
