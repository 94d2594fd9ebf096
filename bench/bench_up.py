"""How long a deployment on this machine takes, from nothing: `deploy.py up --local` in a folder of its own.

python bench/bench_up.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import embedded_account

ROOT = Path(__file__).resolve().parents[1]
_ROUNDS = 3


def main() -> None:
    """Print the median of three; at most 6 s is aimed at."""
    times = [_seconds() for _ in range(_ROUNDS)]
    print(
        f"deploy.py up --local, account and stack from nothing: {statistics.median(times):.1f} s (at most 6 aimed at)"
    )


def _seconds() -> float:
    with tempfile.TemporaryDirectory() as name:
        environment = os.environ | {"RETRIEVER_LOCAL_FOLDER": name}
        started = time.perf_counter()
        command = [sys.executable, "deploy.py", "up", "--local"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        embedded_account.stop(Path(name))
    return seconds


if __name__ == "__main__":
    main()
