"""An instance's process: AWS's training toolkit, in a fork of a process that has imported torch.

A kind of `forks/fork_server.py`. Importing torch and what the toolkit needs takes two seconds of a core, a fork takes
ten milliseconds (2 cores, November 2026). The fork divides before the toolkit is imported: one half waits to become the
job's script, the other is the toolkit.
"""

import importlib
import os
import sys
from typing import Any

IDLE_SECONDS = 300.0
# Torch for the scripts; the rest is what the toolkit imports. All read nothing of a job's own environment.
_AHEAD = ("boto3", "paramiko", "psutil", "torch")


def prepare() -> None:
    """Import what is slow; what is not there is the script's own matter."""
    for name in _AHEAD:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 (whatever it is, it comes again where it counts)
            sys.stderr.write(f"{name} is not imported ahead: {error!r}\n")


def learn(text: str) -> None:
    """Import nothing more: a job's modules are its own."""


def become(request: dict[str, Any], descriptors: list[int], learned: int) -> None:
    """Be the process that the container's command `train` would be."""
    import embedded_account_opt_ml  # type: ignore[import-not-found] # on the container's own path
    from embedded_account_script import WaitingScript  # type: ignore[import-not-found]

    os.close(learned)
    if "OptMl" in request:
        embedded_account_opt_ml.enter(request["OptMl"])
    waiting_script = WaitingScript()
    import embedded_account_launcher  # type: ignore[import-not-found]
    from sagemaker_training.cli.train import main

    embedded_account_launcher.waiting_script = waiting_script
    sys.argv = ["train"]
    main()
