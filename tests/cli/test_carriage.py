"""What the check-up says of the carrier: whom it is for, what it lacks, and no key."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.cli.doctor.carrier import look_at_carrier
from seedance_mcp.config import load_settings

SECRET = "carriage-canary-51c0ffee"
BUCKET = {
    "SEEDANCE_CARRIER": "s3",
    "SEEDANCE_S3_BUCKET": "clips",
    "SEEDANCE_S3_ACCESS_KEY_ID": SECRET,
    "SEEDANCE_S3_SECRET_ACCESS_KEY": SECRET,
}
LOST = {name: value for name, value in BUCKET.items() if name != "SEEDANCE_S3_BUCKET"}


@pytest.mark.parametrize(
    ("environ", "verdict", "words"),
    [
        ({}, "off", ("ark, byteplus", "runcomfy", "SEEDANCE_CARRIER")),
        ({"SEEDANCE_CARRIER": "nobody"}, "warning", ("atlas, fal or s3",)),
        ({"SEEDANCE_CARRIER": "replicate"}, "warning", ("only with its key", "atlas, fal or s3")),
        ({"SEEDANCE_CARRIER": "atlas"}, "warning", ("ATLASCLOUD_API_KEY",)),
        (
            {"SEEDANCE_CARRIER": "s3"},
            "warning",
            (
                "SEEDANCE_S3_BUCKET, SEEDANCE_S3_ACCESS_KEY_ID and SEEDANCE_S3_SECRET_ACCESS_KEY have no value",
            ),
        ),
        (
            {"SEEDANCE_CARRIER": "s3", "SEEDANCE_S3_BUCKET": "films", "SEEDANCE_S3_ACCESS_KEY_ID": "x"},
            "warning",
            ("SEEDANCE_S3_SECRET_ACCESS_KEY has no value",),
        ),
        (
            {"SEEDANCE_CARRIER": "Atlas", "ATLASCLOUD_API_KEY": SECRET},
            "ok",
            ("ark, byteplus", "runcomfy", "Atlas Cloud"),
        ),
        (BUCKET, "ok", ("the bucket clips",)),
        (LOST, "warning", ("SEEDANCE_S3_BUCKET",)),
        (
            {**BUCKET, "SEEDANCE_S3_ENDPOINT": "http://192.168.1.7:9000", "SEEDANCE_ALLOW_HTTP": "1"},
            "warning",
            ("public https",),
        ),
    ],
)
async def test_the_carrier_is_told_with_whom_it_is_for_and_what_it_lacks(
    environ: dict[str, str], verdict: str, words: tuple[str, ...]
) -> None:
    finding = await look_at_carrier(Catalog.load(), load_settings(environ))
    assert finding.verdict == verdict
    told = f"{finding.text} {finding.hint}"
    for word in words:
        assert word in told
    assert SECRET not in str(asdict(finding))
