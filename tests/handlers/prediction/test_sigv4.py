"""Our signer says what botocore's says, for any request that the prediction function sends."""

import datetime
import string
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from botocore import auth, compat
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from handlers.prediction.sigv4 import Credentials, signed_headers

AT = 1_790_000_000.0
_VALUES = st.text(string.ascii_letters + string.digits + " ;=/_.-", max_size=40).map(str.strip)
_PATHS = st.lists(st.text(min_size=1, max_size=12).filter(lambda text: text not in {".", ".."}), max_size=4)


def botocore_authorization(service: str, url: str, headers: dict[str, str], body: bytes, token: str | None) -> str:
    """Sign with botocore at the same moment."""
    request = AWSRequest("POST", url, data=body, headers=headers)
    signer = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    request.context.update({"payload_signing_enabled": True, "client_config": None})
    at = datetime.datetime.fromtimestamp(AT, datetime.UTC)
    with mock.patch.object(auth, "get_current_datetime", spec=compat.get_current_datetime, return_value=at):
        signer(BotocoreCredentials("AKID", "secret", token), service, "eu-west-1").add_auth(request)
    return str(request.headers["Authorization"])


@given(
    service=st.sampled_from(["sagemaker", "s3"]),
    parts=_PATHS,
    values=st.dictionaries(st.sampled_from(["Content-Type", "X-Amzn-SageMaker-Custom-Attributes", "X-A"]), _VALUES),
    body=st.binary(max_size=200),
    token=st.none() | st.text(string.ascii_letters, min_size=1, max_size=20),
)
def test_signature_is_botocores(
    service: str, parts: list[str], values: dict[str, str], body: bytes, token: str | None
) -> None:
    """Any path, headers, body and token; S3's path is encoded once and the others' twice."""
    path = "/" + "/".join(quote(part, safe="-_.~") for part in parts)

    ours = signed_headers(
        Credentials("AKID", "secret", token or ""), method="POST", host="runtime.example", path=path, headers=values,
        body=body, service=service, region="eu-west-1", at=AT,
    )  # fmt: skip

    sent = {name: value for name, value in ours.items() if name != "Authorization"}
    assert ours["Authorization"] == botocore_authorization(service, f"https://runtime.example{path}", sent, body, token)


def test_credentials_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lambda gives them to a function."""
    values: dict[str, Any] = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}

    assert Credentials.from_environment(values) == ("a", "b", "c")
    assert Credentials.from_environment({}) == ("", "", "")
