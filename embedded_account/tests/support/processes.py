"""Waiting for processes of the account to be gone."""

import time

import psutil


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    """Return once the process `pid` does nothing any more; fail after `seconds`."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    deadline = time.monotonic() + seconds
    while _is_alive(process):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
