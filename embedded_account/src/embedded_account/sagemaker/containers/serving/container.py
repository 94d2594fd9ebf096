"""Serve one model as a SageMaker container does: GET /ping and POST /invocations.

    python .../sagemaker/containers/serving/container.py --listen-fd 3

The socket is inherited, listening already. SAGEMAKER_BASE_DIR stands for /opt/ml. The user's functions are run by
AWS's sagemaker-inference toolkit. The model is loaded before the first /ping is answered; a model that does not load
ends the process with its traceback on standard error. SIGTERM ends it once everything that has arrived is answered.

    SAGEMAKER_MODEL_SERVER_WORKERS    requests at work at a time: threads here, processes on AWS; two a core by default,
                                      so that one is decoded while another one computes
    OMP_NUM_THREADS                   the cores that this instance has; all by default
    TS_JOB_QUEUE_SIZE                 requests that wait; more get 503 at once
    SAGEMAKER_MODEL_SERVER_TIMEOUT    seconds that a request may take before its worker counts as stuck; 60 by default
"""

import argparse
import ctypes
import gc
import importlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedded_account.sagemaker.containers.serving import admission, toolkit

DEFAULT_QUEUE_SIZE = 100  # TorchServe's own default
WORKERS_PER_CORE = 2
DRAIN_SECONDS = 60.0
_PACKAGE = "embedded_account_serving"
_M_ARENA_MAX = -8  # glibc's malloc.h


def main() -> None:
    """Load the model and serve it until the process is told to end."""
    parser = argparse.ArgumentParser(prog="container.py", description=__doc__)
    parser.add_argument("--listen-fd", type=int, required=True, help="an inherited socket that listens")
    listener = socket.socket(fileno=parser.parse_args().listen_fd)
    _share_memory_among_threads()
    told_to_end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.set())
    model_dir = str(Path(os.environ["SAGEMAKER_BASE_DIR"]) / "model")
    _make_siblings_importable()
    sys.path[0] = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or str(Path(model_dir) / "code")  # not our own folder
    model = _loaded(model_dir)
    running = _sibling("server").Server(listener, model.answer, _admission())
    running.start()
    told_to_end.wait()
    if not running.drain(DRAIN_SECONDS):
        _sibling("server").log(f"ended with requests unanswered: they took more than {DRAIN_SECONDS:.0f} s")


def _share_memory_among_threads() -> None:
    """Let the C library keep two heaps instead of up to eight a core: each holds on to what a thread once needed."""
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _loaded(model_dir: str) -> "toolkit.Model":
    try:
        model: toolkit.Model = _sibling("toolkit").Model(model_dir)
        model.load()
    except Exception:  # noqa: BLE001 (a user's model may fail in any way; its traceback is the container's log)
        traceback.print_exc()
        sys.exit(1)
    gc.collect()
    gc.freeze()  # what was loaded stays; collections need not look at it
    return model


def _admission() -> "admission.Admission":
    num_workers = _number("SAGEMAKER_MODEL_SERVER_WORKERS") or WORKERS_PER_CORE * _num_cores()
    queue_size = _number("TS_JOB_QUEUE_SIZE") or DEFAULT_QUEUE_SIZE
    kind = _sibling("admission")
    seconds = _number("SAGEMAKER_MODEL_SERVER_TIMEOUT") or kind.INVOCATION_SECONDS
    made: admission.Admission = kind.Admission(num_workers, queue_size, seconds)
    return made


def _num_cores() -> int:
    if _number("OMP_NUM_THREADS"):
        return _number("OMP_NUM_THREADS")
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _number(name: str) -> int:
    return int(os.environ.get(name) or 0)


def _make_siblings_importable() -> None:
    """Import this folder as a package of another name, since its own is not on the path."""
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder}: no package")
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[_PACKAGE])


def _sibling(name: str) -> Any:
    return importlib.import_module(f"{_PACKAGE}.{name}")


if __name__ == "__main__":
    main()
