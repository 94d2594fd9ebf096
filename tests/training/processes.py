"""Real processes for tests that kill some: forked from one server that has torch loaded, so each starts in no time.

A job is a function of a script by its path, since site-packages may hold a package `tests` that hides this one.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import torch

_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
# What a short job would spend most of its time on; torchvision brings torch's compiler along.
_CONTEXT.set_forkserver_preload(
    [
        "training.checkpoints.resuming",
        "training.optimisation.engine",
        "training.export.artifact",
        "torchvision.models",
        "sklearn.metrics",
    ]
)


def start(
    script: Path, function: str, *arguments: object, environ: Mapping[str, str], output: Path
) -> ForkServerProcess:
    """Start `function(*arguments)`, whose result is the exit code; what it prints is added to the file `output`."""
    job: dict[str, object] = {"script": str(script), "function": function, "arguments": arguments}
    job |= {"environ": dict(environ), "output": str(output)}
    names = {"run_name": "job", "init_globals": {"JOB": job}}
    process = _CONTEXT.Process(target=runpy.run_path, args=(__file__,), kwargs=names, daemon=True)
    process.start()
    return process


def finish(process: ForkServerProcess, seconds: float = 60) -> int:
    """Wait for the end of `process`; return its exit code, negative for a signal."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"process {process.pid} still ran after {seconds} s")
    return process.exitcode


def _run(script: str, function: str, arguments: tuple[object, ...], environ: dict[str, str], output: str) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.update(environ)
    torch.set_num_threads(1)
    sys.exit(runpy.run_path(script)[function](*arguments))


if __name__ == "job":
    _run(**globals()["JOB"])
