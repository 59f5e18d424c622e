"""
Plays the contract against a real bucket: `python -m tests.objects`.

`SEEDANCE_TEST_S3_STORE` (`s3://bucket/prefix`), `SEEDANCE_TEST_S3_REGION`, `SEEDANCE_TEST_S3_ENDPOINT` (empty: Amazon)
and `SEEDANCE_TEST_S3_KEY_FILE` name it. It is not a test of pytest's, because none of those reaches another machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import anyio

from seedance_mcp.config import load_settings
from seedance_mcp.objects import ObjectStore, access_of
from seedance_mcp.objects.object_store import Sizes

from .contract import Opened, play

NAMES = {
    "SEEDANCE_TEST_S3_STORE": "SEEDANCE_OBJECT_STORE",
    "SEEDANCE_TEST_S3_REGION": "SEEDANCE_S3_REGION",
    "SEEDANCE_TEST_S3_ENDPOINT": "SEEDANCE_S3_ENDPOINT",
    "SEEDANCE_TEST_S3_KEY_FILE": "SEEDANCE_S3_KEY_FILE",
}
"""The variables, and the setting that each stands for."""

PARTS = Sizes(single=1, part=5 << 20)
"""The smallest parts that S3 takes."""


async def main() -> int:
    """Play it; 0 if all went well."""
    if missing := [name for name in NAMES if name not in os.environ]:
        print(f"Not set: {', '.join(missing)}.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            {setting: os.environ[name] for name, setting in NAMES.items()},
            settings_file=Path(folder) / "none.toml",
        )
        access = access_of(settings)
        assert access is not None
        tested = Opened(store=ObjectStore(access), in_parts=ObjectStore(access, sizes=PARTS))
        for step in await play(tested, Path(folder)):
            print(f"well: {step}")
    return 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
