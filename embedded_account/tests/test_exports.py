"""The variables by which clients reach the account at AWS's own addresses, and act in a role."""

from pathlib import Path

import certifi
import pytest
from embedded_account.account_error import AccountError
from embedded_account.exports import aws_addresses, role_session
from embedded_account.pytest_plugin import RunningAccount

pytestmark = pytest.mark.account


def test_what_was_trusted_and_reached_directly_still_is(account: RunningAccount, tmp_path: Path) -> None:
    """The account's certificate comes beside the bundle of the environment, and loopback beside its exceptions."""
    (tmp_path / "company.pem").write_text("a company's own\n")
    own = {"REQUESTS_CA_BUNDLE": str(tmp_path / "company.pem"), "NO_PROXY": "intranet.example,localhost"}

    variables = aws_addresses(account.info, own)

    assert variables["NO_PROXY"] == variables["no_proxy"] == "intranet.example,localhost,127.0.0.1,::1"
    trusted = Path(variables["AWS_CA_BUNDLE"]).read_text()
    assert trusted.startswith("a company's own\n")
    assert trusted.count("BEGIN CERTIFICATE") == 1


def test_exporting_twice_changes_nothing(account: RunningAccount) -> None:
    """A shell that has the variables gets the same ones, with the usual authorities once."""
    first = aws_addresses(account.info, {})
    trusted = Path(first["SSL_CERT_FILE"]).read_text()

    assert aws_addresses(account.info, first) == first
    assert Path(first["SSL_CERT_FILE"]).read_text() == trusted
    assert trusted.startswith(Path(certifi.where()).read_text())


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_another_proxy_is_not_pushed_aside(account: RunningAccount, name: str) -> None:
    """Other hosts might be out of reach without it."""
    with pytest.raises(AccountError, match=r"HTTPS_PROXY 'http://proxy\.example:3128': the account would"):
        aws_addresses(account.info, {name: "http://proxy.example:3128"})


def test_role_that_is_not_there_is_told_with_those_that_are(account: RunningAccount) -> None:
    """A slip of the pen is seen at once."""
    with pytest.raises(AccountError, match=r"role 'absent': there is none of this name; roles are: .*sagemaker"):
        role_session(account.info, "absent")


def test_role_of_another_service_gives_no_credentials(account: RunningAccount) -> None:
    """A notebook has a role that SageMaker may assume."""
    account.role("of-lambda-alone", services=["lambda"])

    with pytest.raises(AccountError, match="of-lambda-alone"):
        role_session(account.info, "of-lambda-alone")
