"""The emulator refuses what the service refuses, tells the truth in its ledger, and fails on command."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest

from tests.emulator import DIALECTS, Behaviour, Emulator, Fault
from tests.emulator.control import CONTROLS
from tests.emulator.faults import KINDS

TEXT = {"type": "text", "text": "a cat"}
TASKS = "/contents/generations/tasks"


def image(role: str | None = None, url: str = "https://media.example/a.png") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


def media(kind: str) -> dict[str, Any]:
    return {"type": f"{kind}_url", f"{kind}_url": {"url": "https://m.example/x"}, "role": f"reference_{kind}"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator("ark").threaded() as running:
        yield running


@pytest.fixture
def service(emulator: Emulator) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {emulator.key}"}
    with httpx2.Client(base_url=emulator.base_url(), headers=headers, trust_env=False, timeout=5) as client:
        yield client


DRAFT = {"type": "draft_task", "draft_task": {"id": "cgt-1"}}
VIDEO_DATA = {**media("video"), "video_url": {"url": "data:video/mp4;base64,AAAA"}}


def create(service: httpx2.Client, model: str | None = "2-0-260128", **fields: Any) -> httpx2.Response:
    body = {"model": model and f"doubao-seedance-{model}", "content": [TEXT], **fields}
    return service.post(TASKS, json=body)


UNSUPPORTED, CONSTRAINT = "InvalidParameter.UnsupportedParameter", "InvalidParameter.TaskTypeConstraint"
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no content", {"content": []}, "MissingParameter"),
    ("no model", {"model": None}, "MissingParameter"),
    ("unknown model", {"model": "seedance-9"}, "InvalidEndpointOrModel.NotFound"),
    ("two images without roles", {"content": [image(), image()]}, "InvalidParameter"),
    ("frame and reference", {"content": [image("first_frame"), image("reference_image")]}, "InvalidParameter"),
    ("frame and sound", {"content": [image("first_frame"), media("audio")]}, "InvalidParameter"),
    ("two first frames", {"content": [image("first_frame")] * 2}, "InvalidParameter"),
    ("last frame alone", {"content": [image("last_frame")]}, "InvalidParameter"),
    ("unknown role", {"content": [image("mask")]}, "InvalidParameter"),
    ("sound alone", {"content": [media("audio")]}, "InvalidParameter"),
    ("ten references", {"content": [image("reference_image")] * 10}, "InvalidParameter"),
    ("four videos", {"content": [media("video")] * 4}, "InvalidParameter"),
    ("video as data", {"content": [VIDEO_DATA]}, "InvalidImageURL.InvalidFormat"),
    ("image that is none", {"content": [image(url="data:image/png;base64,AAAA")]}, "InvalidParameter"),
    ("upper-case format", {"content": [image(url="data:image/PNG;base64,AAAA")]}, "InvalidImageURL.InvalidFormat"),
    ("empty url", {"content": [image(url="")]}, "InvalidImageURL.EmptyURL"),
    ("unreachable url", {"content": [image(url="https://gone.invalid/a.png")]}, "InvalidParameter"),
    ("duration too long", {"duration": 16}, "InvalidParameter"),
    ("duration as text", {"duration": "5"}, "InvalidParameter"),
    ("resolution of another", {"model": "2-0-fast-260128", "resolution": "1080p"}, "InvalidParameter"),
    ("unknown ratio", {"ratio": "5:4"}, "InvalidParameter"),
    ("camera on 2.0", {"camera_fixed": False}, UNSUPPORTED),
    ("flex on 2.0", {"service_tier": "flex"}, UNSUPPORTED),
    ("draft on 2.0", {"draft": True}, UNSUPPORTED),
    ("frames on 2.0", {"frames": 57}, UNSUPPORTED),
    ("task type on 2.0", {"omni_reference_task_type": "edit"}, UNSUPPORTED),
    ("sound on 1.0", {"model": "1-0-pro-250528", "generate_audio": True}, UNSUPPORTED),
    ("odd frames", {"model": "1-0-pro-250528", "frames": 58}, "InvalidParameter"),
    ("priority out of range", {"priority": 10}, "InvalidParameter"),
    ("expiry out of range", {"execution_expires_after": 60}, "InvalidParameter"),
    ("long tag", {"safety_identifier": "x" * 65}, "InvalidParameter"),
    ("mov on 2.0", {"output_format": "mov"}, "InvalidParameter"),
    ("draft and text", {"model": "2-5-260628", "content": [TEXT, DRAFT]}, "InvalidParameter"),
    ("unknown draft", {"model": "2-5-260628", "content": [DRAFT]}, "InvalidParameter"),
    ("edit without a video", {"model": "2-5-260628", "omni_reference_task_type": "edit", "duration": -1}, CONSTRAINT),
    ("ratio with a frame on 2.5", {"model": "2-5-260628", "content": [image()], "ratio": "16:9"}, CONSTRAINT),
    ("moderated text", {"content": [{"type": "text", "text": "[refused]"}]}, "InputTextSensitiveContentDetected"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_the_service_refuses_is_refused(
    emulator: Emulator, service: httpx2.Client, fields: dict[str, Any], code: str
) -> None:
    answer = create(service, **fields)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["code"] == code
    assert emulator.ledger.tasks == {}


def test_null_and_unknown_fields_are_taken_as_absent(service: httpx2.Client) -> None:
    assert (
        create(service, draft=None, frames=None, camera_fixed=None, subdivision_level=None).status_code == 200
    )


def test_a_wrong_key_is_refused_for_every_call(emulator: Emulator) -> None:
    with httpx2.Client(
        base_url=emulator.base_url(), headers={"Authorization": "Bearer x"}, trust_env=False
    ) as stranger:
        answers = [
            create(stranger),
            stranger.get(TASKS),
            stranger.get(f"{TASKS}/cgt-1"),
            stranger.delete(f"{TASKS}/cgt-1"),
        ]
    assert {answer.status_code for answer in answers} == {401}


def test_a_cancel_path_buys_a_video(emulator: Emulator, service: httpx2.Client) -> None:
    """Measured: whatever is posted below the tasks is a create call."""
    body = {"model": "doubao-seedance-2-0-260128", "content": [TEXT]}
    assert service.post(f"{TASKS}/cgt-1/cancel", json=body).status_code == 200
    assert len(emulator.ledger.tasks) == 1


def test_deleting_depends_on_the_status(emulator: Emulator, service: httpx2.Client) -> None:
    emulator.behaviour.queued_seconds = math.inf
    task_id = create(service).json()["id"]
    statuses = []
    for status in ("running", "queued", "cancelled", "succeeded"):
        if status != "cancelled":
            emulator.ledger.force(task_id, status)
        statuses.append(service.delete(f"{TASKS}/{task_id}").status_code)
    assert statuses == [409, 200, 403, 200]
    assert service.get(f"{TASKS}/{task_id}").status_code == 404


def test_the_ledger_charges_what_succeeds_and_nothing_else(
    emulator: Emulator, service: httpx2.Client
) -> None:
    for text in ("a cat", "[fails]", "[moderated]"):
        create(service, content=[{"type": "text", "text": text}], ratio="16:9")
    emulator.behaviour.queued_seconds = math.inf
    create(service, ratio="16:9")
    five_seconds = Decimal(108_900) * 46 / 1_000_000
    assert emulator.ledger.charged("CNY") == five_seconds
    assert emulator.ledger.committed("CNY") == 2 * five_seconds


def test_flex_tasks_hide_from_the_usual_list(service: httpx2.Client) -> None:
    create(service, model="1-0-pro-250528", service_tier="flex")
    assert service.get(TASKS).json()["total"] == 0
    assert service.get(TASKS, params={"filter.service_tier": "flex"}).json()["total"] == 1


def test_the_list_is_paged_and_filtered(emulator: Emulator, service: httpx2.Client) -> None:
    ids = [create(service).json()["id"] for _ in range(3)]
    create(service, model="2-5-260628")
    page = service.get(TASKS, params={"page_size": 2, "filter.model": "doubao-seedance-2-0-260128"}).json()
    assert (page["total"], len(page["items"])) == (3, 2)
    chosen = service.get(TASKS, params={"filter.task_ids": ids[:2]}).json()
    assert {item["id"] for item in chosen["items"]} == set(ids[:2])
    assert service.get(TASKS, params={"page_size": 501}).status_code == 400
    emulator.behaviour.list_lag = 3600
    assert service.get(TASKS).json()["total"] == 0


def test_a_result_is_a_real_video_and_comes_in_parts(emulator: Emulator, service: httpx2.Client) -> None:
    task_id = create(service, return_last_frame=True).json()["id"]
    content = service.get(f"{TASKS}/{task_id}").json()["content"]
    whole = httpx2.get(content["video_url"], trust_env=False)
    with av.open(io.BytesIO(whole.content)) as container:
        assert container.streams.video[0].frames == 24
    part = httpx2.get(content["video_url"], headers={"Range": "bytes=10-19"}, trust_env=False)
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    stale = httpx2.get(
        content["video_url"], headers={"Range": "bytes=10-", "If-Range": '"old"'}, trust_env=False
    )
    assert (stale.status_code, stale.content) == (200, whole.content)
    assert httpx2.get(content["last_frame_url"], trust_env=False).content.startswith(b"\x89PNG")
    assert (
        httpx2.get(content["video_url"].replace("Signature=", "Signature=0"), trust_env=False).status_code
        == 403
    )
    emulator.fail("wrong_range", "result")
    assert httpx2.get(content["video_url"], trust_env=False).headers["content-range"] == "bytes 7-9/10"
    emulator.ledger.tasks[task_id].url_seconds = -1
    assert httpx2.get(content["video_url"], trust_env=False).status_code == 403


def test_a_result_can_have_the_size_that_was_ordered(emulator: Emulator, service: httpx2.Client) -> None:
    emulator.behaviour.true_size = True
    task_id = create(service, resolution="480p", ratio="1:1", duration=4).json()["id"]
    video = httpx2.get(service.get(f"{TASKS}/{task_id}").json()["content"]["video_url"], trust_env=False)
    with av.open(io.BytesIO(video.content)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (640, 640, 96)
        assert container.streams.audio


def test_limits_are_kept_by_call(emulator: Emulator, service: httpx2.Client) -> None:
    emulator.behaviour.limits = {"list": (2, 60.0)}
    assert [service.get(TASKS).status_code for _ in range(3)] == [200, 200, 429]
    assert create(service).status_code == 200


def test_faults_come_in_order_and_by_chance(emulator: Emulator, service: httpx2.Client) -> None:
    emulator.faults.add(Fault(kind="status", status=503, times=2), Fault(kind="status", status=500))
    assert [create(service).status_code for _ in range(4)] == [503, 503, 500, 200]
    emulator.faults.add(Fault(kind="status", call="list", times=None, chance=0.5))
    seen = [service.get(TASKS).status_code for _ in range(100)]
    assert 30 < seen.count(503) < 70
    with pytest.raises(ValueError, match="No fault is called"):
        Fault(kind="plague")


def test_the_control_api_does_what_the_objects_do(emulator: Emulator, service: httpx2.Client) -> None:
    with httpx2.Client(base_url=f"{emulator.origin()}/_control", trust_env=False) as control:
        assert control.post("behaviour", json={"queued_seconds": 3600, "funds": "100"}).status_code == 200
        task_id = create(service).json()["id"]
        control.post(f"task/{task_id}/running")
        control.post("faults", json=[{"kind": "status", "call": "poll", "status": 502, "times": 1}])
        assert [service.get(f"{TASKS}/{task_id}").status_code for _ in range(2)] == [502, 200]
        control.post("faults", json=[{"kind": "lost", "times": None}])
        control.delete("faults")
        summary = control.get("ledger").json()
        assert (summary["submits"], summary["tasks"][0]["status"]) == (1, "running")
        assert [call["name"] for call in control.get("calls").json()] == ["submit", "poll", "poll"]
        assert control.post("behaviour", json={"mood": "bad"}).status_code == 400
        assert control.post("faults", json=[{"kind": "plague"}]).status_code == 400
        assert control.get("nothing").status_code == 404
    assert emulator.behaviour.funds == Decimal(100) - Decimal("5.0094")


def test_started_by_hand_it_says_how_to_point_the_server_at_it() -> None:
    command = [sys.executable, "-m", "tests.emulator", "ark", "--tiny", "--queued", "0", "--running", "0"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout
        said = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
        base = said["SEEDANCE_ARK_BASE_URL"]
        headers = {"Authorization": f"Bearer {said['ARK_API_KEY']}"}
        try:
            assert base.endswith("/api/v3")
            assert (
                httpx2.get(f"{base}{TASKS}", headers=headers, trust_env=False, timeout=5).json()["total"] == 0
            )
        finally:
            process.terminate()


def test_its_help_names_every_control_fault_and_field() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.emulator", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60, check=True).stdout
    names = [*CONTROLS, *KINDS, *(field.name for kind in (Fault, Behaviour) for field in fields(kind))]
    assert [name for name in (*DIALECTS, *names) if name not in told] == []


def test_the_contributors_guide_starts_it_breaks_a_purchase_and_reads_the_ledger(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    guide = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("## Pretended services")[2].partition("\n## ")[0]
    told = re.findall(r"/_control/(\S+?)(?: -|$|`)", section, re.MULTILINE)
    assert {"faults", "ledger"} <= set(told)
    [faults] = re.findall(r"-d '(\[.*\])'", section)
    with Emulator("ark").threaded() as emulator:
        control = f"{emulator.origin()}/_control"
        assert httpx2.post(f"{control}/faults", content=faults, trust_env=False).status_code == 200
        headers = {"Authorization": f"Bearer {emulator.key}"}
        body = {"model": "doubao-seedance-2-0-260128", "content": [TEXT]}
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.post(f"{emulator.base_url()}{TASKS}", json=body, headers=headers, trust_env=False)
        assert len(httpx2.get(f"{control}/ledger", trust_env=False).json()["tasks"]) == 1


def test_a_platform_does_not_know_the_ids_of_the_other(service: httpx2.Client) -> None:
    answer = service.post(TASKS, json={"model": "dreamina-seedance-2-0-260128", "content": [TEXT]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidEndpointOrModel.NotFound")


async def test_several_services_share_one_ledger() -> None:
    async with Emulator(behaviour=Behaviour()) as emulator:
        assert set(emulator.environment()) >= {
            "SEEDANCE_ARK_BASE_URL",
            "ARK_API_KEY",
            "SEEDANCE_BYTEPLUS_BASE_URL",
        }
        for name, prefix in (("ark", "doubao-"), ("byteplus", "dreamina-")):
            headers = {"Authorization": f"Bearer {emulator.key}"}
            async with httpx2.AsyncClient(
                base_url=emulator.base_url(name), headers=headers, trust_env=False
            ) as client:
                body = {"model": f"{prefix}seedance-2-0-260128", "content": [TEXT]}
                assert (await client.post(TASKS, json=body)).status_code == 200
    assert {task.currency for task in emulator.ledger.tasks.values()} == {"CNY", "USD"}
    assert emulator.ledger.count("submit") == 2
    assert emulator.ledger.count("submit", "ark") == 1
