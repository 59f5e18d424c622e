"""The tools that price and buy: what can be made, of which files, for how much; and the purchase."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from mcp.types import InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from ... import presentation
from ...errors import InvalidRequest
from ...texts import digits, number_of
from ...types import ByteReport, ExpectedFile, LinkedFile, PurchaseTerms, VideoRequest
from ..answers import answer, estimate_answer
from ..calls import Call
from ..consent import agreed
from ..job_tasks import goes_on, task_of
from ..signatures import Closed
from ..tasks import NewTask
from ..tooling import Answer
from .answering import WaitSeconds, job_answer, meanwhile, wait, wait_for_set

Usd = Annotated[
    Decimal | None,
    Field(ge=0),
    WithJsonSchema({"type": "number", "minimum": 0, "description": "Refuse if it may cost more"}),
]
RequestKeyText = Annotated[
    str | None,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{8,64}$",
            "description": "Your name for this purchase: the same key never buys twice",
        }
    ),
]
Variations = Annotated[
    int | None, Field(ge=2, le=6, description="Several takes at once; max_usd is then for all")
]


class PurchaseArguments(Closed):
    """What `generate_video` takes beside the request to say on what terms it buys."""

    max_usd: Usd = None
    allow_duplicate: bool = Field(False, description="Make the same again")
    request_key: RequestKeyText = None
    confirm_token: str | None = Field(None, max_length=200, description="After the person agreed")
    variations: Variations = None

    @property
    def terms(self) -> PurchaseTerms:
        """The same as terms. No argument can say that a person has agreed to a question, or beforehand."""
        return PurchaseTerms(**self.model_dump())


class IdleArguments(Closed):
    """What `generate_video` takes to buy and `estimate_cost` passes over, whatever it is; of `max_usd` it tells."""

    max_usd: Usd = None
    allow_duplicate: Any = None
    request_key: Any = None
    confirm_token: Any = None
    wait_seconds: Any = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Names what is passed over."""
        given = [name for name in type(self).model_fields if name in self.model_fields_set - {"max_usd"}]
        return (f"Ignored, because nothing is bought here: {', '.join(given)}.",) if given else ()


async def generate_video(
    call: Call,
    request: VideoRequest,
    *,
    wait_seconds: WaitSeconds = None,
    purchase: PurchaseArguments,
) -> Answer:
    """
    Make a video and save it as MP4. Spends money (the sandbox is free): estimate_cost first tells the price.
    Then check_status until it is finished.
    """
    call.check_sources(source for _, _, source in request.media())
    started = await agreed(call, request, purchase.terms)
    if isinstance(started, InputRequiredResult):
        return started
    notes = [started.reason, *started.notes]
    if started.deduplicated:
        another = "allow_duplicate or another seed" if purchase.request_key is None else "a new request_key"
        found = "job" if started.videos is None else "set"
        done = presentation.job_views.done(call.app, started.job)
        notes.insert(
            0,
            f"This request was made before: this is its {found}. Nothing was {done} now."
            f" Only if the person wants another take: {another}.",
        )
    if started.videos is not None:
        await wait_for_set(call, started.videos, wait_seconds, usual=call.waits.generate)
        job = await call.app.job(started.job.id)
    elif call.takes_tasks and await goes_on(call.app, started.job):
        return NewTask.of(task_of(started.job, call.app.settings)).saying(notes)
    else:
        job = await wait(call, started.job, wait_seconds, usual=call.waits.generate)
    return await job_answer(call, job, deduplicated=started.deduplicated, notes=notes, advice=started.advice)


async def estimate_cost(
    call: Call, request: VideoRequest, *, variations: Variations = None, idle: IdleArguments
) -> Answer:
    """
    Price a video here and at every other provider that can make it. Costs nothing, buys nothing.
    Arguments as in generate_video, which is the next call.
    """
    call.check_sources(source for _, _, source in request.media())
    terms = PurchaseTerms(max_usd=idle.max_usd, variations=variations)
    quote = await call.app.estimate(request, terms)
    shown = await presentation.views.estimate(call.app, quote)
    shown = shown.model_copy(update={"notes": (*idle.notes, *shown.notes)})
    price = f"{digits(quote.estimate.price.usd)} USD" if quote.estimate else "price unknown"
    if quote.estimate and quote.variations:
        total = digits(quote.estimate.price.usd * quote.variations)
        price = f"{quote.variations} videos at {price} each, {total} USD in all"
    headline = f"{shown.model} at {shown.provider}: {price}. Nothing was bought."
    elsewhere = "elsewhere"
    if quote.offer.provider.placeholder:
        headline = f"{shown.model} in the sandbox: a free placeholder. Nothing was made yet."
        elsewhere = "of the real video"
    return estimate_answer(
        headline, elsewhere, shown.model_copy(update={"finished_meanwhile": await meanwhile(call)})
    )


Sha256 = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "description": "Over HTTP, instead of source: of a file you PUT next"}),
]


class ExpectedArguments(Closed):
    """What `upload_media` takes to have a file put into the object store by who calls over HTTP."""

    mime_type: Annotated[str | None, Field(max_length=100)] = None
    bytes: Annotated[int | None, Field(ge=1)] = None
    sha256: Sha256 = None

    @property
    def file(self) -> ExpectedFile:
        """The file. Raises InvalidRequest if not all of it was said."""
        if self.mime_type is None or self.bytes is None or self.sha256 is None:
            raise InvalidRequest(
                [
                    "source is required, or mime_type, bytes and sha256 of a file that you put at an address then."
                ]
            )
        sha256 = self.sha256.lower()
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise InvalidRequest(["sha256 must have 64 hex digits."])
        return ExpectedFile(mime_type=self.mime_type, bytes=self.bytes, sha256=sha256)


class FileReference(BaseModel):
    """A file of a conversation as its host hands it over. `mime_type` and `file_name` may come as well, and are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    download_url: str = Field(min_length=1, max_length=8192, repr=False)
    file_id: str = Field(max_length=300)


ConversationFile = Annotated[
    FileReference | None,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                name: {"type": "string"} for name in ("download_url", "file_id", "mime_type", "file_name")
            },
            "required": ["download_url", "file_id"],
            "description": "A file of the conversation, instead of source",
        }
    ),
]


async def upload_media(
    call: Call,
    *,
    source: Annotated[str | None, Field(max_length=4096, description="Local path or https URL")] = None,
    provider: Annotated[str | None, Field(max_length=60)] = None,
    expected: ExpectedArguments,
    file: ConversationFile = None,
) -> Answer:
    """
    Check an image, video or sound against the models' limits and keep it under a media id. Costs nothing.
    Pass the id to generate_video.
    """
    if file is not None:
        if source is not None or expected.model_fields_set:
            raise InvalidRequest(["file comes without source, mime_type, bytes and sha256."])
        return await _upload_answer(
            call, LinkedFile(url=file.download_url, report=_reporting(call)), provider
        )
    if source is None and call.over_http:
        shown = presentation.views.upload(await call.app.upload(expected.file, provider))
        shown = shown.model_copy(update={"finished_meanwhile": await meanwhile(call)})
        return answer(f"{shown.media_id} is kept for a file that is to be put at an address now.", shown)
    if expected.model_fields_set:
        raise InvalidRequest(
            [
                "mime_type, bytes and sha256 are of a file that is put at an address, over HTTP, without source."
            ]
        )
    source = source or ""
    call.check_sources([source])
    return await _upload_answer(call, source, provider)


def _reporting(call: Call) -> ByteReport:
    """Return what tells the client how much of a file has come."""

    async def report(here: int, total: int | None) -> None:
        from ...jobs import Update

        of_all = f" of {total / 1e6:.1f}" if total else ""
        fraction = min(here / total, 1.0) if total else 0.0
        await call.report(
            Update(fraction=fraction, message=f"{here / 1e6:.1f}{of_all} MB of the file have come")
        )

    return report


async def _upload_answer(call: Call, source: str | LinkedFile, provider: str | None) -> Answer:
    shown = presentation.views.upload(await call.app.upload(source, provider))
    offers = number_of(len(shown.usable_with), "offer")
    headline = (
        f"{shown.media_id} is a usable {shown.kind} for {offers}."
        if shown.sha256
        else f"{shown.media_id} is kept as {shown.kind}, not looked at; {offers} could take it."
    )
    return answer(headline, shown.model_copy(update={"finished_meanwhile": await meanwhile(call)}))


async def list_models(
    call: Call,
    *,
    model: Annotated[str | None, Field(max_length=200, description="Only this one, in detail")] = None,
    provider: Annotated[str | None, Field(max_length=60)] = None,
) -> Answer:
    """
    List models: what they can do, prices, which providers are ready. Costs nothing.
    Next: estimate_cost.
    """
    shown = presentation.catalog_views.models(call.app, model=model, provider=provider)
    ready = ", ".join(one.provider for one in shown.providers if one.ready) or "none"
    headline = f"{number_of(len(shown.models), 'model')}; ready providers: {ready}."
    return answer(headline, shown.model_copy(update={"finished_meanwhile": await meanwhile(call)}))
