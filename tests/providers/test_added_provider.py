"""A provider that speaks a known dialect needs data alone: no line of code, at run time or in the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import anyio

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import JobStatus, VideoRequest
from tests.emulator import Emulator

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/adding-a-provider.md"
MOONLIGHT = GUIDE.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
"""The example as it is printed."""


async def test_a_relay_is_added_at_run_time_by_the_users_own_file(
    environ: dict[str, str], tmp_path: Path
) -> None:
    overlay = tmp_path / "more.toml"
    overlay.write_text(f"[providers.moonlight]\n{MOONLIGHT}", encoding="utf-8")
    wish = VideoRequest(
        prompt="the moon over the sea", model="seedance-1.0-pro", resolution="480p", duration=5, seed=1
    )
    with anyio.fail_after(60):
        async with Emulator("ark") as emulator:
            settings = load_settings(
                {
                    **environ,
                    "SEEDANCE_CATALOG": str(overlay),
                    "SEEDANCE_CONFIRM": "off",
                    "SEEDANCE_MOONLIGHT_BASE_URL": emulator.base_url("ark"),
                    "MOONLIGHT_KEY": emulator.key,
                }
            )
            async with open_app(settings) as app:
                quote = await app.estimate(wish)
                at_ark = app.catalog.offer("ark", "seedance-1.0-pro")
                started = await app.generate(wish)
                job = await app.wait(started.job.id, 40)
    assert quote.offer.provider.title == "Moonlight"
    assert quote.offer.provider.currency == at_ark.provider.currency
    assert quote.offer.prices == at_ark.prices
    assert (job.provider, job.status) == ("moonlight", JobStatus.SUCCEEDED)
    assert job.artifacts
    assert Path(job.artifacts.video_path).is_file()
    assert len(emulator.ledger.tasks) == 1


def test_a_data_file_and_a_wire_file_are_all_that_the_contract_test_wants(tmp_path: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    for name in ("seedance_mcp", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    data = tmp_path / "seedance_mcp/catalog/data/providers/moonlight.toml"
    data.write_text(MOONLIGHT, encoding="utf-8")
    wire = (tmp_path / "tests/wire/ark.toml").read_text(encoding="utf-8")
    own = tmp_path / "tests/wire/moonlight.toml"
    own.write_text(wire.replace('providers = ["ark", "byteplus"]\n', ""), encoding="utf-8")
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-k",
            "moonlight",
            "tests/providers/test_contract.py",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    passed = int(result.stdout.splitlines()[-1].split()[0])
    assert passed > 30, result.stdout
