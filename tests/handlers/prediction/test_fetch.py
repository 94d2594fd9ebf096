"""Fetching an image: what comes back, what is wrong with other servers, redirects, and the form of a URL."""

import socket
from collections.abc import Callable

import pytest

from handlers.prediction.errors import (
    BadRequestError,
    FetchFailedError,
    ForbiddenError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    PredictionError,
)
from handlers.prediction.urls import Fetchable, parse_url
from tests.handlers.prediction.image_server import CAP, IMAGE, Server, answer, get, redirect_to

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


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
    allowed = Fetchable(frozenset({"http://127.0.0.1:4566"}))

    assert parse_url("http://127.0.0.1:4566/b/k.png", allowed).origin == "http://127.0.0.1:4566"
    for other in ("http://127.0.0.1:4567/", "http://127.0.0.1/", "http://localhost:4566/"):
        with pytest.raises(BadRequestError, match="only https"):
            parse_url(other, allowed)
