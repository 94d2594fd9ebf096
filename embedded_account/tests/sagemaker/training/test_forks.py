"""A job's script runs in a fork of a process that has imported torch, and cannot tell but by the time it takes."""

import json
import os
import signal
from typing import Any

import psutil
import pytest
from embedded_account.forks.server import IS_SUPPORTED
from support.jobs import Workbench

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="instances are forks on Linux alone")

_TELLS = """
import json, logging, os, sys, threading
imported = sorted({name.partition(".")[0] for name in sys.modules})
import numpy, torch
open(os.path.join(os.environ["SM_MODEL_DIR"], "told.json"), "w").write(json.dumps({
    "imported": imported, "name": __name__, "main": sys.modules["__main__"].__file__, "file": __file__,
    "argv": sys.argv, "path": sys.path, "handlers": len(logging.root.handlers), "threads": torch.get_num_threads(),
    "cores": os.environ["OMP_NUM_THREADS"], "random": numpy.random.random(), "parents": [os.getppid(), os.getsid(0)],
    "open": len(os.listdir("/proc/self/fd")), "flags": sys.flags.safe_path,
}))
threading.Thread(target=lambda: print("from a thread")).start()
"""


def _told(workbench: Workbench, **changes: Any) -> dict[str, Any]:
    job = workbench.ended(workbench.start(_TELLS, **changes))
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    return dict(json.loads(workbench.members(job["ModelArtifacts"]["S3ModelArtifacts"])["told.json"]))


@pytest.fixture(scope="module")
def told(workbench: Workbench) -> dict[str, Any]:
    """Return what a script sees of its process."""
    return _told(workbench)


def test_torch_is_imported_and_nothing_of_the_toolkit(told: dict[str, Any]) -> None:
    """The script pays for no import of torch, and meets neither the toolkit's modules nor its logging."""
    assert "torch" in told["imported"]
    assert not {"sagemaker_training", "sagemaker_pytorch_container", "embedded_account_launcher"} & set(
        told["imported"]
    )
    assert told["handlers"] == 0


def test_script_is_the_main_program(told: dict[str, Any]) -> None:
    """It has the name, the arguments, the import path and the descriptors of `python train.py`."""
    assert told["name"] == "__main__"
    assert told["argv"] == ["train.py"]
    assert told["main"] == told["file"] == f"{told['path'][0]}/train.py"
    assert told["path"][0].endswith("/opt/ml/code")
    assert not any("/forks" in path for path in told["path"])
    assert told["open"] == 5  # the three of every process, the listing's own, and the file that this is written to
    assert told["flags"] is False


def test_script_is_a_child_of_the_toolkit_in_its_session(told: dict[str, Any]) -> None:
    """So that what ends the instance ends the script."""
    parent, session = told["parents"]

    assert parent == session


def test_torch_has_the_threads_of_the_instance(told: dict[str, Any]) -> None:
    """A fork of a process with other threads would take the cores of its neighbours."""
    assert str(told["threads"]) == told["cores"]


def test_random_numbers_of_two_jobs_differ(workbench: Workbench, told: dict[str, Any]) -> None:
    """Numpy's global generator has a seed of its own in each job."""
    assert _told(workbench)["random"] != told["random"]


def test_a_job_with_variables_that_python_reads_is_started(workbench: Workbench) -> None:
    """A fork would have them too late."""
    assert "torch" not in _told(workbench, Environment={"PYTHONHASHSEED": "0"})["imported"]


def test_a_lost_server_is_replaced(workbench: Workbench, told: dict[str, Any]) -> None:
    """Killing the process that forks loses no job to come."""
    for process in psutil.Process(workbench.account.info.pid).children():
        if any(part.endswith("embedded_account_instance.py") for part in process.cmdline()):
            os.kill(process.pid, signal.SIGKILL)

    assert "torch" in _told(workbench)["imported"]
