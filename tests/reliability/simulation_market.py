"""The network and the providers of the simulated machine: what is on the wire, and what was really taken and charged."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import (
    InsufficientFunds,
    ModelNotOpen,
    NotSupported,
    ProviderUnavailable,
    RequestRejected,
    SubmissionNotSent,
    SubmissionUnknown,
    TaskNotFound,
)
from seedance_mcp.providers import Recovery, WhenSent
from seedance_mcp.types import Price, Submission, TaskState, TaskStatus, VideoRequest

from .simulation_loop import PAUSE, Until

if TYPE_CHECKING:
    from .simulation_accounts import Reach
    from .simulation_process import Process
    from .simulation_world import World

MICROS = 500_000
PRICE = Price(amount=Decimal(MICROS) / 1_000_000, currency="USD", usd=Decimal(MICROS) / 1_000_000)
NET_MAX = 3.0
LIST_LAG = 2.0
QUIET = NET_MAX + LIST_LAG
HORIZON_HOURS = 0.05
SELLERS = ("proof", "hint", "mute")
"""Providers whose list proves absence, whose list proves only presence, and that cannot be asked at all."""


@cache
def offer_of(seller: str) -> Any:
    """A real offer of the catalogue, sold under this world's terms."""
    offer = Catalog.load().offer("byteplus", "seedance-2.0")
    info = offer.provider.model_copy(
        update={
            "name": seller,
            "net_max_seconds": NET_MAX,
            "list_lag_seconds": LIST_LAG,
            "horizon_hours": HORIZON_HOURS,
            "absence_is_proof": seller == "proof",
            "failed_is_billed": seller != "proof",
        }
    )
    return replace(offer, provider=info)


@dataclass(eq=False)
class Packet:
    """A purchase on the wire: it can be accepted until NET_MAX after its sender's socket is gone."""

    tag: str
    fingerprint: str
    process: Process
    answer: str | None = None
    closed_at: float | None = None
    flying: bool = True

    def close(self, at: float) -> None:
        """The sender's socket is gone from this true time on."""
        if self.closed_at is None:
            self.closed_at = at


@dataclass(eq=False)
class Task:
    """What a provider really took. `price` in micro-USD; None: it will not say what it charged."""

    id: str
    tag: str
    fingerprint: str
    seller: str
    account: Reach
    at: float
    price: int | None = MICROS
    outcome: TaskStatus | None = None

    @property
    def cost(self) -> int:
        """What it costs in the end, in micro-USD."""
        if self.outcome in (None, TaskStatus.SUCCEEDED):
            return MICROS if self.price is None else self.price
        return MICROS if offer_of(self.seller).provider.failed_is_billed else 0


class Market:
    """Every packet and every task, as an all-seeing eye knows them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.packets: list[Packet] = []
        self.sent: dict[str, Packet] = {}
        self.tasks: dict[str, Task] = {}
        self.by_id: dict[str, Task] = {}
        self.forgetful = False
        self.refusing = world.random.choice((0.0, 0.1, 0.4))
        # Of its own, so that what the providers' clock shows does not change what else happens.
        clocks = random.Random(f"clocks of {world.seed}")
        self.clock_apart = clocks.choice((0.0, 0.0, -3600.0, 3600.0, -90_000.0, 90_000.0))
        self.undated = clocks.random() < 0.05

    def send(self, tag: str, process: Process) -> Packet:
        """The first byte of a purchase leaves."""
        world = self._world
        world.did("packet sent", process, tag)
        packet = Packet(tag=tag, fingerprint=world.promises.may_send(tag, process.instance), process=process)
        self.packets.append(packet)
        self.sent[tag] = packet
        return packet

    def deliver(self, packet: Packet, fate: str) -> None:
        """The network and the provider decide what becomes of a packet."""
        world = self._world
        packet.flying = False
        self.packets.remove(packet)
        late = packet.closed_at is not None
        world.did(f"{'late packet' if late else 'packet'}: {fate}", packet.process, packet.tag)
        if fate in ("accepted", "answer lost", "refused, and taken"):
            task = Task(
                id=f"t{len(self.tasks)}",
                tag=packet.tag,
                fingerprint=packet.fingerprint,
                seller=world.intents[packet.tag].provider,
                account=world.accounts.really(packet.process.reach),
                at=world.true,
            )
            world.promises.one_purchase_for_one_intent(task)
            self.tasks[packet.tag] = self.by_id[task.id] = task
        heard = (
            "lost"
            if late
            else {"accepted": "accepted", "refused": "refused", "refused, and taken": "refused"}.get(
                fate, "lost"
            )
        )
        packet.answer = packet.answer or heard

    def deliver_some(self) -> None:
        """One packet arrives, or does not."""
        world = self._world
        if self.packets:
            refused = world.random.random() < self.refusing
            fate = (
                "refused" if refused else world.random.choice(("accepted", "accepted", "answer lost", "lost"))
            )
            if refused and world.lists_lie and world.random.random() < 0.7:
                fate = "refused, and taken"
            self.deliver(world.random.choice(self.packets), fate)

    def give_up(self) -> None:
        """A sender's deadline passes: it closes its socket, and the packet may still arrive."""
        waiting = [packet for packet in self.packets if packet.answer is None and not packet.process.paused]
        if waiting:
            packet = self._world.random.choice(waiting)
            self._world.did("deadline", packet.process, packet.tag)
            packet.answer = "lost"
            packet.close(self._world.true)

    def hang_up(self, process: Process) -> None:
        """The kernel closes the sockets of a dead process."""
        for packet in self.sent.values():
            if packet.process is process:
                packet.close(self._world.true)

    def finish(self) -> None:
        """A provider comes to the end of a task."""
        world = self._world
        working = [task for task in self.tasks.values() if task.outcome is None]
        if working:
            task = world.random.choice(working)
            task.price = world.random.choice((350_000, 350_000, MICROS, 620_000, None))
            task.outcome = world.random.choice(
                (TaskStatus.SUCCEEDED, TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.EXPIRED)
            )
            world.did(f"task {task.outcome}", None, task.tag)

    def forget(self) -> None:
        """For a while no task is known to those who poll it, or that is over."""
        self.forgetful = not self.forgetful
        self._world.did("forgetful" if self.forgetful else "remembers", None, "")

    def drop_old(self) -> None:
        """No packet outlives its sender's socket by more than NET_MAX, where the network keeps its word."""
        world = self._world
        limit = NET_MAX if world.honest else 40 * NET_MAX
        for packet in list(self.packets):
            if packet.closed_at is not None and packet.closed_at + limit < world.true:
                packet.flying = False
                packet.answer = packet.answer or "lost"
                self.packets.remove(packet)

    def settle(self) -> None:
        """All that is on its way arrives or is lost, and all tasks end well."""
        for packet in list(self.packets):
            self.deliver(packet, self._world.random.choice(("accepted", "answer lost", "lost")))
        for task in self.tasks.values():
            task.outcome = task.outcome or TaskStatus.SUCCEEDED


class Adapter:
    """A provider as one process reaches it."""

    def __init__(self, world: World, process: Process, seller: str) -> None:
        self._world, self._process, self._seller = world, process, seller

    async def submit(self, request: VideoRequest, offer: Any, sale: Any) -> Submission:
        world = self._world
        if world.random.random() < 0.05:
            world.did("no connection", self._process, sale.tag)
            raise SubmissionNotSent("No connection.")
        await PAUSE
        world.may_trip("before an order")
        await sale.sending()
        packet = world.market.send(sale.tag, self._process)
        await Until(lambda: packet.answer is not None)
        packet.close(world.true)
        world.did("answer heard", self._process, sale.tag)
        world.may_trip("at an answer")
        await PAUSE
        if packet.answer == "accepted":
            sale.answered(200, b"{}")
            world.promises.heard(sale.tag)
            return Submission(task_id=world.market.tasks[sale.tag].id)
        if packet.answer == "refused":
            sale.answered(400, b"{}")
            raise world.random.choice((InsufficientFunds, ModelNotOpen, *(RequestRejected,) * 8))("No.")
        raise SubmissionUnknown("The answer was lost.")

    def submission(self, task_id: str, *_: object) -> Submission:
        return Submission(task_id=task_id)

    async def poll(self, submission: Submission) -> TaskState:
        world, task = self._world, self._world.market.by_id[submission.task_id]
        await self._exchange("polled", task.tag)
        outcome, forgotten, empty = task.outcome, world.market.forgetful, world.random.random() < 0.05
        await PAUSE
        if forgotten or not self._owns(task):
            raise TaskNotFound("Never heard of it.")
        if outcome is TaskStatus.SUCCEEDED:
            told = {} if task.price is None else {"price_usd": Decimal(task.price) / 1_000_000}
            return TaskState(status=outcome, video_urls=() if empty else ("https://x/v.mp4",), usage=told)
        return TaskState(status=outcome or TaskStatus.RUNNING)

    async def recover(self, request: VideoRequest, offer: Any, tag: str, sent: WhenSent) -> Recovery:
        world = self._world
        if self._seller == "mute":
            raise NotSupported("It cannot be asked.")
        await self._exchange("list fetched", tag)
        fetched_at, task = world.true, world.market.tasks.get(tag)
        shown = None if world.market.undated else fetched_at + world.market.clock_apart
        mood = world.random.random() if world.lists_break else 0.5
        await PAUSE  # what was fetched is old by the time it is read
        cut = mood < 0.15 or (world.lists_lie and mood > 0.6)
        if task and not self._owns(task):
            task = None
        since = sent.since(shown)
        if task and task.at + world.market.clock_apart < since:
            world.count("searched too late a part of the list")
            task = None
        since = None if shown is None else since
        if task and task.at + LIST_LAG <= fetched_at and not cut:
            return Recovery(submission=Submission(task_id=task.id), since=since)
        if task:
            world.count("list without a task that exists")
        # Cut off and known to be, unless the provider lies.
        proves = offer.provider.absence_is_proof and mood >= 0.15
        if proves:
            world.promises.looked(tag, fetched_at)
        return Recovery(proves_absence=proves, since=since)

    async def cancel(self, submission: Submission) -> None:
        task = self._world.market.by_id[submission.task_id]
        await self._exchange("asked to stop", task.tag)
        mood = self._world.random.random()
        if not self._owns(task):
            raise TaskNotFound("Never heard of it.")
        if mood < 0.3:
            raise NotSupported("Too late.")
        if task.outcome is None and mood < 0.8:
            task.outcome = TaskStatus.CANCELLED
        await PAUSE

    def _owns(self, task: Task) -> bool:
        return self._world.accounts.really(self._process.reach) == task.account

    async def _exchange(self, what: str, tag: str) -> None:
        await PAUSE
        world = self._world
        world.did(what, self._process, tag)
        world.accounts.may_ask(tag, self._process.reach)
        world.may_trip("at a provider")
        if world.random.random() < world.trouble:
            raise ProviderUnavailable("Busy.")
