"""Starts, finds and stops the embedded account's process; imports nothing heavy, so that a command starts fast."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from embedded_account import folders, sdk_settings
from embedded_account.account_error import AccountError
from embedded_account.journal import Journal

ACCOUNT_FILE = "account.json"
LOCK_FILE = "lock"
LOG_FILE = "account.log"
HEALTH_PATH = "/_embedded-account/health"
CLOCK_PATH = "/_embedded-account/clock"
PERMISSIONS_PATH = "/_embedded-account/permissions"
ADDRESSES_PATH = "/_embedded-account/aws-addresses"
ROLES_PATH = "/_embedded-account/roles"
KEY_HEADER = "X-Embedded-Account-Key"
_START_SECONDS = 60.0
_RUNS = {"execution", "training job", "tuning job"}  # kinds of entries that no file can hold
_STOP_SECONDS = 30.0
_children: dict[int, "subprocess.Popen[bytes]"] = {}  # accounts that this process started, to be reaped when they end


@dataclass(frozen=True)
class AccountInfo:
    """Where a running embedded account is. `lost` says in sentences what an earlier, killed one took with it."""

    url: str
    port: int
    pid: int
    region: str
    account_id: str
    started_at: str
    access_key_id: str
    secret_access_key: str
    lost: list[str]
    state_folder: str = ""
    sdk_settings: str = ""


def start(
    folder: Path,
    *,
    port: int = 0,
    region: str = "us-east-1",
    clock_speed: float = 1.0,
    state_folder: Path | None = None,
    record_permissions: bool = False,
    account: str = "settled",
    delays: str = "",
) -> AccountInfo:
    """Return the account of `folder`, started in the background if none runs.

    With `state_folder` its buckets, tables, stacks and job records survive its end there.
    With `record_permissions` it writes what each role used to permissions.jsonl. `account` says whose limits it has:
    those of a "settled" account, or of a "new" one. `delays` says which of AWS's delays it has: "all", or some as
    `embedded-account start --delays` takes them.

    Raises:
        AccountError: a folder belongs to somebody else, or the account did not answer within 60 s; the message ends
            with the last lines of its log then, which say so where there is no such delay.
    """
    running = status(folder)
    if running:
        return running
    for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
        del _children[pid]  # it was killed
    for each in (folder, state_folder):
        if each is not None:
            folders.make_private(each)
    arguments = ["--folder", str(folder), "--port", str(port), "--region", region, "--clock-speed", str(clock_speed)]
    arguments += ["--state-folder", str(state_folder.resolve())] if state_folder else []
    arguments += ["--account", account, "--delays", delays]
    arguments += ["--record-permissions"] if record_permissions else []
    with log_path(folder).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "embedded_account.server", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=_server_environment(),
        )
    _children[process.pid] = process
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        running = status(folder)
        if running:
            return running
        if process.poll() is not None:
            del _children[process.pid]
            break
        time.sleep(0.05)
    raise AccountError(f"the embedded account did not start; the end of {log_path(folder)}:\n{_log_tail(folder)}")


def stop(folder: Path) -> bool:
    """End the account of `folder` and everything it started; return whether one was running.

    Raises:
        AccountError: it still runs after 30 s.
    """
    running = status(folder)
    if running is None:
        if not _locked(folder):
            _end_leftovers(folder)
        return False
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        if not _locked(folder):
            if running.pid in _children:
                _children.pop(running.pid).wait(_STOP_SECONDS)
            return True
        time.sleep(0.05)
    raise AccountError(f"the embedded account (process {running.pid}) still runs after {_STOP_SECONDS:.0f} s")


def status(folder: Path) -> AccountInfo | None:
    """Return the running account of `folder`, or None when none answers."""
    try:
        info = AccountInfo(**json.loads((folder / ACCOUNT_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not _locked(folder):
        return None
    try:
        with urlopen(info.url + HEALTH_PATH, timeout=5) as response:  # noqa: S310 (an http URL of our own)
            return info if json.load(response)["Pid"] == info.pid else None
    except (OSError, ValueError):
        return None


def advance_clock(info: AccountInfo, seconds: float) -> str:
    """Put the account's clock forward; return what time it has then.

    Raises:
        AccountError: the account refuses it.
    """
    return str(ask(info, "POST", CLOCK_PATH, {"AdvanceSeconds": seconds})["Now"])


def ask(info: AccountInfo, method: str, path: str, body: object = None, *, timeout_seconds: float = 10.0) -> Any:
    """Return what one of the account's own paths answers.

    Raises:
        AccountError: it refuses; the message is its own.
    """
    content = json.dumps(body).encode() if body is not None else None
    headers = {KEY_HEADER: info.secret_access_key, "Content-Type": "application/json"}
    request = Request(info.url + path, data=content, headers=headers, method=method)  # noqa: S310 (our own URL)
    try:
        with urlopen(request, timeout=timeout_seconds) as response:  # noqa: S310
            return json.load(response)
    except HTTPError as error:
        raise AccountError(str(json.loads(error.read())["Message"])) from error


def log_path(folder: Path) -> Path:
    """Return the file that the account's process logs to."""
    return folder / LOG_FILE


def client_environment(info: AccountInfo) -> dict[str, str]:
    """Return the variables that point any AWS SDK, the SageMaker SDK or the AWS CLI at the account, as its root."""
    return {
        "AWS_ENDPOINT_URL": info.url,
        "AWS_REGION": info.region,
        "AWS_DEFAULT_REGION": info.region,
        "AWS_ACCESS_KEY_ID": info.access_key_id,
        "AWS_SECRET_ACCESS_KEY": info.secret_access_key,
        **({sdk_settings.VARIABLE: info.sdk_settings} if info.sdk_settings else {}),
    }


def lost_by_kill(folder: Path, *, keeps_state: bool = False) -> list[str]:
    """Clean up after an account that ended without a stop; return what was lost, in sentences.

    With `keeps_state` that is what ran, not what was stored.
    """
    entries = Journal(folder / "journal.jsonl").unfinished() if (folder / ACCOUNT_FILE).exists() else []
    num_ended = _end_leftovers(folder)
    Journal(folder / "journal.jsonl").clear()
    if not (folder / ACCOUNT_FILE).exists():
        return []
    (folder / ACCOUNT_FILE).unlink()
    if keeps_state:
        lost = ["the embedded account had ended without a stop; what it stored is taken back from its state folder"]
        entries = [entry for entry in entries if entry.kind in _RUNS]
    else:
        lost = ["the embedded account had ended without a stop; without a state folder buckets and tables are gone"]
    lost += [f"lost: {entry}" for entry in entries]
    return lost + ([f"ended {num_ended} processes that it had left behind"] if num_ended else [])


def _end_leftovers(folder: Path) -> int:
    from embedded_account.processes import end_leftovers

    return end_leftovers(folder / "processes.jsonl")


def _locked(folder: Path) -> bool:
    """Return whether a server process holds the folder."""
    try:
        with (folder / LOCK_FILE).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _server_environment() -> dict[str, str]:
    """Return the environment without the caller's AWS settings: the account must not reach for a real one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def _log_tail(folder: Path, num_lines: int = 15) -> str:
    with suppress(FileNotFoundError):
        return "\n".join(log_path(folder).read_text(errors="replace").splitlines()[-num_lines:])
    return ""
