"""What can be bought, and for how much; pure, but for reading its own data."""

from __future__ import annotations

from .advice import check_prompt, check_sound
from .delivery import not_as_ordered, other_model
from .input_advice import check_inputs
from .loading import guides
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
    "check_inputs",
    "check_prompt",
    "check_sound",
    "estimate",
    "guides",
    "leeway",
    "not_as_ordered",
    "other_model",
    "quoted",
    "resolve",
    "settle",
    "usual_values",
]
