"""Providers behind a proxy: a purchase keeps its gate and its evidence rules through the tunnel, and no login is told."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Certificates, Outbound, Proxies, Proxy, load_settings
from seedance_mcp.providers.http.addresses import client, transport
from seedance_mcp.types import JobState, VideoRequest
from tests.emulator import Emulator
from tests.emulator.proxy import ProxyServer, proxying
from tests.emulator.tls import Authority, Front, authority, front
from tests.sweep import sweep

LOGIN = "me:canary-proxy-4711"
WISH = VideoRequest(prompt="a fox", model="seedance-2.0", duration=5)


@dataclass
class Market:
    """A provider with a public name in TLS, which only the proxy can reach."""

    app: App
    emulator: Emulator
    proxy: ProxyServer
    front: Front

    @property
    def bought(self) -> int:
        return self.emulator.ledger.count("submit")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls"), "ark.test", "proxy.test", "name.test")


@asynccontextmanager
async def market(
    environ: dict[str, str], certificates: Authority, proxy: ProxyServer | None = None
) -> AsyncIterator[Market]:
    async with Emulator("ark") as emulator, proxying(proxy or ProxyServer()) as between:
        inside = urlsplit(emulator.origin("ark")).port
        assert inside
        async with front(certificates, inside) as server:
            emulator._worlds["ark"].origin = f"https://ark.test:{server.port}"
            given = {
                **environ,
                **emulator.environment(),
                "SEEDANCE_CONFIRM": "off",
                "SEEDANCE_PROXY": f"http://{LOGIN}@127.0.0.1:{between.port}",
                "SSL_CERT_FILE": str(certificates.file),
            }
            with anyio.fail_after(60):
                async with open_app(load_settings(given, settings_file=Path("none.toml"))) as app:
                    yield Market(app, emulator, between, server)


async def test_a_video_is_bought_followed_and_fetched_through_tunnels(
    environ: dict[str, str], certificates: Authority, tmp_path: Path
) -> None:
    async with market(environ, certificates, ProxyServer(login=LOGIN)) as there:
        job = await there.app.wait((await there.app.generate(WISH)).job.id, 30)
        place = f"ark.test:{there.front.port}"
        assert job.state is JobState.DONE, job
        assert there.bought == 1
        assert {call.name for call in there.emulator.ledger.calls} >= {"submit", "poll", "result"}
        assert set(there.proxy.targets) == {place}
        assert set(there.front.names) == {"ark.test"}
        assert there.emulator.key.encode() not in there.proxy.sent
        assert b"Proxy-Authorization" not in b"".join(there.front.received)
    secrets = [LOGIN.partition(":")[2].encode(), base64.b64encode(LOGIN.encode())]
    assert sweep(tmp_path, secrets) == []


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a user name and password"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "does not allow connections to ark.test"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "cannot reach ark.test"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\n\r\n", "does not open a tunnel"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n", "said more than that the tunnel"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no answer that HTTP knows"),
        (b"", "no answer that HTTP knows"),
    ],
)
async def test_what_a_proxy_says_before_the_tunnel_stands_proves_that_nothing_was_sent(
    environ: dict[str, str], certificates: Authority, says: bytes, told: str
) -> None:
    async with market(environ, certificates, ProxyServer(says=says)) as there:
        job = await there.app.wait((await there.app.generate(WISH)).job.id, 30)
        budget = await there.app.budget()
    assert (job.state, job.error_code) == (JobState.NOT_SENT, "not_sent")
    assert told in (job.error or "")
    assert "canary" not in json.dumps([job.error, job.error_hint])
    assert (there.bought, budget.spent_today_usd) == (0, 0)
    assert there.front.received == []


async def test_a_wrong_login_is_told_and_nothing_is_bought(
    environ: dict[str, str], certificates: Authority
) -> None:
    async with market(environ, certificates, ProxyServer(login="me:another")) as there:
        job = await there.app.wait((await there.app.generate(WISH)).job.id, 30)
    assert job.state is JobState.NOT_SENT
    assert "HTTP 407" in (job.error or "")
    assert there.bought == 0


async def test_a_tunnel_that_is_cut_after_the_first_byte_leaves_an_unknown_purchase(
    environ: dict[str, str], certificates: Authority
) -> None:
    async with market(environ, certificates) as there:
        there.front.on_first_byte = there.proxy.cut
        job = (await there.app.generate(WISH)).job
        budget = await there.app.budget()
        assert (job.state, job.error_code) == (JobState.UNKNOWN, "submission_unknown")
        assert budget.spent_today_usd + budget.reserved_usd > 0, "what may have been bought is counted"
        assert len([clear for clear in there.front.received if b"POST" in clear]) == 1


def outbound(proxy: ProxyServer, certificates: Authority, **fields: object) -> Outbound:
    between = Proxy(host="127.0.0.1", port=proxy.port, **fields)  # type: ignore[arg-type]
    named = Certificates(variable="SSL_CERT_FILE", path=str(certificates.file))
    return Outbound(certificates=named, proxies=Proxies(https=between, http=between))


async def test_the_gate_stands_behind_the_tunnel_and_the_encryption(certificates: Authority) -> None:
    seen: list[tuple[int, bytes]] = []
    async with Emulator("ark") as emulator, proxying(ProxyServer()) as proxy:  # noqa: SIM117
        async with front(certificates, urlsplit(emulator.origin("ark")).port or 0) as server:

            async def sending() -> None:
                with anyio.fail_after(5):
                    while not server.received:
                        await anyio.wait_all_tasks_blocked()
                await anyio.wait_all_tasks_blocked()
                seen.append((len(proxy.heads), bytes(server.received[0])))

            over = transport(
                trusted=frozenset(), outbound=outbound(proxy, certificates), before_first_byte=sending
            )
            async with client(trusted=frozenset(), over=over) as http:
                await http.post(f"https://ark.test:{server.port}/nothing", content=b"pay")
    assert seen == [(1, b"")]


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.7/x",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/x",
        "https://intranet/x",
        "https://files.internal/x",
        "https://0x7f.1/x",
    ],
)
async def test_no_proxy_is_asked_for_a_private_address(certificates: Authority, url: str) -> None:
    async with proxying(ProxyServer()) as proxy:
        over = transport(trusted=frozenset(), outbound=outbound(proxy, certificates))
        async with client(trusted=frozenset(), over=over, connect_seconds=5) as http:
            with pytest.raises(httpx2.ConnectError, match="not a public address"):
                await http.get(url)
    assert proxy.heads == []


async def test_plain_http_goes_through_a_tunnel_as_well(certificates: Authority) -> None:
    async with Emulator("ark") as emulator, proxying(ProxyServer()) as proxy:
        port = urlsplit(emulator.origin("ark")).port
        trusted = frozenset({f"ark.test:{port}"})
        async with client(trusted=trusted, outbound=outbound(proxy, certificates)) as http:
            assert (await http.get(f"http://ark.test:{port}/nothing")).status_code == 404
    assert proxy.targets == [f"ark.test:{port}"]


async def test_a_proxy_that_never_answers_ends_as_a_connection_that_did_not_come_about(
    certificates: Authority,
) -> None:
    async with proxying(ProxyServer(silent=True)) as proxy:
        over = transport(trusted=frozenset(), outbound=outbound(proxy, certificates))
        async with client(trusted=frozenset(), over=over, connect_seconds=0.3) as http:
            with anyio.fail_after(10), pytest.raises(httpx2.ConnectTimeout, match="by way of the proxy"):
                await http.get("https://ark.test/x")


async def test_who_is_excepted_is_reached_without_the_proxy(certificates: Authority) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with Emulator("ark") as emulator, proxying(ProxyServer()) as proxy:
        port = urlsplit(emulator.origin("ark")).port
        between = Proxy(host="127.0.0.1", port=proxy.port, login=SecretStr(LOGIN))
        direct = Outbound(proxies=Proxies(https=between, http=between, bypass=("name.test",)))
        trusted = frozenset({f"name.test:{port}"})
        over = transport(trusted=trusted, outbound=direct, resolve=resolve)
        async with client(trusted=trusted, over=over) as http:
            assert (await http.get(f"http://name.test:{port}/nothing")).status_code == 404
    assert proxy.heads == []
