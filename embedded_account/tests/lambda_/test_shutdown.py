"""No process of a function outlives its account."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.functions import make_function
from support.waiting import eventually

from embedded_account import control

WITH_CHILD = """
import os, subprocess
def handler(event, context):
    return [os.getpid(), subprocess.Popen(["sleep", "600"]).pid]
"""


def is_alive(pid: int) -> bool:
    """Return whether a process still does anything."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.account
def test_environments_end_with_the_account(tmp_path: Path) -> None:
    """After a kill an environment ends by itself; a stop ends every environment and what it has started."""
    account = RunningAccount(control.start(tmp_path), tmp_path)
    account.role("tester")
    pid = make_function(account, "import os\ndef handler(e, c): return os.getpid()", Timeout=20).invoke().value
    os.kill(account.info.pid, signal.SIGKILL)

    eventually(lambda: not is_alive(pid))

    account = RunningAccount(control.start(tmp_path), tmp_path)
    assert account.info.lost
    account.role("tester")
    pids = make_function(account, WITH_CHILD, Timeout=20).invoke().value
    assert all(is_alive(pid) for pid in pids)

    control.stop(tmp_path)

    assert not any(is_alive(pid) for pid in pids)
