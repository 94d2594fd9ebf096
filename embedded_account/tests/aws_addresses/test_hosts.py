"""AWS's host names, as the account is asked."""

from typing import Any

import pytest
from embedded_account.aws_addresses.hosts import as_asked_here


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("sts.us-east-1.amazonaws.com", "/key"),
        ("iam.amazonaws.com", "/key"),
        ("s3.amazonaws.com", "/key"),
        ("s3.dualstack.us-east-1.amazonaws.com", "/key"),
        ("runtime.sagemaker.us-east-1.amazonaws.com:443", "/key"),
        ("pictures.s3.amazonaws.com", "/pictures/key"),
        ("pictures.s3.us-gov-west-1.amazonaws.com", "/pictures/key"),
        ("pictures.s3-eu-west-1.amazonaws.com", "/pictures/key"),
        ("pictures.s3.dualstack.us-east-1.amazonaws.com", "/pictures/key"),
        ("a.s3.b.S3.amazonaws.com:443", "/a.s3.b/key"),
    ],
)
def test_bucket_in_the_name_begins_the_path(host: str, path: str) -> None:
    """The request is the account's own then, and the signature that of what was sent."""
    environ = _environ(host)

    as_asked_here(environ, "127.0.0.1:4566")

    assert (environ["HTTP_HOST"], environ["PATH_INFO"], environ["RAW_URI"]) == ("127.0.0.1:4566", path, f"{path}?x=1")
    signed = (environ["embedded_account.signed_host"], environ["embedded_account.signed_path"])
    assert signed == (host, "/key")


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "amazonaws.com.example.org",
        "notamazonaws.com",
        "123456789012.s3-control.us-east-1.amazonaws.com",
        "point-1.s3-accesspoint.us-east-1.amazonaws.com",
        "pictures.s3-accelerate.amazonaws.com",
    ],
)
def test_other_name_stays_and_is_refused_at_the_edge(host: str) -> None:
    """What is nobody's, and what S3 has beside buckets, does not reach a bucket by mistake."""
    environ = _environ(host)

    as_asked_here(environ, "127.0.0.1:4566")

    assert environ == _environ(host)


def _environ(host: str) -> dict[str, Any]:
    return {"HTTP_HOST": host, "PATH_INFO": "/key", "RAW_URI": "/key?x=1", "REQUEST_URI": "/key?x=1"}
