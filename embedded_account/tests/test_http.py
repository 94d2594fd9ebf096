"""The account's HTTP server."""

import http.client

import pytest

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
