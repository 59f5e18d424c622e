"""What can be bought, and for how much; pure, but for reading its own data."""

from __future__ import annotations

from .advice import advise
from .canvas import frame_canvas, is_nearly, is_same_shape
from .delivery import not_as_ordered, other_model
from .drafting import as_draft, in_full, to_finish
from .guides import Guide, film_guide, guide_for
from .loading import advice_codes
from .lookup import Catalog
from .models import Mode, Model
from .offers import Drafts, Offer, Parameter, ProviderInfo, RateLimit
from .pricing import Estimate, estimate, quoted, settle
from .validation import able_offers, leeway, possible_values, resolve, usual_values
from .values import duration_limits

__all__ = [
    "Catalog",
    "Drafts",
    "Estimate",
    "Guide",
    "Mode",
    "Model",
    "Offer",
    "Parameter",
    "ProviderInfo",
    "RateLimit",
    "able_offers",
    "advice_codes",
    "advise",
    "as_draft",
    "duration_limits",
    "estimate",
    "film_guide",
    "frame_canvas",
    "guide_for",
    "in_full",
    "is_nearly",
    "is_same_shape",
    "leeway",
    "not_as_ordered",
    "other_model",
    "possible_values",
    "quoted",
    "resolve",
    "settle",
    "to_finish",
    "usual_values",
]
