"""What can be bought, and for how much; pure, but for reading its own data."""

from __future__ import annotations

from .advice import check_prompt, check_sound
from .delivery import not_as_ordered, other_model
from .drafting import as_draft, in_full, to_finish
from .input_advice import check_inputs
from .loading import guides
from .lookup import Catalog
from .models import Model
from .offers import Drafts, Offer, Parameter, ProviderInfo, RateLimit
from .pricing import Estimate, estimate, quoted, settle
from .validation import able_offers, leeway, resolve, usual_values

__all__ = [
    "Catalog",
    "Drafts",
    "Estimate",
    "Model",
    "Offer",
    "Parameter",
    "ProviderInfo",
    "RateLimit",
    "able_offers",
    "as_draft",
    "check_inputs",
    "check_prompt",
    "check_sound",
    "estimate",
    "guides",
    "in_full",
    "leeway",
    "not_as_ordered",
    "other_model",
    "quoted",
    "resolve",
    "settle",
    "to_finish",
    "usual_values",
]
