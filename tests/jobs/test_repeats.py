"""The same request is the same job while the first is open, whatever would be chosen for it now."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import App, StartedJob, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import ConfirmationRequired, InvalidRequest
from seedance_mcp.jobs.buying.deduplication import digest_of_planned
from seedance_mcp.types import JobState, PurchaseTerms, VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.jobs.test_accounts import THEIRS, ends, finish, lost, server
from tests.reliability import fault_market as market

MODEL = "seedance-2.0"
"""At the first provider cheaper than at the second."""

FIRST, SECOND = "ark", "byteplus"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    market.hurry(monkeypatch)


@asynccontextmanager
async def opened(environ: Mapping[str, str], folder: Path, **more: str) -> AsyncIterator[App]:
    given = {**environ, **more, "SEEDANCE_CONFIRM": "off", "SEEDANCE_MAX_USD_PER_JOB": "9"}
    with anyio.fail_after(60):
        async with open_app(load_settings(given, settings_file=folder / "none.toml")) as app:
            yield app


def working() -> Behaviour:
    """A provider that is at work for as long as the test lasts."""
    return Behaviour(running_seconds=3600)


def boat(**fields: object) -> VideoRequest:
    return VideoRequest.model_validate({"prompt": "a paper boat", **fields})


def is_repeated(again: StartedJob, first: StartedJob) -> bool:
    return again.deduplicated and again.job.id == first.job.id


@pytest.mark.parametrize("name", ["ark", "replicate", "runcomfy"])
async def test_after_a_key_change_a_lost_purchase_is_not_bought_again(name: str, tmp_path: Path) -> None:
    async with Emulator(name) as emulator:
        theirs = emulator.add_account(THEIRS)
        job = await lost(emulator, name, tmp_path)
        async with server(emulator, name, tmp_path, THEIRS) as app:
            again = await app.generate(market.request(name))
            assert (again.deduplicated, again.job.id) == (True, job.id)
        assert theirs.calls == []
        if name == "runcomfy":
            return  # its own account cannot be asked either
        async with server(emulator, name, tmp_path) as app:
            assert (await ends(app, job.id)).state is JobState.DONE
        assert len(emulator.ledger.tasks) == 1


async def test_what_is_spelled_out_is_the_same_request_for_every_account(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        theirs = emulator.add_account(THEIRS)
        asked = market.request("ark")
        async with server(emulator, "ark", tmp_path) as app:
            first = await app.generate(asked)
            spelled = asked.model_copy(update={"duration": first.job.request.duration})
            assert spelled != asked
            assert is_repeated(await app.generate(spelled), first)
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            assert is_repeated(await app.generate(spelled), first)
            assert is_repeated(await app.generate(asked), first)
        assert theirs.tasks == {}


SPELLED: list[dict[str, object]] = [
    {"aspect_ratio": "16:9"},
    {"duration": 5},
    {"resolution": "1080p"},
    {"watermark": False},
    {"camera_fixed": False},
    {"return_last_frame": False},
    {"seed": -1},
    {"fit": False},
    {"aspect_ratio": "16:9", "duration": 5, "watermark": False, "camera_fixed": False, "seed": -1},
    {"prompt": "a\u00a0paper\u3000 \t\r\nboat\u2029\ufeff"},
    {"prompt": "a paper\u200b boat", "seed": -1, "watermark": False},
]
"""Nothing of this says anything else about the video than silence does, for `OLD_MODEL` at either provider."""

OTHERS: list[dict[str, object]] = [
    {"aspect_ratio": "9:16"},
    {"duration": 6},
    {"resolution": "480p"},
    {"watermark": True},
    {"camera_fixed": True},
    {"return_last_frame": True},
    {"fit": True},
    {"seed": 0},
    {"prompt": "a paperboat"},
    {"prompt": "A paper boat"},
    {"provider_options": {"service_tier": "flex"}},
]
"""Each of this says something else."""

OLD_MODEL = "seedance-1.0-pro"


@pytest.mark.parametrize("later", [FIRST, SECOND])
@pytest.mark.parametrize("written_first", [False, True], ids=["silent first", "written first"])
async def test_a_default_that_is_written_out_is_no_other_request_whoever_is_chosen_now(
    later: str, written_first: bool, environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        for fields in SPELLED:
            folder = tmp_path / f"{SPELLED.index(fields)}"
            state = {"SEEDANCE_STATE_DIR": str(folder)}
            silent, spelled = boat(model=OLD_MODEL), boat(model=OLD_MODEL).model_copy(update=fields)
            one, other = (spelled, silent) if written_first else (silent, spelled)
            async with opened(environ, folder, **emulator.environment(FIRST), **state) as app:
                first = await app.generate(one)
                assert not first.deduplicated
            async with opened(environ, folder, **emulator.environment(later), **state) as app:
                assert is_repeated(await app.generate(other), first), fields
        assert len(emulator.ledger.tasks) == len(SPELLED)


@pytest.mark.parametrize("later", [FIRST, SECOND])
async def test_another_value_is_another_request(later: str, environ: dict[str, str], tmp_path: Path) -> None:
    more = {"SEEDANCE_MAX_USD_PER_DAY": "99"}
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(FIRST), **more) as app:
            first = await app.generate(boat(model=OLD_MODEL))
        async with opened(environ, tmp_path, **emulator.environment(later), **more) as app:
            for fields in OTHERS:
                started = await app.generate(boat(model=OLD_MODEL).model_copy(update=fields))
                assert not started.deduplicated, fields
                assert started.job.id != first.job.id


def test_a_field_that_came_later_changes_no_digest_of_a_request_without_it() -> None:
    request = VideoRequest(prompt="a boat", model=MODEL, provider="sandbox", duration=5)
    known = "4152e277a27429cfd8b9c713465036bbd4e8de5f55862f7a835447b3e569f7ed"  # of version 0.2.0
    assert digest_of_planned(("sandbox", "end"), request, {}) == known
    fitted = request.model_copy(update={"fit": True})
    assert digest_of_planned(("sandbox", "end"), fitted, {}) != known


async def test_letters_are_the_same_in_whatever_form_they_are_written(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with (
        Emulator(FIRST, behaviour=working()) as emulator,
        opened(environ, tmp_path, **emulator.environment()) as app,
    ):
        first = await app.generate(boat(model=MODEL, prompt="a café"))
        assert is_repeated(await app.generate(boat(model=MODEL, prompt="a cafe\u0301")), first)
        assert not (await app.generate(boat(model=MODEL, prompt="a cafe"))).deduplicated


async def test_the_model_that_was_chosen_can_be_named(environ: dict[str, str], tmp_path: Path) -> None:
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(FIRST), SEEDANCE_MODEL=MODEL) as app:
            first = await app.generate(boat())
        async with opened(environ, tmp_path, **emulator.environment(SECOND)) as app:
            assert is_repeated(await app.generate(boat(model=MODEL)), first)
            assert not (await app.generate(boat(model=MODEL, provider=SECOND))).deduplicated


async def test_the_fourth_purchase_is_asked_about_however_each_was_written(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with (
        Emulator(FIRST, behaviour=working()) as emulator,
        opened(environ, tmp_path, **emulator.environment()) as app,
    ):
        for fields in SPELLED[:3]:
            await app.generate(
                boat(model=OLD_MODEL).model_copy(update=fields), PurchaseTerms(allow_duplicate=True)
            )
        with pytest.raises(ConfirmationRequired, match="bought 3 times"):
            await app.generate(boat(model=OLD_MODEL, seed=-1), PurchaseTerms(allow_duplicate=True))


async def test_a_job_of_an_earlier_version_is_known_by_what_was_asked(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(FIRST)) as app:
            first = await app.generate(boat(model=OLD_MODEL, seed=-1))
            assert first.job.wanted is not None
            content = first.job.wanted.content
        with sqlite3.connect(Path(environ["SEEDANCE_STATE_DIR"]) / "jobs.db") as connection:
            assert connection.execute("DELETE FROM stand_ins WHERE fingerprint = ?", (content,)).rowcount == 1
        connection.close()
        async with opened(environ, tmp_path, **emulator.environment(SECOND)) as app:
            assert is_repeated(await app.generate(boat(model=OLD_MODEL, seed=-1)), first)


async def test_after_a_cheaper_provider_became_ready_it_is_the_same_job(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(SECOND)) as app:
            first = await app.generate(boat(model=MODEL))
            assert first.job.provider == SECOND
        async with opened(environ, tmp_path, **emulator.environment()) as app:
            again = await app.generate(boat(model=MODEL))
            assert is_repeated(again, first)
            assert again.reason == f"{SECOND} has it: the same was asked for before"
            quote = await app.estimate(boat(model=MODEL))
            assert quote.offer.provider.name == FIRST
            wanted = await app.generate(boat(model=MODEL), PurchaseTerms(allow_duplicate=True))
            named = await app.generate(boat(model=MODEL), PurchaseTerms(request_key="boat-0001"))
            assert [one.job.provider for one in (wanted, named)] == [FIRST, FIRST]
            assert len({first.job.id, wanted.job.id, named.job.id}) == 3


async def test_after_a_setting_changed_it_is_the_same_job(environ: dict[str, str], tmp_path: Path) -> None:
    async with Emulator(FIRST, behaviour=working()) as emulator:
        environ |= emulator.environment()
        async with opened(environ, tmp_path, SEEDANCE_MODEL=MODEL) as app:
            first = await app.generate(boat())
        async with opened(environ, tmp_path, SEEDANCE_MODEL="seedance-1.0-pro") as app:
            assert is_repeated(await app.generate(boat()), first)
            assert not (await app.generate(boat(model="seedance-1.0-pro"))).deduplicated


async def test_what_can_no_longer_be_bought_is_still_the_job_that_was_made_for_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    overlay = tmp_path / "catalog.toml"
    overlay.write_text(f'[providers.{FIRST}.offers."{MODEL}"]\nretired = 2026-01-01\n', encoding="utf-8")
    async with Emulator(FIRST, behaviour=working()) as emulator:
        environ |= emulator.environment()
        async with opened(environ, tmp_path) as app:
            first = await app.generate(boat(model=MODEL, provider=FIRST))
        async with opened(environ, tmp_path, SEEDANCE_CATALOG=str(overlay)) as app:
            with pytest.raises(InvalidRequest):
                await app.estimate(boat(model=MODEL, provider=FIRST))
            assert is_repeated(await app.generate(boat(model=MODEL, provider=FIRST)), first)


async def test_a_picture_is_known_by_its_content(environ: dict[str, str], tmp_path: Path) -> None:
    folder = Path(environ["SEEDANCE_MEDIA_DIRS"])
    folder.mkdir()
    picture = folder / "boat.png"
    Image.effect_noise((640, 480), 60).convert("RGB").save(picture)
    async with Emulator(FIRST, SECOND, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment(SECOND)) as app:
            first = await app.generate(boat(model=MODEL, first_frame=str(picture)))
        moved = picture.rename(folder / "moved.png")
        async with opened(environ, tmp_path, **emulator.environment()) as app:
            assert is_repeated(await app.generate(boat(model=MODEL, first_frame=str(moved))), first)
            Image.effect_noise((640, 480), 90).convert("RGB").save(moved)
            assert not (await app.generate(boat(model=MODEL, first_frame=str(moved)))).deduplicated


async def test_what_is_based_on_a_job_is_compared_with_what_it_takes_from_there(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator(FIRST, behaviour=working()) as emulator:
        async with opened(environ, tmp_path, **emulator.environment()) as app:
            base = await app.generate(boat(model=MODEL, duration=6))
            longer = await app.generate(VideoRequest(based_on=base.job.id, duration=7))
            assert not longer.deduplicated
        async with opened(environ, tmp_path, **emulator.environment(key=THEIRS)) as app:
            emulator.add_account(THEIRS)
            assert is_repeated(await app.generate(VideoRequest(based_on=base.job.id, duration=7)), longer)
            assert not (await app.generate(VideoRequest(based_on=base.job.id, duration=8))).deduplicated


async def test_a_finished_job_stands_for_its_request_until_somebody_has_read_of_it(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        theirs = emulator.add_account(THEIRS)
        async with server(emulator, "ark", tmp_path) as app:
            first = await app.generate(market.request("ark"))
            finish(emulator)
            assert (await ends(app, first.job.id)).state is JobState.DONE
        async with server(emulator, "ark", tmp_path, THEIRS) as app:
            assert is_repeated(await app.generate(market.request("ark")), first)
            await app.note_read("somebody", [first.job.id])
            assert not (await app.generate(market.request("ark"))).deduplicated
        assert (len(emulator.ledger.tasks), len(theirs.tasks)) == (1, 1)


async def test_two_accounts_that_ask_at_the_same_moment_make_one_purchase(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        theirs = emulator.add_account(THEIRS)
        for number in range(5):
            asked = market.request("ark", prompt=f"boat {number}")
            found: list[StartedJob] = []
            async with (
                server(emulator, "ark", tmp_path) as one,
                server(emulator, "ark", tmp_path, THEIRS) as other,
            ):

                async def ask(app: App, asked: VideoRequest = asked, found: list[StartedJob] = found) -> None:
                    found.append(await app.generate(asked))

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(ask, one)
                    tasks.start_soon(ask, other)
            assert len({started.job.id for started in found}) == 1
            assert sorted(started.deduplicated for started in found) == [False, True]
        assert len(emulator.ledger.tasks) + len(theirs.tasks) == 5


async def test_a_job_of_an_earlier_version_is_known_by_its_plan(tmp_path: Path) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        async with server(emulator, "ark", tmp_path) as app:
            first = await app.generate(market.request("ark"))
        with sqlite3.connect(tmp_path / "state" / "jobs.db") as connection:
            connection.execute("DELETE FROM stand_ins")
        connection.close()
        async with server(emulator, "ark", tmp_path) as app:
            assert is_repeated(await app.generate(market.request("ark")), first)


@pytest.mark.parametrize("named", [None, "ark"])
async def test_a_placeholder_does_not_stand_for_the_video_that_is_wanted_with_a_key(
    named: str | None, tmp_path: Path
) -> None:
    async with Emulator("ark", behaviour=working()) as emulator:
        asked = boat(model=MODEL, duration=4)
        rehearsal = {
            "SEEDANCE_STATE_DIR": str(tmp_path / "state"),
            "SEEDANCE_OUTPUT_DIR": str(tmp_path / "videos"),
        }
        async with opened(rehearsal, tmp_path) as app:
            drawn = await app.generate(asked)
            assert (await ends(app, drawn.job.id)).state is JobState.DONE
            assert is_repeated(await app.generate(asked), drawn)
        async with opened(rehearsal | emulator.environment("ark"), tmp_path) as app:
            video = await app.generate(boat(model=MODEL, duration=4, provider=named))
            assert (video.deduplicated, video.job.provider) == (False, "ark")
            assert is_repeated(await app.generate(asked), video)
        assert len(emulator.ledger.tasks) == 1
