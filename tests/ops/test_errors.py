"""Errors of boto3 in words, and those that are an answer."""

import re

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from ops.errors import GONE, sentence, unless_gone


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


@pytest.mark.parametrize("code", sorted(GONE))
def test_what_is_not_there_any_more_is_none(code: str) -> None:
    """A call about what is gone answers None."""
    assert unless_gone(_refused, code) is None


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "Unknown"])
def test_any_other_refusal_is_raised(code: str) -> None:
    """Only that a thing is gone is an answer; what forbids or fails the call is not."""
    with pytest.raises(ClientError, match=code):
        unless_gone(_refused, code)


def test_an_answer_is_given_as_it_is() -> None:
    """What is there is returned, also where it is empty."""
    assert unless_gone(dict) == {}


def _refused(code: str) -> None:
    raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeTrainingJob")
