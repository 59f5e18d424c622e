"""A provider's own draft of a request, and the same take in full: which fields go with which of the two."""

from __future__ import annotations

from typing import Any

from ..types import REFERENCE_FIELDS, VideoRequest
from .conditions import Rule
from .offers import Drafts, Offer


def as_draft(final: VideoRequest, offer: Offer, drafts: Drafts) -> VideoRequest:
    """Ask for a draft of this request instead; what a draft narrows is left to its own defaults."""
    narrowed = {
        field for rule in _rules(offer) if rule.when.get(drafts.option) is True for field in rule.fields
    }
    options = {name: value for name, value in final.provider_options.items() if name not in narrowed}
    changes: dict[str, Any] = {name: None for name in narrowed if name in VideoRequest.model_fields}
    return final.model_copy(update={**changes, "provider_options": {**options, drafts.option: True}})


def to_finish(draft: VideoRequest, offer: Offer, drafts: Drafts, task_id: str) -> VideoRequest:
    """
    Ask for the take of the draft with these settings and this task, in full: with nothing that the draft has decided.

    A resolution in which no draft is finished is left to the default.
    """
    taken = _taken(offer, drafts)
    options = {name: value for name, value in draft.provider_options.items() if name not in taken}
    changes: dict[str, Any] = {name: _nothing(name) for name in taken if name in VideoRequest.model_fields}
    for rule in _finishing(offer, drafts):
        for name in rule.fields:
            if rule.allowed is not None and getattr(draft, name, None) not in rule.allowed:
                changes[name] = None
    return draft.model_copy(update={**changes, "provider_options": {**options, drafts.finish: task_id}})


def in_full(finishing: VideoRequest, draft: VideoRequest, offer: Offer, drafts: Drafts) -> VideoRequest:
    """Describe what comes of a request made by `to_finish`: with what it takes from the draft with these settings."""
    return finishing.model_copy(
        update={
            name: getattr(draft, name)
            for name in _taken(offer, drafts)
            if name in VideoRequest.model_fields and getattr(finishing, name) == _nothing(name)
        }
    )


def _rules(offer: Offer) -> tuple[Rule, ...]:
    return (*offer.model.rules, *offer.rules)


def _finishing(offer: Offer, drafts: Drafts) -> list[Rule]:
    return [rule for rule in _rules(offer) if drafts.finish in rule.when]


def _taken(offer: Offer, drafts: Drafts) -> set[str]:
    """The fields and options that are taken from the draft, and refused when they are sent again."""
    found = {field for rule in _finishing(offer, drafts) if rule.forbidden for field in rule.fields}
    return found | {drafts.option}


def _nothing(field: str) -> Any:
    return () if field in REFERENCE_FIELDS else None
