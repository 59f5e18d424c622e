"""The settings of the object store: what `doctor` says of them, and that the carrier goes by the same key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.cli.doctor.object_store import look_at_object_store
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.jobs.pool.carriers import open_carrier
from tests.emulator.s3 import secrets_in
from tests.emulator.s3_objects import ObjectStorage, Trouble, running
from tests.emulator.s3_signatures import KEY_ID, SECRET


def read(environ: Mapping[str, str], tmp_path: Path) -> Settings:
    """The settings, without a file."""
    return load_settings(environ, settings_file=tmp_path / "no.toml")


@pytest.mark.parametrize(
    ("changed", "trouble", "verdict", "words"),
    [
        ({}, [], "ok", "/team/videos/ takes the key"),
        ({"SEEDANCE_S3_SECRET_ACCESS_KEY": "another"}, [], "warning", "SignatureDoesNotMatch"),
        ({"SEEDANCE_OBJECT_STORE": "s3://nobody"}, [], "warning", "NoSuchBucket"),
        ({}, [Trouble(kind="500", method="GET")], "warning", "is busy"),
        ({}, [Trouble(kind="lost", method="GET")], "warning", "cannot be reached"),
        ({"SEEDANCE_S3_ACCESS_KEY_ID": ""}, [], "warning", "SEEDANCE_S3_ACCESS_KEY_ID is not set"),
    ],
)
async def test_doctor_says_whether_the_store_takes_the_key(
    tmp_path: Path, changed: dict[str, str], trouble: list[Any], verdict: str, words: str
) -> None:
    with anyio.fail_after(10):
        async with running(ObjectStorage(trouble=trouble)) as storage:
            settings = read({**storage.environment(), **changed}, tmp_path)
            (finding,) = await look_at_object_store(settings, network=True)
    assert finding.verdict == verdict
    assert words in finding.text
    assert secrets_in(f"{finding.text} {finding.hint}") == []


async def test_doctor_asks_no_store_that_is_not_set_or_offline(tmp_path: Path) -> None:
    assert await look_at_object_store(read({}, tmp_path), network=True) == []
    settings = read(ObjectStorage(origin="http://127.0.0.1:9").environment(), tmp_path)
    (finding,) = await look_at_object_store(settings, network=False)
    assert finding.text.endswith("/team/videos/; its key is set")


def test_the_carrier_reads_the_same_key_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY_ID}\n{SECRET}\n")
    shared = {"SEEDANCE_CARRIER": "s3", "SEEDANCE_S3_BUCKET": "clips"}
    named = {"SEEDANCE_S3_ACCESS_KEY_ID": KEY_ID, "SEEDANCE_S3_SECRET_ACCESS_KEY": SECRET}

    def refuse(_: object) -> Any:
        raise AssertionError

    by_settings, by_file = (
        open_carrier(
            read({**shared, **more}, tmp_path), Catalog.load(None), open_provider=refuse, account=refuse
        )
        for more in (named, {"SEEDANCE_S3_KEY_FILE": str(file)})
    )
    assert by_settings.account == by_file.account
    file.unlink()  # tests leave no key behind
