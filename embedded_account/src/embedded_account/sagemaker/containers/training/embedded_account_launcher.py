"""The module that the training toolkit imports: it hands over to AWS's PyTorch launcher, adapted to a laptop.

Runs in the container's process, with nothing else of this package on its path. Three things are adapted. The launcher
imports torch only to note its version, which costs 1.3 s of a core a job (2 cores, November 2026); the version is read
from the installed package instead. An instance has as many CPUs as it was given, not as the machine has. And where a
process waits to become the script, it does.
"""

import asyncio
import os
from importlib.metadata import version
from typing import Any

from embedded_account_script import WaitingScript  # type: ignore[import-not-found]

waiting_script: WaitingScript | None = None
_start_process = asyncio.create_subprocess_exec


def main() -> None:
    """Run the user's script as the PyTorch containers do."""
    from sagemaker_pytorch_container import training
    from sagemaker_training import environment

    training._set_torch_version_environment = _note_torch_version
    environment.num_cpus = lambda: int(os.environ["EMBEDDED_ACCOUNT_INSTANCE_CPUS"])
    asyncio.create_subprocess_exec = _start_or_become  # type: ignore[assignment]
    training.main()


def _note_torch_version() -> None:
    os.environ["SM_DLC_TORCH_VERSION"] = version("torch")


async def _start_or_become(*command: str, env: Any, cwd: str, **options: Any) -> Any:
    """Start a process, or let the one that waits become it."""
    if waiting_script is None or not waiting_script.takes(command):
        return await _start_process(*command, env=env, cwd=cwd, **options)
    return await waiting_script.run(command, dict(env), cwd)
