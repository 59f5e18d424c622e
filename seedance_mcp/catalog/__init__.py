"""What can be bought, and for how much; pure, but for reading its own data."""

from __future__ import annotations

from .advice import advise
from .canvas import frame_canvas, is_nearly, is_same_shape
from .delivery import not_as_ordered, other_model
from .loading import advice_codes, guides
from .lookup import Catalog
from .models import Model
from .offers import Offer, Parameter, ProviderInfo, RateLimit
from .pricing import Estimate, estimate, quoted, settle
from .validation import able_offers, leeway, resolve, usual_values

__all__ = [
    "Catalog",
    "Estimate",
    "Model",
    "Offer",
    "Parameter",
    "ProviderInfo",
    "RateLimit",
    "able_offers",
    "advice_codes",
    "advise",
    "estimate",
    "frame_canvas",
    "guides",
    "is_nearly",
    "is_same_shape",
    "leeway",
    "not_as_ordered",
    "other_model",
    "quoted",
    "resolve",
    "settle",
    "usual_values",
]
