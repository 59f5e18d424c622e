"""What `deploy/` starts exists: commands, flags, settings and addresses, with no secret in it and the image named once."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from seedance_mcp.catalog import Catalog
from seedance_mcp.cli import main
from seedance_mcp.config import setting_table
from seedance_mcp.jobs import runner

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
KUBERNETES = {
    file.name: [document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document]
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
}
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service["image"].startswith("seedance-mcp:")
}
SETTINGS = {name for name, _, _ in setting_table()}
KEYS = {name for info in Catalog.load().providers.values() for name in info.key_variables}

_DRAIN = int(runner._DRAIN_SECONDS)
_PORT, _METRICS_PORT = 8765, 9464


def containers() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every container of ours on Kubernetes: its name, itself and its pod."""
    for documents in KUBERNETES.values():
        for document in documents:
            pod = document.get("spec", {}).get("template", {}).get("spec", {}) if "spec" in document else {}
            for container in pod.get("containers", ()):
                yield container["name"], container, pod


def commands() -> dict[str, list[str]]:
    """The words of each command that is started anywhere."""
    composed = {f"compose {name}": service["command"] for name, service in OURS.items()}
    return composed | {f"kubernetes {name}": container["args"] for name, container, _ in containers()}


def parsed(name: str, words: list[str]) -> argparse.Namespace:
    rest = [re.sub(r"\$[({].*[)}]", "videos.example.com", word) for word in words]
    parser = argparse.ArgumentParser()
    main._load(name).configure(parser)  # type: ignore[union-attr]
    with contextlib.redirect_stderr(io.StringIO()):
        return parser.parse_args(rest)


@pytest.mark.parametrize("where", commands())
def test_every_command_and_flag_is_one_of_ours(where: str) -> None:
    name, *words = commands()[where]
    assert name in main._COMMANDS
    found = parsed(name, words)
    if name == "serve":
        assert (found.host, found.port, found.public_host) == ("0.0.0.0", _PORT, ["videos.example.com"])
        assert found.no_buy
    if name in ("serve", "work"):
        assert (found.metrics.host, found.metrics.port) == ("0.0.0.0", _METRICS_PORT)


def test_each_part_of_the_server_is_there_more_than_once() -> None:
    composed = Counter(service["command"][0] for service in OURS.values())
    assert composed == {"migrate": 1, "serve": 2, "work": 2}
    for documents in KUBERNETES.values():
        for document in documents:
            if document["kind"] == "Deployment":
                assert document["spec"]["replicas"] >= 2


def test_every_variable_is_a_setting() -> None:
    given = {name for service in OURS.values() for name in service.get("environment", {})}
    for documents in KUBERNETES.values():
        for document in documents:
            given |= set(document["data"]) if document["kind"] == "ConfigMap" else set()
    example = tomllib.loads((DEPLOY / "config.example.toml").read_text(encoding="utf-8"))
    assert given | set(example) <= SETTINGS | KEYS | {"PUBLIC_HOST"}
    assert {"SEEDANCE_DATABASE_URL", "SEEDANCE_OBJECT_STORE", "SEEDANCE_S3_KEY_FILE"} <= set(example)


def test_the_role_of_the_server_is_no_superuser() -> None:
    """Policies on rows hold no superuser, and that is whoever the image of PostgreSQL makes by itself."""
    example = tomllib.loads((DEPLOY / "config.example.toml").read_text(encoding="utf-8"))
    role = urlsplit(example["SEEDANCE_DATABASE_URL"]).username
    database = COMPOSE["services"]["postgres"]
    assert role != database["environment"].get("POSTGRES_USER", "postgres")
    [script] = [place.split(":")[0] for place in database["volumes"] if "initdb" in place]
    text = (DEPLOY / script).read_text(encoding="utf-8")
    assert re.findall(r"CREATE ROLE (.*) PASSWORD", text) == [f"{role} LOGIN"]


def test_no_secret_stands_in_a_file_that_is_published() -> None:
    """Secrets are files; what stands where one belongs says so."""
    named = set(COMPOSE["secrets"])
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    assert {str(secret["file"]).split("/")[1] for secret in COMPOSE["secrets"].values()} == {"secrets"}
    used = [secret for service in COMPOSE["services"].values() for secret in service.get("secrets", ())]
    assert {secret if isinstance(secret, str) else secret["source"] for secret in used} == named
    for file in DEPLOY.rglob("*"):
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        passwords = re.findall(r"(?i)(?:password|secret_?key|accesskey)\"?\s*[:=]\s*['\"]?([\w-]+)", text)
        assert set(passwords) <= {"CHANGE-ME", "from_secret"}, file.name  # that is a variable of psql
        assert set(re.findall(r"://[^\s:/'\"]+:([^\s@/'\"]+)@", text)) <= {"CHANGE-ME"}, file.name
    ignored = (DEPLOY / "secrets" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1:] == ["*", "!.gitignore"]


def test_the_image_is_named_in_one_place_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    assert [line for line in lines if "seedance-mcp:" in line] == [f"image: &image seedance-mcp:{version}"]
    [named] = KUBERNETES["kustomization.yaml"][0]["images"]
    assert (named["name"], named["newTag"]) == ("seedance-mcp", version)
    assert {container["image"] for _, container, _ in containers()} == {"seedance-mcp"}
    pinned = [service["image"] for service in COMPOSE["services"].values()]
    assert [image for image in pinned if not re.search(r":\d", image)] == []


def test_whoever_buys_is_given_the_time_that_a_purchase_takes() -> None:
    for name, service in OURS.items():
        if name.startswith(("serve", "work")):
            assert int(service["stop_grace_period"].removesuffix("s")) >= _DRAIN + 15
    for name, container, pod in containers():
        if name in ("serve", "work"):
            before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            assert pod["terminationGracePeriodSeconds"] >= _DRAIN + 15 + before


def test_nothing_of_ours_may_more_than_it_needs() -> None:
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert int(service["user"].split(":")[0]) >= 1000
        assert any(place.startswith("/tmp") for place in service["tmpfs"])
    for _, container, pod in containers():
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        mounted = {volume["mountPath"] for volume in container["volumeMounts"]}
        assert {"/state", "/videos", "/tmp", "/etc/seedance-mcp"} <= mounted


def test_ports_and_probes_are_those_of_the_code() -> None:
    [serve] = [container for name, container, _ in containers() if name == "serve"]
    [work] = [container for name, container, _ in containers() if name == "work"]
    assert work["ports"] == [{"name": "metrics", "containerPort": _METRICS_PORT}]
    assert {port["name"]: port["containerPort"] for port in serve["ports"]} == {
        "mcp": _PORT, "metrics": _METRICS_PORT,
    }  # fmt: skip
    probes = {kind: serve[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}
    proxy = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    assert "httpchk GET /health/ready" in proxy
    ours = [(name, name, str(_PORT)) for name in OURS if name.startswith("serve")]
    assert re.findall(r"^\s+server (\S+) (\S+):(\d+) check$", proxy, re.MULTILINE) == ours
    sticky = re.findall(r"^\s+server (\S+) (\S+):(\d+) check cookie (\S+)$", proxy, re.MULTILINE)
    assert sticky == [(*server, server[0]) for server in ours], "a session of the board is one server's"
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {_PORT}" in image
    assert f"http://127.0.0.1:{_PORT}/health/live" in image
    policy = KUBERNETES["network.yaml"][0]["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == {_PORT, _METRICS_PORT}
    published = [str(port) for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in published), "whoever wants more says so"
