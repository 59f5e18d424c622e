"""Who sells it: the protocol that every adapter speaks, and the one way to build an adapter."""

from __future__ import annotations

from .factory import create
from .http import addresses
from .http.bodies import announced_length, body_pieces
from .http.certificates import certificates_of
from .http.unreachable import with_advice
from .protocol import Access, Provider, Purchase, Recovery
from .rate_limits import Kind, Pace
from .s3 import Bucket, BucketAccess
from .when_sent import WhenSent
from .wire import wire

__all__ = [
    "Access",
    "Bucket",
    "BucketAccess",
    "Kind",
    "Pace",
    "Provider",
    "Purchase",
    "Recovery",
    "WhenSent",
    "addresses",
    "announced_length",
    "body_pieces",
    "certificates_of",
    "create",
    "wire",
    "with_advice",
]
