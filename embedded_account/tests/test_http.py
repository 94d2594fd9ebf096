"""The account's HTTP server."""

import email.parser
import http.client
import io

import pytest
from embedded_account.http import read_headers_plainly

pytestmark = pytest.mark.account


def _connection(account) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", account.info.port, timeout=10)


def test_a_connection_serves_one_request_after_the_other(account):
    """The same socket is used again, also after a body that the service refused without reading it."""
    connection = _connection(account)
    connection.request("GET", "/_embedded-account/health")
    assert connection.getresponse().read().startswith(b"{")
    socket = connection.sock

    connection.request("PUT", "/no-such-bucket/key", body=b"x" * 100_000)
    refused = connection.getresponse()
    refused.read()
    connection.request("GET", "/_embedded-account/health")

    assert refused.status == 403
    assert connection.getresponse().status == 200
    assert connection.sock is socket
    connection.close()


def test_a_head_request_has_the_length_and_no_body(account):
    """HeadObject tells the size of the object; the next answer on the connection is whole."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="head-me")
    s3.put_object(Bucket="head-me", Key="k", Body=b"12345")

    assert s3.head_object(Bucket="head-me", Key="k")["ContentLength"] == 5
    assert s3.get_object(Bucket="head-me", Key="k")["Body"].read() == b"12345"


def test_a_large_answer_arrives_whole(account):
    """A body that does not fit one packet is sent in full."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="large-one")
    s3.put_object(Bucket="large-one", Key="k", Body=bytes(3_000_000))

    assert len(s3.get_object(Bucket="large-one", Key="k")["Body"].read()) == 3_000_000


@pytest.mark.parametrize(
    "headers",
    [
        "Host: a\r\nX-Empty:\r\nx-amz-meta-n:  b c \r\nHost: again\r\n",
        "X-Latin: \xe4\xa3\r\nX-Colons: a:b:c\r\nX-Tab:\tb\r\n",
        "X-Folded: a\r\n b\r\nNext: c\r\n",
        "No colon\r\nNext: c\r\n",
        "Bare: a\rb\r\nNext: c\nLast: d\r\n",
        "",
    ],
)
def test_headers_are_read_as_the_parser_of_mails_reads_them(monkeypatch: pytest.MonkeyPatch, headers: str) -> None:
    """The quick way gives the names and values, in their order, that Python's own gives."""
    monkeypatch.setattr(http.client, "parse_headers", http.client.parse_headers)
    whole = f"{headers}\r\n"
    read_headers_plainly()

    message = http.client.parse_headers(io.BytesIO(whole.encode("latin-1") + b"body"))

    expected = email.parser.Parser(_class=http.client.HTTPMessage).parsestr(whole)
    assert message.items() == expected.items()
    assert message.get_payload() == expected.get_payload()
    assert [*map(type, message.defects)] == [*map(type, expected.defects)]
