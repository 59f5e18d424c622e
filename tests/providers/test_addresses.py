"""Which addresses and URLs are connected to, judged by what arrives at real sockets."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpcore2
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSListener, TLSStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from seedance_mcp.errors import UnexpectedResponse
from seedance_mcp.providers.http import network
from seedance_mcp.providers.http.addresses import check_url, client, endpoint, is_public, transport

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
223.255.255.255 168.63.129.15
2001:200::1 2001:4860:4860::8888 2003::1 2400:cb00::1 2606:4700:4700::1111 2a00:1450:4001::1
2001:db7:ffff::1 2001:db9::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 64:ff9b::808:808 2002:808:808::1
2001:0:808:808:0:0:f7f7:f7f7
"""

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.0 100.96.0.96 100.100.100.200
100.127.255.255 127.0.0.0 127.0.0.1 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254
169.254.170.2 169.254.255.255 172.16.0.0 172.17.0.1 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.170
192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.1.1 192.168.255.255
192.175.48.1 198.18.0.0 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.254 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::7f00:1 ::10.0.0.1 ::8.8.8.8 ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 ::ffff:0.0.0.0
::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:192.168.0.1 ::ffff:224.0.0.1
::ffff:100.64.0.1 ::ffff:198.18.0.1 ::ffff:168.63.129.16 64:ff9b::127.0.0.1 64:ff9b::7f00:1
64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::169.254.169.254 64:ff9b:1::1 64:ff9b:1::808:808
64:ff9b:0:1::808:808 2002:7f00:1:: 2002:7f00:1::1 2002:a00:1:: 2002:a9fe:a9fe:: 2002:c0a8:101::1
2002:e000:1:: 2001:0:7f00:1:0:0:f7f7:f7f7 2001:0:808:808:0:0:80ff:fffe 2001:0:808:808:0:0:f5ff:fffe
2001:0:808:808:0:0:5601:5601 2001::1 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1
2001:30::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1 2620:4f:8000::1 3fff::1 3fff:fff::1 100::1
100:0:0:1::1 200::1 1fff::1 4000::1 5f00::1 5f00:1::1 8000::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254
fdff:ffff::1 fe80::1 fe80::a9fe:a9fe fe80::1%eth0 febf::1 fec0::1 feff::1 ff00::1 ff02::1 ff05::2 ff0e::1
2001:4860::1%1
"""

NO_ADDRESS = [
    "",
    " ",
    "localhost",
    "127.1",
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "１２７.0.0.1",
    "8.8.8.8 ",
    "8.8.8",
]


@pytest.mark.parametrize("address", PUBLIC.split())
def test_global_unicast_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*NOT_PUBLIC.split(), *NO_ADDRESS])
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


def test_nothing_that_python_calls_private_is_public() -> None:
    for high in range(256):
        for rest in (0, 1, 0x00FFFF, 0x123456, 0xA80101, 0xFEA9FE, 0xFFFFFF):
            v4 = ipaddress.IPv4Address(high << 24 | rest)
            for address in (
                v4,
                ipaddress.IPv6Address(f"::ffff:{v4}"),
                ipaddress.IPv6Address(f"64:ff9b::{v4}"),
            ):
                assert is_public(str(address)) <= (v4.is_global and not v4.is_multicast), address
        v6 = ipaddress.IPv6Address(high << 120 | 1)
        assert is_public(str(v6)) <= (v6.is_global and not v6.is_multicast), v6


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://EXAMPLE.com/a/b.mp4?x=1&y=2#z",
        "https://ark-content-generation-cn-beijing.tos-cn-beijing.volces.com/a?X-Tos-Expires=86400",
        "https://v3b.fal.media/files/b/clip.mp4",
        "https://under_score.example.com/",
        "https://example.com:8443/",
        "https://example.com./",
        "https://例え.jp/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "http://127.0.0.1:9000/files/a.mp4",
        "https://127.0.0.1:9000/files/a.mp4",
        "http://localhost:80/",
        "http://localhost/",
        "http://[::1]:9000/",
        "http://RELAY.test:8080/x",
    ],
)
def test_https_to_the_world_and_anything_to_the_users_own_server_may_be_fetched(url: str) -> None:
    check_url(url, trusted=frozenset({"127.0.0.1:9000", "localhost:80", "::1:9000", "relay.test:8080"}))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "/a",
        "//example.com/",
        "example.com",
        "http://example.com/",
        "HTTP://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "file://example.com/x",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "gopher://example.com/",
        "ws://example.com/",
        "unix:///var/run/docker.sock",
        "https:",
        "https:/example.com",
        "https://",
        "https:///x",
        "https://?x",
        "https://:443/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://:secret@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com:443@127.0.0.1/",
        "https://127.0.0.1\\@example.com/",
        "https://example.com\\.evil.example/",
        "https://exa mple.com/",
        "https://exa\tmple.com/",
        "https://example.com\r\nHost: x/",
        "https://exam\0ple.com/",
        "https://%31%32%37.0.0.1/",
        "https://127.0.0.1%2f.example.com/",
        "https://-example.com/",
        "https://example-.com/",
        "https://a..b/",
        "https://.example.com/",
        f"https://{'a' * 64}.com/",
        f"https://{'a.' * 130}com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:-1/",
        "https://example.com:x/",
        "https://127.0.0.1/",
        "https://127.0.0.1:9001/",
        "http://127.0.0.1/",
        "http://127.0.0.1:9001/",
        "http://127.0.0.2:9000/",
        "http://localhost:9000/",
        "http://127.0.0.1.:9000/",
        "http://user@127.0.0.1:9000/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://192.168.1.1/",
        "https://0.0.0.0/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://①②⑦.0.0.1/",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[fd00:ec2::254]/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://[]/",
        "https://[127.0.0.1]/",
    ],
)
def test_other_urls_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        check_url(url, trusted=frozenset({"127.0.0.1:9000"}))
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://Example.com/x", "example.com:443"),
        ("http://example.com", "example.com:80"),
        ("http://127.0.0.1:9000/api/v3", "127.0.0.1:9000"),
        ("http://[::1]:9000", "::1:9000"),
    ],
)
def test_an_endpoint_is_host_and_port(url: str, written: str) -> None:
    assert endpoint(url) == written


def test_a_base_url_without_a_host_has_no_endpoint() -> None:
    with pytest.raises(UnexpectedResponse):
        endpoint("localhost:9000")


@dataclass
class Server:
    """`connected` holds what each connection has sent, `ready` is set by the first one."""

    port: int
    connected: list[bytearray] = field(default_factory=list)
    ready: anyio.Event = field(default_factory=anyio.Event)
    names: list[str | None] = field(default_factory=list)

    @property
    def trusted(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}", f"name.test:{self.port}"})


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
    """Answer every request with `hi` and keep the connection open."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server = Server(listener.extra(SocketAttribute.local_port))
    if tls:
        tls.sni_callback = lambda connection, name, context: server.names.append(name)

    async def handle(stream: SocketStream | TLSStream) -> None:
        received = bytearray()
        server.connected.append(received)
        server.ready.set()
        async with stream:
            try:
                while True:
                    received += await stream.receive()
                    if received.endswith(b"\r\n\r\n"):
                        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with listener, anyio.create_task_group() as group:
        if tls:
            group.start_soon(TLSListener(listener, tls, standard_compatible=False).serve, handle)
        else:
            group.start_soon(listener.serve, handle)
        yield server
        group.cancel_scope.cancel()


def answering(*answers: Sequence[str]) -> tuple[Callable[[str, int], Awaitable[Sequence[str]]], list[str]]:
    """A resolver that gives each lookup the next answer, and the names that it was asked for."""
    left, lookups = iter(answers), list[str]()

    async def resolve(host: str, port: int) -> Sequence[str]:
        lookups.append(host)
        return next(left)

    return resolve, lookups


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "017700000001",
        "0",
        "0x0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
    ],
)
async def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    async with serving() as server, client(trusted=frozenset(), connect_seconds=2) as http:
        for scheme in ("http", "https"):
            with pytest.raises(httpx2.ConnectError):
                await http.get(f"{scheme}://{host}:{server.port}/")
    assert server.connected == []


@pytest.mark.parametrize("other", ["localhost", "127.0.0.2", "127.1", "name.test."])
async def test_trust_is_for_one_host_as_it_is_written(other: str) -> None:
    resolve, _ = answering(["127.0.0.1"])
    async with serving() as server:
        over = transport(trusted=server.trusted, resolve=resolve)
        async with client(trusted=server.trusted, over=over) as http:
            with pytest.raises(httpx2.ConnectError, match="not a public address"):
                await http.get(f"http://{other}:{server.port}/")
    assert server.connected == []


async def test_trust_is_for_one_port() -> None:
    async with serving() as server, serving() as other, client(trusted=other.trusted) as http:
        with pytest.raises(httpx2.ConnectError, match="not a public address"):
            await http.get(f"http://127.0.0.1:{server.port}/")
        assert (await http.get(f"http://127.0.0.1:{other.port}/")).text == "hi"
    assert server.connected == []


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["93.184.216.34", "2606:4700:4700::1111", "::1"],
        ["93.184.216.34", "169.254.169.254"],
        ["93.184.216.34", "fe80::1%eth0"],
        ["::ffff:127.0.0.1"],
        ["198.18.0.7"],
        ["no address"],
        [],
    ],
)
async def test_one_private_address_among_many_condemns_a_name(answer: list[str]) -> None:
    resolve, lookups = answering(answer)
    async with serving() as server:
        over = transport(trusted=frozenset(), resolve=resolve)
        async with client(trusted=frozenset(), over=over, connect_seconds=2) as http:
            with pytest.raises(httpx2.ConnectError, match=r"rebind\.test"):
                await http.get(f"http://rebind.test:{server.port}/")
    assert lookups == ["rebind.test"]
    assert server.connected == []


async def test_a_name_that_turns_private_after_it_was_judged_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    async def connect_tcp(network: object, host: str, port: int, **options: object) -> None:
        tried.append(host)
        raise httpcore2.ConnectError("nobody there")

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect_tcp)
    resolve, lookups = answering(["8.8.8.8"], ["127.0.0.1"])
    async with serving() as server:
        over = transport(trusted=frozenset(), resolve=resolve)
        async with client(trusted=frozenset(), over=over, connect_seconds=0.3) as http:
            with pytest.raises(httpx2.ConnectError):
                await http.get(f"http://rebind.test:{server.port}/")
    assert lookups == ["rebind.test"]
    assert tried == ["8.8.8.8"]
    assert server.connected == []


async def test_a_name_is_looked_up_once_and_the_host_header_keeps_it() -> None:
    resolve, lookups = answering(["127.0.0.1"])
    async with serving() as server:
        over = transport(trusted=server.trusted, resolve=resolve)
        async with client(trusted=server.trusted, over=over) as http:
            for _ in range(3):
                assert (await http.get(f"http://name.test:{server.port}/")).text == "hi"
    assert lookups == ["name.test"]
    assert len(server.connected) == 1
    assert f"Host: name.test:{server.port}".encode() in bytes(server.connected[0])


async def test_a_fake_address_of_a_proxy_tool_is_explained() -> None:
    resolve, _ = answering(["198.18.0.7"])
    async with client(trusted=frozenset(), over=transport(trusted=frozenset(), resolve=resolve)) as http:
        with pytest.raises(httpx2.ConnectError, match="fake-IP"):
            await http.get("https://cdn.example.com/")


async def test_the_next_address_is_tried_when_one_is_dead() -> None:
    resolve, _ = answering(["127.0.0.2", "127.0.0.1"])
    async with serving() as server:
        over = transport(trusted=server.trusted, resolve=resolve)
        async with client(trusted=server.trusted, over=over, connect_seconds=5) as http:
            assert (await http.get(f"http://name.test:{server.port}/")).text == "hi"
    assert len(server.connected) == 1


async def test_a_lookup_that_takes_too_long_is_given_up() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await anyio.sleep_forever()
        raise AssertionError

    over = transport(trusted=frozenset(), resolve=resolve)
    async with client(trusted=frozenset(), over=over, connect_seconds=0.1) as http:
        with anyio.fail_after(5), pytest.raises(httpx2.ConnectTimeout):
            await http.get("https://slow.test/")


async def test_without_keepalive_each_request_has_its_own_connection() -> None:
    async with serving() as server:
        over = transport(trusted=server.trusted, keepalive=False)
        async with client(trusted=server.trusted, over=over) as http:
            for _ in range(2):
                await http.get(f"http://127.0.0.1:{server.port}/")
    assert len(server.connected) == 2


async def test_a_kept_connection_that_the_other_side_has_closed_is_not_used_again() -> None:
    closed = anyio.Event()

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        closed.set()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    address = f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
    with anyio.fail_after(10):
        async with listener, anyio.create_task_group() as tasks, client(trusted=frozenset({address})) as http:
            tasks.start_soon(listener.serve, answer)
            assert (await http.get(f"http://{address}/")).text == "hi"
            await closed.wait()
            assert (await http.get(f"http://{address}/")).text == "hi"
            tasks.cancel_scope.cancel()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as proxy, serving() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with client(trusted=server.trusted) as http:
            assert (await http.get(f"http://127.0.0.1:{server.port}/")).text == "hi"
    assert proxy.connected == []


async def test_redirects_are_left_to_the_caller() -> None:
    async with client(trusted=frozenset()) as http:
        assert http.follow_redirects is False


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `name.test` that signed itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "name.test")])
    today = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("name.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "name.test.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("encrypted", [False, True])
async def test_the_callback_comes_after_the_connection_and_before_the_first_byte(
    certificate: Path, encrypted: bool
) -> None:
    calls: list[bytes] = []
    async with serving(server_side(certificate) if encrypted else None) as server:

        async def sending() -> None:
            with anyio.fail_after(5):
                await server.ready.wait()
            await anyio.wait_all_tasks_blocked()
            calls.append(bytes(server.connected[0]))

        resolve, _ = answering(["127.0.0.1"])
        over = transport(
            trusted=server.trusted,
            before_first_byte=sending,
            resolve=resolve,
            tls=ssl.create_default_context(cafile=certificate),
        )
        async with client(trusted=server.trusted, over=over) as http:
            scheme = "https" if encrypted else "http"
            reply = await http.post(f"{scheme}://name.test:{server.port}/", content=b"1\r\n\r\n")
    assert reply.text == "hi"
    assert calls == [b""]
    assert bytes(server.connected[0]).startswith(b"POST / HTTP/1.1\r\n")
    assert server.names == (["name.test"] if encrypted else [])


@pytest.mark.parametrize("encrypted", [False, True])
async def test_nothing_is_sent_when_the_callback_fails(certificate: Path, encrypted: bool) -> None:
    async def sending() -> None:
        raise LookupError("not on disk")

    async with serving(server_side(certificate) if encrypted else None) as server:
        resolve, _ = answering(["127.0.0.1"], ["127.0.0.1"])
        over = transport(
            trusted=server.trusted,
            before_first_byte=sending,
            resolve=resolve,
            tls=ssl.create_default_context(cafile=certificate),
        )
        async with client(trusted=server.trusted, over=over) as http:
            url = f"{'https' if encrypted else 'http'}://name.test:{server.port}/"
            with pytest.raises(LookupError, match="not on disk"):
                await http.post(url, content=b"pay")
            with pytest.raises(RuntimeError):
                await http.post(url, content=b"pay")
        await anyio.wait_all_tasks_blocked()
    assert [bytes(received) for received in server.connected] in ([], [b""])


async def test_the_callback_is_not_called_without_a_connection(certificate: Path) -> None:
    calls: list[str] = []

    async def sending() -> None:
        calls.append("called")

    async with serving(server_side(certificate)) as server:
        pass
    cases = {
        "refused": (["127.0.0.1"], "http"),
        "no such name": ([], "http"),
        "not public": (["10.0.0.1"], "http"),
    }
    for addresses, scheme in cases.values():
        resolve, _ = answering(addresses)
        trusted = server.trusted if addresses == ["127.0.0.1"] else frozenset[str]()
        over = transport(trusted=trusted, before_first_byte=sending, resolve=resolve)
        async with client(trusted=trusted, over=over, connect_seconds=2) as http:
            with pytest.raises(httpx2.ConnectError):
                await http.post(f"{scheme}://name.test:{server.port}/", content=b"pay")
    assert calls == []


async def test_the_callback_is_not_called_when_the_certificate_is_wrong(certificate: Path) -> None:
    calls: list[str] = []

    async def sending() -> None:
        calls.append("called")

    async with serving(server_side(certificate)) as server:
        resolve, _ = answering(["127.0.0.1"])
        over = transport(trusted=server.trusted, before_first_byte=sending, resolve=resolve)
        async with client(trusted=server.trusted, over=over, connect_seconds=5) as http:
            with pytest.raises(httpx2.ConnectError):
                await http.post(f"https://name.test:{server.port}/", content=b"pay")
    assert calls == []
    assert b"".join(server.connected) == b""


async def test_a_connection_can_be_tried_again_until_the_callback_has_been_called() -> None:
    calls: list[str] = []

    async def sending() -> None:
        calls.append("called")

    async with serving() as server:
        resolve, _ = answering([], ["127.0.0.1"])
        over = transport(trusted=server.trusted, before_first_byte=sending, resolve=resolve)
        async with client(trusted=server.trusted, over=over) as http:
            url = f"http://name.test:{server.port}/"
            with pytest.raises((httpx2.ConnectError, IndexError)):
                await http.post(url)
            assert (await http.post(url)).text == "hi"
            with pytest.raises(RuntimeError, match="one request"):
                await http.post(url)
    assert calls == ["called"]
    assert len(server.connected) == 1


async def test_a_connection_that_comes_about_when_nobody_wants_it_any_more_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []

    class Stream:
        async def aclose(self) -> None:
            closed.append("closed")

    class Network:
        async def connect_tcp(self, *given: object) -> Stream:
            caller.cancel()
            return Stream()

    monkeypatch.setattr(httpcore2, "AnyIOBackend", Network)
    with anyio.CancelScope() as caller:
        await network.connect_first(["127.0.0.1"], 80)
    assert closed == ["closed"]


async def test_a_connection_that_is_given_up_while_it_is_being_encrypted_is_closed() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    greeted, closed = anyio.Event(), anyio.Event()

    async def handle(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            greeted.set()  # and not answered
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()
            closed.set()

    place = f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
    with anyio.fail_after(10):
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, handle)
            async with client(trusted=frozenset({place})) as http:
                async with anyio.create_task_group() as asking:
                    asking.start_soon(http.get, f"https://{place}/")
                    await greeted.wait()
                    asking.cancel_scope.cancel()
                await closed.wait()
            group.cancel_scope.cancel()
