"""The account's own certificate authority."""

import ssl
from pathlib import Path

import pytest
from embedded_account.aws_addresses.authority import Authority


def test_a_client_that_trusts_it_believes_names_of_aws(tmp_path: Path) -> None:
    """TLS for a name below amazonaws.com is set up, with Python's strict checks too."""
    authority = Authority(tmp_path, "a test's account")

    _shake_hands(authority, "bucket.with.dots.s3.us-east-1.amazonaws.com")


def test_a_client_that_trusts_it_believes_no_other_name(tmp_path: Path) -> None:
    """The authority is bound to amazonaws.com by its own certificate.

    Source: RFC 5280, "Name Constraints".
    """
    authority = Authority(tmp_path, "a test's account")

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        _shake_hands(authority, "example.org")


def test_two_accounts_trust_nothing_of_each_other(tmp_path: Path) -> None:
    """Each has a key of its own."""
    mine, other = Authority(tmp_path, "one name"), Authority(tmp_path, "one name")

    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        _shake_hands(mine, "sts.amazonaws.com", trusted=other.certificate)


def test_no_key_stays_on_disk(tmp_path: Path) -> None:
    """Its folder is empty, after a server's certificate too."""
    Authority(tmp_path, "a test's account").context("sts.amazonaws.com")

    assert list(tmp_path.iterdir()) == []


def _shake_hands(authority: Authority, host: str, trusted: bytes | None = None) -> None:
    """Set up TLS between a server of `host` and a client that trusts the authority's, or another, certificate."""
    context = ssl.create_default_context(cadata=(trusted or authority.certificate).decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=host)
    server = authority.context(host).wrap_bio(to_server, to_client, server_side=True)
    pending = [client, server, client, server]
    for side in pending:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
