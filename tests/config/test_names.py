"""Names that are no setting's: which are told, with which real name, and which look like a limit on spending."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import UnknownName, load_settings
from seedance_mcp.jobs import ProviderPool

NOWHERE = Path("no-settings-file")


def unknown(environ: dict[str, str], file: Path = NOWHERE) -> dict[str, UnknownName]:
    catalog = Catalog.load()
    found = ProviderPool(lambda: catalog, load_settings(environ, settings_file=file)).unknown_settings
    return {one.name: one for one in found}


@pytest.mark.parametrize(
    ("name", "near", "is_limit"),
    [
        ("SEEDANCE_MAX_USD_PERDAY", "SEEDANCE_MAX_USD_PER_DAY", True),
        ("SEEDANCE_MAXUSDPERJOB", "SEEDANCE_MAX_USD_PER_JOB", True),
        ("SEEDANCE_MAX_JOB_PER_HOUR", "SEEDANCE_MAX_JOBS_PER_HOUR", True),
        ("SEEDANCE_CONFIRM_ABOVE", "SEEDANCE_CONFIRM_ABOVE_USD", True),
        ("SEEDANCE_CONFIRMATION", "SEEDANCE_CONFIRM", True),
        ("SEEDANCE_DAILY_BUDGET_USD", None, True),
        ("SEEDENCE_MAX_USD_PER_DAY", "SEEDANCE_MAX_USD_PER_DAY", True),
        ("seedance_max_usd_per_day", "SEEDANCE_MAX_USD_PER_DAY", True),
        ("SEEDANCE-MAX-USD-PER-DAY", "SEEDANCE_MAX_USD_PER_DAY", True),
        ("SEEDANCE_DAILY_LIMIT", None, True),
        ("SEEDANCE_OUTPUT", "SEEDANCE_OUTPUT_DIR", False),
        ("SEEDANCE_OUTPUT_FOLDER", "SEEDANCE_OUTPUT_DIR", False),
        ("SEEDANCE_FAL_KEY", "FAL_KEY", False),
        ("SEEDANCE_ARC_BASE_URL", "SEEDANCE_ARK_BASE_URL", False),
        ("SEEDANCE_MAX_DURATION", None, False),
        ("SEEDANCE_SERVER_PORT", None, False),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_real_one(
    name: str, near: str | None, is_limit: bool
) -> None:
    found = unknown({name: "2"} if not name.endswith("_URL") else {name: "https://relay.example"})
    assert list(found) == [name]
    assert (found[name].near, found[name].is_limit) == (near, is_limit)
    assert name in str(found[name])


def test_the_settings_and_the_variables_of_other_programs_are_not_told() -> None:
    environ = {
        "SEEDANCE_MAX_USD_PER_DAY": "2",
        "SEEDANCE_ARK_BASE_URL": "https://relay.example",
        "ARK_API_KEY": "x",
        "GITHUB_TOKEN": "x",
        "MAX_USD_PER_DAY": "2",
        "OTHER_MAX_USD_PER_DAY": "2",
        "PATH": "/bin",
        "HOME": "/home/me",
    }
    assert unknown(environ) == {}


def test_in_the_settings_file_every_name_counts(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'max_usd_per_day = 2\nfal_key = "x"\n[limits]\nSEEDANCE_MAX_USD_PER_JOB = 1\n', encoding="utf-8"
    )
    found = unknown({}, file)
    assert {name: one.near for name, one in found.items()} == {
        "max_usd_per_day": "SEEDANCE_MAX_USD_PER_DAY",
        "fal_key": "FAL_KEY",
        "limits.SEEDANCE_MAX_USD_PER_JOB": "SEEDANCE_MAX_USD_PER_JOB",
    }
    assert [name for name, one in found.items() if one.is_limit] == [
        "limits.SEEDANCE_MAX_USD_PER_JOB",
        "max_usd_per_day",
    ]
    assert str(file) in str(found["max_usd_per_day"])
