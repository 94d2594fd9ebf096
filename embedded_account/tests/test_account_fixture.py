"""The fixtures that other tests build on."""

import os
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
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


def test_account_answers(account: RunningAccount, aws: Callable[[str], Any]) -> None:
    """The shared account runs in a process of its own and knows its root."""
    with urllib.request.urlopen(account.info.url + "/_embedded-account/health") as response:
        assert response.status == 200

    assert aws("sts").get_caller_identity()["Account"] == "123456789012"
