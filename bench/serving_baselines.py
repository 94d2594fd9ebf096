"""Servers as processes with a port, for bench_serving.py and bench_peers.py to measure against one another.

usual        inference.py as it is usually written: PIL decodes, Resize, CenterCrop, ToTensor, the network eager in
             fp32, one request at a time, behind the standard library's HTTP server
ours         the embedded account's serving container with an artifact as training/export/artifact.py writes it

TorchServe and the other peers are in peers/.
"""

import os
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
CONTAINER = ROOT / "embedded_account/src/embedded_account/sagemaker/containers/serving/container.py"
START_SECONDS = 90.0


class ServerProcess:
    """One running server; `seconds_to_first_answer` counts from the start of its process."""

    def __init__(self, name: str, command: list[str], path: str, photo: bytes, port: int, **options: Any) -> None:
        self.name, self.path, self.port = name, path, port
        self._content_type = options.pop("content_type", "image/jpeg")
        started = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=options.pop("log"), stderr=subprocess.STDOUT, **options)
        while not self._answers(photo):
            if self._process.poll() is not None or time.perf_counter() - started > START_SECONDS:
                raise RuntimeError(f"{name}: no answer after {time.perf_counter() - started:.0f} s; see build/bench")
            time.sleep(0.01)
        self.seconds_to_first_answer = time.perf_counter() - started

    @property
    def url(self) -> str:
        """Where photographs are posted to."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def resident_mb(self) -> float:
        """Return the resident memory of the process and its children."""
        process = psutil.Process(self._process.pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 2**20

    def end(self) -> None:
        """End the process."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for child in children:
            if child.is_running():
                child.kill()

    def _answers(self, photo: bytes) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", self.path, photo, {"Content-Type": self._content_type})
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def start_ours(folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start the container with the artifact in FOLDER/model."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    environ = {
        "PATH": os.environ["PATH"],
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(folder / "model" / "code"),
        "OMP_NUM_THREADS": str(os.cpu_count()),
    }
    command = [sys.executable, str(CONTAINER), "--listen-fd", str(listener.fileno())]
    with listener, log.open("w") as output:
        port = listener.getsockname()[1]
        return ServerProcess(
            "ours", command, "/invocations", photo, port, env=environ, pass_fds=[listener.fileno()], log=output
        )


def start_usual(folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start the usual inference.py with the weights in FOLDER/model."""
    return start_minimal("torch-fp32", Path(sys.executable), folder, photo, log)


def start_minimal(engine: str, python: Path, folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start an engine of peers/engines.py behind the standard library's HTTP server, run by `python`."""
    port = free_port()
    command = [str(python), str(ROOT / "bench" / "peers" / "minimal.py"), engine, str(folder / "model"), str(port)]
    with log.open("w") as output:
        return ServerProcess(log.stem, command, "/invocations", photo, port, log=output)


def install_beside(name: str, *requirements: str) -> Path:
    """Return a folder under build/ with packages that the product does not have, for PYTHONPATH."""
    folder = ROOT / "build" / name
    if not folder.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(folder), *requirements], check=True)
    return folder


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
