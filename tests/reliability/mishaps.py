"""What can go wrong in one place of a running server, one class each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from mcp.server.subscriptions import InMemorySubscriptionBus

from seedance_mcp.errors import RequestRejected
from seedance_mcp.jobs.results import saving
from seedance_mcp.jobs.results.sidecar import write_sidecar
from seedance_mcp.presentation import job_views
from seedance_mcp.providers.ark.adapter import ArkProvider
from seedance_mcp.store import Leases
from seedance_mcp.types import Job, JobState, Submission
from tests.emulator.wire import Request, Response
from tests.emulator.world import World

from .mishap_scene import Scene


class Mishap:
    """
    Something that goes wrong, and where it is told.

    `of_the_job` has to stand in `check_status` of the job that it hits, `of_all` in `check_status` without a job,
    `doctor` in a warning of `doctor`. `delivered`: the job comes to its video all the same.
    """

    of_the_job: str | None = None
    of_all: str | None = None
    doctor: str | None = None
    delivered = False

    async def before(self, scene: Scene) -> None:
        """What happens before the server starts."""

    async def during(self, scene: Scene) -> str | None:
        """What happens while it runs; the job that is hit, if one is."""

    async def after(self, scene: Scene, job_id: str | None) -> None:
        """What has to be so in the end."""


class FinishHookThatNobodyCanRead(Mishap):
    """SEEDANCE_ON_FINISH with one quotation mark."""

    of_the_job = "could not be run: No closing quotation"
    doctor = "SEEDANCE_ON_FINISH cannot be read as a command: No closing quotation"
    delivered = True

    async def before(self, scene: Scene) -> None:
        scene.variables["SEEDANCE_ON_FINISH"] = "echo don't"

    async def during(self, scene: Scene) -> str | None:
        return await scene.start("a boat whose end is told")


def _stumble(job_id: str) -> None:
    raise ZeroDivisionError(job_id)


class ListenerThatRaises(Mishap):
    """Somebody who wants to hear of changes and cannot bear them."""

    of_the_job = "Telling of a change of it failed: ZeroDivisionError"
    doctor = of_the_job
    delivered = True

    async def during(self, scene: Scene) -> str | None:
        assert scene.app
        scene.app.on_change(_stumble)
        return await scene.start("a boat that is listened to")


class NewsThatCannotBeTold(Mishap):
    """Every client that is to hear of a change is gone."""

    async def before(self, scene: Scene) -> None:
        async def gone(self: InMemorySubscriptionBus, event: Any) -> None:
            raise anyio.ClosedResourceError

        scene.patch.setattr(InMemorySubscriptionBus, "publish", gone)


class JobThatCannotBeShown(Mishap):
    """A job whose clock ran ten thousand years ahead: no calendar has its date."""

    of_all = "cannot be shown; the server's log says why"
    delivered = False

    async def during(self, scene: Scene) -> str | None:
        job_id = await scene.start("a boat from the future")
        await scene.delivered(job_id)
        moment = job_views.moment
        assert scene.app
        born = (await scene.app.job(job_id)).created_at

        def calendar(seconds: float) -> str:
            return moment(seconds if seconds != born else 1e12)

        scene.patch.setattr(job_views, "moment", calendar)
        return None


class ProviderWhoseAnswersTrip(Mishap):
    """An adapter with a bug that shows at one task only."""

    of_the_job = "Following it failed: KeyError"
    of_all = doctor = "Following it failed: KeyError"

    async def during(self, scene: Scene) -> str | None:
        job_id = await scene.start("a boat that trips")
        assert scene.app
        job = await scene.app.job(job_id)
        poll = ArkProvider.poll

        async def tripping(self: ArkProvider, submission: Submission) -> Any:
            if submission == job.submission:
                raise KeyError("output")
            return await poll(self, submission)

        scene.patch.setattr(ArkProvider, "poll", tripping)
        return job_id

    async def before(self, scene: Scene) -> None:
        scene.emulator.behaviour.running_seconds = 1.0


class PurchaseThatTrips(Mishap):
    """An adapter with a bug that shows after the order went out: nobody knows whether it was taken."""

    of_the_job = "status: unknown"

    async def during(self, scene: Scene) -> str | None:
        submit = ArkProvider.submit

        async def tripping(self: ArkProvider, request: Any, offer: Any, purchase: Any) -> Submission:
            submission = await submit(self, request, offer, purchase)
            if "trips" in request.prompt:
                raise IndexError("list index out of range")
            return submission

        scene.patch.setattr(ArkProvider, "submit", tripping)
        scene.emulator.fail("status", "list", times=None, status=503)
        return await scene.start("a boat that trips")

    async def after(self, scene: Scene, job_id: str | None) -> None:
        scene.emulator.faults.clear()
        assert job_id
        await scene.delivered(job_id)


class TaskThatAnotherJobHas(Mishap):
    """A provider that answers an order with the id of an earlier one, and takes nothing."""

    of_the_job = "which is that of job_"
    takes = False

    async def during(self, scene: Scene) -> str | None:
        dialect = scene.emulator.dialect("ark")
        answer = dialect.answer

        def confused(call: str, request: Request, world: World) -> Response:
            if call == "submit" and b"like another" in request.body:
                known = next(iter(world.ledger.tasks))
                if self.takes:
                    answer(call, request, world)
                return Response.of({"id": known})
            return answer(call, request, world)

        scene.patch.setattr(dialect, "answer", confused)
        await scene.delivered(await scene.start("a boat"))
        scene.emulator.fail("status", "list", times=None, status=503)
        assert scene.app
        before = (await scene.app.budget()).spent_today_usd
        job_id = await scene.start("a boat like another")
        await scene.state(job_id, JobState.UNKNOWN)
        assert (await scene.app.budget()).spent_today_usd > before
        return job_id

    async def after(self, scene: Scene, job_id: str | None) -> None:
        scene.emulator.faults.clear()
        assert job_id
        await scene.state(job_id, JobState.ABSENT)


class TaskUnderAnotherId(TaskThatAnotherJobHas):
    """A provider that takes an order and answers with the id of an earlier one."""

    takes = True

    async def after(self, scene: Scene, job_id: str | None) -> None:
        scene.emulator.faults.clear()
        assert job_id
        await scene.delivered(job_id)


class AnswerThatCannotBeStored(Mishap):
    """A refusal whose words are no text: half of a surrogate pair. It is a refusal all the same."""

    of_the_job = "error: code request_rejected"

    async def during(self, scene: Scene) -> str | None:
        submit = ArkProvider.submit

        async def garbled(self: ArkProvider, request: Any, offer: Any, purchase: Any) -> Submission:
            if "garbled" in request.prompt:
                await purchase.sending()
                purchase.answered(400, b"{}")
                raise RequestRejected("half a smile: \ud83d", provider_code="\ud83d")
            return await submit(self, request, offer, purchase)

        scene.patch.setattr(ArkProvider, "submit", garbled)
        job_id = await scene.start("a garbled boat")
        await scene.state(job_id, JobState.REJECTED)
        return job_id


class TornReceipts(Mishap):
    """The receipts of a process that died while it wrote them."""

    doctor = "holds receipts of purchases that no job could be given"
    lines = b'{"job_id": "job_of_nobody", "task_id": "cgt-2026'

    async def before(self, scene: Scene) -> None:
        folder = scene.folder / "state" / "receipts"
        folder.mkdir(parents=True)
        self.path = folder / f"{'d' * 16}.receipts"
        self.path.write_bytes(self.lines.ljust(256 * 1024, b"\0"))

    async def after(self, scene: Scene, job_id: str | None) -> None:
        assert not self.path.exists()
        assert self.lines in self.path.with_suffix(".unread").read_bytes()


class ReceiptOfAnUnknownJob(TornReceipts):
    """A receipt for a job that the database does not have."""

    of_all = "A receipt says that task cgt-2026-lost was bought for it. There is no job 'job_of_nobody'."
    lines = b'{"job_id": "job_of_nobody", "task_id": "cgt-2026-lost", "handle": {}}\n'


class DamagedRecord(Mishap):
    """One record of an open job with a flipped bit."""

    of_all = doctor = "is damaged (accepted; task cgt-"
    damage = "replace(document, 'boat', 'bout')"

    async def before(self, scene: Scene) -> None:
        scene.emulator.behaviour.running_seconds = 1000.0
        async with scene.earlier() as app:
            started = await app.generate(_wish("a boat that gets wet"))
            self.id = started.job.id
            self.counted = (await app.budget()).spent_today_usd
        assert started.job.state is JobState.ACCEPTED
        scene.emulator.behaviour.running_seconds = 0.0
        scene.execute("PRAGMA ignore_check_constraints = ON")
        self.spoil(scene)

    def spoil(self, scene: Scene) -> None:
        scene.execute(f"UPDATE jobs SET document = {self.damage} WHERE id = ?", self.id)

    async def after(self, scene: Scene, job_id: str | None) -> None:
        assert scene.app
        assert (await scene.app.budget()).spent_today_usd > self.counted > 0


class RecordWithBrokenLetters(DamagedRecord):
    """One record with a byte that is no UTF-8, which SQLite itself refuses to hand out."""

    def spoil(self, scene: Scene) -> None:
        path = scene.folder / "state" / "jobs.db"
        content = path.read_bytes()
        assert b"a boat that gets wet" in content
        path.write_bytes(content.replace(b"a boat that gets wet", b"a boat that gets \xff\xfe\xff"))


class RecordThatIsNoJson(DamagedRecord):
    """One record whose JSON is broken, which breaks a rule of the table itself."""

    def spoil(self, scene: Scene) -> None:
        path = scene.folder / "state" / "jobs.db"
        content = path.read_bytes()
        place = content.index(b'"request":', content.index(self.id.encode() + b'","state":"accepted"'))
        path.write_bytes(content[:place] + b"?" + content[place + 1 :])


class ProviderThatLeftTheCatalogue(Mishap):
    """An open job of a provider that the user's catalogue no longer has."""

    of_all = doctor = "There is no provider 'relay'"
    of_the_job = "Following it failed: "

    async def before(self, scene: Scene) -> None:
        scene.relay = True
        scene.emulator.behaviour.running_seconds = 1000.0
        async with scene.earlier() as app:
            self.id = (await app.generate(_wish("a boat abroad", provider="relay"))).job.id
        scene.emulator.behaviour.running_seconds = 0.0
        scene.relay = False

    async def during(self, scene: Scene) -> str | None:
        return self.id


class DoubtfulJobOfAProviderThatLeft(ProviderThatLeftTheCatalogue):
    """A job that the provider refused, before the catalogue forgot the provider: it is looked for once an hour."""

    of_the_job = "Looking for it once more at the provider failed: "

    async def before(self, scene: Scene) -> None:
        scene.emulator.fail("status", "submit", status=400, accepted=False)
        await super().before(scene)


class SidecarThatTrips(Mishap):
    """A bug in what is written beside the video, when the video is here already."""

    of_the_job = of_all = doctor = "Writing the file beside its video failed: TypeError"
    delivered = True

    async def during(self, scene: Scene) -> str | None:
        async def tripping(job: Job, *given: Any) -> Path:
            if "papers" in (job.request.prompt or ""):
                raise TypeError("Object of type Decimal is not JSON serializable")
            return await write_sidecar(job, *given)

        scene.patch.setattr(saving, "write_sidecar", tripping)
        return await scene.start("a boat without papers")


class LastFrameThatTrips(Mishap):
    """A bug in keeping the last frame of a video that is here and checked."""

    of_the_job = of_all = doctor = "Saving its last frame failed: MemoryError"
    delivered = True

    async def during(self, scene: Scene) -> str | None:
        async def tripping(*given: Any) -> Path:
            raise MemoryError

        scene.patch.setattr(saving, "keep", tripping)
        return await scene.start("a boat that drives on", return_last_frame=True)


class OpenJobsThatCannotBeLookedUp(Mishap):
    """A bug in the look at the open jobs, three times in a row."""

    of_all = doctor = "Looking up the open jobs failed: RuntimeError"

    async def during(self, scene: Scene) -> str | None:
        open_jobs = Leases.open_jobs
        looks = iter(range(1_000_000))

        def in_the_beginning(leases: Leases, connection: Any) -> Any:
            if next(looks) < 3:
                raise RuntimeError("cannot schedule new futures")
            return open_jobs(leases, connection)

        scene.patch.setattr(Leases, "open_jobs", in_the_beginning)
        return None


class FolderOfVideosThatCannotBeListed(Mishap):
    """Files may be made and opened in the output folder, and nobody may list it."""

    of_all = doctor = "Permission denied"
    rights = True

    async def before(self, scene: Scene) -> None:
        (scene.folder / "videos").mkdir(mode=0o300)


class CopiesThatCannotBeListed(Mishap):
    """The folder of copies on their way out belongs to somebody else."""

    of_all = doctor = "Removing what dead processes left failed: Permission denied"
    rights = True

    async def before(self, scene: Scene) -> None:
        (scene.folder / "state" / "leaving").mkdir(mode=0, parents=True)


def _wish(prompt: str, **fields: Any) -> Any:
    from .fault_market import request

    return request("ark", prompt=prompt, **fields)


MISHAPS: dict[str, type[Mishap]] = {
    kind.__name__: kind
    for kind in (
        FinishHookThatNobodyCanRead,
        ListenerThatRaises,
        NewsThatCannotBeTold,
        JobThatCannotBeShown,
        ProviderWhoseAnswersTrip,
        PurchaseThatTrips,
        TaskThatAnotherJobHas,
        TaskUnderAnotherId,
        AnswerThatCannotBeStored,
        TornReceipts,
        ReceiptOfAnUnknownJob,
        DamagedRecord,
        RecordWithBrokenLetters,
        RecordThatIsNoJson,
        ProviderThatLeftTheCatalogue,
        DoubtfulJobOfAProviderThatLeft,
        SidecarThatTrips,
        LastFrameThatTrips,
        OpenJobsThatCannotBeLookedUp,
        FolderOfVideosThatCannotBeListed,
        CopiesThatCannotBeListed,
    )
}
