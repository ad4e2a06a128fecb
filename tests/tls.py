"""TLS as a deployment has it: a certificate authority of the test's own, and a port that takes TLS off."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Authority:
    """`trusted`: what a client must trust; `server`: key and certificate of ADDRESS, which name nothing else."""

    trusted: Path
    server: Path


def found(folder: Path) -> Authority:
    """A new one."""
    authority, server = Authority(folder / "ca.pem", folder / "server.pem"), ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    own = _certificate("the test's own authority", key.public_key(), is_authority=True).sign(key, hashes.SHA256())
    issued = _certificate("a server", server.public_key(), is_authority=False, issuer="the test's own authority")
    authority.trusted.write_bytes(_pem(own))
    authority.server.write_bytes(
        server.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + _pem(issued.sign(key, hashes.SHA256()))
    )
    return authority


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, *, is_authority: bool, issuer: str = ""
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(_name(issuer or name), _name(name), key, x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(ADDRESS))]), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@contextmanager
def terminated(authority: Authority, port: int) -> Iterator[int]:
    """The port on ADDRESS that speaks TLS for the plain one at `port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server)
    with socket.create_server((ADDRESS, 0)) as listener:
        accepting = Thread(target=_accept, args=(listener, context, port))
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    serving: list[Thread] = []
    with suppress(OSError):  # the listener was shut down: the test is over
        while True:
            connection, _ = listener.accept()
            serving.append(Thread(target=_serve, args=(connection, context, port)))
            serving[-1].start()
    for thread in serving:
        thread.join()


def _serve(connection: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """One request, one answer, in turns, until either side ends it; a client may refuse the certificate."""
    with (
        connection,
        suppress(OSError),
        context.wrap_socket(connection, server_side=True) as client,
        socket.create_connection((ADDRESS, port)) as server,
    ):
        while request := client.recv(65_536):
            server.sendall(request)
            client.sendall(server.recv(65_536))
