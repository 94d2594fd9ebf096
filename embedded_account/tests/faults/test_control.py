"""The control path, by itself and through the command line."""

import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from embedded_account.faults.remote import FAULTS_PATH, Faults
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import AccountError

_ROOT = Path(__file__).resolve().parents[3]


def test_a_fault_that_is_none_is_refused_with_its_sentence(faults: Faults) -> None:
    """The message of the account reaches whoever asked."""
    with pytest.raises(AccountError, match=r"kind of fault: 'melt'; known are throttle, "):
        faults.add("melt")


def test_the_control_path_needs_the_accounts_key(account: RunningAccount) -> None:
    """A page in a browser that finds the port cannot break anything."""
    with pytest.raises(HTTPError, match="403"), urlopen(account.info.url + FAULTS_PATH):
        pass


def test_commands_add_list_and_clear(account: RunningAccount, faults: Faults) -> None:
    """`fault add` prints the id, `list` shows the fault, `clear` removes it."""
    added = _run(account, "add", "throttle", "--service", "s3", "--count", "3").strip()
    listed = _run(account, "list")
    cleared = _run(account, "clear", added)

    assert f"{added}\tthrottle\tservice=s3 count=3" in listed
    assert cleared == "1 cleared\n"
    assert faults.waiting() == []


def _run(account: RunningAccount, *arguments: str) -> str:
    command = [sys.executable, "-m", "embedded_account", "fault", *arguments, "--folder", str(account.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
