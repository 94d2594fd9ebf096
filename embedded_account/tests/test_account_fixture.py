"""The fixtures that other tests build on."""

import os
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import NetworkBlockedError, RunningAccount


def test_unmarked_test_cannot_open_a_socket() -> None:
    """A unit test that connects fails, even to loopback."""
    with socket.socket() as client, pytest.raises(NetworkBlockedError, match=r"127\.0\.0\.1"):
        client.connect(("127.0.0.1", 9))


@pytest.mark.account
def test_marked_test_cannot_leave_the_machine() -> None:
    """A test of the embedded account reaches loopback and nothing else."""
    with socket.socket() as client, pytest.raises(NetworkBlockedError, match=r"192\.0\.2\.1"):
        client.connect(("192.0.2.1", 80))


def test_environment_has_a_region_and_no_credentials() -> None:
    """No test finds the machine's AWS credentials."""
    assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "AWS_ACCESS_KEY_ID" not in os.environ


def test_account_gives_a_role_that_may_do_everything(account: RunningAccount) -> None:
    """Any service may assume it."""
    arn = account.role("fixture-jobs")

    role = account.client("iam").get_role(RoleName="fixture-jobs")["Role"]
    document = account.client("iam").get_role_policy(RoleName="fixture-jobs", PolicyName="test")["PolicyDocument"]
    assert arn == role["Arn"]
    assert "sagemaker.amazonaws.com" in role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert document["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def test_account_gives_a_session_that_may_do_little(account: RunningAccount) -> None:
    """It may do what its statement says, and nothing else."""
    session = account.session({"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"})
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }

    assert "Buckets" in account.client("s3", **keys).list_buckets()
    with pytest.raises(ClientError, match="ListQueues"):
        account.client("sqs", **keys).list_queues()


def test_account_answers(account: RunningAccount, aws: Callable[[str], Any]) -> None:
    """The shared account runs in a process of its own and knows its root."""
    with urllib.request.urlopen(account.info.url + "/_embedded-account/health") as response:
        assert response.status == 200

    assert aws("sts").get_caller_identity()["Account"] == "123456789012"
