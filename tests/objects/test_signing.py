"""The signature itself: that botocore, which is the reference here, writes the same for whatever is signed."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from seedance_mcp.objects import Keys, Signer
from seedance_mcp.objects.signing import EMPTY_SHA256, query_text
from tests.emulator.s3_signatures import KEY_ID, SECRET

NOW = 1_796_000_000.0
SIGNER = Signer(
    lambda: Keys(key_id=SecretStr(KEY_ID), secret=SecretStr(SECRET)), "cn-test", clock=lambda: NOW
)
NAMES = ("out/default/job_1.mp4", "in/default/a%20b.mov", "a/%E7%8B%90.mp4", "x")
HEADERS = {
    "Content-Type": "video/mp4",
    "Content-Length": "7",
    "If-None-Match": "*",
    "x-amz-checksum-sha256": "q1MKE+RZFJgrefm34/uplM/R8/si9xzqGvvwK0YMbR0=",
    "Range": "bytes=0-  7",
}
QUERY = {
    "partNumber": "7",
    "uploadId": "a+b/c=~",
    "uploads": "",
    "response-content-disposition": 'attachment; filename="狐 1.mp4"',
}


def test_addresses_and_headers_are_signed_as_botocore_signs_them() -> None:
    """Over 200 random requests: methods, hosts, names, queries and headers."""
    drawn = random.Random(15)
    for _ in range(100):
        method = drawn.choice(("GET", "PUT", "POST", "HEAD", "DELETE"))
        host = drawn.choice(
            ("https://store.test/team/", "http://127.0.0.1:9000/team/", "https://team.s3.test/")
        )
        url = host + drawn.choice(NAMES)
        headers = {name: HEADERS[name] for name in drawn.sample(sorted(HEADERS), drawn.randrange(4))}
        query = {name: QUERY[name] for name in drawn.sample(sorted(QUERY), drawn.randrange(3))}
        seconds = drawn.randrange(1, 604_800)
        ours = SIGNER.address(method, url, seconds=seconds, query=query, headers=headers)
        theirs = _presigned(method, f"{url}?{query_text(query)}" if query else url, headers, seconds)
        assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)
        ours = SIGNER.headers(method, url, query=query, headers=headers, sha256=EMPTY_SHA256)
        assert ours["Authorization"] == _in_header(method, url, query, headers)


def test_no_secret_is_in_an_address_or_in_what_is_printed() -> None:
    address = SIGNER.address("GET", "https://store.test/team/x", seconds=60)
    assert SECRET not in address
    keys = Keys(key_id=SecretStr(KEY_ID), secret=SecretStr(SECRET))
    assert KEY_ID not in repr(keys)
    assert SECRET not in repr((keys, SIGNER))


def _presigned(method: str, url: str, headers: dict[str, str], seconds: int) -> str:
    auth, request = _theirs(method, url, headers)
    with _at_that_time():
        auth.S3SigV4QueryAuth(_keys(), "s3", "cn-test", expires=seconds).add_auth(request)
    return request.url


def _in_header(method: str, url: str, query: dict[str, str], headers: dict[str, str]) -> str:
    auth, request = _theirs(method, f"{url}?{query_text(query)}" if query else url, headers)
    request.headers["X-Amz-Content-SHA256"] = EMPTY_SHA256
    with _at_that_time():
        auth.S3SigV4Auth(_keys(), "s3", "cn-test").add_auth(request)
    return request.headers["Authorization"]


def _theirs(method: str, url: str, headers: dict[str, str]) -> tuple[Any, Any]:
    auth: Any = import_module("botocore.auth")
    request: Any = import_module("botocore.awsrequest").AWSRequest(method=method, url=url, headers=headers)
    return auth, request


def _keys() -> Any:
    make: Any = import_module("botocore.credentials").Credentials
    return make(KEY_ID, SECRET)


def _at_that_time() -> Any:
    moment = datetime.fromtimestamp(NOW, UTC)
    return mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None))
