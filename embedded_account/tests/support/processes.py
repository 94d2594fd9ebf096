"""Waiting for processes of the account to be gone."""

import psutil
from support.waiting import eventually


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    """Return once the process `pid` does nothing any more; fail after `seconds`."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    eventually(lambda: not _is_alive(process), seconds, f"the end of process {pid}")


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
