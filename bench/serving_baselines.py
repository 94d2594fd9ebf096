"""The servers that bench_serving.py measures against one another, each as a process with a port.

usual        inference.py as it is usually written: PIL decodes, Resize, CenterCrop, ToTensor, the network eager in
             fp32, one request at a time, behind the standard library's HTTP server
torchserve   TorchServe 0.12 with its stock image_classifier handler, in an environment of its own under build/;
             as it comes, with a worker a core, and with one worker
ours         the embedded account's serving container with an artifact as training/export/artifact.py writes it

python bench/serving_baselines.py usual FOLDER PORT
"""

import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[:] = [str(ROOT), *sys.path[1:]]
CONTAINER = ROOT / "embedded_account/src/embedded_account/sagemaker/containers/serving/container.py"
START_SECONDS = 90.0
TORCHSERVE = ("torchserve==0.12.0", "torch-model-archiver==0.12.0", "captum==0.7.0")

# torchvision beside a CPU build of torch: see inference/torchvision_ops.py. TorchServe's handler imports it by itself.
SITE = """
import importlib.abc, sys
class DeclareFirst(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            sys.path.append({root!r})
            import inference.torchvision_ops
        return None
sys.meta_path.insert(0, DeclareFirst())
"""
TORCHSERVE_MODEL = """
from torchvision.models.resnet import Bottleneck, ResNet

class ImageClassifier(ResNet):
    def __init__(self):
        super().__init__(Bottleneck, [3, 4, 6, 3], num_classes=12)
"""


class ServerProcess:
    """One running server; `seconds_to_first_answer` counts from the start of its process."""

    def __init__(self, name: str, command: list[str], path: str, photo: bytes, port: int, **options: Any) -> None:
        self.name, self.path, self.port = name, path, port
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
            connection.request("POST", self.path, photo, {"Content-Type": "image/jpeg"})
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
    port = free_port()
    command = [sys.executable, __file__, "usual", str(folder / "model"), str(port)]
    with log.open("w") as output:
        return ServerProcess("usual", command, "/invocations", photo, port, log=output)


def start_torchserve(folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start TorchServe tuned for this machine: one worker, since two fight for two cores."""
    return _torchserve(folder, photo, log, "default_workers_per_model=1\n")


def start_torchserve_as_it_comes(folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start TorchServe with its own default, a worker a core."""
    return _torchserve(folder, photo, log, "")


def _torchserve(folder: Path, photo: bytes, log: Path, workers: str) -> ServerProcess:
    """Start TorchServe with the stock handler.

    Raises:
        RuntimeError: it cannot be installed, or there is no Java.
    """
    if shutil.which("java") is None:
        raise RuntimeError("TorchServe needs Java 17: apt install openjdk-17-jre-headless; left out")
    binaries = _install_torchserve()
    scratch = folder / f"torchserve{'-one' if workers else ''}"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "store").mkdir(parents=True)
    _archive(folder / "model", scratch, binaries)
    ports = [free_port() for _ in range(5)]
    addresses = zip(("inference", "management", "metrics"), ports[:3], strict=True)
    grpc = f"grpc_inference_port={ports[3]}\ngrpc_management_port={ports[4]}\n"
    (scratch / "config.properties").write_text(
        "".join(f"{name}_address=http://127.0.0.1:{port}\n" for name, port in addresses)
        + f"{workers}{grpc}disable_token_authorization=true\ndisable_system_metrics=true\n"
    )
    command = [str(binaries / "torchserve"), "--foreground", "--start", "--disable-token-auth"]
    command += ["--model-store", str(scratch / "store"), "--models", "photos=photos.mar"]
    command += ["--ts-config", str(scratch / "config.properties"), "--no-config-snapshots"]
    # The temporary folder holds its pid, and a second one in the same folder does not start.
    own = {"LOG_LOCATION": str(scratch), "TMPDIR": str(scratch)}
    environ = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", **own}
    with log.open("w") as output:
        path = "/predictions/photos"
        return ServerProcess("torchserve", command, path, photo, ports[0], env=environ, cwd=scratch, log=output)


def install_beside(name: str, *requirements: str) -> Path:
    """Return a folder under build/ with packages that the product does not have, for PYTHONPATH."""
    folder = ROOT / "build" / name
    if not folder.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(folder), *requirements], check=True)
    return folder


def _install_torchserve() -> Path:
    """Return the bin folder of an environment with TorchServe, which shares torch with ours."""
    folder = ROOT / "build" / "torchserve"
    binaries = folder / "bin"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        packages = next((folder / "lib").glob("python*/site-packages"))
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        (packages / "shared.pth").write_text(ours + "\n")
        (packages / "sitecustomize.py").write_text(SITE.format(root=str(ROOT)))
        pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [
                *pip,
                "--no-deps",
                *TORCHSERVE,
                "enum-compat",
                "nvgpu",
                "arrow",
                "ansi2html",
                "pynvml",
                "tabulate",
                "termcolor",
            ],
            check=False,
        )
        if done.returncode:
            raise RuntimeError("TorchServe cannot be installed here; left out")
        (folder / "installed").touch()
    return binaries


def _archive(model: Path, scratch: Path, binaries: Path) -> None:
    import torch

    state = torch.load(model / "model.pt", weights_only=True)
    torch.save({name.replace("fc.1.", "fc."): value for name, value in state.items()}, scratch / "weights.pt")
    (scratch / "model.py").write_text(TORCHSERVE_MODEL)
    names = json.loads((model / "model.json").read_text())["class_names"]
    (scratch / "index_to_name.json").write_text(json.dumps({str(index): name for index, name in enumerate(names)}))
    command = [str(binaries / "torch-model-archiver"), "--model-name", "photos", "--version", "1.0"]
    command += ["--model-file", "model.py", "--serialized-file", "weights.pt", "--handler", "image_classifier"]
    command += ["--extra-files", "index_to_name.json", "--export-path", "store"]
    subprocess.run(command, cwd=scratch, check=True, env=os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"})


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def serve_usual(folder: Path, port: int) -> None:
    """Serve the network in `folder` as it is usually done."""
    import io
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    import torch
    from PIL import Image

    from inference.model import ModelSpec, build_model

    transforms = importlib.import_module("torchvision.transforms")  # after training.model, which makes it importable
    description = json.loads((folder / "model.json").read_text())
    network: torch.nn.Module = build_model(ModelSpec.from_dict(description)).to(
        memory_format=torch.contiguous_format  # type: ignore[call-overload]  # torch's stub has it for tensors only
    )
    network.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    network.eval()
    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with one_at_a_time, torch.no_grad():
                image = prepare(Image.open(io.BytesIO(body)).convert("RGB"))
                probabilities = torch.softmax(network(image.unsqueeze(0))[0], dim=0)
                values, indices = probabilities.topk(5)
            names = description["class_names"]
            best = zip(values.tolist(), indices.tolist(), strict=True)
            answer = json.dumps([{"class_name": names[index], "probability": value} for value, index in best]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve_usual(Path(sys.argv[2]), int(sys.argv[3]))
