"""Certificates and proxies that are set, wrong or not used: named in errors and by the check-up, which never fails on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator.tls import authority

from .conftest import Run

SECRET = "canary-proxy-4711"
SMALL = ("--model", "seedance-1.0-pro", "--resolution", "480p", "--duration", "2")
UNREACHABLE = {"ARK_API_KEY": "x", "SEEDANCE_ARK_BASE_URL": "http://127.0.0.1:9/api/v3"}


def subjects(run: Run, *words: str, **settings: str) -> dict[str, dict[str, str]]:
    result = run("doctor", "--json", *words, **settings)
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stdout + result.stderr
    return {one["subject"]: one for one in json.loads(result.stdout)["findings"]}


def wrong(folder: Path, kind: str) -> str:
    """A path that holds no certificates, in one of the ways in which it can hold none."""
    path = folder / "authority"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "no PEM":
        path.write_text("certificates", encoding="utf-8")
    elif kind == "folder":
        path.mkdir()
    elif kind == "key only":
        text = authority(folder / "made", "name.test").server.read_text(encoding="ascii")
        path.write_text(text.partition("-----BEGIN CERTIFICATE-----")[0], encoding="ascii")
    elif kind == "not hashed":
        path.mkdir()
        (path / "authority.pem").write_bytes(authority(folder / "made", "name.test").file.read_bytes())
    return str(path)


@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        *(("SSL_CERT_FILE", kind) for kind in ("missing", "empty", "no PEM", "folder", "key only")),
        *(("SSL_CERT_DIR", kind) for kind in ("missing", "empty", "folder", "not hashed")),
    ],
)
def test_certificates_that_cannot_be_used_are_named(
    run: Run, tmp_path: Path, variable: str, kind: str
) -> None:
    settings = {variable: wrong(tmp_path, kind)}
    found = subjects(run, "--offline", **settings)
    assert found[variable]["verdict"] == "warning"
    assert found[variable]["text"].startswith(f"{variable} (from environment) is wrong: ")
    refused = run("generate", "a fox", "--provider", "ark", "--yes", ARK_API_KEY="x", **settings)
    assert refused.returncode == 2, refused.stderr
    assert f"error [config]: {variable}" in refused.stderr


def test_certificates_that_can_be_used_are_told(run: Run, tmp_path: Path) -> None:
    file = authority(tmp_path / "made", "name.test").file
    assert subjects(run, "--offline", SSL_CERT_FILE=str(file))["SSL_CERT_FILE"]["verdict"] == "ok"


def test_the_sandbox_needs_no_certificates(run: Run, tmp_path: Path) -> None:
    done = run("generate", "a fox", "--provider", "sandbox", *SMALL, SSL_CERT_FILE="/nowhere.pem")
    assert done.returncode == 0, done.stderr


def test_a_proxy_variable_that_is_not_used_is_told_where_nothing_can_be_reached(run: Run) -> None:
    found = subjects(run, HTTPS_PROXY=f"http://me:{SECRET}@127.0.0.1:9", **UNREACHABLE)
    assert "HTTPS_PROXY is set and not used" in found["ark"]["hint"]
    assert "SEEDANCE_PROXY=env" in found["proxy"]["hint"]
    alone = subjects(run, **UNREACHABLE)["ark"]["hint"]
    assert "SEEDANCE_PROXY=env" not in alone
    assert "SEEDANCE_ARK_BASE_URL says where that is" in alone


def test_the_proxy_is_told_without_its_login_and_with_what_it_hides(run: Run) -> None:
    address = f"http://me:{SECRET}@127.0.0.1:9"
    found = subjects(run, SEEDANCE_PROXY=address, NO_PROXY="files.example", ARK_API_KEY="x")
    assert "by way of 127.0.0.1:9" in found["proxy"]["text"]
    assert "files.example" in found["proxy"]["text"]
    assert "cannot be judged" in found["proxy"]["text"]
    assert found["SEEDANCE_PROXY"]["text"] == "set, not shown, from the environment"
    assert "The proxy 127.0.0.1:9 cannot be reached" in found["ark"]["text"]
