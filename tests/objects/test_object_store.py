"""The object store's client against a store that judges everything about a signature, and has trouble when it is told to."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from seedance_mcp.config import load_settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.objects import Keys, ObjectFacts, ObjectStore, ObjectStoreError, UploadTerms, access_of
from seedance_mcp.objects.access import StoreAccess
from seedance_mcp.objects.object_store import Sizes
from tests.emulator.s3 import secrets_in
from tests.emulator.s3_objects import ObjectStorage, Trouble, running
from tests.emulator.s3_signatures import KEY_ID, SECRET

CONTENT = b"a film " * 30_000
NAME = "out/default/job_1.mp4"
PATH = f"/team/videos/{NAME}"


@asynccontextmanager
async def emulated() -> AsyncIterator[ObjectStorage]:
    """A store of this test's own; the test has ten seconds."""
    with anyio.fail_after(10):
        async with running(ObjectStorage()) as storage:
            yield storage


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file to put."""
    path = tmp_path / "film.mp4"
    path.write_bytes(CONTENT)
    return path


def terms(content: bytes = CONTENT, content_type: str = "video/mp4") -> UploadTerms:
    """What a file with this content has to be like."""
    return UploadTerms(
        content_type=content_type, bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


def opened(storage: ObjectStorage, tmp_path: Path, sizes: Sizes = Sizes(), **more: str) -> ObjectStore:  # noqa: B008
    """The client as the settings make it."""
    settings = load_settings({**storage.environment(), **more}, settings_file=tmp_path / "no.toml")
    access = access_of(settings)
    assert access is not None
    return ObjectStore(access, clock=storage.clock, sizes=sizes, read_seconds=2)


async def refused(call: Awaitable[object], store: ObjectStore) -> ObjectStoreError:
    """Make a call that fails, and return why; no word of a key or a signature is in it."""
    with pytest.raises(ObjectStoreError) as caught:
        await call
    assert secrets_in(f"{caught.value.message} {caught.value.hint}") == []
    assert SECRET not in repr((caught.value.__cause__, store))
    return caught.value


async def not_put(store: ObjectStore, film: Path) -> ObjectStoreError:
    """Put the file in vain, and return why."""
    return await refused(store.put(NAME, film, terms()), store)


def _called(store: ObjectStore, call: str, film: Path) -> Awaitable[object]:
    match call:
        case "put":
            return store.put(NAME, film, terms())
        case "head":
            return store.head(NAME)
        case _:
            return store.digest(NAME)


async def test_a_file_is_put_once_read_back_and_deleted(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        store = opened(storage, tmp_path)
        assert await store.head(NAME) is None
        assert await store.put(NAME, film, terms())
        assert storage.objects[PATH].body == CONTENT
        assert await store.head(NAME) == ObjectFacts(bytes=len(CONTENT), content_type="video/mp4")
        assert await store.digest(NAME) == (len(CONTENT), terms().sha256)
        assert b"".join([piece async for piece in store.read(NAME, 3, 9)]) == CONTENT[3:10]
        assert b"".join([piece async for piece in store.read(NAME, len(CONTENT) - 5)]) == CONTENT[-5:]
        film.write_bytes(b"another")
        assert not await store.put(NAME, film, terms(b"another")), "nothing is overwritten"
        assert storage.objects[PATH].body == CONTENT
        await store.delete(NAME)
        await store.delete(NAME)
        assert storage.objects == {}


async def test_a_store_that_cannot_refuse_to_overwrite_is_written_to(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        storage.refuses_overwriting = False
        assert await opened(storage, tmp_path).put(NAME, film, terms())
        assert [status for _, _, status in storage.calls] == [501, 200]


async def test_a_file_that_has_changed_is_not_taken(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        film.write_bytes(b"b" + CONTENT[1:])
        error = await not_put(opened(storage, tmp_path), film)
        assert (error.status, error.reason) == (400, "XAmzContentSHA256Mismatch")
        error = await not_put(opened(storage, tmp_path, Sizes(single=1, part=100_000)), film)
        assert "has changed since" in error.message
        assert (storage.objects, storage.uploads) == ({}, {})


async def test_a_large_file_goes_in_parts_and_leaves_none(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        storage.least_part = 60_000
        store = opened(storage, tmp_path, Sizes(single=100_000, part=60_000))
        storage.trouble = [Trouble(kind="500"), Trouble(kind="lost")]
        assert await store.put(NAME, film, terms())
        assert await store.digest(NAME) == (len(CONTENT), terms().sha256)
        assert storage.objects[PATH].content_type == "video/mp4"
        assert storage.count("PUT") == 6, (
            "four parts, of which the first was sent again after a 500 and a lost answer"
        )
        assert storage.uploads == {}
        assert not await store.put(NAME, film, terms()), "nothing is overwritten by parts either"
        assert storage.uploads == {}, "what was sent in vain is given up"


async def test_parts_are_given_up_when_one_cannot_be_sent(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        storage.trouble = [Trouble(kind="500")] * 3
        error = await not_put(opened(storage, tmp_path, Sizes(single=1, part=60_000)), film)
        assert error.status == 500
        assert storage.uploads == {}


@pytest.mark.parametrize(
    ("kind", "method", "call"),
    [
        ("500", "PUT", "put"),
        ("lost", "PUT", "put"),
        ("silent", "PUT", "put"),
        ("cut", "GET", "digest"),
        ("silent", "GET", "digest"),
        ("lost", "HEAD", "head"),
    ],
)
async def test_trouble_is_an_error_and_a_later_call_goes_well(
    film: Path, tmp_path: Path, kind: str, method: str, call: str
) -> None:
    async with emulated() as storage:
        store = opened(storage, tmp_path)
        if method != "PUT":
            assert await store.put(NAME, film, terms())
        storage.trouble = [Trouble(kind=kind, method=method)]  # pyright: ignore[reportArgumentType]
        error = await refused(_called(store, call, film), store)
        assert error.retryable
        assert await store.put(NAME, film, terms()) is (method == "PUT" and kind != "lost")
        assert (await store.digest(NAME))[1] == terms().sha256


@pytest.mark.parametrize(
    ("changed", "reason", "hint"),
    [
        ({"SEEDANCE_S3_SECRET_ACCESS_KEY": "another-secret"}, "SignatureDoesNotMatch", "secret half"),
        ({"SEEDANCE_S3_ACCESS_KEY_ID": "ANOTHER"}, "InvalidAccessKeyId", "SEEDANCE_S3_ACCESS_KEY_ID"),
        ({"SEEDANCE_S3_REGION": "elsewhere"}, "AuthorizationQueryParametersError", ""),
        ({"SEEDANCE_OBJECT_STORE": "s3://nobody"}, "NoSuchBucket", "SEEDANCE_OBJECT_STORE"),
    ],
)
async def test_a_refusal_names_the_setting_that_is_wrong(
    film: Path, tmp_path: Path, changed: dict[str, str], reason: str, hint: str
) -> None:
    async with emulated() as storage:
        error = await not_put(opened(storage, tmp_path, Sizes(), **changed), film)
        assert error.reason == reason
        assert hint in error.hint


async def test_a_signed_upload_takes_this_one_file_for_ten_minutes(tmp_path: Path) -> None:
    async with emulated() as storage:
        now = time.time()
        storage.clock = lambda: now
        url = opened(storage, tmp_path).upload_address("in/default/x", terms(), seconds=600)
        right = terms().headers
        other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
        unsigned = {name: value for name, value in right.items() if name != "x-amz-checksum-sha256"}
        forged = url[:-1] + ("0" if url[-1] != "0" else "1")
        async with httpx2.AsyncClient() as anyone:
            for status, address, headers, content in (
                (403, forged, right, CONTENT),
                (403, url, {**right, "Content-Type": "text/html"}, CONTENT),
                (403, url, {**right, "Content-Length": "7"}, b"a film "),
                (403, url, {**right, "x-amz-checksum-sha256": other}, CONTENT),
                (403, url, unsigned, CONTENT),
                (400, url, right, b"b" + CONTENT[1:]),
                (403, url.replace("/in/default/x", "/in/default/y"), right, CONTENT),
                (403, url.replace("Expires=600", "Expires=6000"), right, CONTENT),
                (403, url, {**right, "x-amz-acl": "public-read"}, CONTENT),
            ):
                answer = await anyone.put(address, headers=headers, content=content)
                assert (answer.status_code, storage.objects) == (status, {}), (headers, answer.text)
            assert (await anyone.get(url)).status_code == 403
            assert (await anyone.put(url, headers=right, content=CONTENT)).status_code == 200
            now += 601
            assert (await anyone.put(url, headers=right, content=CONTENT)).status_code == 403
        assert [held.body for held in storage.objects.values()] == [CONTENT]


async def test_a_signed_download_is_saved_under_its_name_for_an_hour(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        now = time.time()
        storage.clock = lambda: now
        store = opened(storage, tmp_path)
        await store.put(NAME, film, terms())
        url = store.download_address(NAME, seconds=3600, file_name='job"\r\n1.mp4')
        assert SECRET not in url
        async with httpx2.AsyncClient() as anyone:
            answer = await anyone.get(url)
            assert answer.content == CONTENT
            assert answer.headers["Content-Disposition"] == 'attachment; filename="job___1.mp4"'
            assert (await anyone.get(url, headers={"Range": "bytes=0-6"})).content == b"a film "
            assert (await anyone.put(url, content=b"")).status_code == 403
            assert (await anyone.get(url.replace("job_1", "job_2"))).status_code == 403
            assert (await anyone.get(url.replace("attachment", quote("inline")))).status_code == 403
            now += 3601
            assert (await anyone.get(url)).status_code == 403


async def test_a_key_in_a_file_is_read_anew_when_it_changes(film: Path, tmp_path: Path) -> None:
    async with emulated() as storage:
        file = tmp_path / "key"
        file.write_text(f"{KEY_ID}\nan-old-secret\n")
        store = opened(storage, tmp_path, Sizes(), SEEDANCE_S3_KEY_FILE=str(file))
        assert (await not_put(store, film)).reason == "SignatureDoesNotMatch"
        file.write_text(f"{KEY_ID}\n{SECRET}\n")
        assert await store.put(NAME, film, terms())
        file.unlink()  # tests leave no key behind


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"SEEDANCE_OBJECT_STORE": "https://team.test"}, "has to be s3://bucket"),
        ({"SEEDANCE_S3_REGION": "eu west"}, "SEEDANCE_S3_REGION"),
        ({"SEEDANCE_S3_ENDPOINT": "https://s3.test/a%2Fb"}, "SEEDANCE_S3_ENDPOINT has to be"),
        ({"SEEDANCE_S3_PUBLIC_ENDPOINT": "https://s3.test/a%2Fb"}, "SEEDANCE_S3_PUBLIC_ENDPOINT has to be"),
        ({"SEEDANCE_S3_SECRET_ACCESS_KEY": ""}, "SEEDANCE_S3_SECRET_ACCESS_KEY is not set"),
        ({"SEEDANCE_S3_KEY_FILE": "/nowhere/key"}, "SEEDANCE_S3_KEY_FILE cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    environ = {**ObjectStorage(origin="http://127.0.0.1:9").environment(), **changed}
    settings = load_settings(environ, settings_file=tmp_path / "no.toml")
    with pytest.raises(ConfigError, match=words):
        access_of(settings)


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("", "https://team.s3.cn-test.amazonaws.com/"),
        ("https://s3.test", "https://s3.test/team/"),
        ("https://S3.test:443/", "https://s3.test/team/"),
        ("https://{bucket}.s3.test:8443", "https://team.s3.test:8443/"),
    ],
)
def test_the_bucket_is_in_the_path_or_in_the_host(tmp_path: Path, endpoint: str, base: str) -> None:
    environ = {**ObjectStorage().environment(), "SEEDANCE_S3_ENDPOINT": endpoint}
    access = access_of(load_settings(environ, settings_file=tmp_path / "no.toml"))
    assert access is not None
    assert access.base == base
    signed = ObjectStore(access).download_address("x", seconds=60, file_name="x")
    assert signed.startswith(f"{base}videos/x?")


async def test_links_lead_to_where_others_reach_the_store(tmp_path: Path, film: Path) -> None:
    async with emulated() as storage:
        inside = opened(
            storage, tmp_path, Sizes(), SEEDANCE_S3_PUBLIC_ENDPOINT="https://{bucket}.s3.example.com"
        )
        await inside.put(NAME, film, terms())
        for address in (
            inside.download_address(NAME, seconds=60, file_name="x.mp4"),
            inside.upload_address(NAME, terms(), seconds=60),
        ):
            assert address.startswith(f"https://team.s3.example.com/videos/{NAME}?")
        # What is signed is the host that is called; a proxy hands it on.
        both = opened(
            storage,
            tmp_path,
            Sizes(),
            SEEDANCE_S3_PUBLIC_ENDPOINT=storage.origin.replace("127.0.0.1", "localhost"),
        )
        link = both.download_address(NAME, seconds=60, file_name="x.mp4")
        host = urlsplit(link).netloc
        async with httpx2.AsyncClient() as anyone:
            here = link.replace("localhost", "127.0.0.1")
            assert (await anyone.get(here, headers={"Host": host})).status_code == 200
            assert (await anyone.get(here)).status_code == 403


async def test_only_the_endpoint_of_the_settings_may_be_a_private_address(film: Path) -> None:
    def keys() -> Keys:
        return Keys(key_id=SecretStr(KEY_ID), secret=SecretStr(SECRET))

    base = "http://127.0.0.1:9/team/"
    access = StoreAccess(base=base, public_base=base, prefix="", region="cn-test", keys=keys)
    with pytest.raises(ObjectStoreError, match="is not https"):
        await ObjectStore(access).put(NAME, film, terms())
