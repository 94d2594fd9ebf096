"""Fetching an image from servers that lie, drip, redirect and change their names' addresses."""

import datetime
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from handlers.prediction import addresses
from handlers.prediction.errors import (
    BadRequestError,
    FetchFailedError,
    ForbiddenError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    OutOfTimeError,
    PredictionError,
)
from handlers.prediction.fetch import fetch, parse_url

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "ssrf-urls" / "urls.jsonl"
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
CAP = 100_000


class Server:
    """A server on a free loopback port that hands every connection to `script`, and remembers what it was asked."""

    def __init__(self, script: Callable[[socket.socket, bytes], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.sent = 0
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._thread.join(2)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True) as peer:
                    peer.settimeout(5)
                    request = peer.recv(65536)
                    self.requests.append(request)
                    self._script(peer, request)
            except OSError:
                connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers = []

    def start(script: Callable[[socket.socket, bytes], None] | bytes, tls: ssl.SSLContext | None = None) -> Server:
        run = script if callable(script) else (lambda peer, _request: peer.sendall(script))
        servers.append(Server(run, tls))
        return servers[-1]

    yield start

    for server in servers:
        server.close()


def answer(body: bytes = IMAGE, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def get(server: Server, path: str = "/dog.png", deadline_seconds: float = 5.0) -> bytes:
    return fetch(
        server.origin + path,
        max_bytes=CAP,
        deadline_seconds=deadline_seconds,
        allowed_origins=frozenset({server.origin}),
    )


def test_fetch_returns_the_body(serve: Callable[..., Server]) -> None:
    """The bytes arrive as they were sent, and the server is asked for them unencoded, by its own name."""
    server = serve(answer())

    assert get(server, "/a%20b.png?size=1&x=%C3%A9") == IMAGE

    request = server.requests[0].decode().lower()
    assert request.startswith("get /a%20b.png?size=1&x=%c3%a9 http/1.1\r\n")
    assert f"host: 127.0.0.1:{server.port}\r\n" in request
    assert "accept-encoding: identity\r\n" in request


def test_fetch_takes_a_chunked_body(serve: Callable[..., Server]) -> None:
    """A server that does not know the length beforehand is served as well."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (IMAGE[:100], IMAGE[100:])) + b"0\r\n\r\n"
    server = serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)

    assert get(server) == IMAGE


def test_fetch_takes_a_body_that_ends_with_the_connection(serve: Callable[..., Server]) -> None:
    """HTTP/1.0 servers give no length."""
    server = serve(b"HTTP/1.0 200 OK\r\n\r\n" + IMAGE)

    assert get(server) == IMAGE


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (answer(status="404 Not Found"), ImageNotFoundError),
        (answer(status="410 Gone"), ImageNotFoundError),
        (answer(status="500 Internal Server Error"), FetchFailedError),
        (answer(status="304 Not Modified"), FetchFailedError),
        (answer(b"x", "Content-Encoding: gzip"), NotAnImageError),
        (answer(length=len(IMAGE) + 50), FetchFailedError),
        (answer(b"", length=10), FetchFailedError),
        (answer(b"", length=CAP + 1), ImageTooLargeError),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (CAP + 1), ImageTooLargeError),
        (b"SSH-2.0-OpenSSH_9.9\r\n", FetchFailedError),
        (b"", FetchFailedError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", FetchFailedError),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", FetchFailedError),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 300_000 + b"\r\n\r\n", FetchFailedError),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, FetchFailedError),
    ],
)  # fmt: skip
def test_fetch_names_what_a_server_did_wrong(
    serve: Callable[..., Server], sent: bytes, error: type[PredictionError]
) -> None:
    """Each wrong answer ends in one typed error that says only the origin, never the query."""
    server = serve(sent)

    with pytest.raises(error, match=r"^url: ") as raised:
        get(server, "/dog.png?signature=secret")

    assert "secret" not in str(raised.value)


def test_fetch_refuses_a_closed_port(serve: Callable[..., Server]) -> None:
    """Nothing listens: the connection failed, and that is said."""
    server = serve(answer())
    server.close()

    with pytest.raises(FetchFailedError, match="connection failed"):
        get(server)


def drip(first: bytes, then: bytes) -> Callable[[socket.socket, bytes], None]:
    """Send `first`, then `then` byte by byte, for ten seconds."""

    def script(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(first)
        for _ in range(200):
            peer.sendall(then)
            time.sleep(0.05)

    return script


@pytest.mark.parametrize(
    "script",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"b"),
        drip(b"", b""),
    ],
    ids=["body", "body without a length", "headers", "silence"],
)
def test_fetch_ends_within_its_deadline(
    serve: Callable[..., Server], script: Callable[[socket.socket, bytes], None]
) -> None:
    """However slowly a server sends, the caller is free again 0.1 s after the deadline (0.2 s on a busy machine)."""
    server = serve(script)
    started = time.monotonic()

    with pytest.raises(OutOfTimeError, match=r"took longer than 0\.4 s"):
        get(server, deadline_seconds=0.4)

    assert time.monotonic() - started < 0.6


def test_deadline_holds_over_redirects(serve: Callable[..., Server]) -> None:
    """Each hop has only the time that the ones before it left."""

    def script(peer: socket.socket, _request: bytes) -> None:
        time.sleep(0.25)
        peer.sendall(answer(b"", "Location: /next", status="302 Found"))

    server = serve(script)
    started = time.monotonic()

    with pytest.raises(OutOfTimeError, match="took longer"):
        get(server, deadline_seconds=0.4)

    assert time.monotonic() - started < 0.6


def test_deadline_holds_over_a_slow_resolver() -> None:
    """A lookup cannot be interrupted, so it is left behind."""
    started = time.monotonic()

    def slow(_host: str, _port: int) -> list[str]:
        time.sleep(1.5)
        return ["1.1.1.1"]

    with pytest.raises(OutOfTimeError, match="took longer"):
        fetch("https://slow.example/a.jpg", max_bytes=CAP, deadline_seconds=0.3, resolve=slow)

    assert time.monotonic() - started < 0.6


def test_fetch_reads_no_more_than_its_cap(serve: Callable[..., Server]) -> None:
    """A body of 40 MB without a length is cut off at the cap and what the kernel had buffered."""
    sent = []

    def script(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(400):
            peer.sendall(b"x" * 100_000)
            sent.append(100_000)

    server = serve(script)

    with pytest.raises(ImageTooLargeError, match="more than 100000 bytes"):
        get(server)

    server.close()
    assert sum(sent) < 20_000_000


def redirect_to(location: str) -> bytes:
    return answer(b"", f"Location: {location}", status="302 Found")


def test_fetch_follows_three_redirects(serve: Callable[..., Server]) -> None:
    """Relative and absolute ones, on an origin that is allowed."""

    def script(peer: socket.socket, request: bytes) -> None:
        path = request.split()[1].decode()
        hops = {"/0": "/1", "/1": f"http://127.0.0.1:{server.port}/2", "/2": "3"}
        peer.sendall(redirect_to(hops[path]) if path in hops else answer())

    server = serve(script)

    assert get(server, "/0") == IMAGE
    assert len(server.requests) == 4


def test_fetch_gives_up_after_three_redirects(serve: Callable[..., Server]) -> None:
    """A loop ends in words."""
    server = serve(redirect_to("/again"))

    with pytest.raises(FetchFailedError, match="more than 3 redirects"):
        get(server)

    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://127.0.0.1:1/", ForbiddenError),
        ("https://169.254.169.254/latest/meta-data/", ForbiddenError),
        ("http://1.1.1.1/", BadRequestError),
        ("file:///etc/passwd", BadRequestError),
        ("//[::1]/", BadRequestError),
    ],
)
def test_redirects_pass_the_same_checks(
    serve: Callable[..., Server], location: str, error: type[PredictionError]
) -> None:
    """An allowed server cannot send the fetch to where the caller could not."""
    server = serve(redirect_to(location))

    with pytest.raises(error, match="url: "):
        get(server)


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


def test_tls_keeps_the_name_and_the_socket_goes_to_the_looked_up_address(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
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
        f"{origin}/dog.png", max_bytes=CAP, deadline_seconds=5, allowed_origins=frozenset({origin}),
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
            origin, max_bytes=CAP, deadline_seconds=5, allowed_origins=frozenset({origin}),
            resolve=lambda _host, _port: ["127.0.0.1"], tls=client_tls,
        )  # fmt: skip


def test_a_name_with_one_private_address_is_refused(serve: Callable[..., Server]) -> None:
    """Every address of the answer is checked, not only the one to be used."""
    with pytest.raises(ForbiddenError, match="not public"):
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


@pytest.mark.parametrize(
    "url",
    [
        "", "dog.jpg", "http://example.com/dog.jpg", "ftp://example.com/a", "file:///etc/passwd", "https://",
        "https:///a", "https://[::1]/", "https://exa mple.com/", "https://example.com\\@127.0.0.1/", "gopher://a/",
        "https://user:secret@example.com/", "https://example.com:99999/", "https://example.com:0/",
        "https://example.com/\r\nX: y", "https://example.com/\x00", "https://-a.example/", "https://exa%6dple.com/",
        "https://" + "a" * 9000, "https://\ud800.example/", "javascript:alert(1)", "https://example.com:x/",
    ],
)  # fmt: skip
def test_parse_url_refuses_what_is_no_plain_https_url(url: str) -> None:
    """Nothing that two parsers might read differently gets as far as a lookup; secrets are not repeated."""
    with pytest.raises(BadRequestError, match=r"^url: ") as raised:
        parse_url(url)

    assert "secret" not in str(raised.value)


def test_parse_url_keeps_paths_and_encodes_other_alphabets() -> None:
    """A URL copied from a browser's address bar works as it stands."""
    target = parse_url("https://Bücher.example/straße/ä.jpg?q=ü&k=a%20b")

    assert target.host == "xn--bcher-kva.example"
    assert target.path == "/stra%C3%9Fe/%C3%A4.jpg?q=%C3%BC&k=a%20b"
    assert target.netloc == "xn--bcher-kva.example"


def test_an_allowed_origin_is_that_origin_only() -> None:
    """Scheme, host and port must all be the same."""
    allowed = frozenset({"http://127.0.0.1:4566"})

    assert parse_url("http://127.0.0.1:4566/b/k.png", allowed).origin == "http://127.0.0.1:4566"
    for other in ("http://127.0.0.1:4567/", "http://127.0.0.1/", "http://localhost:4566/"):
        with pytest.raises(BadRequestError, match="only https"):
            parse_url(other, allowed)


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

    assert len(rows) > 100
    assert {address for address in connected if addresses.refusal(address[0])} == set()
    assert len(connected) <= 2 * sum(row["expect"] == "allow" for row in rows)
