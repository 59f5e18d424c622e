"""An S3-compatible object store: puts files there, reads them back, and signs addresses that others can use for a while."""

from __future__ import annotations

from .access import StoreAccess, access_of, keys_of
from .failures import ObjectStoreError
from .object_store import ObjectFacts, ObjectStore, UploadTerms
from .signing import Keys, Signer

__all__ = [
    "Keys",
    "ObjectFacts",
    "ObjectStore",
    "ObjectStoreError",
    "Signer",
    "StoreAccess",
    "UploadTerms",
    "access_of",
    "keys_of",
]
