"""TLS in front of a pretended service: a certificate authority of the test's own, and what takes the encryption off."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSListener, TLSStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, kw_only=True)
class Authority:
    """An authority (`file` is its certificate, for SSL_CERT_FILE) and what a server needs to be one of its names."""

    file: Path
    server: Path

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


def authority(folder: Path, *names: str) -> Authority:
    """Make an authority, and one server certificate for all these names."""
    ca_key, ca = _certificate("test authority", ())
    key, leaf = _certificate("test server", names, signer=(ca_key, ca))
    folder.mkdir(parents=True, exist_ok=True)
    file, server = folder / "authority.pem", folder / "server.pem"
    file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    return Authority(file=file, server=server)


Signer = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _certificate(title: str, names: tuple[str, ...], *, signer: Signer | None = None) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, title)])
    today = datetime.datetime.now(datetime.UTC)
    by = signer[0] if signer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer[1].subject if signer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=signer is None, crl_sign=signer is None,
                content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(alternative, critical=False)
    return key, builder.sign(by, hashes.SHA256())


@dataclass
class Front:
    """Where the encryption is taken off: `names` as the clients asked for them, `received` in clear, by connection."""

    port: int
    names: list[str | None] = field(default_factory=list)
    received: list[bytearray] = field(default_factory=list)
    on_first_byte: Callable[[], None] | None = None
    """Called when the first byte of a connection has come through; nothing more goes on then."""


@asynccontextmanager
async def front(certificates: Authority, to_port: int) -> AsyncIterator[Front]:
    """Take the encryption off whatever comes, and lead it to a port of 127.0.0.1."""
    context = certificates.context()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server = Front(listener.extra(SocketAttribute.local_port))
    context.sni_callback = lambda connection, name, context: server.names.append(name)

    async def attend(stream: TLSStream) -> None:
        clear = bytearray()
        server.received.append(clear)
        # Who does not trust the certificate leaves in the middle of the greeting.
        with suppress(*GONE):
            async with stream, await anyio.connect_tcp("127.0.0.1", to_port) as inner:
                assert stream.extra(TLSAttribute.tls_version)

                def note(piece: bytes) -> bool:
                    clear.extend(piece)
                    if server.on_first_byte is None:
                        return True
                    server.on_first_byte()
                    return False

                await relay(stream, inner, note)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(TLSListener(listener, context, standard_compatible=False).serve, attend)
        try:
            yield server
        finally:
            group.cancel_scope.cancel()


GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


async def relay(outer: ByteStream, inner: ByteStream, note: Callable[[bytes], bool]) -> None:
    """Hand on what comes from either side until one ends; `note` sees what comes from outside, and may stop it."""

    async def back() -> None:
        with suppress(*GONE):
            while True:
                await outer.send(await inner.receive())
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(back)
        with suppress(*GONE):
            while note(piece := await outer.receive()):
                await inner.send(piece)
        group.cancel_scope.cancel()
