"""Ark's peculiarities, against an emulator that refuses what the service refuses and counts what it charges."""

from __future__ import annotations

import importlib
import math
import random
import time
from decimal import Decimal
from typing import Any

import anyio
import pytest

from seedance_mcp.catalog import settle
from seedance_mcp.errors import (
    AccessDenied,
    AuthenticationError,
    ContentRejected,
    InsufficientFunds,
    ModelNotOpen,
    NotSupported,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
    SubmissionUnknown,
    TaskNotFound,
    UnexpectedResponse,
)
from seedance_mcp.providers.error_codes import read_codes
from seedance_mcp.types import Submission, TaskStatus, VideoRequest
from tests.emulator import Behaviour, Emulator, Fault
from tests.emulator.ark import ArkDialect
from tests.emulator.wire import Response

from .ark_market import CATALOG, Buyer, bought, opened, order
from .when import sent

REFUSALS = (
    RequestRejected,
    ContentRejected,
    AuthenticationError,
    AccessDenied,
    InsufficientFunds,
    ModelNotOpen,
    RateLimited,
    TaskNotFound,
)

IMAGE = "https://media.example/a.png"
VIDEO = "https://media.example/v.mp4"
SOUND = "https://media.example/s.mp3"
ORDERS: list[dict[str, Any]] = [
    {"model": "seedance-2.5"},
    {"model": "seedance-2.5", "duration": 30, "resolution": "1080p", "aspect_ratio": "21:9"},
    {"model": "seedance-2.5", "duration": -1},
    {"model": "seedance-2.5", "first_frame": IMAGE, "prompt": None},
    {"model": "seedance-2.5", "first_frame": IMAGE, "last_frame": IMAGE},
    {"model": "seedance-2.5", "reference_audios": (SOUND,)},
    {
        "model": "seedance-2.5",
        "reference_videos": (VIDEO,),
        "provider_options": {"omni_reference_task_type": "edit"},
    },
    {
        "model": "seedance-2.5",
        "reference_videos": (VIDEO,),
        "provider_options": {"omni_reference_task_type": "extend"},
    },
    {"model": "seedance-2.5", "provider_options": {"output_format": "mov", "priority": 9}},
    {"model": "seedance-2.5", "provider_options": {"draft": True}},
    {"model": "seedance-2.0", "resolution": "4k", "return_last_frame": True},
    {"model": "seedance-2.0", "reference_images": (IMAGE,) * 9, "reference_videos": (VIDEO,) * 3},
    {"model": "seedance-2.0", "generate_audio": False, "watermark": True},
    {"model": "seedance-2.0", "provider_options": {"tools": [{"type": "web_search"}]}},
    {"model": "seedance-2.0", "provider_options": {"execution_expires_after": 3600}},
    {"model": "seedance-2.0-fast", "duration": 4, "aspect_ratio": "9:16"},
    {"model": "seedance-2.0-mini", "resolution": "480p"},
    {"model": "seedance-1.5-pro", "first_frame": IMAGE, "camera_fixed": True, "seed": 7},
    {"model": "seedance-1.5-pro", "provider_options": {"draft": True}},
    {"model": "seedance-1.5-pro", "provider_options": {"service_tier": "flex"}},
    {"model": "seedance-1.0-pro", "seed": 11, "duration": 12},
    {"model": "seedance-1.0-pro", "first_frame": IMAGE, "last_frame": IMAGE},
    {"model": "seedance-1.0-pro", "provider_options": {"frames": 57, "service_tier": "flex"}},
    {"model": "seedance-1.0-pro-fast", "first_frame": IMAGE, "duration": 2},
]


@pytest.mark.parametrize("name", ["ark", "byteplus"])
@pytest.mark.parametrize("fields", ORDERS, ids=lambda fields: f"{fields['model']}-{len(fields)}")
async def test_what_the_catalogue_lets_through_the_service_takes(name: str, fields: dict[str, Any]) -> None:
    async with Emulator(name) as emulator, opened(emulator, name) as provider:
        request, offer = order(name=name, **fields)
        submission = await provider.submit(request, offer, Buyer())
        task = emulator.ledger.tasks[submission.task_id]
        state = await provider.poll(submission)
    assert task.facts["tag"] == "tag-1"
    assert state.status is TaskStatus.SUCCEEDED
    assert state.usage == {"completion_tokens": Decimal(task.facts["tokens"])}
    charge = settle(request, offer, state.usage, cny_per_usd=Decimal(7))
    assert charge is not None
    assert charge.amount == pytest.approx(task.price, abs=Decimal("0.0001"))


async def test_a_draft_is_finished_in_a_second_step() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        draft = await bought(provider, model="seedance-2.5", duration=8, provider_options={"draft": True})
        final = await bought(
            provider, model="seedance-2.5", prompt=None, provider_options={"draft_task_id": draft.task_id}
        )
        facts = emulator.ledger.tasks[final.task_id].facts
    assert (facts["draft_task_id"], facts["resolution"], facts["seconds"]) == (draft.task_id, "1080p", 8)


async def test_an_endpoint_of_the_users_own_is_passed_through() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        offer = CATALOG.offer("ark", "ep-20261120-abcde")
        request = VideoRequest(prompt="A cat.", duration=5)
        submission = await provider.submit(request, offer, Buyer())
        assert emulator.ledger.tasks[submission.task_id].model == "ep-20261120-abcde"


@pytest.mark.parametrize(
    "command", ["--dur 12", "--duration 12", "--rs 1080p", "---dur 12", "-- dur 12", "--RS 1080p"]
)
async def test_a_text_command_cannot_change_what_was_priced(command: str) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = order(duration=5, resolution="720p", aspect_ratio="16:9")
        sly = request.model_copy(update={"prompt": f"A cat. {command}"})
        submission = await provider.submit(sly, offer, Buyer())
        facts = emulator.ledger.tasks[submission.task_id].facts
    assert (facts["seconds"], facts["width"], facts["height"]) == (5, 1280, 720)


async def test_options_cannot_replace_what_the_adapter_writes() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        request, offer = order()
        sly = request.model_copy(
            update={
                "provider_options": {
                    "model": "doubao-seedance-2-5-260628",
                    "safety_identifier": "x",
                    "content": [],
                }
            }
        )
        task = emulator.ledger.tasks[(await provider.submit(sly, offer, Buyer())).task_id]
    assert (task.model, task.facts["tag"]) == ("doubao-seedance-2-0-260128", "tag-1")


# ---------------------------------------------------------------- faults of a purchase

UNKNOWN = [
    *(Fault(kind=kind, accepted=accepted) for accepted in (True, False) for kind in ("lost", "reset", "garbage", "cut_head")),
    *(
        Fault(kind=kind)
        for kind in (
            "truncated", "page", "cut_json", "deep_json", "no_id", "wrong_types", "empty", "bomb", "endless",
        )
    ),
    *(Fault(kind="status", status=status, accepted=accepted) for accepted in (True, False)
      for status in (408, 409, 425, 500, 502, 503, 504)),
    *(Fault(kind="page", status=status) for status in (400, 408, 500, 502, 503, 504)),
    *(
        Fault(kind="redirect", status=status, value=value)
        for status in (301, 302, 303, 307, 308)
        for value in ("http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "/api/v3/contents/generations/tasks")
    ),
]  # fmt: skip
REFUSED = [
    (Fault(kind="status", status=400, accepted=False), RequestRejected),
    (Fault(kind="status", status=401, accepted=False), AuthenticationError),
    (Fault(kind="status", status=403, accepted=False), AccessDenied),
    (Fault(kind="status", status=403, value="AccountOverdueError", accepted=False), InsufficientFunds),
    (Fault(kind="status", status=404, value="ModelNotOpen", accepted=False), ModelNotOpen),
    (Fault(kind="status", status=404, accepted=False), RequestRejected),
    (Fault(kind="status", status=429, accepted=False), RateLimited),
    (Fault(kind="status", status=429, value="SetLimitExceeded", accepted=False), InsufficientFunds),
    (Fault(kind="page", status=403, accepted=False), AccessDenied),
    (Fault(kind="page", status=413, accepted=False), RequestRejected),
    (Fault(kind="page", status=429, accepted=False), RateLimited),
]


@pytest.mark.parametrize("fault", UNKNOWN, ids=lambda f: f"{f.kind}-{f.status}-{f.accepted}-{f.value[:20]}")
async def test_a_purchase_in_trouble_is_unknown_and_sent_once(fault: Fault) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        emulator.faults.add(fault)
        buyer = Buyer()
        request, offer = order()
        with anyio.fail_after(10), pytest.raises(SubmissionUnknown):
            await provider.submit(request, offer, buyer)
    assert emulator.ledger.count("submit") == 1
    assert len(emulator.ledger.tasks) == fault.accepted
    assert buyer.sent == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    REFUSED,
    ids=lambda f: f"{f.kind}-{f.status}-{f.value}" if isinstance(f, Fault) else "",
)
async def test_a_refusal_with_evidence_bought_nothing(fault: Fault, expected: type[ProviderError]) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        emulator.faults.add(fault)
        with pytest.raises(ProviderError) as caught:
            await bought(provider)
    assert type(caught.value) is expected
    assert emulator.ledger.count("submit") == 1
    assert emulator.ledger.tasks == {}


@pytest.mark.parametrize("kind", ["drip_head", "drip_body", "wrong_content_type", "late"])
async def test_a_purchase_in_slow_or_odd_but_true_words_is_accepted(kind: str) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        emulator.fail(kind, seconds=0.0005)
        submission = await bought(provider)
    assert list(emulator.ledger.tasks) == [submission.task_id]


async def test_damage_after_acceptance_never_looks_like_a_refusal() -> None:
    async with Emulator("ark", seed=7) as emulator, opened(emulator) as provider:
        emulator.faults.add(Fault(kind="mangled", times=None))
        request, offer = order()
        outcomes: dict[str, int] = {}
        for _ in range(300):
            try:
                await provider.submit(request, offer, Buyer())
            except SubmissionUnknown:
                outcomes["unknown"] = outcomes.get("unknown", 0) + 1
            else:
                outcomes["accepted"] = outcomes.get("accepted", 0) + 1
    assert sum(outcomes.values()) == len(emulator.ledger.tasks) == 300
    assert outcomes["unknown"] > 50


@pytest.mark.parametrize(
    "name", ["..", ".", "../../admin", "a/b", "cgt 1", "cgt-1?x=1", "x" * 129, "", "cgt-1\n", "ü"]
)
async def test_an_id_that_is_none_goes_into_no_address(name: str) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        for call in (provider.poll, provider.cancel):
            with pytest.raises(TaskNotFound):
                await call(Submission(task_id=name))
    assert emulator.ledger.calls == []


async def test_a_task_goes_through_its_states() -> None:
    words = Behaviour(words=["queued", "running", "brewing", "queued"])
    async with Emulator("ark", behaviour=words) as emulator, opened(emulator) as provider:
        submission = await bought(provider, return_last_frame=True)
        seen = [(await provider.poll(submission)).status.value for _ in range(5)]
        state = await provider.poll(submission)
    assert seen == ["queued", "running", "running", "queued", "succeeded"]
    assert state.last_frame_url
    assert state.url_expires_at == pytest.approx(time.time() + 86_400, abs=30)


async def test_an_unknown_word_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    words = Behaviour(words=["\x1b[31mbrewing"] * 3)
    async with Emulator("ark", behaviour=words) as emulator, opened(emulator) as provider:
        submission = await bought(provider)
        for _ in range(3):
            assert (await provider.poll(submission)).status is TaskStatus.RUNNING
    assert caplog.text.count("brewing") == 1
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    ("prompt", "code", "provider_code"),
    [
        ("A [moderated] cat.", "content_rejected", "OutputVideoSensitiveContentDetected"),
        ("A [fails] cat.", "provider_unavailable", "InternalServiceError"),
        ("A [mismatch] cat.", "request_rejected", "InvalidParameter.TaskTypeMismatch"),
    ],
)
async def test_a_failed_task_says_why_and_what_to_do(prompt: str, code: str, provider_code: str) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        state = await provider.poll(await bought(provider, prompt=prompt))
    assert (state.status, state.error_code, state.provider_code) == (TaskStatus.FAILED, code, provider_code)
    assert state.error == "The request failed."
    assert state.hint
    assert emulator.ledger.charged("CNY") == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(kind="status", status=500, call="poll", times=None), ProviderUnavailable),
        (Fault(kind="page", call="poll"), UnexpectedResponse),
        (Fault(kind="page", status=404, call="poll"), UnexpectedResponse),
        (Fault(kind="no_id", call="poll"), UnexpectedResponse),
        (Fault(kind="wrong_types", call="poll"), UnexpectedResponse),
        (Fault(kind="deep_json", call="poll"), UnexpectedResponse),
        (Fault(kind="bomb", call="poll"), UnexpectedResponse),
        (Fault(kind="endless", call="poll"), UnexpectedResponse),
        (Fault(kind="redirect", value="http://169.254.169.254/", call="poll"), UnexpectedResponse),
        (Fault(kind="status", status=404, call="poll"), TaskNotFound),
        (Fault(kind="status", status=401, call="poll"), AuthenticationError),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)
async def test_a_poll_in_trouble_says_nothing_about_the_task(
    fault: Fault, expected: type[ProviderError]
) -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        submission = await bought(provider)
        emulator.faults.add(fault)
        with anyio.fail_after(10), pytest.raises(ProviderError) as caught:
            await provider.poll(submission)
        assert type(caught.value) is expected
        emulator.faults.clear()
        assert (await provider.poll(submission)).status is TaskStatus.SUCCEEDED


async def test_success_without_a_video_is_asked_again_later() -> None:
    async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator, opened(emulator) as provider:
        submission = await bought(provider)
        emulator.ledger.tasks[submission.task_id].words.append("succeeded")
        dialect_answer = ArkDialect.answer

        def without_content(self: ArkDialect, *asked: Any) -> Response:
            response = dialect_answer(self, *asked)
            return Response(body=response.body.replace(b'"video_url"', b'"other_url"'))

        emulator.dialect("ark").answer = without_content.__get__(emulator.dialect("ark"))
        with pytest.raises(UnexpectedResponse, match="not where the video is"):
            await provider.poll(submission)


async def test_a_waiting_task_is_cancelled_and_cancelling_again_does_nothing() -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(queued_seconds=math.inf)) as emulator,
        opened(emulator) as provider,
    ):
        submission = await bought(provider)
        await provider.cancel(submission)
        assert (await provider.poll(submission)).status is TaskStatus.CANCELLED
        await provider.cancel(submission)
    assert emulator.ledger.count("cancel") == 1
    assert emulator.ledger.committed("CNY") == 0


@pytest.mark.parametrize("status", ["running", "succeeded", "failed", "expired", "brewing"])
async def test_only_a_waiting_task_is_ever_deleted(status: str) -> None:
    """Deleting a finished task destroys the record of a video that was paid for."""
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        submission = await bought(provider)
        emulator.ledger.force(submission.task_id, status)
        with pytest.raises(NotSupported):
            await provider.cancel(submission)
    assert emulator.ledger.count("cancel") == 0
    assert not emulator.ledger.tasks[submission.task_id].deleted


async def test_a_task_that_starts_between_look_and_deletion_is_said_to_run() -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(words=["queued"], endless=True)) as emulator,
        opened(emulator) as provider,
    ):
        submission = await bought(provider)
        with pytest.raises(NotSupported, match="wait in its queue"):
            await provider.cancel(submission)
    assert [call.status for call in emulator.ledger.calls if call.name == "cancel"] == [409]


async def test_a_deletion_is_never_repeated() -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(queued_seconds=math.inf)) as emulator,
        opened(emulator) as provider,
    ):
        submission = await bought(provider)
        emulator.fail("lost", "cancel", times=None)
        with pytest.raises(ProviderUnavailable):
            await provider.cancel(submission)
    assert emulator.ledger.count("cancel") == 1


async def test_a_check_costs_nothing_and_tells_a_bad_key() -> None:
    async with Emulator("ark") as emulator:
        async with opened(emulator) as provider:
            await provider.check()
        async with opened(emulator, key="another-key") as provider:
            with pytest.raises(AuthenticationError):
                await provider.check()
    assert emulator.ledger.count("submit") == 0


async def test_an_empty_account_is_told_apart_from_a_bad_key() -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(funds=Decimal(1))) as emulator,
        opened(emulator) as provider,
    ):
        with pytest.raises(InsufficientFunds):
            await bought(provider)
    assert emulator.ledger.tasks == {}


async def test_media_that_the_service_cannot_fetch_are_a_refusal() -> None:
    async with Emulator("ark") as emulator, opened(emulator) as provider:
        with pytest.raises(RequestRejected, match="download failed"):
            await bought(provider, first_frame="https://gone.invalid/a.png")


MEDIA_KINDS = ("Text", "Image", "Video", "Audio")
CODES = {
    RequestRejected: [
        "MissingParameter", "MissingParameter.content", "InvalidParameter", "InvalidParameter.duration",
        "InvalidParameter.UnsupportedParameter", "InvalidParameter.TosURLInvalid", "InvalidParameter.TaskTypeConstraint",
        "InvalidParameter.TaskTypeMismatch", "InvalidImageURL.EmptyURL", "InvalidImageURL.InvalidFormat",
        "InvalidEndpoint.ClosedEndpoint", "OperationDenied.TosAccessDenied", "OperationDenied.FileQuotaExceeded",
        "OperationDenied.InvalidState", "InvalidEndpointOrModel.NotFound", "UnsupportedModel",
        "InvalidAction.RunningTaskDeletion",
    ],
    ModelNotOpen: ["ModelNotOpen", "InvalidEndpointOrModel.ModelIDAccessDisabled"],
    ContentRejected: [
        "SensitiveContentDetected", "SensitiveContentDetected.SevereViolation", "SensitiveContentDetected.Violence",
        *(f"Input{kind}SensitiveContentDetected" for kind in MEDIA_KINDS),
        *(f"Input{kind}SensitiveContentDetected.PolicyViolation" for kind in MEDIA_KINDS),
        "InputImageSensitiveContentDetected.PrivacyInformation", "InputVideoSensitiveContentDetected.PrivacyInformation",
        *(f"Output{kind}SensitiveContentDetected" for kind in MEDIA_KINDS),
        *(f"Output{kind}SensitiveContentDetected.PolicyViolation" for kind in MEDIA_KINDS),
        "InputTextRiskDetection", "OutputVideoRiskDetection",
    ],
    AuthenticationError: [
        "AuthenticationError", "OperationDenied.ServiceNotOpen", "OperationDenied.ArkAccessRoleNotFound",
    ],
    AccessDenied: ["AccessDenied", "OperationDenied.PermissionDenied"],
    InsufficientFunds: [
        "InvalidAccountStatus", "AccountOverdueError", "OperationDenied.ServiceOverdue", "InvalidSubscription",
        "SetLimitExceeded",
    ],
    RateLimited: [
        "RateLimitExceeded.EndpointRPMExceeded", "RateLimitExceeded.EndpointTPMExceeded",
        "ModelAccountRpmRateLimitExceeded", "ModelAccountTpmRateLimitExceeded", "ModelAccountIpmRateLimitExceeded",
        "APIAccountRpmRateLimitExceeded", "AccountRateLimitExceeded", "QuotaExceeded", "InflightBatchsizeExceeded",
        "ServerOverloaded", "RequestBurstTooFast", "ContentSecurityDetectionError",
    ],
    ProviderUnavailable: ["InternalServiceError"],
    None: ["ResourceNotFound", "NotFound.task_id"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "code"), [(kind, code) for kind, codes in CODES.items() for code in codes]
)
def test_every_documented_code_has_a_class_and_advice(
    expected: type[ProviderError] | None, code: str
) -> None:
    meaning = read_codes("seedance_mcp.providers.ark.adapter").meaning(code)
    assert meaning
    assert meaning.error is expected
    assert len(meaning.hint) > 20


def test_every_class_of_a_code_may_stand_for_a_refused_purchase() -> None:
    allowed = {*REFUSALS, ProviderUnavailable, None}
    assert {meaning.error for meaning in read_codes("seedance_mcp.providers.ark.adapter").meanings} <= allowed


@pytest.mark.parametrize("seed", range(3))
async def test_under_random_trouble_the_ledger_agrees_with_what_we_know(seed: int) -> None:
    """Whatever happens on the line: a purchase is sent once, and what is unknown can be found out."""
    rng = random.Random(seed)
    async with Emulator("ark", seed=seed) as emulator, opened(emulator) as provider:
        kinds = ("lost", "reset", "truncated", "page", "no_id", "garbage", "wrong_types", "empty")
        for kind in kinds:
            emulator.faults.add(Fault(kind=kind, accepted=rng.random() < 0.6, times=None, chance=0.12))
        request, offer = order()
        known: dict[str, str | None] = {}
        for number in range(40):
            tag = f"tag-{number}"
            try:
                known[tag] = (await provider.submit(request, offer, Buyer(tag))).task_id
            except SubmissionUnknown:
                known[tag] = None
        emulator.faults.clear()
        for tag in [tag for tag, task_id in known.items() if task_id is None]:
            recovery = await provider.recover(request, offer, tag, sent())
            known[tag] = recovery.submission.task_id if recovery.submission else None
            assert recovery.submission or recovery.proves_absence
    truth = {task.facts["tag"]: task.id for task in emulator.ledger.tasks.values()}
    assert {tag: task_id for tag, task_id in known.items() if task_id} == truth
    assert emulator.ledger.count("submit") == 40
    assert set(emulator.ledger.tags().values()) == {1}


def test_the_official_client_takes_the_emulator_for_the_service() -> None:
    try:
        ark = importlib.import_module("volcenginesdkarkruntime")
    except ImportError as error:
        pytest.skip(f"volcengine-ark-runtime cannot be imported: {error}")
    with Emulator("ark", behaviour=Behaviour(queued_seconds=math.inf)).threaded() as emulator:
        client = ark.Ark(base_url=emulator.base_url(), api_key=emulator.key, max_retries=0)
        tasks = client.content_generation.tasks
        created = tasks.create(
            model="doubao-seedance-1-0-pro-250528",
            content=[{"type": "text", "text": "a cat --ratio 16:9 --dur 5"}],
        )
        assert tasks.get(task_id=created.id).status == "queued"
        emulator.ledger.force(created.id, "running")
        with pytest.raises(
            ark.ArkConflictError if hasattr(ark, "ArkConflictError") else Exception
        ) as running:
            tasks.delete(created.id)
        assert getattr(running.value, "code", None) == "InvalidAction.RunningTaskDeletion"
        emulator.ledger.force(created.id, "succeeded")
        done = tasks.get(task_id=created.id)
        assert done.content.video_url.startswith("http://127.0.0.1")
        assert done.usage.completion_tokens == math.floor(1920 * 1088 * 121 / 1024)
        listed = tasks.list(page_size=10, status="succeeded")
        assert (listed.total, listed.items[0].id) == (1, created.id)
        for fields, code in (
            (
                {"model": "no-such-model", "content": [{"type": "text", "text": "a"}]},
                "InvalidEndpointOrModel.NotFound",
            ),
            ({"model": "doubao-seedance-2-0-260128", "content": []}, "MissingParameter"),
        ):
            with pytest.raises(Exception) as refused:  # noqa: PT011  the client is not typed here
                tasks.create(**fields)
            assert getattr(refused.value, "code", None) == code
        tasks.delete(created.id)
        assert emulator.ledger.tasks[created.id].deleted
        client.close()
