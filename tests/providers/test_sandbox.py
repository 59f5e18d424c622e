"""The sandbox behaves like a provider that takes money: durable tasks, honest states, trouble on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio
import av
import pytest
from PIL import Image

from seedance_mcp.catalog import Catalog, Offer
from seedance_mcp.errors import ContentRejected, MediaError, RequestRejected, SubmissionUnknown, TaskNotFound
from seedance_mcp.providers import Access, Provider, create
from seedance_mcp.providers.sandbox.adapter import MARKERS, SandboxProvider
from seedance_mcp.types import MediaFile, Submission, TaskState, TaskStatus, VideoRequest

from .when import sent

CATALOG = Catalog.load()
OFFER = CATALOG.offer("sandbox", "seedance-2.0")
OLD = CATALOG.offer("sandbox", "seedance-1.0-pro", retired=True)
UNFINISHED = (TaskStatus.QUEUED, TaskStatus.RUNNING)


@dataclass
class Buyer:
    tag: str = "tag-1"
    steps: list[str] = field(default_factory=list)

    async def sending(self) -> None:
        self.steps.append("sending")

    def answered(self, status: int, body: bytes) -> None:
        json.loads(body)
        self.steps.append(f"answered {status}")


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def sandbox(folder: Path, *, seconds: float = 0.0, clock: Clock | None = None) -> SandboxProvider:
    access = Access(key=None, base_url="", folder=folder, seconds=seconds)
    return SandboxProvider(OFFER.provider, access, clock=clock or time.time)


def asked(**changes: object) -> VideoRequest:
    """A resolved request that is quickly drawn."""
    fields: dict[str, object] = {
        "prompt": "a red fox in the snow",
        "model": "seedance-2.0",
        "provider": "sandbox",
        "duration": 1,
        "resolution": "480p",
        "aspect_ratio": "1:1",
        "generate_audio": False,
        "return_last_frame": False,
        "seed": 5,
    }
    return VideoRequest.model_validate(fields | changes)


async def finished(provider: Provider, submission: Submission, seconds: float = 60) -> TaskState:
    """Poll until the task is over."""
    with anyio.fail_after(seconds):
        while (state := await provider.poll(submission)).status in UNFINISHED:  # noqa: ASYNC110  as its users do
            await anyio.sleep(0.02)
    return state


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait for something that another thread does."""
    with anyio.fail_after(20):
        while not await condition():  # noqa: ASYNC110  threads of the adapter tell nobody
            await anyio.sleep(0.01)


def local(url: str | None) -> Path:
    assert url is not None
    assert url.startswith("file://")
    return Path(url2pathname(urlsplit(url).path))


def measured(url: str) -> tuple[int, int, float, bool, str]:
    """Width, height, seconds, whether there is sound, and the comment of a finished video."""
    with av.open(str(local(url))) as film:
        picture = film.streams.video[0]
        assert picture.duration is not None
        assert picture.time_base is not None
        seconds = float(picture.duration * picture.time_base)
        return picture.width, picture.height, seconds, bool(film.streams.audio), film.metadata["comment"]


async def test_a_task_goes_from_the_purchase_to_a_finished_file(tmp_path: Path) -> None:
    provider, buyer = sandbox(tmp_path / "new" / "folder"), Buyer()
    submission = await provider.submit(asked(generate_audio=True, return_last_frame=True), OFFER, buyer)
    assert buyer.steps == ["sending", "answered 200"]
    state = await finished(provider, submission)
    assert state.status is TaskStatus.SUCCEEDED
    assert measured(state.video_urls[0]) == (640, 640, 1.0, True, "placeholder; model=seedance-2.0; seed=5")
    with Image.open(local(state.last_frame_url)) as picture:
        assert picture.size == (640, 640)
    assert state.usage["price_usd"] == Decimal(0)
    assert local(state.video_urls[0]).is_relative_to(tmp_path / "new" / "folder")
    await provider.close()


async def test_progress_rises_while_it_is_drawn(tmp_path: Path) -> None:
    provider = sandbox(tmp_path)
    submission = await provider.submit(asked(duration=2), OFFER, Buyer())
    seen: list[float] = []
    with anyio.fail_after(60):
        while (state := await provider.poll(submission)).status in UNFINISHED:
            assert state.progress is not None
            seen.append(state.progress)
            await anyio.sleep(0.01)
    assert seen == sorted(seen)
    assert any(0 < progress < 1 for progress in seen)
    await provider.close()


async def test_it_pretends_to_work_for_as_long_as_it_is_told(tmp_path: Path) -> None:
    clock = Clock()
    provider = sandbox(tmp_path, seconds=100, clock=clock)
    submission = await provider.submit(asked(), OFFER, Buyer())
    assert await provider.poll(submission) == TaskState(status=TaskStatus.QUEUED, queue_position=1)
    fast = sandbox(tmp_path)
    await finished(fast, submission)
    clock.now += 40
    assert await provider.poll(submission) == TaskState(status=TaskStatus.RUNNING, progress=0.4)
    clock.now += 59
    assert (await provider.poll(submission)).progress == 0.99
    clock.now += 1
    assert (await provider.poll(submission)).status is TaskStatus.SUCCEEDED
    for one in (provider, fast):
        await one.close()


async def test_one_is_drawn_at_a_time_and_the_others_wait_their_turn(tmp_path: Path) -> None:
    provider = sandbox(tmp_path)
    first = await provider.submit(asked(duration=12), OFFER, Buyer("a"))
    second = await provider.submit(asked(), OFFER, Buyer("b"))
    third = await provider.submit(asked(), OFFER, Buyer("c"))
    waiting = await provider.poll(second), await provider.poll(third)
    assert [(state.status, state.queue_position) for state in waiting] == [
        (TaskStatus.QUEUED, 2),
        (TaskStatus.QUEUED, 3),
    ]
    await provider.cancel(first)
    for submission in (second, third):
        assert (await finished(provider, submission)).status is TaskStatus.SUCCEEDED
    await provider.close()


async def test_a_restart_goes_on_from_the_record_and_draws_the_same_video(tmp_path: Path) -> None:
    before = sandbox(tmp_path / "a")
    submission = await before.submit(asked(), OFFER, Buyer())
    await before.close()
    [record] = (tmp_path / "a").iterdir()
    after = sandbox(tmp_path / "a")
    state = await finished(after, submission)
    elsewhere = sandbox(tmp_path / "b")
    same = await finished(elsewhere, await elsewhere.submit(asked(), OFFER, Buyer()))
    assert local(state.video_urls[0]).read_bytes() == local(same.video_urls[0]).read_bytes()
    local(state.video_urls[0]).unlink()
    again = await finished(after, submission)
    assert local(again.video_urls[0]).read_bytes() == local(same.video_urls[0]).read_bytes()
    assert record.exists()
    for one in (after, elsewhere):
        await one.close()


async def test_a_task_survives_the_death_of_its_process(tmp_path: Path) -> None:
    code = f"""
import os, anyio
from tests.providers.test_sandbox import Buyer, OFFER, asked, sandbox
from pathlib import Path
async def main():
    submission = await sandbox(Path({str(tmp_path)!r}) / "tasks").submit(asked(), OFFER, Buyer())
    print(submission.task_id, flush=True)
    os._exit(9)
anyio.run(main)
"""
    root = Path(__file__).parents[2]
    died = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert died.returncode == 9, died.stderr
    provider = sandbox(tmp_path / "tasks")
    state = await finished(provider, Submission(task_id=died.stdout.strip()))
    assert state.status is TaskStatus.SUCCEEDED
    await provider.close()


async def test_closing_is_quick_and_leaves_nothing_half_drawn(tmp_path: Path) -> None:
    provider = sandbox(tmp_path / "tasks")
    submission = await provider.submit(asked(duration=12, resolution="720p"), OFFER, Buyer())

    async def begun() -> bool:
        return bool((await provider.poll(submission)).progress)

    async def ended() -> bool:
        return all(thread.name != "sandbox" for thread in threading.enumerate())

    await until(begun)
    with anyio.fail_after(5):
        await provider.close()
    await until(ended)
    assert {path.suffix for path in (tmp_path / "tasks").iterdir()} == {".json"}
    assert (await provider.poll(submission)).status is TaskStatus.RUNNING


@pytest.mark.parametrize("seconds", [0.0, 1000.0])
async def test_a_task_can_be_cancelled_while_it_waits_or_runs(tmp_path: Path, seconds: float) -> None:
    provider = sandbox(tmp_path / "tasks", seconds=seconds)
    submission = await provider.submit(asked(duration=12), OFFER, Buyer())
    for _ in range(2):
        await provider.cancel(submission)
        assert (await provider.poll(submission)).status is TaskStatus.CANCELLED
    assert (await sandbox(tmp_path / "tasks").poll(submission)).status is TaskStatus.CANCELLED
    await provider.close()
    assert [path.suffix for path in (tmp_path / "tasks").iterdir()] == [".json"]


async def test_a_task_that_another_process_cancelled_is_drawn_no_further(tmp_path: Path) -> None:
    provider = sandbox(tmp_path / "tasks")
    submission = await provider.submit(asked(duration=12), OFFER, Buyer())
    await sandbox(tmp_path / "tasks").cancel(submission)
    assert (await provider.poll(submission)).status is TaskStatus.CANCELLED
    after = await provider.submit(asked(), OFFER, Buyer())
    await finished(provider, after)
    assert [path.stem for path in (tmp_path / "tasks").glob("*.mp4")] == [after.task_id]
    await provider.close()


async def test_cancelling_comes_too_late_for_a_finished_task(tmp_path: Path) -> None:
    provider = sandbox(tmp_path)
    submission = await provider.submit(asked(), OFFER, Buyer())
    await finished(provider, submission)
    await provider.cancel(submission)
    assert (await provider.poll(submission)).status is TaskStatus.SUCCEEDED
    await provider.close()


@pytest.mark.parametrize(
    "task_id", ["sandbox-0123456789abcdef", "../../etc/passwd", "sandbox-0123456789abcde/", ""]
)
async def test_an_unknown_task_is_not_found(tmp_path: Path, task_id: str) -> None:
    provider = sandbox(tmp_path)
    for call in (provider.poll, provider.cancel):
        with pytest.raises(TaskNotFound):
            await call(Submission(task_id=task_id))


async def test_a_refused_prompt_is_known_not_to_be_bought(tmp_path: Path) -> None:
    provider, buyer = sandbox(tmp_path), Buyer()
    with pytest.raises(ContentRejected):
        await provider.submit(asked(prompt="a fox [sandbox:refuse]"), OFFER, buyer)
    assert buyer.steps == ["sending", "answered 400"]
    assert (await provider.recover(asked(), OFFER, buyer.tag, sent())).proves_absence


@pytest.mark.parametrize(
    ("marker", "code"), [("[sandbox:moderate]", "content_rejected"), ("[sandbox:fail]", "generation_failed")]
)
async def test_a_task_that_has_to_fail_runs_first(tmp_path: Path, marker: str, code: str) -> None:
    clock = Clock()
    provider = sandbox(tmp_path, seconds=100, clock=clock)
    submission = await provider.submit(asked(prompt=f"a fox {marker}"), OFFER, Buyer())
    assert (await provider.poll(submission)).status is TaskStatus.QUEUED
    clock.now += 30
    assert (await provider.poll(submission)).status is TaskStatus.RUNNING
    clock.now += 30
    state = await provider.poll(submission)
    assert (state.status, state.error_code) == (TaskStatus.FAILED, code)
    assert state.error
    assert state.hint
    assert state.video_urls == ()
    await provider.cancel(submission)
    assert await provider.poll(submission) == state


async def test_a_stalled_task_runs_until_it_is_cancelled(tmp_path: Path) -> None:
    clock = Clock()
    provider = sandbox(tmp_path, seconds=1, clock=clock)
    submission = await provider.submit(asked(prompt="[sandbox:stall] a fox"), OFFER, Buyer())
    clock.now += 1_000_000
    state = await provider.poll(submission)
    assert (state.status, state.progress) == (TaskStatus.RUNNING, 0.5)
    await provider.cancel(submission)
    assert (await provider.poll(submission)).status is TaskStatus.CANCELLED


async def test_a_lost_answer_is_found_again_by_its_tag(tmp_path: Path) -> None:
    provider, buyer = sandbox(tmp_path), Buyer("lost-one")
    request = asked(prompt="a fox [sandbox:lost]")
    with pytest.raises(SubmissionUnknown):
        await provider.submit(request, OFFER, buyer)
    assert buyer.steps == ["sending"]
    found = await sandbox(tmp_path).recover(request, OFFER, "lost-one", sent())
    assert found.submission is not None
    assert (await finished(provider, found.submission)).status is TaskStatus.SUCCEEDED
    missing = await provider.recover(request, OFFER, "another", sent())
    assert (missing.submission, missing.proves_absence) == (None, True)
    await provider.close()


async def test_an_ambiguous_tag_proves_nothing(tmp_path: Path) -> None:
    clock = Clock()
    provider = sandbox(tmp_path, seconds=1000, clock=clock)
    for _ in range(2):
        await provider.submit(asked(prompt="[sandbox:stall]"), OFFER, Buyer("twice"))
    found = await provider.recover(asked(), OFFER, "twice", sent())
    assert (found.submission, found.proves_absence) == (None, False)


def test_every_marker_is_explained() -> None:
    assert set(MARKERS) == {f"[sandbox:{word}]" for word in ("refuse", "moderate", "fail", "stall", "lost")}
    assert all(words[0].isupper() and words.endswith(".") for words in MARKERS.values())


async def test_a_folder_that_cannot_be_written_refuses_the_purchase(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    provider, buyer = sandbox(tmp_path / "file"), Buyer()
    with pytest.raises(RequestRejected) as refused:
        await provider.submit(asked(), OFFER, buyer)
    assert refused.value.hint
    assert buyer.steps == ["sending", "answered 507"]


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by POSIX means")
async def test_a_full_disk_fails_the_task_for_good_and_says_so(tmp_path: Path) -> None:
    code = f"""
import resource, signal, anyio
from pathlib import Path
from tests.providers.test_sandbox import Buyer, OFFER, asked, finished, sandbox
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
async def main():
    folder = Path({str(tmp_path)!r}) / "tasks"
    provider = sandbox(folder)
    submission = await provider.submit(asked(duration=4), OFFER, Buyer())
    print((await finished(provider, submission)).error_code)
    print(submission.task_id)
    print(*{{path.suffix for path in folder.iterdir()}})
anyio.run(main)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    error_code, task_id, suffixes = done.stdout.splitlines()
    assert error_code == "disk_full", done.stderr
    state = await sandbox(tmp_path / "tasks").poll(Submission(task_id=task_id))
    assert (state.status, state.error_code) == (TaskStatus.FAILED, "disk_full")
    assert "SEEDANCE_STATE_DIR" in (state.hint or "")
    assert suffixes == ".json"


@pytest.mark.parametrize(
    ("request_", "offer", "expected"),
    [
        (asked(duration=-1), OFFER, (640, 640, 5.0)),
        (
            asked(model="seedance-1.0-pro", provider_options={"frames": 29}, duration=None),
            OLD,
            (640, 640, 29 / 24),
        ),
        (asked(aspect_ratio="adaptive"), OFFER, (864, 496, 1.0)),
    ],
)
async def test_what_is_left_open_is_chosen_the_same_way_every_time(
    tmp_path: Path, request_: VideoRequest, offer: Offer, expected: tuple[int, int, float]
) -> None:
    provider = sandbox(tmp_path)
    state = await finished(provider, await provider.submit(request_, offer, Buyer()))
    width, height, seconds, _, _ = measured(state.video_urls[0])
    assert (width, height, pytest.approx(seconds, abs=0.001)) == expected
    await provider.close()


@pytest.mark.parametrize(
    ("size", "uri", "expected"),
    [((600, 1000), True, (496, 864)), ((300, 290), False, (640, 640)), ((2000, 860), False, (992, 432))],
)
async def test_an_adaptive_video_takes_the_nearest_shape_of_its_first_frame(
    tmp_path: Path, size: tuple[int, int], uri: bool, expected: tuple[int, int]
) -> None:
    picture = tmp_path / "größe 100% %41.png"
    Image.new("RGB", size, "olive").save(picture)
    provider = sandbox(tmp_path / "tasks")
    request = asked(aspect_ratio="adaptive", first_frame=picture.as_uri() if uri else str(picture))
    state = await finished(provider, await provider.submit(request, OFFER, Buyer()))
    with av.open(str(local(state.video_urls[0]))) as film:
        shown = next(film.decode(video=0)).to_image()
    assert shown.size == expected
    red, green, blue = shown.getpixel((expected[0] // 2, expected[1] // 2))  # pyright: ignore[reportGeneralTypeIssues]
    assert abs(red - 128) < 6
    assert abs(green - 128) < 6
    assert blue < 8
    await provider.close()


async def test_what_lies_elsewhere_is_not_fetched_and_does_no_harm(tmp_path: Path) -> None:
    provider = sandbox(tmp_path)
    request = asked(
        reference_images=("https://example.com/fox.png", "data:image/png;base64,AAAA"),
        reference_videos=("https://example.com/fox.mp4",),
        reference_audios=("https://example.com/fox.mp3",),
    )
    state = await finished(provider, await provider.submit(request, OFFER, Buyer()))
    assert state.status is TaskStatus.SUCCEEDED
    await provider.close()


async def test_a_seed_of_minus_one_gives_another_video_each_time(tmp_path: Path) -> None:
    provider = sandbox(tmp_path)
    comments: set[str] = set()
    for _ in range(2):
        state = await finished(provider, await provider.submit(asked(seed=-1), OFFER, Buyer()))
        comments.add(measured(state.video_urls[0])[4])
    assert len(comments) == 2
    await provider.close()


async def test_old_files_are_swept_away_and_drawn_again_when_they_are_asked_for(tmp_path: Path) -> None:
    provider = sandbox(tmp_path)
    submission = await provider.submit(asked(), OFFER, Buyer())
    video = local((await finished(provider, submission)).video_urls[0])
    os.utime(video, (1, 1))
    (tmp_path / "sandbox-0123456789abcdef.aa.part.mp4").write_bytes(b"left by a crash")
    os.utime(tmp_path / "sandbox-0123456789abcdef.aa.part.mp4", (1, 1))
    await provider.submit(asked(prompt="[sandbox:stall]"), OFFER, Buyer())
    assert not video.exists()
    assert not list(tmp_path.glob("*.part.*"))
    assert (await finished(provider, submission)).status is TaskStatus.SUCCEEDED
    assert video.exists()
    await provider.close()


async def test_it_is_free_needs_no_key_and_reads_files_where_they_lie(tmp_path: Path) -> None:
    info = OFFER.provider
    provider = create(info, Access(key=None, base_url="", folder=tmp_path))
    await provider.check()
    assert await provider.quote(asked(), OFFER) == 0
    path = tmp_path / "a b.png"
    assert (await provider.upload(MediaFile(kind="image", path=path))).url == path.as_uri()
    with pytest.raises(MediaError):
        await provider.upload(MediaFile(kind="image", url="https://example.com/x.png"))
    await provider.close()


async def test_a_clock_that_is_set_back_keeps_no_task_waiting(tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    access = Access(key=None, base_url="", folder=tmp_path, seconds=1000.0)
    provider = SandboxProvider(OFFER.provider, access, clock=lambda: now[0])
    submission = await provider.submit(asked(), OFFER, Buyer())
    now[0] -= 31_536_000
    assert (await finished(provider, submission)).status is TaskStatus.SUCCEEDED
    await provider.close()
