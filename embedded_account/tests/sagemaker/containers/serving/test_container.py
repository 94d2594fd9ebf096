"""The process of an instance: what it starts with, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from embedded_account.sagemaker.containers.serving import container

pytestmark = pytest.mark.account  # sockets on 127.0.0.1

INFERENCE = """
import sys, time

def model_fn(model_dir):
    return model_dir

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    print("at work", flush=True)
    time.sleep(float(data))
    return " ".join(sorted(name for name in ("scipy", "torch", "embedded_account") if name in sys.modules))

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A container with a model that sleeps, and its port."""
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(INFERENCE)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with listener:
        started = subprocess.Popen(
            [sys.executable, container.__file__, "--listen-fd", str(listener.fileno())],
            env={"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(tmp_path), "SAGEMAKER_PROGRAM": "inference.py"},
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            text=True,
        )
    yield started, port
    started.kill()
    started.wait()
    if started.stdout:
        started.stdout.close()


def test_sigterm_ends_the_process_once_its_request_is_answered(process: tuple[subprocess.Popen[str], int]) -> None:
    """Taken out of service in the middle of a request, the instance still answers it, and exits with 0."""
    started, port = process
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", "/invocations", b"0.3", {"Content-Type": "application/x-image"})
            response = connection.getresponse()
            answers.append((response.status, response.read()))

    caller = threading.Thread(target=ask)
    caller.start()
    assert started.stdout is not None
    assert started.stdout.readline() == "at work\n"
    started.send_signal(signal.SIGTERM)
    caller.join(20)

    assert answers == [(200, b"")]  # and neither scipy nor torch nor anything of the account was imported
    assert started.wait(20) == 0


def test_sparse_matrices_still_load_scipy() -> None:
    """What the toolkit needs scipy for works as before, and other importers of scipy get the real one."""
    program = (
        "import io, sys, numpy\n"
        "from embedded_account.sagemaker.containers.serving.toolkit import import_without_scipy\n"
        "import_without_scipy('sagemaker_inference.transformer')\n"
        "assert 'scipy' not in sys.modules\n"
        "import scipy.sparse\n"
        "from sagemaker_inference import decoder\n"
        "buffer = io.BytesIO()\n"
        "scipy.sparse.save_npz(buffer, scipy.sparse.csr_matrix(numpy.eye(3)))\n"
        "assert decoder.decode(buffer.getvalue(), 'application/x-npz').sum() == 3\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
