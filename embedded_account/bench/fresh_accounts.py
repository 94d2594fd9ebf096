"""A process that has all modules of the embedded account loaded, and starts fresh accounts in its forks.

    python bench/fresh_accounts.py FOLDER PORT

Each line that it reads ends the account that runs and starts another on the same port; it answers with that
account's root keys. So each test can have an account of its own.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from embedded_account.control import ACCOUNT_FILE

from embedded_account import server

_SECONDS = 60.0


def main() -> None:
    """Start an account for each line, until there are no more."""
    folder, port = Path(sys.argv[1]), sys.argv[2]
    warnings.simplefilter("ignore")
    _load(folder / "modules.json")
    pid = 0
    for number, _ in enumerate(sys.stdin):
        _end(pid)
        own = folder / str(number)
        pid = _forked(own, port)
        print(json.dumps(_keys(own)), flush=True)
        shutil.rmtree(folder / str(number - 1), ignore_errors=True)
    _end(pid)


def _load(names: Path) -> None:
    """Import what a running account has imported, as one that is started and ended for this tells."""
    pid = os.fork()
    if not pid:
        written = server._write_account_file

        def tell(account: Any, port: int, lost: list[str]) -> None:
            written(account, port, lost)
            names.write_text(json.dumps(list(sys.modules)))
            os._exit(0)

        server._write_account_file = tell
        _serve(names.parent / "loading", "0")
    os.waitpid(pid, 0)
    for name in json.loads(names.read_text()):
        with suppress(Exception):  # some are made by others and cannot be imported by their names
            import_module(name)


def _forked(folder: Path, port: str) -> int:
    assert threading.active_count() == 1, "a fork of a process with threads"
    pid = os.fork()
    if not pid:
        _serve(folder, port)
    return pid


def _serve(folder: Path, port: str) -> None:
    os.setsid()
    folder.mkdir(parents=True)
    with (folder / "server.log").open("w") as log, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.argv = ["server", "--folder", str(folder), "--port", port]
    try:
        server.main()
    finally:
        os._exit(1)


def _end(pid: int) -> None:
    if pid:
        os.kill(pid, signal.SIGTERM)  # it ends its functions and jobs
        os.waitpid(pid, 0)


def _keys(folder: Path) -> dict[str, str]:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError, ValueError):
            info = json.loads((folder / ACCOUNT_FILE).read_text())
            return {"AWS_ACCESS_KEY_ID": info["access_key_id"], "AWS_SECRET_ACCESS_KEY": info["secret_access_key"]}
        time.sleep(0.01)
    raise SystemExit(f"no account in {folder} after {_SECONDS:.0f} s; see its server.log")


if __name__ == "__main__":
    main()
