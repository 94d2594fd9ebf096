"""A plugin of pytest under which moto's own tests speak to an embedded account that is fresh for each.

python -m pytest -p moto_plugin ...    with EMBEDDED_ACCOUNT_BENCH naming a folder, and TEST_SERVER_MODE=true
"""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import moto_set_up

_PORT = os.environ["MOTO_PORT"]
_CHANGES_STACK = ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ExecuteChangeSet")
_CHANGES_NOTHING = ("Describe", "Get", "List")
_STACK_SECONDS = 30
_now = datetime.now  # of the class that no test replaces


class _Accounts:
    """Starts accounts, one after the other, in forks of one process."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fresh_accounts.py")), str(folder), _PORT]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._keys: dict[str, str] = {}
        self.is_fresh = False

    def renew(self) -> None:
        """Start a fresh account, unless the one that runs has done nothing, and let clients sign with its keys."""
        import boto3

        boto3.DEFAULT_SESSION = None
        if not self.is_fresh:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            self._keys = json.loads(self._process.stdout.readline())
            self.is_fresh = True
        os.environ.update(self._keys)  # in each test: one that sets variables puts those before it back

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
    _sign_at_the_real_time()
    _adapt_calls(accounts)


def _sign_at_the_real_time() -> None:
    """Sign by the machine's clock where a test has stopped its own: no signature is taken years later."""
    from botocore import auth

    signing: Any = auth
    signing.get_current_datetime = lambda: _now(UTC).replace(tzinfo=None)


def _adapt_calls(accounts: _Accounts) -> None:
    """Set up what calls need, and let those that change a stack return when that is done, as they do with moto."""
    from botocore.client import BaseClient

    clients: Any = BaseClient
    call = clients._make_api_call

    def call_and_wait(client: Any, operation: str, params: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        is_fresh = accounts.is_fresh
        params = moto_set_up.before(service, operation, params)
        accounts.is_fresh = is_fresh
        answer = call(client, operation, params)
        accounts.is_fresh = is_fresh and operation.startswith(_CHANGES_NOTHING)
        moto_set_up.after(service, operation, params)
        name = params.get("StackName")
        if operation in _CHANGES_STACK and service == "cloudformation" and name:
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
