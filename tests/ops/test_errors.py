"""Errors of boto3 in words."""

import re

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from ops.errors import sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentialsError(), "no AWS credentials: .*aws configure"),
        (NoRegionError(), "no AWS region: .*AWS_REGION"),
        (EndpointConnectionError(endpoint_url="x"), "cannot talk to AWS: .*check the network"),
    ],
)
def test_sentence_names_the_remedy(error: BotoCoreError, words: str) -> None:
    """A person learns what to do."""
    assert re.search(words, sentence(error))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "expired (ExpiredToken); sign in again"),
        ("InvalidClientTokenId", "not accepted (InvalidClientTokenId)"),
        ("AccessDenied", "PutObject: AccessDenied: no; ask for this permission"),
        ("SlowDown", "PutObject: SlowDown: no"),
    ],
)
def test_sentence_tells_refusals_by_their_code(code: str, words: str) -> None:
    """The code decides, not the words of the message."""
    assert words in sentence(ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject"))
