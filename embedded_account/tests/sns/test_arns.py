"""Whom a topic may be subscribed to."""

import uuid

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount


@pytest.mark.parametrize(
    ("protocol", "endpoint", "words"),
    [
        ("pigeon", "roof", "Amazon SNS does not support this protocol string: pigeon"),
        ("https", "http://127.0.0.1/", "Endpoint must match the specified protocol"),
        ("email", "nobody", "Email address"),
        ("lambda", "predict", "An ARN must have at least 6 elements, not 1"),
    ],
)
def test_a_subscription_that_reaches_nobody_is_refused(
    account: RunningAccount, protocol: str, endpoint: str, words: str
) -> None:
    """By its protocol, or by an endpoint of another form.

    Source: SNS API reference, Subscribe: Protocol and Endpoint.
    """
    sns = account.client("sns")
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4().hex[:8]}")["TopicArn"]

    with pytest.raises(ClientError, match=f"InvalidParameter.*{words}"):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
