"""A film as the job database keeps it: its document, its takes, and the orders that pay for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from .job import WORKERS, Signer
from .price import Price
from .request import VideoRequest
from .review import Reviewer

FILM_PREFIX = "flm_"
"""What the id of every film begins with, and no job's; twelve lower-case characters follow."""

FilmQuality = Literal["animatic", "draft", "final"]
"""How good a film is made: a free rehearsal, cheaper takes, or the takes that it is for."""

OrderEnd = Literal["done", "stopped", "cancelled", "expired"]
"""How an order ended: all is made, a shot could not be, the person took it back, or it was older than 24 hours."""

MarkKind = Literal["chosen", "unchosen", "kept"]


@dataclass(frozen=True, kw_only=True)
class Draw:
    """The row of a film's open order that pays for a purchase."""

    film_id: str
    shot: str
    take: int


@dataclass(frozen=True, kw_only=True)
class FilmRecord:
    """
    A film's document as it was last read. Times are seconds since the epoch.

    `document` is canonical JSON, and `version` counts how often it has changed, from 1. `name` is the name of the file
    that it came from, empty if none; relative paths in it start at `folder`. Its files go below `output_dir`. `machine` is the
    one of several that read it, and has that folder; None: there is one.
    """

    id: str
    version: int
    document: str
    name: str
    folder: str | None
    output_dir: str
    created_at: float
    changed_at: float
    machine: str | None = None


@dataclass(frozen=True, kw_only=True)
class Take:
    """
    One video of one shot, planned or bought. Nothing of it ever changes but `job_id`, once.

    `number` counts the takes of the shot from 1, of every quality, and each attempt uses one up. `order` is the token of
    the plan that it is a row of. `inputs` are the digests of what it is made from. `request` is complete but for
    what comes from the take that it continues, which is `parent_take` of the shot `parent`. `maximum` is the most that
    it may cost. `files` are the hashes of the local files that its request names, as they were when it was planned.
    `account` and `base_url` are those with which it was ordered, as of a job; "" in rows of an earlier version. `job_id` is
    set in the transaction that reserves the job; None: it is not bought.
    """

    film_id: str
    shot: str
    number: int
    order: str
    quality: FilmQuality
    request_key: str
    inputs: Mapping[str, str]
    request: VideoRequest
    maximum: Price
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    parent: str | None = None
    parent_take: int | None = None
    account: str = ""
    base_url: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class FilmPlace:
    """
    Where a film is made, where several machines share a database: the `machine` that ordered it, which has the files that its
    document names; or `WORKERS`, for a document that names none: any worker makes it.

    Paths in the document start at `folder`; its files go below `output_dir`. With workers there is no folder, and each has an
    output folder of its own.
    """

    machine: str
    folder: str | None
    output_dir: str


@dataclass(frozen=True, kw_only=True)
class FilmOrder:
    """
    A plan that was agreed to, and the money that is held for it. Times are seconds since the epoch.

    `plan` is the plan's token. Of `maximum_usd`, what its rows may cost together, `drawn_usd` has gone over to jobs; of
    its paid `jobs`, `drawn_jobs` have been reserved. Both count as spent on `day` (UTC) and from `reserved_at`, until
    the order has `ended`: then what was not drawn is released. `agreed_by` tells who agreed, where that was needed. `place` is
    where it is made; None: on the only machine.
    """

    film_id: str
    plan: str
    quality: FilmQuality
    maximum_usd: Decimal
    drawn_usd: Decimal = Decimal(0)
    jobs: int
    drawn_jobs: int = 0
    reserved_at: float
    day: str
    agreed_by: Signer | None = None
    ended_at: float | None = None
    ended: OrderEnd | None = None
    place: FilmPlace | None = None

    def is_made_at(self, machine: str) -> bool:
        """Return whether it is for this machine to make."""
        return self.place is None or self.place.machine == machine

    @property
    def is_for_workers(self) -> bool:
        """Whether any worker makes it."""
        return self.place is not None and self.place.machine == WORKERS

    @property
    def held_usd(self) -> Decimal:
        """What is held for rows that are not bought yet."""
        return Decimal(0) if self.ended_at is not None else self.maximum_usd - self.drawn_usd


@dataclass(frozen=True, kw_only=True)
class FilmFile:
    """A file of a joined film: its name in the film's folder, its size and its SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class FilmCut:
    """
    A film as one worker joined it once: its own file first, then captions and contact sheets.

    `name` stands in the names of its files, so that no other cut is ever written over it. `place` is the object store that has
    copies of all of them; None: they are only in the output folder of the worker.
    """

    name: str
    files: tuple[FilmFile, ...]
    place: str | None = None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """
    What was decided about a take: it is the shot's (`chosen`) or no longer (`unchosen`), or it is good enough although what
    it is made from has changed since (`kept`).

    `inputs` are the digests that it was accepted for; without any, that is taken back. Of a choice, `newest` is the highest
    number of a take of the shot that there was then: what is ordered later stands above it; and `by` tells who made it. `at`
    in seconds since the epoch.
    """

    film_id: str
    shot: str
    take: int
    kind: MarkKind
    inputs: Mapping[str, str]
    at: float
    newest: int = 0
    by: Reviewer | None = None


@dataclass(frozen=True, kw_only=True)
class RowRefusal:
    """
    Why a row of an order could not be bought: an error's code, message and hint. It has no job, and nobody tries it again.

    `at` in seconds since the epoch.
    """

    film_id: str
    shot: str
    take: int
    code: str
    message: str
    hint: str
    at: float
