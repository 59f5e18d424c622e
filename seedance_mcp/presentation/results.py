"""The shapes of structured content. Amounts are decimal strings, times ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..types import JOB_CODES, FilmQuality, Reviewer, Verdict

JobWord = Literal[
    "submitting", "queued", "running", "saving", "succeeded", "failed", "cancelled", "expired", "unknown"
]


FilmWord = Literal["planned", "making", "stopped", "joining", "succeeded", "cancelled"]
ShotWord = Literal["missing", "current", "stale", "making", "failed", "unclear", "blocked"]


class Shape(BaseModel):
    """The base of everything here."""

    model_config = ConfigDict(frozen=True)


class Amount(Shape):
    """A price in the currency it is billed in, and the same in US dollars. Both are `unknown` if nobody has said one."""

    amount: str
    currency: str
    usd: str


class Failure(Shape):
    """Why a job has no video, and what to do about it."""

    code: str = Field(description="; ".join(f"{code}: {said}" for code, said in JOB_CODES.items()))
    message: str
    hint: str
    retryable: bool


class AdviceShape(Shape):
    """What to know about a request before it is bought; see `catalog/data/advice.toml` for the codes."""

    code: str
    text: str


class Finished(Shape):
    """A job that ended since this client last looked."""

    job_id: str
    status: JobWord
    video_path: str | None


class ReviewShape(Shape):
    """A verdict on a take. `relayed`: the person's, by the word of an assistant. Scores are 1 to 5 (best)."""

    verdict: Verdict
    by: Reviewer
    relayed: bool
    notes: str
    scores: dict[str, int]
    at: str


class VariationShape(Shape):
    """One video of a set, each with a job of its own."""

    number: int
    job_id: str
    status: JobWord
    seed: int | None
    estimate: Amount
    charge: Amount | None
    video_path: str | None
    error: Failure | None


class SetTotalShape(Shape):
    """What the videos of a set cost together. No `charge`: not all of them are charged yet."""

    count: int
    estimate: Amount
    charge: Amount | None


class JobShape(Shape):
    """
    A job. `notes` are sentences for the person; `finished_meanwhile` are other jobs.

    Where it was bought together with others, `set_id` names them and `variations` are all of them, itself included.
    """

    job_id: str
    status: JobWord
    provider: str
    model: str
    prompt: str | None
    placeholder: bool
    progress: float | None
    estimate: Amount
    charge: Amount | None
    video_path: str | None
    video_url: str | None
    url_expires_at: str | None
    last_frame_path: str | None
    width: int | None
    height: int | None
    duration_seconds: float | None
    sha256: str | None
    created_at: str
    finished_at: str | None
    deduplicated: bool
    error: Failure | None
    review: ReviewShape | None
    set_id: str | None = Field(default=None, exclude_if=lambda value: value is None)
    variations: tuple[VariationShape, ...] = Field(default=(), exclude_if=lambda value: not value)
    total: SetTotalShape | None = Field(default=None, exclude_if=lambda value: value is None)
    next_step: str
    notes: tuple[str, ...] = ()
    advice: tuple[AdviceShape, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()


class BudgetShape(Shape):
    """What may still be spent, in USD. `reserved_usd`, for jobs under way, is a part of `spent_today_usd`."""

    # A comment: schemas of results have no descriptions, which every assistant would have to read.
    model_config = ConfigDict(json_schema_extra={"$comment": "reserved_usd is part of spent_today_usd"})

    spent_today_usd: str
    reserved_usd: str
    left_today_usd: str
    max_per_job_usd: str


class JobsShape(Shape):
    """
    The recent jobs, newest first, and a line for each film that is being made. `notes` say what is wrong with others, or
    with the server itself.

    `unjudged` are the newest ten of those that succeeded within seven days and have no review, `unjudged_count` is how many
    there are (among the last 200 that ended).
    """

    jobs: tuple[JobShape, ...]
    budget: BudgetShape
    unjudged: tuple[str, ...] = ()
    unjudged_count: int = 0
    films_in_making: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()


class Alternative(Shape):
    """The same request at another offer."""

    provider: str
    model: str
    ready: bool
    usd: str | None
    amount: str | None
    currency: str | None
    differences: tuple[str, ...]


class LadderShape(Shape):
    """A draft and then the same in full, with what each costs. `same_take`: the second step is the very take of the first."""

    draft: Amount
    final: Amount
    same_take: bool
    words: str


class TotalShape(Shape):
    """What several videos cost together: `estimate` is expected, `maximum` the most."""

    count: int
    estimate: Amount
    maximum: Amount


class EstimateShape(Shape):
    """
    What one video of a request costs, and `total` several. Without `estimate` the price is unknown. `settings` is the
    request in full.
    """

    provider: str
    model: str
    estimate: Amount | None
    maximum: Amount | None
    tokens: int | None
    basis: str | None
    verified: str | None
    confidence: str | None
    reason: str
    settings: dict[str, Any]
    offers: tuple[Alternative, ...]
    budget: BudgetShape
    usual_seconds: float | None
    ladder: LadderShape | None = None
    total: TotalShape | None = None
    notes: tuple[str, ...] = ()
    advice: tuple[AdviceShape, ...] = ()
    next_step: str
    finished_meanwhile: tuple[Finished, ...] = ()


class SpanShape(Shape):
    """A stretch of a video in seconds."""

    start: float
    end: float


class FactsShape(Shape):
    """What was measured."""

    width: int
    height: int
    fps: float
    frames: int
    duration_seconds: float
    video_codec: str
    audio_codec: str | None
    has_audio: bool
    loudness_lufs: float | None
    cuts: tuple[float, ...]
    blacks: tuple[SpanShape, ...]
    freezes: tuple[SpanShape, ...]
    silences: tuple[SpanShape, ...]


class PictureShape(Shape):
    """A picture to look at: pixels, and about what that costs Claude."""

    width: int
    height: int
    tokens: int


class ComparedShape(Shape):
    """A further video of a comparison. `letter` marks its line on the sheet."""

    letter: str
    source: str
    video_path: str
    facts: FactsShape


class ViewShape(Shape):
    """
    A video as seen; `sheet` is the path of its contact sheet, None where nothing was drawn.

    `title` and `comment` are the file's own. `others` were drawn beside it: its own letter is A then.
    """

    video_path: str
    facts: FactsShape
    sheet: str | None
    title: str | None
    comment: str | None
    review: ReviewShape | None = None
    image: PictureShape | None = None
    others: tuple[ComparedShape, ...] = ()
    notes: tuple[str, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()


class ReviewedShape(Shape):
    """The review that counts for a job now: not the one just given where the person's stands against an assistant's."""

    job_id: str
    review: ReviewShape
    next_step: str
    notes: tuple[str, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()


class FilmPriceShape(Shape):
    """What a film costs in USD: of a plan what is to be made, else what was agreed to last."""

    expected: str
    maximum: str
    budget_left: str


class ShotShape(Shape):
    """
    A shot of a film. `in_plan`: it is made by this plan, as that `take`, for at most `usd`, at `offer`; `why` says why.

    Else `take` is the one that the film shows, that is being made or has failed, and `usd` what it costs. Where a plan has
    no take for a stale shot, `redo_usd` is what making it anew would cost at most. `takes`: jobs of several to choose from.
    """

    shot: str
    state: ShotWord
    why: tuple[str, ...]
    take: int | None
    job_id: str | None
    usd: str | None
    in_plan: bool = False
    offer: str | None = None
    redo_usd: str | None = None
    takes: dict[str, str] = {}


class FilmShape(Shape):
    """
    A film, or with a `plan` that nobody has agreed to yet what making it would buy.

    `qualities` is the most that what is missing costs at each quality, `elsewhere` what this plan costs at other offers,
    both in USD. `sheet` is the path of a picture with a row for each shot. `film_url` is a link to a film that a
    worker has made.
    """

    film_id: str
    status: FilmWord
    quality: FilmQuality
    plan: str | None
    price: FilmPriceShape
    spent_usd: str | None = None
    qualities: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    shots: tuple[ShotShape, ...]
    problems: tuple[str, ...]
    film_path: str | None
    film_url: str | None = Field(default=None, exclude_if=lambda value: value is None)
    url_expires_at: str | None = Field(default=None, exclude_if=lambda value: value is None)
    sheet: str | None
    captions: tuple[str, ...] = ()
    duration_seconds: float | None
    next_step: str
    notes: tuple[str, ...] = ()
    advice: tuple[AdviceShape, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()


class OfferShape(Shape):
    """A model at a provider. `example_usd` is the price of 5 s at 720p from text."""

    provider: str
    ready: bool
    example_usd: str | None


class ModelShape(Shape):
    """What a model can do."""

    model: str
    title: str
    modes: tuple[str, ...]
    resolutions: tuple[str, ...]
    aspect_ratios: tuple[str, ...]
    duration_seconds: str
    audio: bool
    offers: tuple[OfferShape, ...]
    details: dict[str, Any] | None = None


class ProviderShape(Shape):
    """Where videos can be bought. One of `variables` makes it ready; none means always ready. `problem` is of its key."""

    provider: str
    title: str
    ready: bool
    variables: tuple[str, ...]
    key_page: str | None
    problem: str | None


class ModelsShape(Shape):
    """What can be made, and where."""

    models: tuple[ModelShape, ...]
    providers: tuple[ProviderShape, ...]
    next_step: str
    notes: tuple[str, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()
