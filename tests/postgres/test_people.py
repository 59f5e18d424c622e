"""Several people at one server get to know nothing of each other, on either database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seedance_mcp.config import Settings, load_settings
from tests.server.asking import priced

from .people import PEOPLE, play
from .server import Server

ACTS = 25
SEEDS = range(200) if os.environ.get("SEEDANCE_TEST_LONG") else range(1)


def _settings(environ: dict[str, str], folder: Path, url: str | None) -> Settings:
    folder.mkdir(exist_ok=True)
    more = {"SEEDANCE_DATABASE_URL": url} if url else {}
    return load_settings(
        {
            **priced(environ, folder, "0.3"),
            "SEEDANCE_STATE_DIR": str(folder / "state"),
            "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
            "SEEDANCE_CONFIRM_ABOVE_USD": "1",
            "SEEDANCE_MAX_USD_PER_DAY": "1000",
            "SEEDANCE_MAX_JOBS_PER_HOUR": "1000",
            "SEEDANCE_MAX_USD_PER_DAY_PER_PERSON": "6",
            "SEEDANCE_MAX_JOBS_PER_HOUR_PER_PERSON": "8",
            **more,
        },
        settings_file=folder / "no.toml",
    )


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_each_is_told_what_they_would_be_told_alone(
    seed: int, database: str, environ: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Server | None = request.getfixturevalue("postgres") if database == "postgres" else None

    async def played(*present: str) -> dict[str, list[str]]:
        folder = tmp_path / f"with-{len(present)}-{present[0]}-"
        settings = _settings(environ, folder, server.database() if server else None)
        told = await play(settings, seed, present, ACTS)
        return {name: [one.replace(folder.name, "HERE") for one in every] for name, every in told.items()}

    together = await played(*PEOPLE)
    for name in PEOPLE:
        assert not any("LEAKED" in one for one in together[name])
        alone = (await played(name))[name]
        assert [pair for pair in zip(together[name], alone, strict=False) if pair[0] != pair[1]] == []
        assert len(together[name]) == len(alone)
