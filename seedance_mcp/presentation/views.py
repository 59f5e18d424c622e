"""A price, an uploaded file and a video as they are shown."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from ..types import VideoRequest
from . import price_views
from . import results as shape
from .amounts import amount, decimal
from .budget_views import budget
from .job_views import advice_shapes, placeholder_note
from .times import moment
from .upload_shapes import PutShape, UploadShape

if TYPE_CHECKING:
    from ..app import App, Quote, UploadedMedia, Viewed
    from ..media import VideoFacts
    from ..types import SignedPut


async def estimate(app: App, quote: Quote) -> shape.EstimateShape:
    """A price here and elsewhere."""
    known = quote.estimate
    return shape.EstimateShape(
        provider=quote.offer.provider.name,
        model=quote.offer.model.id,
        estimate=amount(known.price) if known else None,
        maximum=amount(known.maximum) if known else None,
        tokens=known.tokens if known else None,
        basis=known.basis if known else None,
        verified=known.verified.isoformat() if known else None,
        confidence=known.confidence if known else None,
        reason=quote.reason,
        settings=settings_of(quote.request),
        offers=tuple(
            shape.Alternative(
                provider=other.offer.provider.name,
                model=other.offer.model.id,
                ready=other.ready,
                usd=decimal(other.estimate.price.usd) if other.estimate else None,
                amount=decimal(other.estimate.price.amount) if other.estimate else None,
                currency=other.estimate.price.currency if other.estimate else None,
                differences=other.differences,
            )
            for other in quote.others
        ),
        budget=await budget(app),
        usual_seconds=None if quote.usual_seconds is None else round(quote.usual_seconds, 1),
        ladder=price_views.ladder(quote),
        total=price_views.total(quote),
        notes=(
            *quote.notes,
            *filter(None, [quote.within]),
            *(
                []
                if known
                else [
                    f"The price is unknown, at most {decimal(app.settings.max_usd_per_job)} USD is counted."
                ]
            ),
            *([placeholder_note(app)] if quote.offer.provider.placeholder else []),
        ),
        advice=advice_shapes(quote.advice),
        next_step=f"Tell the person {'the price' if known else 'that the price is unknown'}. {quote.outlook.words}",
    )


def settings_of(request: VideoRequest) -> dict[str, Any]:
    """What a request sets beside prompt, model and provider."""
    told = request.model_dump(mode="json", exclude_none=True, exclude={"prompt", "model", "provider"})
    return {name: value for name, value in told.items() if value not in ([], {})}


def upload(uploaded: UploadedMedia) -> UploadShape:
    """A checked file, or one that is expected."""
    file = uploaded.file
    if uploaded.put is not None:
        return _expected(uploaded, uploaded.put)
    carried = f" To {', '.join(uploaded.carried_to)} it goes by way of {uploaded.carried_by}."
    what = "asset id" if file.is_asset else "address"
    unseen = (
        f"The {what} is passed to the provider as it is. What is behind it was not looked at: whether it is there, is"
        " an image, a video or a sound, and suits a model, only the provider finds out."
    )
    return UploadShape(
        media_id=uploaded.media_id,
        kind=file.kind,
        mime_type=file.mime_type,
        bytes=file.bytes,
        width=file.width,
        height=file.height,
        duration_seconds=file.duration_seconds,
        sha256=file.sha256,
        usable_with=uploaded.usable_with,
        problems=uploaded.problems,
        next_step=f"Pass {uploaded.media_id} as a media argument of generate_video or estimate_cost."
        f"{carried if uploaded.carried_to else ''}{''.join(f' {note}' for note in uploaded.notes)}",
        notes=() if file.sha256 else (unseen,),
    )


def _expected(uploaded: UploadedMedia, put: SignedPut) -> UploadShape:
    file = uploaded.file
    return UploadShape(
        media_id=uploaded.media_id,
        kind=file.kind,
        mime_type=file.mime_type,
        bytes=file.bytes,
        width=None,
        height=None,
        duration_seconds=None,
        sha256=file.sha256,
        usable_with=(),
        problems=(),
        put=PutShape(url=put.url, headers=dict(put.headers), expires_at=moment(put.expires_at)),
        next_step="Send the file by HTTP PUT to put.url with exactly put.headers, before put.expires_at; nothing else is taken"
        f" there. Then pass {uploaded.media_id} as a media argument, or as source of upload_media, which looks at it.",
    )


def not_there(facts: shape.FactsShape) -> str:
    """Name what was looked for in a video and is not there; empty if everything is. Sound that is not there has no silences."""
    found = {"cuts": facts.cuts, "blacks": facts.blacks, "freezes": facts.freezes}
    found |= {"silences": facts.silences} if facts.has_audio else {"sound": ()}
    missing = [name for name, places in found.items() if not places]
    if not missing:
        return ""
    return f"no {' and no '.join(filter(None, (', no '.join(missing[:-1]), missing[-1])))}; "


def view(viewed: Viewed) -> shape.ViewShape:
    """A video as seen."""
    facts, sheet = viewed.facts, viewed.sheet
    others = (
        shape.ComparedShape(
            letter=letter, source=other.source, video_path=str(other.facts.path), facts=_facts(other.facts)
        )
        for letter, other in zip(ascii_uppercase[1:], viewed.others, strict=False)
    )
    return shape.ViewShape(
        video_path=str(facts.path),
        facts=_facts(facts),
        sheet=str(viewed.file) if viewed.file else None,
        title=facts.title,
        comment=facts.comment,
        image=sheet and shape.PictureShape.model_validate(sheet, from_attributes=True),
        others=tuple(others),
        notes=viewed.notes,
    )


def _facts(facts: VideoFacts) -> shape.FactsShape:
    return shape.FactsShape.model_validate(facts, from_attributes=True)
