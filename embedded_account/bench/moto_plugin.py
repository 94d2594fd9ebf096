"""A plugin of pytest under which moto's own tests speak to an embedded account that is fresh for each.

python -m pytest -p moto_plugin ...    with EMBEDDED_ACCOUNT_BENCH naming a folder, and TEST_SERVER_MODE=true
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PORT = os.environ["MOTO_PORT"]
_CHANGES_STACK = ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ExecuteChangeSet")
_STACK_SECONDS = 30


class _Accounts:
    """Starts accounts, one after the other, in forks of one process."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fresh_accounts.py")), str(folder), _PORT]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def renew(self) -> None:
        """Start a fresh account, and let clients sign with its root's keys."""
        import boto3

        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        os.environ.update(json.loads(self._process.stdout.readline()))
        boto3.DEFAULT_SESSION = None

    def close(self) -> None:
        """End the account that runs."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def pytest_configure(config: Any) -> None:
    """Put fresh accounts in the place of moto's reset."""
    from moto.core import models
    from moto.core.config import default_user_config

    mocks: Any = models.ServerModeMockAWS
    accounts = _Accounts(Path(os.environ["EMBEDDED_ACCOUNT_BENCH"]))
    accounts.renew()
    config.add_cleanup(accounts.close)
    default_user_config["core"]["mock_credentials"] = False  # the account looks at who signs
    enable = mocks._enable_patching

    def enable_with_fresh_account(mock: Any, reset: bool = True) -> None:
        if reset and type(mock)._nested_count == 1:
            accounts.renew()
        enable(mock, reset=False)

    mocks._enable_patching = enable_with_fresh_account
    mocks.reset = lambda _mock: None
    _wait_for_stacks()


def _wait_for_stacks() -> None:
    """Let a call that changes a stack return when that is done: moto does it at once, and its tests do not wait."""
    from botocore.client import BaseClient

    clients: Any = BaseClient
    call = clients._make_api_call

    def call_and_wait(client: Any, operation: str, params: dict[str, Any]) -> Any:
        answer = call(client, operation, params)
        name = params.get("StackName")
        if operation in _CHANGES_STACK and client.meta.service_model.service_name == "cloudformation" and name:
            deadline = time.monotonic() + _STACK_SECONDS
            made = answer.get("Id", "") if operation == "CreateChangeSet" else ""
            while _is_in_progress(client, answer.get("StackId", name), made) and time.monotonic() < deadline:
                time.sleep(0.05)
        return answer

    clients._make_api_call = call_and_wait


def _is_in_progress(client: Any, name: str, change_set: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        if change_set:
            status = client.describe_change_set(ChangeSetName=change_set)["Status"]
        else:
            status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError:  # it is deleted
        return False
    return bool(status != "REVIEW_IN_PROGRESS" and status.endswith(("_IN_PROGRESS", "_PENDING")))
