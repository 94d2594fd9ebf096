"""Puts beside the SDK: what they store, and when the SDK takes over."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from ops.datasets.puts import Puts
from ops.session import Session

PREFIX = "datasets/flowers/"
SIGN = "_UPLOADING"


@pytest.fixture
def bucket(local_session: Session) -> str:
    """Give an empty bucket."""
    name = f"puts-of-{local_session.stack_name}"
    local_session.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def puts(local_session: Session, bucket: str) -> Iterator[Puts]:
    """Give puts that have begun."""
    with Puts(local_session, bucket, PREFIX) as puts:
        puts.begin(SIGN)
        yield puts


@pytest.fixture
def by_sdk(local_session: Session) -> list[str]:
    """Give the keys that the SDK puts."""
    keys: list[str] = []
    local_session.s3.meta.events.register(
        "before-parameter-build.s3.PutObject", lambda params, **_: keys.append(params["Key"])
    )
    return keys


def test_put_stores_what_the_sdk_would(local_session: Session, bucket: str, by_sdk: list[str], puts: Puts) -> None:
    """Content, type and key are those of put_object, which is not asked."""
    name = "rose/a b+c%é.png"

    puts.put(name, b"picture", "image/png")

    stored = local_session.s3.get_object(Bucket=bucket, Key=PREFIX + name)
    assert (stored["Body"].read(), stored["ContentType"], by_sdk) == (
        b"picture",
        "image/png",
        [PREFIX + SIGN],
    )


def test_begin_puts_an_empty_object(local_session: Session, bucket: str, puts: Puts) -> None:
    """The sign of an upload is there before the first picture."""
    assert local_session.s3.head_object(Bucket=bucket, Key=PREFIX + SIGN)["ContentLength"] == 0


def test_refused_put_ends_in_the_error_of_the_sdk(local_session: Session, bucket: str, puts: Puts) -> None:
    """Who reads the error of an upload reads the same as ever."""
    local_session.s3.delete_object(Bucket=bucket, Key=PREFIX + SIGN)
    local_session.s3.delete_bucket(Bucket=bucket)

    with pytest.raises(ClientError, match="NoSuchBucket"):
        puts.put("rose/1.png", b"picture", "image/png")


def test_sdk_puts_all_that_follows_a_failure(
    local_session: Session, bucket: str, by_sdk: list[str], puts: Puts
) -> None:
    """A service that is busy is met with the SDK's patience, not with one try more for each picture."""
    local_session.s3.delete_object(Bucket=bucket, Key=PREFIX + SIGN)
    local_session.s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        puts.put("rose/1.png", b"picture", "image/png")
    local_session.s3.create_bucket(Bucket=bucket)

    puts.put("rose/2.png", b"picture", "image/png")

    assert by_sdk == [PREFIX + SIGN, f"{PREFIX}rose/1.png", f"{PREFIX}rose/2.png"]


def test_sdk_puts_through_a_proxy(
    local_session: Session, bucket: str, by_sdk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine has a proxy for S3, nothing is put beside it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with Puts(local_session, bucket, PREFIX) as puts:
        puts.begin(SIGN)
        puts.put("rose/1.png", b"picture", "image/png")

    assert by_sdk == [PREFIX + SIGN, f"{PREFIX}rose/1.png"]
