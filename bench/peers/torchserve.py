"""TorchServe 0.12: with its stock image_classifier, and as SageMaker's PyTorch image configures it for inference.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.peers.environments import environment
from bench.serving_baselines import ServerProcess, free_port

MODEL_FILE = """
import json, torch
from inference.model import ModelSpec, build_model

class ImageClassifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        spec = ModelSpec.from_dict(json.loads({description!r}))
        self.network = build_model(spec).to(memory_format=torch.contiguous_format)

    def forward(self, images):
        return self.network(images)
"""
# What the image's entry point writes to /etc, which here belongs to others.
PROPERTIES = """
from sagemaker_pytorch_serving_container import handler_service, torchserve
print(torchserve.DEFAULT_TS_LOG_FILE)
print(torchserve._generate_ts_config_properties(handler_service.__file__))
"""


def start_torchserve(folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start TorchServe tuned for this machine: one worker, since two fight for two cores."""
    return _stock(folder, photo, log, "default_workers_per_model=1\n")


def start_torchserve_as_it_comes(folder: Path, photo: bytes, log: Path) -> ServerProcess:
    """Start TorchServe with its own default, a worker a core."""
    return _stock(folder, photo, log, "")


def start_as_sagemaker(folder: Path, photo: bytes, log: Path, variables: Mapping[str, str]) -> ServerProcess:
    """Start TorchServe as SageMaker does, with the artifact in FOLDER/model and `variables` in its environment."""
    binaries, scratch = _installed(), _scratch(folder, log)
    own = {
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(folder / "model" / "code"),
        "PYTHONPATH": str(folder / "model" / "code"),
        **variables,
    }
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | own
    command = [str(binaries / "python"), "-W", "ignore", "-c", PROPERTIES]
    log_config, *properties = subprocess.check_output(command, text=True, env=environ).splitlines()
    kept = [line for line in properties if not line.startswith(("inference_address", "management_address"))]
    arguments = ["--models", f"model={folder / 'model'}", "--log-config", log_config]
    return _start(binaries, scratch, "\n".join(kept) + "\n", arguments, "/invocations", photo, log, environ)


def _stock(folder: Path, photo: bytes, log: Path, workers: str) -> ServerProcess:
    binaries, scratch = _installed(), _scratch(folder, log)
    _archive(folder / "model", scratch, binaries)
    properties = f"{workers}disable_token_authorization=true\n"
    arguments = ["--models", "photos=photos.mar"]
    return _start(binaries, scratch, properties, arguments, "/predictions/photos", photo, log, dict(os.environ))


def _start(
    binaries: Path,
    scratch: Path,
    properties: str,
    arguments: list[str],
    path: str,
    photo: bytes,
    log: Path,
    environ: dict[str, str],
) -> ServerProcess:
    ports = [free_port() for _ in range(5)]
    addresses = zip(("inference", "management", "metrics"), ports[:3], strict=True)
    listening = "".join(f"{name}_address=http://127.0.0.1:{port}\n" for name, port in addresses)
    listening += f"grpc_inference_port={ports[3]}\ngrpc_management_port={ports[4]}\ndisable_system_metrics=true\n"
    (scratch / "config.properties").write_text(properties + listening)
    command = [str(binaries / "torchserve"), "--foreground", "--start", "--disable-token-auth", *arguments]
    command += ["--model-store", str(scratch / "store"), "--ts-config", str(scratch / "config.properties")]
    command += ["--no-config-snapshots"]
    # The temporary folder holds its pid, and a second one in the same folder does not start.
    own = {"LOG_LOCATION": str(scratch), "TMPDIR": str(scratch), "PATH": f"{binaries}{os.pathsep}{environ['PATH']}"}
    with log.open("w") as output:
        return ServerProcess("torchserve", command, path, photo, ports[0], env=environ | own, cwd=scratch, log=output)


def _installed() -> Path:
    if shutil.which("java") is None:
        raise RuntimeError("TorchServe needs Java 17: apt install openjdk-17-jre-headless; left out")
    return environment("torchserve")


def _scratch(folder: Path, log: Path) -> Path:
    scratch = folder / log.stem.replace(" ", "-").replace(",", "")
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "store").mkdir(parents=True)
    return scratch


def _archive(model: Path, scratch: Path, binaries: Path) -> None:
    import torch

    state = torch.load(model / "model.pt", weights_only=True)
    torch.save({f"network.{name}": value for name, value in state.items()}, scratch / "weights.pt")
    description = (model / "model.json").read_text()
    (scratch / "model.py").write_text(MODEL_FILE.format(description=description))
    names = json.loads(description)["class_names"]
    (scratch / "index_to_name.json").write_text(json.dumps({str(index): name for index, name in enumerate(names)}))
    command = [str(binaries / "torch-model-archiver"), "--model-name", "photos", "--version", "1.0"]
    command += ["--model-file", "model.py", "--serialized-file", "weights.pt", "--handler", "image_classifier"]
    command += ["--extra-files", "index_to_name.json", "--export-path", "store"]
    subprocess.run(command, cwd=scratch, check=True, env=os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"})
