"""Fixtures of the server's tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator

from seedance_mcp.config import Settings, load_settings

Era = Literal["auto", "legacy"]


@pytest.fixture(scope="session", autouse=True)
def schemas_checked_once() -> Iterator[None]:
    """
    A schema that the client's validator has found to be one is not looked at again.

    Each session of a client looks at the schema of each tool that it calls, which takes longer than most of the calls.
    """
    check, fine = Draft202012Validator.check_schema, set[str]()

    def once(schema: Any, *given: Any, **named: Any) -> None:
        text = json.dumps(schema, sort_keys=True)
        if text not in fine:
            check(schema, *given, **named)
            fine.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", staticmethod(once))
        yield


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """Settings that keep everything inside this test's folder."""
    return load_settings(environ, settings_file=tmp_path / "no.toml")


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> Era:
    """How the client opens: as the newest protocol says, or with `initialize`."""
    return request.param
