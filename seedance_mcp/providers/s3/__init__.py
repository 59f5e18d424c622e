"""A bucket of the user's own as carrier of files."""

from .bucket import Bucket, BucketAccess

__all__ = ["Bucket", "BucketAccess"]
