"""What a caller is told when the account has no room for a request."""

import errno
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.shortage_answers import told

_SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261129/us-east-1/{}/aws4_request"
_REQUESTS: dict[str, dict[str, Any]] = {
    "s3": {"REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/key"},
    "states": {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_X_AMZ_TARGET": "AWSStepFunctions.StartExecution"},
}


def _answer(account: Account, error: Exception, signed_for: str) -> tuple[str, bytes]:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise error

    started: list[str] = []
    environ = _REQUESTS[signed_for] | {"HTTP_AUTHORIZATION": _SIGNED.format(signed_for)}
    body = told(account, application)(environ, lambda status, headers: started.append(status))
    return started[0], b"".join(body)


def test_a_full_disk_is_an_internal_error_of_s3(bare_account: Account) -> None:
    """S3's client shows the sentence, where the account's own error page was."""
    status, body = _answer(bare_account, OSError(errno.ENOSPC, "No space left on device"), "s3")

    assert status.startswith("500")
    assert b"<Code>InternalError</Code><Message>the embedded account has no room: No space left on device" in body


def test_too_many_files_are_an_internal_error_of_a_json_service(bare_account: Account) -> None:
    """Other services answer in their own protocol."""
    status, body = _answer(bare_account, OSError(errno.EMFILE, "Too many open files"), "states")

    assert status.startswith("500")
    assert "raise the limit of open files" in json.loads(body)["message"]


def test_any_other_error_passes(bare_account: Account) -> None:
    """A fault of the account's own is not called a full disk."""
    with pytest.raises(KeyError, match="lost"):
        _answer(bare_account, KeyError("lost"), "s3")
