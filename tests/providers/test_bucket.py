"""The user's own bucket: what is signed, what arrives there, what a refusal becomes, and what is never told."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from seedance_mcp.config import extra_command
from seedance_mcp.errors import (
    AuthenticationError,
    ConfigError,
    MediaError,
    ProviderUnavailable,
    SeedanceError,
)
from seedance_mcp.providers.s3.bucket import Bucket, BucketAccess
from seedance_mcp.types import MediaFile
from tests.emulator.s3 import KEY_ID, SECRET, Store, error, running, secrets_in
from tests.emulator.wire import Response

CONTENT = b"a film " * 100_000


def bucket(endpoint: str | None, **fields: str) -> Bucket:
    values: dict[str, Any] = {"bucket": "clips", "region": "cn-test", "prefix": "seedance/", **fields}
    secret = SecretStr(values.pop("secret", SECRET))
    return Bucket(BucketAccess(endpoint=endpoint, key_id=SecretStr(KEY_ID), secret_key=secret, **values))


def film(folder: Path, content: bytes = CONTENT) -> MediaFile:
    path = folder / "private name.mp4"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return MediaFile(kind="video", path=path, mime_type="video/mp4", bytes=len(content), sha256=digest)


async def refused(answer: Response | None, tmp_path: Path, **fields: str) -> SeedanceError:
    with anyio.fail_after(5):
        async with running(Store(refuse=answer)) as store:
            with pytest.raises(SeedanceError) as caught:
                await bucket(store.origin, **fields).upload(film(tmp_path))
    told = f"{caught.value.message} {caught.value.hint}"
    assert secrets_in(told) == []
    assert store.count("PUT") == 1, "an upload is tried once"
    return caught.value


async def test_a_file_is_put_whole_and_read_by_a_signed_address_alone(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        async with running(Store()) as store, httpx2.AsyncClient() as anyone:
            place = bucket(store.origin)
            kept = await place.upload(film(tmp_path))
            assert store.calls[-1][2] == 200
            assert list(store.objects.values()) == [("video/mp4", CONTENT)]
            assert "?" not in kept.url, "the address that is remembered opens nothing"
            assert (await anyone.get(kept.url)).status_code == 403
            link = await place.link(kept.url)
            read = await anyone.get(link)
            assert (read.status_code, read.content) == (200, CONTENT)
            assert (await anyone.put(link, content=b"other")).status_code == 403, "it opens for reading only"
            store.clock = lambda: kept.expires_at + 3600 if kept.expires_at else 0
            assert (await anyone.get(link)).status_code == 403, "it ends"


async def test_names_come_from_content_and_key_and_tell_nothing(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        async with running(Store()) as store:
            first = await bucket(store.origin).upload(film(tmp_path))
            again = await bucket(store.origin).upload(film(tmp_path))
            other = await bucket(store.origin).upload(film(tmp_path, b"another film"))
            assert first.url == again.url != other.url
            assert first.url.startswith(f"{store.origin}/clips/seedance/")
            assert first.url.endswith(".mp4")
            assert "private" not in first.url
            assert hashlib.sha256(CONTENT).hexdigest()[:12] not in first.url, (
                "the content alone does not tell it"
            )


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        (error(403, "AccessDenied"), AuthenticationError, "AccessDenied"),
        (error(404, "NoSuchBucket"), ConfigError, "NoSuchBucket"),
        (error(400, "InvalidPathAccess"), ConfigError, "{bucket}"),
        (error(301, "PermanentRedirect", Location="https://elsewhere.example/"), ConfigError, "HTTP 301"),
        (error(503, "SlowDown"), ProviderUnavailable, "SlowDown"),
        (Response(status=500, body=b"<Code>" + b"x" * 100_000), ProviderUnavailable, "HTTP 500"),
    ],
)
async def test_a_refusal_says_what_to_look_at(
    tmp_path: Path, answer: Response, kind: type[SeedanceError], word: str
) -> None:
    told = await refused(answer, tmp_path)
    assert type(told) is kind
    assert word in f"{told.message} {told.hint}"


async def test_a_wrong_secret_opens_nothing(tmp_path: Path) -> None:
    told = await refused(None, tmp_path, secret="another-secret")
    assert isinstance(told, AuthenticationError)
    assert "SignatureDoesNotMatch" in told.message


async def test_a_store_that_is_not_there_is_told_without_the_address(tmp_path: Path) -> None:
    with anyio.fail_after(5), pytest.raises(ProviderUnavailable) as caught:
        await bucket("http://127.0.0.1:9").upload(film(tmp_path))
    assert secrets_in(str(caught.value)) == []


async def test_a_file_that_changed_never_arrives_whole(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        async with running(Store()) as store:
            media = film(tmp_path)
            assert media.path
            media.path.write_bytes(b"B" * len(CONTENT))
            with pytest.raises(MediaError):
                await bucket(store.origin).upload(media)
            assert not store.objects


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        (None, "https://clips.s3.cn-test.amazonaws.com/"),
        ("https://s3.example", "https://s3.example/clips/"),
        ("https://{bucket}.store.example/", "https://clips.store.example/"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/clips/"),
    ],
)
async def test_the_bucket_stands_in_the_path_or_where_the_endpoint_says(
    endpoint: str | None, base: str
) -> None:
    place = bucket(endpoint)
    assert place.base == base
    link = await place.link(f"{base}seedance/x.mp4")
    assert link.startswith(f"{base}seedance/x.mp4?X-Amz-Algorithm=")
    assert SECRET not in link
    assert SECRET not in repr(place)


@pytest.mark.parametrize(
    ("endpoint", "fields", "setting"),
    [
        ("https://user:password@s3.example", {}, "SEEDANCE_S3_ENDPOINT"),
        ("https://s3.example?x=1", {}, "SEEDANCE_S3_ENDPOINT"),
        ("https://{buckets}.example", {}, "SEEDANCE_S3_ENDPOINT"),
        ("https://", {}, "SEEDANCE_S3_ENDPOINT"),
        ("https://s3.example", {"bucket": "../other"}, "SEEDANCE_S3_BUCKET"),
        ("https://s3.example", {"prefix": "a b?c"}, "SEEDANCE_S3_PREFIX"),
        ("https://s3.example", {"region": "x/y"}, "SEEDANCE_S3_REGION"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(endpoint: str, fields: dict[str, str], setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bucket(endpoint, **fields)
    assert setting in caught.value.message


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(ConfigError) as caught:
        bucket("https://s3.example")
    assert f"Run `{extra_command('s3')}`" in caught.value.hint
