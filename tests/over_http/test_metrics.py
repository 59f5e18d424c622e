"""What `serve --metrics` tells whoever watches over servers, and what it tells nobody."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.counting import Counted, count
from seedance_mcp.errors import ConfigError, StoreError
from seedance_mcp.metrics import METRICS, Live, MetricsPlace, serving_metrics
from seedance_mcp.server.rights import rights
from seedance_mcp.store import Stale, figures, open_store, transitions
from seedance_mcp.types import JobState
from tests.emulator import Emulator
from tests.jobs import records

from .local import STALLED, called, post, result_of
from .test_process import command

parser = pytest.importorskip("prometheus_client.parser")


def _none() -> figures.Figures:
    raise StoreError("It is not there.")


Sample = tuple[str, Mapping[str, str], float]
PRIVATE = MetricsPlace(port=0)
LIVE = Live(figures={"": _none})
WISH = {"prompt": "A red xcanaryx", "resolution": "480p", "duration": 5, "request_key": "key-xcanaryx"}


def read(text: str) -> Iterator[Sample]:
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def value(text: str, name: str, **labels: str) -> float:
    found = [number for name_, having, number in read(text) if (name_, having) == (name, labels)]
    assert len(found) == 1, f"{name} {labels}: {found}"
    return found[0]


async def scrape(url: str) -> str:
    async with httpx2.AsyncClient(timeout=10) as http:
        answer = await http.get(url)
    assert answer.status_code == 200
    return answer.text


async def test_a_server_tells_what_it_did_and_how_the_installation_stands(environ: dict[str, str]) -> None:
    async with Emulator("ark") as emulator:
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        async with command(given, "--metrics", "0") as (process, said):
            assert process.stdout
            while len(said.split()) < 2:
                said += "\n" + (await process.stdout.receive()).decode()
            url, told = said.split()
            async with httpx2.AsyncClient(timeout=60) as http:
                done = await post(http, url, called("generate_video", {**WISH, "wait_seconds": 60}))
                job = result_of(done)["structuredContent"]
                assert job["status"] == "succeeded"
                await post(http, url, called("generate_video", {**STALLED, "provider": "sandbox"}))
                await post(http, url, called("check_status", {"job_id": "job_xcanaryx"}))
                await http.get(url.replace("/mcp", "/elsewhere"))
            text = await scrape(told)
    model, provider = job["model"], job["provider"]
    assert value(text, "seedance_calls_total", tool="generate_video", outcome="ok") == 2
    assert value(text, "seedance_calls_total", tool="check_status", outcome="job_not_found") == 1
    assert value(text, "seedance_refusals_total", status="404") == 1
    assert (
        value(text, "seedance_provider_calls_total", provider=provider, purpose="purchase", status="200") == 1
    )
    assert value(text, "seedance_provider_calls_total", provider=provider, purpose="free", status="200") >= 1
    assert value(text, "seedance_database_up") == 1
    assert value(text, "seedance_database_lock_seconds_count") > 5
    assert value(text, "seedance_jobs", state="done") == 1
    assert value(text, "seedance_jobs_open") == 1
    assert 0 < value(text, "seedance_oldest_open_job_seconds") < 60
    assert value(text, "seedance_settled_usd", provider=provider, model=model) > 0
    assert value(text, "seedance_spending_stopped") == 0
    _tells_of_nobody(text)


def _tells_of_nobody(text: str) -> None:
    """Every label is one that the table names, and every value of it out of a short list."""
    assert "xcanaryx" not in text
    catalog = Catalog.load()
    known = {
        "tool": set(rights()["tools"]),
        "provider": set(catalog.providers),
        "model": set(catalog.models),
        "state": set(JobState),
        "purpose": {"purchase", "free"},
        "le": {""},
    }
    tables = {metric.full_name: set(metric.labels) for metric in METRICS}
    for name, labels, _ in read(text):
        if not name.startswith("seedance_"):
            continue
        whole = re.sub(r"_(bucket|count|sum|created)$", "", name)
        metric = tables.get(name, tables.get(whole, tables.get(f"{whole}_total")))
        assert metric is not None, name
        assert set(labels) - {"le"} == metric
        for label, shown in labels.items():
            if label in known and label != "le":
                assert shown in known[label], (name, label, shown)
            elif label != "le":
                assert re.fullmatch(r"[a-z_]{2,40}|[1-5]\d\d|none", shown), (name, label, shown)


async def test_who_reaches_the_port_by_another_name_or_path_is_told_nothing() -> None:
    """A page of a web site could lead its own name to this machine."""
    with serving_metrics(PRIVATE, LIVE) as url:
        async with httpx2.AsyncClient(timeout=10) as http:
            other = await http.get(url, headers={"Host": "site.example"})
            assert (other.status_code, other.text) == (421, "")
            assert (await http.get(url.replace("/metrics", "/"))).status_code == 404
            assert (await http.get(url.replace("127.0.0.1", "localhost"))).status_code == 200
            assert (await http.post(url)).status_code == 501


async def test_without_a_database_the_rest_is_told() -> None:
    with serving_metrics(PRIVATE, Live(figures={"": _none}, waiting=lambda: 3)) as url:
        text = await scrape(url)
    assert value(text, "seedance_database_up") == 0
    assert value(text, "seedance_calls_waiting") == 3
    assert "seedance_jobs" not in text


async def test_a_hundred_questions_cost_the_database_one() -> None:
    asked: list[int] = []

    def known() -> figures.Figures:
        asked.append(1)
        return figures.Figures(
            jobs=dict.fromkeys(JobState, 0), oldest_open_seconds=0, oldest_order_seconds=0, late_adoptions=0, copies_owed=0,
            reserved={}, settled={}, stopped=True,
        )  # fmt: skip

    with serving_metrics(PRIVATE, Live(figures={"": known})) as url:
        for _ in range(20):
            text = await scrape(url)
    assert len(asked) == 1
    assert value(text, "seedance_spending_stopped") == 1


async def test_a_move_that_comes_too_late_and_waits_for_the_database_are_counted(tmp_path: Path) -> None:
    with (
        contextlib.closing(open_store(tmp_path)) as store,
        serving_metrics(PRIVATE, LIVE) as url,
    ):
        job = store.write_now(lambda rows: transitions.insert(rows, records.job(), day="2023-11-14"))
        for _ in range(2):
            with contextlib.suppress(Stale):
                store.write_now(lambda rows: transitions.note(rows, job, progress=0.5))
        text = await scrape(url)
    assert value(text, "seedance_stale_swaps_total") == 1
    assert value(text, "seedance_database_lock_seconds_count") == 3


async def test_nothing_is_counted_for_anybody_any_more_once_it_has_ended() -> None:
    with serving_metrics(PRIVATE, LIVE) as url:
        count(Counted.STALE_SWAP)
        assert value(await scrape(url), "seedance_stale_swaps_total") == 1
        with serving_metrics(PRIVATE, LIVE) as inner:
            count(Counted.STALE_SWAP)
        assert value(await scrape(url), "seedance_stale_swaps_total") == 1
        count(Counted.STALE_SWAP)
        assert value(await scrape(url), "seedance_stale_swaps_total") == 2
    count(Counted.STALE_SWAP)
    for ended in (url, inner):
        with pytest.raises(httpx2.ConnectError):
            await scrape(ended)


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = MetricsPlace(port=taken.getsockname()[1])
        with (
            pytest.raises(ConfigError, match="cannot be used for metrics") as wrong,
            serving_metrics(place, Live(figures={"": _none})),
        ):
            pass
    assert "--metrics" in wrong.value.hint


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("9464", "127.0.0.1", 9464),
        ("0", "127.0.0.1", 0),
        ("0.0.0.0:9464", "0.0.0.0", 9464),
        ("[::1]:9464", "::1", 9464),
    ],
)
def test_a_place_is_a_port_or_an_address_with_one(text: str, host: str, port: int) -> None:
    assert MetricsPlace.read(text) == MetricsPlace(host=host, port=port)


@pytest.mark.parametrize("text", ["", "metrics", ":9464", "host.example:9464", "65536", "-1", "٩", "1:2:3"])
def test_anything_else_is_no_place(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  argparse words it
        MetricsPlace.read(text)
