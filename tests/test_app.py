"""The life of a job from the request to the file, through the app, in the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import (
    ConfigError,
    ContentRejected,
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    SeedanceError,
)
from seedance_mcp.types import Job, JobState, JobStatus, Look, PurchaseTerms, VideoRequest
from tests.media.crafting import picture

SMALL = {
    "model": "seedance-1.0-pro-fast",
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "duration": 2,
    "seed": 7,
}


def request(prompt: str = "a paper boat on a pond", **fields: object) -> VideoRequest:
    return VideoRequest.model_validate({"prompt": prompt, **SMALL, **fields})


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


async def made(app: App, asked: VideoRequest, **how: object) -> Job:
    with anyio.fail_after(60):
        started = await app.generate(asked, PurchaseTerms(**how))  # type: ignore[arg-type]
        return await app.wait(started.job.id, 60)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"prompt": "a\0b"}, "prompt has a NUL character at position 1. Leave it out."),
        ({"provider_options": {"a": [{"b": "\ud800"}]}}, "provider_options.a[0].b has half of a surrogate pair"),
        ({"provider_options": {"a": float("nan")}}, "provider_options.a must be a finite number."),
        ({"based_on": "job_\0"}, "based_on has a NUL character at position 4. Leave it out."),
    ],
)  # fmt: skip
async def test_what_cannot_be_stored_or_sent_is_refused_by_the_name_of_its_place(
    settings: Settings, fields: dict[str, object], told: str
) -> None:
    said: list[str] = []
    async with open_app(settings) as app:
        for ask in (app.estimate, app.generate):
            try:
                await ask(request(**fields))  # type: ignore[arg-type]
            except SeedanceError as error:
                said.append(f"{error.code}: {error.message}")
        listed = await app.recent()
    assert [one.startswith(f"invalid_request: {told}") for one in said] == [True, True], said
    assert listed == []


async def test_a_job_ends_as_a_verified_file_with_a_readable_name_and_a_sidecar(settings: Settings) -> None:
    async with open_app(settings) as app:
        job = await made(app, request())
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert job.artifacts
    video = Path(job.artifacts.video_path)
    assert video.parent == settings.output_dir
    assert "paper-boat" in video.name
    assert (job.artifacts.width, job.artifacts.height, job.artifacts.duration_seconds) == (864, 480, 2.0)
    sidecar = json.loads(video.with_suffix(".json").read_text(encoding="utf-8"))
    assert sidecar["prompt"] == "a paper boat on a pond"
    assert sidecar["seed"] == 7
    assert [path.suffix for path in sorted(settings.output_dir.iterdir())] == [".json", ".mp4"]


async def test_without_any_key_the_sandbox_is_chosen_and_the_reason_says_so(settings: Settings) -> None:
    async with open_app(settings) as app:
        quote = await app.estimate(VideoRequest(prompt="a cat"))
    assert quote.offer.provider.name == "sandbox"
    assert "key" in quote.reason
    assert quote.estimate
    assert quote.estimate.price.usd == 0


async def test_the_same_request_again_is_the_same_job_while_it_is_open(settings: Settings) -> None:
    async with open_app(settings) as app:
        first = await app.generate(request("[sandbox:stall] a boat"))
        again = await app.generate(request("[sandbox:stall] a boat"))
        other = await app.generate(request("[sandbox:stall] a boat", seed=8))
        wanted = await app.generate(request("[sandbox:stall] a boat"), PurchaseTerms(allow_duplicate=True))
        for job in (first.job, other.job, wanted.job):
            await app.cancel(job.id)
    assert again.deduplicated
    assert again.job.id == first.job.id
    assert len({first.job.id, other.job.id, wanted.job.id}) == 3


async def test_a_refused_request_fails_and_can_be_asked_again(settings: Settings) -> None:
    async with open_app(settings) as app:
        job = await made(app, request("[sandbox:refuse] a boat"))
        again = await app.generate(request("[sandbox:refuse] a boat"))
    assert job.state is JobState.REJECTED
    assert job.error_code == ContentRejected.code
    assert job.error_hint
    assert again.job.id != job.id


async def test_a_job_that_fails_midway_says_why(settings: Settings) -> None:
    async with open_app(settings) as app:
        job = await made(app, request("[sandbox:fail] a boat"))
    assert job.status is JobStatus.FAILED
    assert job.error_code == "generation_failed"
    assert not list(settings.output_dir.glob("*.mp4"))


async def test_a_lost_answer_is_found_again_and_bought_once(settings: Settings) -> None:
    async with open_app(settings) as app:
        started = await app.generate(request("[sandbox:lost] a boat"))
        assert started.job.status is JobStatus.UNKNOWN
        assert started.job.error_hint
        assert "not submit again" in started.job.error_hint.lower()
        with anyio.fail_after(60):
            job = await app.wait(started.job.id, 60)
        records = list((settings.state_dir / "providers" / "sandbox").glob("*.json"))
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert len(records) == 1


async def test_a_stalled_job_can_be_cancelled_and_the_words_are_about_money(settings: Settings) -> None:
    async with open_app(settings) as app:
        started = await app.generate(request("[sandbox:stall] a boat"))
        _, words = await app.cancel(started.job.id)
        with anyio.fail_after(20):
            job = await app.wait(started.job.id, 20)
    assert job.status is JobStatus.CANCELLED
    assert "charge" in words


async def test_progress_never_goes_back_and_ends_at_one(settings: Settings) -> None:
    seen: list[float] = []

    async def report(update) -> None:
        seen.append(update.fraction)

    async with open_app(settings) as app:
        started = await app.generate(request())
        with anyio.fail_after(60):
            await app.wait(started.job.id, 60, report)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


async def test_a_wait_that_runs_out_returns_the_job_as_it_is(settings: Settings) -> None:
    async with open_app(settings) as app:
        started = await app.generate(request("[sandbox:stall] a boat"))
        with anyio.fail_after(5):
            job = await app.wait(started.job.id, 0.2)
        await app.cancel(job.id)
    assert not job.finished


async def test_the_next_shot_starts_from_the_last_frame_of_an_earlier_job(settings: Settings) -> None:
    async with open_app(settings) as app:
        first = await made(app, request())
        second = await made(app, request("the boat sails on", first_frame=f"job:{first.id}/last_frame"))
    assert second.status is JobStatus.SUCCEEDED, second.error
    assert second.request.first_frame == f"job:{first.id}/last_frame"


async def test_a_job_based_on_another_keeps_its_settings(settings: Settings) -> None:
    async with open_app(settings) as app:
        first = await made(app, request())
        quote = await app.estimate(VideoRequest(based_on=first.id, seed=9))
    assert quote.request.prompt == first.request.prompt
    assert quote.request.resolution == "480p"
    assert quote.request.seed == 9


async def test_an_unfinished_job_has_no_last_frame_and_no_sheet_yet(settings: Settings) -> None:
    async with open_app(settings) as app:
        started = await app.generate(request("[sandbox:stall] a boat"))
        with pytest.raises(JobNotFinished):
            await app.viewing.view(started.job.id)
        with pytest.raises(JobNotFinished):
            await app.estimate(request("next", first_frame=f"job:{started.job.id}/last_frame"))
        with pytest.raises(JobNotFound):
            await app.viewing.view("job_unknown")
        await app.cancel(started.job.id)


async def test_looking_at_a_job_writes_the_contact_sheet_beside_the_video(settings: Settings) -> None:
    async with open_app(settings) as app:
        job = await made(app, request())
        viewed = await app.viewing.view(job.id, Look(frames=4))
        small = await app.videos.preview(job)
    assert job.artifacts
    assert viewed.sheet
    assert viewed.file
    assert viewed.file == Path(job.artifacts.video_path).with_name(
        Path(job.artifacts.video_path).stem + "-sheet.jpg"
    )
    assert viewed.file.read_bytes() == viewed.sheet.jpeg
    assert len(viewed.sheet.jpeg) < 150_000
    assert small
    assert len(small) < 60_000


async def test_every_problem_of_a_request_and_its_media_is_named_at_once(settings: Settings) -> None:
    async with open_app(settings) as app:
        with pytest.raises(InvalidRequest) as caught:
            await app.generate(
                request(
                    model="seedance-1.0-pro",
                    first_frame="/nowhere/a.png",
                    last_frame="http://a.b/c.png",
                    duration=99,
                )
            )
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "first_frame",
        "last_frame",
        "duration",
    ]


KEY = "a-key-that-nobody-takes"


def photo(folder: Path, size: tuple[int, int] = (720, 1280)) -> dict[str, object]:
    """A first frame that may be read, and its request; the models take no other ratio than its own, or any."""
    path = picture(folder / "media" / "photo.png", size)
    return {"prompt": "a mug", "first_frame": str(path), "aspect_ratio": "9:16"}


@pytest.mark.parametrize(
    ("size", "changed", "subject"),
    [
        ((200, 200), {}, "first_frame"),
        ((720, 1280), {"resolution": "720"}, "resolution"),
        ((720, 1280), {"aspect_ratio": "vertical"}, "aspect_ratio"),
        ((720, 1280), {"aspect_ratio": "9x16"}, "aspect_ratio"),
    ],
)
@pytest.mark.parametrize("keys", [(), ("ARK_API_KEY",), ("ARK_API_KEY", "FAL_KEY")])
async def test_the_problems_told_are_those_of_the_offer_that_comes_nearest(
    environ: dict[str, str],
    tmp_path: Path,
    keys: tuple[str, ...],
    size: tuple[int, int],
    changed: dict[str, object],
    subject: str,
) -> None:
    wish = VideoRequest.model_validate(photo(tmp_path, size) | changed)
    async with open_app(load_settings(environ | dict.fromkeys(keys, KEY))) as app:
        with pytest.raises(InvalidRequest) as refused:
            await app.estimate(wish)
    assert [problem.partition(" (")[0].partition(":")[0] for problem in refused.value.problems] == [subject]
    assert "it can be adaptive" not in refused.value.message
    if subject == "aspect_ratio":
        assert "9:16" in refused.value.message
    assert f"seedance-2.0 at {'ark' if keys else 'sandbox'} comes nearest" in refused.value.hint


async def test_a_request_without_content_is_refused_without_a_word_about_limits(
    environ: dict[str, str],
) -> None:
    async with open_app(load_settings(environ)) as app:
        with pytest.raises(InvalidRequest, match="say what the video shows") as refused:
            await app.estimate(VideoRequest())
    assert refused.value.hint == InvalidRequest.default_hint


async def test_an_offer_that_is_as_near_and_has_another_problem_is_named_too(
    environ: dict[str, str], tmp_path: Path
) -> None:
    wish = VideoRequest.model_validate({**photo(tmp_path), "duration": 20})
    async with open_app(load_settings({**environ, "ARK_API_KEY": KEY})) as app:
        with pytest.raises(InvalidRequest) as refused:
            await app.estimate(wish)
    assert "seedance-2.5 at ark" in refused.value.message
    assert "With seedance-2.0 at ark it is something else: duration: 20" in refused.value.hint


async def test_the_reason_names_what_is_in_the_way_of_a_newer_model(
    environ: dict[str, str], tmp_path: Path
) -> None:
    wish = VideoRequest.model_validate({**photo(tmp_path), "duration": 10})
    for keys, whose in ({}, ""), ({"ARK_API_KEY": KEY}, " and whose published price is within the limit"):
        async with open_app(load_settings(environ | keys)) as app:
            reason = (await app.estimate(wish)).reason
        assert reason.startswith(f"seedance-2.0 is the newest model that can make this{whose}")
        assert "(seedance-2.5 does not take this: aspect_ratio: '9:16' is not possible with" in reason
        assert ("price" in reason) is bool(keys)


async def test_a_newer_model_that_is_too_dear_is_the_reason_for_another(environ: dict[str, str]) -> None:
    limits = {"ARK_API_KEY": KEY, "FAL_KEY": KEY, "SEEDANCE_MAX_USD_PER_JOB": "0.8"}
    async with open_app(load_settings(environ | limits)) as app:
        quote = await app.estimate(VideoRequest(prompt="a mug", duration=8))
    assert quote.reason.startswith("seedance-2.0-mini is the newest model whose published price is within")
    assert "(seedance-2.5 may cost more; seedance-2.0 may cost more)" in quote.reason
    assert quote.reason.endswith("ark is the cheapest provider that is ready")


async def test_a_model_without_a_published_price_is_not_called_the_cheapest(environ: dict[str, str]) -> None:
    nobody = {"RUNCOMFY_TOKEN": KEY, "SEEDANCE_RUNCOMFY_BASE_URL": "http://127.0.0.1:1"}
    async with open_app(load_settings(environ | nobody)) as app:
        quote = await app.estimate(VideoRequest(prompt="a mug", provider="runcomfy"))
        by_itself = await app.estimate(VideoRequest(prompt="a mug"))
    assert quote.estimate is None
    for reason in (quote.reason, by_itself.reason):
        assert (
            "seedance-2.5 is the newest model that can make this, and no model has a published price"
            in reason
        )
        assert "cheapest" not in reason


async def test_nothing_is_bought_when_the_result_could_not_be_saved(settings: Settings) -> None:
    settings.output_dir.parent.mkdir(parents=True, exist_ok=True)
    settings.output_dir.write_text("a file is in the way")
    async with open_app(settings) as app:
        with pytest.raises(ConfigError, match="cannot be saved") as caught:
            await app.generate(request())
        assert await app.recent() == []
    assert "SEEDANCE_OUTPUT_DIR" in caught.value.hint


async def test_a_cancelled_caller_does_not_stop_the_job(settings: Settings) -> None:
    async with open_app(settings) as app:
        with anyio.move_on_after(0.001):
            await app.generate(request())
        with anyio.fail_after(60):
            for job in await app.recent():
                assert (await app.wait(job.id, 60)).status is JobStatus.SUCCEEDED


START_AND_DIE = """
import os, sys, anyio
from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from tests.test_app import request

async def main():
    async with open_app(load_settings()) as app:
        started = await app.generate(request(sys.argv[1]))
        print(started.job.id, flush=True)
        os._exit(9)

anyio.run(main)
"""


def test_a_job_of_a_killed_process_is_finished_by_the_next_one(
    environ: dict[str, str], settings: Settings
) -> None:
    slow = {**os.environ, **environ, "SEEDANCE_SANDBOX_SECONDS": "3"}
    command = [sys.executable, "-c", START_AND_DIE, "a boat that survives"]
    died = subprocess.run(command, env=slow, capture_output=True, text=True, timeout=60, check=False)
    assert died.returncode == 9, died.stderr
    job_id = died.stdout.strip()

    async def finish() -> Job:
        async with open_app(settings) as app:
            with anyio.fail_after(60):
                return await app.wait(job_id, 60)

    job = anyio.run(finish)
    assert job.status is JobStatus.SUCCEEDED, job.error


async def test_two_servers_on_one_store_see_each_others_jobs(settings: Settings) -> None:
    async with open_app(settings) as one, open_app(settings) as two:
        started = await one.generate(request())
        with anyio.fail_after(60):
            seen = await two.wait(started.job.id, 60)
            again = await two.estimate(request())
    assert seen.status is JobStatus.SUCCEEDED
    assert again.usual_seconds is not None


async def test_a_finished_job_is_news_to_each_client_until_it_has_read_it(settings: Settings) -> None:
    async with open_app(settings) as app:
        job = await made(app, request())
        before = [await app.unread(client) for client in ("desktop", "desktop", "cursor")]
        await app.note_read("desktop", [job.id])
        after = [await app.unread(client) for client in ("desktop", "cursor")]
    assert [[told.id for told in news] for news in before] == [[job.id]] * 3
    assert [[told.id for told in news] for news in after] == [[], [job.id]]


async def test_the_finish_hook_gets_the_job_as_json(environ: dict[str, str], tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    script = tmp_path / "hook.py"
    script.write_text(
        f"import sys, pathlib; pathlib.Path({str(told)!r}).write_bytes(sys.stdin.buffer.read())"
    )
    settings = load_settings({**environ, "SEEDANCE_ON_FINISH": f'"{sys.executable}" "{script}"'})
    async with open_app(settings) as app:
        job = await made(app, request())
    content = json.loads(told.read_text(encoding="utf-8"))  # the hook is awaited before the app closes
    assert content["job_id"] == job.id
    assert content["status"] == "succeeded"


async def test_an_upload_says_which_offers_can_take_it(settings: Settings, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "media"
    folder.mkdir()
    Image.new("RGB", (640, 480), "teal").save(folder / "product.png")
    Image.new("RGB", (100, 100), "teal").save(folder / "tiny.png")
    async with open_app(settings) as app:
        good = await app.upload(str(folder / "product.png"))
        tiny = await app.upload(str(folder / "tiny.png"))
        job = await made(app, request(first_frame=good.media_id))
        with pytest.raises(SeedanceError, match="There is no upload"):
            await app.upload("media:unknown")
    assert (good.file.width, good.file.height) == (640, 480)
    assert "sandbox/seedance-2.0" in good.usable_with
    assert tiny.usable_with == ()
    assert any("300" in problem for problem in tiny.problems)
    assert job.status is JobStatus.SUCCEEDED, job.error


async def test_a_purchase_that_turns_up_late_is_adopted_after_all(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "SEEDANCE_POLL_SECONDS": "60"})  # nobody looks before the test does
    async with open_app(settings) as app:
        started = await app.generate(request("[sandbox:lost] a boat"))
        judged, _ = await app.installation.resolve(started.job.id, None)
        await app.runner.adopt_late()
        adopted = await app.job(started.job.id)
        steps = [step.after for step in await app.history(adopted.id)]
    assert judged.state is JobState.ABSENT
    assert adopted.submission
    assert not adopted.finished
    assert adopted.error is None
    assert steps == ["reserved", "sending", "unknown", "absent", "accepted"]


async def test_only_an_open_question_can_be_decided_by_hand(settings: Settings) -> None:
    async with open_app(settings) as app:
        job = await made(app, request())
        with pytest.raises(InvalidRequest, match="nothing to decide"):
            await app.installation.resolve(job.id, None)


START_AND_LEAVE = """
import sys, anyio
from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from tests.test_app import request

async def main():
    async with open_app(load_settings(), leave=True) as app:
        started = await app.generate(request(sys.argv[1]))
        print(started.job.id, flush=True)

anyio.run(main)
"""


async def test_a_server_that_leaves_early_leaves_a_watcher_that_finishes_the_job(
    environ: dict[str, str], settings: Settings
) -> None:
    slow = {**os.environ, **environ, "SEEDANCE_SANDBOX_SECONDS": "2", "SEEDANCE_DETACH": "1"}
    command = [sys.executable, "-c", START_AND_LEAVE, "a boat left alone"]
    left = subprocess.run(command, env=slow, capture_output=True, text=True, timeout=60, check=False)
    assert left.returncode == 0, left.stderr
    async with open_app(settings, watch=False) as app:
        with anyio.fail_after(60):
            job = await app.wait(left.stdout.strip(), 60)
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert job.artifacts
    assert Path(job.artifacts.video_path).is_file()
