"""How the pretended S3 judges a signature, in a header or in the address: by its own reading of Signature Version 4."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from .wire import Request

KEY_ID, SECRET = "EMULATORKEYID0042", "emulator-secret-Zq/81+x="
LONGEST_SECONDS = 7 * 86_400
_SKEW_SECONDS = 900
_FIELDS = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<Credential>[^ ,]+), ?SignedHeaders=(?P<SignedHeaders>[^ ,]+),"
    r" ?Signature=(?P<Signature>[0-9a-f]{64})"
)


def judge(request: Request, *, region: str, now: float) -> tuple[int, str]:
    """Return the status and the code of a refusal; (200, "") for a call that is signed, and whose body is what was signed."""
    wrong = _in_header(request, region, now) if "authorization" in request.headers else None
    if wrong is None:
        wrong = _in_address(request, region, now)
    return (403, wrong) if wrong else _body(request)


def _in_address(request: Request, region: str, now: float) -> str:
    pairs = _query(request)
    given = {name: unquote(pairs.get(f"X-Amz-{name}", "")) for name in _FIELDS}
    if given["Algorithm"] != "AWS4-HMAC-SHA256" or not all(given.values()):
        return "AccessDenied"
    signed_at, life = _moment(given["Date"]), int(given["Expires"])
    if not 0 < life <= LONGEST_SECONDS or not signed_at - _SKEW_SECONDS <= now <= signed_at + life:
        return "AccessDenied"
    # S3 reads the hash of the body from the header if there is one that is signed.
    body = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    return _wrong(request, given, pairs, region, body)


def _in_header(request: Request, region: str, now: float) -> str:
    found = _HEADER.fullmatch(request.headers["authorization"])
    date, body = request.headers.get("x-amz-date", ""), request.headers.get("x-amz-content-sha256", "")
    if found is None or not date or not body:
        return "AuthorizationHeaderMalformed"
    if abs(now - _moment(date)) > _SKEW_SECONDS:
        return "RequestTimeTooSkewed"
    return _wrong(request, {**found.groupdict(), "Date": date}, _query(request), region, body)


def _wrong(
    request: Request, given: Mapping[str, str], pairs: Mapping[str, str], region: str, body: str
) -> str:
    key_id, _, scope = given["Credential"].partition("/")
    if key_id != KEY_ID:
        return "InvalidAccessKeyId"
    if scope != f"{given['Date'][:8]}/{region}/s3/aws4_request":
        return "AuthorizationQueryParametersError"
    names = given["SignedHeaders"].split(";")
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    if not needed <= set(names) or names != sorted(names):
        return "AccessDenied"
    asked = "&".join(f"{name}={pairs[name]}" for name in sorted(pairs) if name != "X-Amz-Signature")
    signed = [f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names]
    path = quote(request.path, safe="/-_.~")
    canonical = "\n".join((request.method, path, asked, *signed, "", given["SignedHeaders"], body))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", given["Date"], scope, digest))
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return "" if hmac.compare_digest(expected, given["Signature"]) else "SignatureDoesNotMatch"


def _body(request: Request) -> tuple[int, str]:
    digest = hashlib.sha256(request.body)
    stated = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if stated not in ("UNSIGNED-PAYLOAD", digest.hexdigest()):
        return 400, "XAmzContentSHA256Mismatch"
    checksum = request.headers.get("x-amz-checksum-sha256")
    if checksum is not None and checksum != base64.b64encode(digest.digest()).decode():
        return 400, "BadDigest"
    return 200, ""


def _query(request: Request) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in urlsplit(request.target).query.split("&") if pair)
    return {name: value for name, _, value in pairs}


def _moment(text: str) -> float:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
