"""Where a fetch connects to: never to an address that is not public, whatever URLs, names and redirects say."""

import datetime
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from handlers.prediction import addresses
from handlers.prediction.errors import (
    FetchFailedError,
    ForbiddenError,
    PredictionError,
)
from handlers.prediction.fetch import Resolver, fetch
from handlers.prediction.urls import Fetchable
from tests.handlers.prediction.image_server import CAP, CORPUS, IMAGE, Server, answer

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return (server context, client context that trusts it) for a host `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


def test_tls_keeps_the_name_and_the_socket_the_address(serve: Callable[..., Server], tmp_path: Path) -> None:
    """One lookup; SNI and Host carry the name; the certificate is checked against the name, not the address."""
    server_tls, client_tls = certificate(tmp_path, "images.example")
    names: list[str] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)
    server = serve(answer(), server_tls)
    lookups: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        lookups.append(host)
        return ["127.0.0.1"]

    origin = f"https://images.example:{server.port}"
    body = fetch(
        f"{origin}/dog.png", max_bytes=CAP, deadline_seconds=5, fetchable=Fetchable(frozenset({origin})),
        resolve=resolve, tls=client_tls,
    )  # fmt: skip

    assert body == IMAGE
    assert lookups == names == ["images.example"]
    assert f"Host: images.example:{server.port}\r\n".encode() in server.requests[0]


def test_a_certificate_for_another_name_is_refused(serve: Callable[..., Server], tmp_path: Path) -> None:
    """TLS failures are told apart from an unreachable server."""
    server_tls, client_tls = certificate(tmp_path, "images.example")
    server = serve(answer(), server_tls)
    origin = f"https://other.example:{server.port}"

    with pytest.raises(FetchFailedError, match="certificate is not trusted"):
        fetch(
            origin, max_bytes=CAP, deadline_seconds=5, fetchable=Fetchable(frozenset({origin})),
            resolve=lambda _host, _port: ["127.0.0.1"], tls=client_tls,
        )  # fmt: skip


def test_a_name_with_one_private_address_is_refused(serve: Callable[..., Server]) -> None:
    """Every address of the answer is checked, not only the one to be used."""
    with pytest.raises(ForbiddenError, match="at no public address"):
        fetch(
            "https://mixed.example/", max_bytes=CAP, deadline_seconds=2,
            resolve=lambda _host, _port: ["1.1.1.1", "10.0.0.1"],
        )  # fmt: skip


def test_a_name_that_changes_its_address_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebinding name answers publicly first; the connection goes to that answer and there is no second question."""
    answers = iter([["198.51.99.7"], ["127.0.0.1"]])
    asked: list[str] = []
    connected: list[tuple[str, int]] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    def refuse(_self: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)

    with pytest.raises(FetchFailedError, match="connection failed"):
        fetch("https://rebind.example/", max_bytes=CAP, deadline_seconds=2, resolve=resolve)

    assert asked == ["rebind.example"]
    assert connected == [("198.51.99.7", 443)]


def corpus_resolver(name_address: str) -> Callable[[str, int], list[str]]:
    """Return a resolver that reads numeric forms (0x7f.1, 2130706433) as the system does, and names as given."""

    def resolve(host: str, _port: int) -> list[str]:
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            return [name_address]

    return resolve


@pytest.mark.skipif(not CORPUS.is_file(), reason="the corpora are not in this checkout")
def test_no_url_of_the_corpus_leads_to_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all URLs that others collected, also with https:// in front, none connects to an address not public."""
    connected: list[tuple[str, int]] = []

    def record(_self: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", record)
    rows = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]

    for row in rows:
        resolve = corpus_resolver(row.get("fake_dns", "10.0.0.1"))
        for url in (row["url"], "https://" + row["url"].partition("://")[2]):
            # Whatever becomes of the URLs that nobody calls good or bad, it is typed, and no connection comes of it
            # either: their names are at a private address. The good ones get as far as the connection.
            with pytest.raises(PredictionError, match="url: "):
                fetch(url, max_bytes=CAP, deadline_seconds=5, resolve=resolve)

    assert len(rows) >= 123
    assert {address for address in connected if not addresses.is_public(address[0])} == set()
    assert len(connected) <= 2 * sum(row["expect"] == "allow" for row in rows)


def unknown(_host: str, _port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "s3cr3t")


@pytest.mark.parametrize("resolve", [unknown, lambda _h, _p: [], lambda _h, _p: ["10.0.0.1"], lambda _h, _p: ["::1"]])
def test_a_private_name_is_answered_as_an_unknown_one(resolve: Resolver) -> None:
    """Nobody finds out by the answers which names a private network has."""
    with pytest.raises(ForbiddenError, match=r"^url: db\.internal is at no public address; check the name$"):
        fetch("https://db.internal/", max_bytes=CAP, deadline_seconds=2, resolve=resolve)


@pytest.mark.parametrize("port", [1, 22, 80, 6379, 8443])
def test_other_ports_than_443_are_not_connected_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a URL and not by a redirect, unless they are allowed; the name is not even looked up."""
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    with pytest.raises(ForbiddenError, match=rf"port {port} is not fetched from; use one of \[443\]"):
        fetch(f"https://a.example:{port}/", max_bytes=CAP, deadline_seconds=2, resolve=resolve)
    assert asked == []

    with pytest.raises(ForbiddenError, match="no public address"):
        fetch(
            f"https://a.example:{port}/", max_bytes=CAP, deadline_seconds=2, resolve=resolve,
            fetchable=Fetchable(ports=frozenset({443, port})),
        )  # fmt: skip
    assert asked == [("a.example", port)]
