"""The protocol that every adapter speaks, and what it is given and gives back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from ..config import DIRECT, Outbound
from ..errors import NotSupported
from ..types import MediaFile, Submission, TaskState, Upload, VideoRequest
from .rate_limits import Pace
from .when_sent import WhenSent

if TYPE_CHECKING:
    from ..catalog import Offer, ProviderInfo


@dataclass(frozen=True, kw_only=True)
class Access:
    """
    What an adapter is given to work with.

    `folder` is the adapter's own scratch folder (only the sandbox uses it); `seconds` is how long the
    sandbox pretends to work. Without a `pace` nothing keeps its calls below the provider's limits. `outbound` is how
    the provider is reached.
    """

    key: SecretStr | None
    base_url: str
    folder: Path
    seconds: float = 0.0
    pace: Pace | None = None
    outbound: Outbound = DIRECT


class Purchase(Protocol):
    """The buyer's side of one submission: what makes it findable, and what must be on disk when."""

    @property
    def tag(self) -> str:
        """Our mark for this attempt: at most 64 characters of `A-Za-z0-9._-`, to be sent where it is echoed."""
        ...

    async def sending(self) -> None:
        """
        Put on disk that the provider may have the request from now on.

        Await it after the connection stands and before the first byte goes out. When it raises, send nothing.
        """
        ...

    def answered(self, status: int, body: bytes) -> None:
        """Keep the raw answer of the provider, whatever it is, before it is read."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """
    What the provider's own list says about a lost answer.

    `submission` is the task, if it carries our mark. `alike` are the tasks with the same order, where no mark of
    ours comes back; some may belong to other jobs. `near` are the ids of those that may be it and may be another's: they
    prove nothing, as long as no other job has them. `proves_absence` tells whether the list was complete and
    authoritative: when neither holds the task, the purchase provably never happened. `since` is the moment, by the
    provider's clock, from which on it was searched; None where no answer told what the provider's clock shows. `age` is
    how old the list was when it was read, in seconds: what happened since then it cannot show.

    `gap` says in a sentence what of the list was not seen, or could not be read: what is not found may be there.

    `listed` are the ids of all tasks that the list showed, whosever they are; None: not known. It showed every task of
    the `reach_seconds` before it was made, or, with `one_endpoint`, every one of the endpoint that was asked about.
    """

    submission: Submission | None = None
    alike: tuple[Submission, ...] = ()
    near: frozenset[str] = frozenset()
    proves_absence: bool = False
    since: float | None = None
    age: float = 0.0
    gap: str | None = None
    listed: frozenset[str] | None = None
    reach_seconds: float = 0.0
    one_endpoint: bool = False

    def without(self, claimed: Collection[str], *, elsewhere: Collection[str] = ()) -> Recovery:
        """
        Leave out the tasks that belong to other jobs, by their ids: a single one that is left is the task.

        Whether it is that of a job with the same id `elsewhere`, at another address, only our mark can tell.
        """
        left = [task for task in self.alike if task.task_id not in claimed]
        if self.submission is not None:
            return (
                replace(self, submission=None, proves_absence=False)
                if self.submission.task_id in claimed
                else self
            )
        if len(left) == 1 and left[0].task_id not in elsewhere:
            return replace(self, submission=left[0], alike=(), proves_absence=False)
        proves = self.proves_absence and not left and self.near <= frozenset(claimed)
        return replace(self, alike=(), proves_absence=proves)


class Provider(Protocol):
    """
    One video API.

    Holds no state about tasks that a restart may not lose: whatever it needs later goes into the
    `Submission`, which is stored and handed back.
    """

    def __init__(self, info: ProviderInfo, access: Access) -> None: ...

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """
        Buy one video. Called once per attempt, with a checked request whose media can be read by the provider.

        Raises:
            SubmissionNotSent: no connection came about; nothing was sent.
            One of `errors.REFUSALS`: the provider refused, with evidence; nothing was bought.
            SubmissionUnknown: everything else after `purchase.sending()`.
        """
        ...

    def submission(self, task_id: str, request: VideoRequest, offer: Offer) -> Submission:
        """Make the receipt of a task whose id a person found. Override it where polling needs more than the id."""
        return Submission(task_id=task_id)

    async def poll(self, submission: Submission) -> TaskState:
        """Return how far the task is. Free, and safe to repeat."""
        ...

    async def check(self) -> None:
        """Prove that the key works, at no cost."""
        ...

    async def cancel(self, submission: Submission) -> None:
        """Ask for the task to stop. A request, not a promise: the next poll tells."""
        raise NotSupported("This provider cannot cancel a task.")

    async def upload(self, media: MediaFile) -> Upload:
        """Put a local file where this provider's models can read it."""
        raise NotSupported("This provider takes no uploads.")

    async def quote(self, request: VideoRequest, offer: Offer) -> Decimal | None:
        """Return the provider's own price in its currency, where it gives one before buying."""
        return None

    async def balance(self) -> Decimal | None:
        """Return what is left on the account, in the provider's currency, where it tells; proves the key as `check` does."""
        await self.check()
        return None

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, sent: WhenSent) -> Recovery:
        """
        Look for the one task that a lost answer belongs to, among those created since it was sent.

        A list is dated by the provider's clock: search from `sent.since` of what that one shows, and say so. Absence is
        proved only by a list that reaches back to there.
        """
        raise NotSupported("This provider cannot be asked which tasks it took.")

    async def close(self) -> None:
        """Let go of connections and background work."""
