"""The same photographs and the same weights served by ours and by others, each as its own documentation says for a CPU.

    python bench/bench_peers.py                                ResNet50 at 224
    python bench/bench_peers.py --model-name efficientnet_lite0

All servers run at once and are asked in turn, round by round, one caller and then eight, so that what else the machine
does meets all alike. Each peer has an environment of its own under build/peers, with the packages that
peers/requirements pins, made at the first run; nothing of them is among the product's dependencies. A peer that
cannot run here has a row that says why. Weights are random: they cost the same arithmetic.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), str(ROOT / "bench"), *sys.path[1:]]

from bench.bench_serving import make_artifact, make_photographs, note, ratio  # noqa: E402
from bench.peers.environments import environment  # noqa: E402
from bench.peers.torchserve import start_as_sagemaker, start_torchserve, start_torchserve_as_it_comes  # noqa: E402
from bench.photographs import made  # noqa: E402
from bench.serving_baselines import ServerProcess, free_port, start_minimal, start_ours  # noqa: E402
from handlers.endpoints.containers import SERVER_VARIABLES  # noqa: E402
from ops.load.driving import Load, Photograph, drive, percentile  # noqa: E402
from ops.load.targets import HttpTarget  # noqa: E402

_SCRATCH = ROOT / "build" / "bench"
_PEERS = ROOT / "bench" / "peers"
CORES = os.cpu_count() or 1
Start = Callable[[Path, bytes, Path], ServerProcess]
Figures = dict[str, dict[str, list[float]]]
COLUMNS = ("p50_1", "p95_1", "p50_8", "p95_8", "throughput_8", "cold_s", "memory_mb")


class Peer(NamedTuple):
    """One server: how it starts, what it computes with, and the form in which it takes a photograph."""

    start: Start
    engine: str
    body: Callable[[Photograph], Photograph] = lambda photo: photo


def in_json(photo: Photograph) -> Photograph:
    """Return the photograph as LitServe's guide sends it: base64 in JSON."""
    body = json.dumps({"image_data": base64.b64encode(photo.content).decode()})
    return Photograph(photo.name, body.encode(), "application/json")


def start_onnx_runtime(folder: Path, photo: bytes, log: Path, precision: str) -> ServerProcess:
    """Start ONNX Runtime as it comes behind the standard library's HTTP server."""
    python = environment("onnxruntime") / "python"
    return start_minimal(f"onnxruntime-{precision}", python, folder, photo, log)


def start_litserve(folder: Path, photo: bytes, log: Path, engine: str, workers: int = 1) -> ServerProcess:
    """Start LitServe with an engine of peers/engines.py and so many worker processes."""
    port = free_port()
    command = [str(environment("litserve") / "python"), str(_PEERS / "litserve_app.py")]
    command += [engine, str(folder / "model"), str(port), str(workers)]
    environ = os.environ | {"OMP_NUM_THREADS": str(max(1, CORES // workers))}
    with log.open("w") as output:
        options = {"env": environ, "log": output, "content_type": "application/json"}
        return ServerProcess("litserve", command, "/predict", photo, port, **options)


def start_bentoml(folder: Path, photo: bytes, log: Path, engine: str, workers: str = "cpu_count") -> ServerProcess:
    """Start BentoML with an engine of peers/engines.py and so many worker processes."""
    port, binaries = free_port(), environment("bentoml")
    command = [str(binaries / "bentoml"), "serve", "bentoml_app:ImageClassifier", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--working-dir", str(_PEERS)]
    peer = {"PEER_ENGINE": engine, "PEER_ARTIFACT": str(folder / "model"), "PEER_WORKERS": workers}
    own = {"BENTOML_HOME": str(_SCRATCH / "bentoml"), "BENTOML_DO_NOT_TRACK": "True", "NO_COLOR": "1"}
    threads = {"OMP_NUM_THREADS": "1"} if workers == "cpu_count" else {"OMP_NUM_THREADS": str(CORES)}
    path = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    with log.open("w") as output:
        environ = os.environ | peer | own | threads | path
        return ServerProcess("bentoml", command, "/classify", photo, port, env=environ, cwd=_PEERS, log=output)


def start_model_server(_folder: Path, _photo: bytes, _log: Path) -> ServerProcess:
    """Say why OpenVINO Model Server is not among the rows.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("PyPI has its client (ovmsclient) alone; the server comes as an image or an archive")


PEERS: dict[str, Peer] = {
    "ours": Peer(start_ours, "OpenVINO, {precision}"),
    "ours, by SageMaker's TorchServe": Peer(
        functools.partial(start_as_sagemaker, variables=SERVER_VARIABLES), "OpenVINO, {precision}"
    ),
    "the same, one worker": Peer(
        functools.partial(start_as_sagemaker, variables=SERVER_VARIABLES | {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}),
        "OpenVINO, {precision}",
    ),
    "the same, its log as it comes": Peer(functools.partial(start_as_sagemaker, variables={}), "OpenVINO, {precision}"),
    "ONNX Runtime, int8": Peer(functools.partial(start_onnx_runtime, precision="int8"), "ONNX Runtime, int8"),
    "ONNX Runtime, fp32": Peer(functools.partial(start_onnx_runtime, precision="fp32"), "ONNX Runtime, fp32"),
    "LitServe": Peer(functools.partial(start_litserve, engine="torch-fp32"), "torch, fp32", in_json),
    "LitServe, our engine": Peer(
        functools.partial(start_litserve, engine="openvino-int8"), "OpenVINO, {precision}", in_json
    ),
    "BentoML": Peer(functools.partial(start_bentoml, engine="torch-fp32"), "torch, fp32"),
    "BentoML, our engine": Peer(functools.partial(start_bentoml, engine="openvino-int8"), "OpenVINO, {precision}"),
    "TorchServe": Peer(start_torchserve_as_it_comes, "torch, fp32"),
    "TorchServe, one worker": Peer(start_torchserve, "torch, fp32"),
    "OpenVINO Model Server": Peer(start_model_server, ""),
}


@click.command(help=__doc__)
@click.option("--photos", type=click.Path(path_type=Path), default=made)
@click.option("--model-name", default="resnet50", show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=1.5, show_default=True, help="Of each load, in each round.")
@click.option("--starts", default=1, show_default=True, help="Cold starts of each server.")
@click.option("--peer", "names", multiple=True, type=click.Choice(list(PEERS)), help="All of them by default.")
def main(photos: Path, model_name: str, rounds: int, seconds: float, starts: int, names: tuple[str, ...]) -> None:
    os.environ["PYTHONWARNINGS"] = "ignore"
    folder, sent = make_artifact(model_name, "int8"), make_photographs(photos, 0.0)
    figures: Figures = {name: {} for name in names or PEERS}
    reasons: dict[str, str] = {}
    for _ in range(starts - 1):
        for server in start_all(figures, folder, sent, reasons).values():
            server.end()
    servers = start_all(figures, folder, sent, reasons)
    try:
        for number in range(rounds):
            click.echo(f"round {number + 1} of {rounds} ...", err=True)
            measure_round(servers, sent, seconds, figures)
        for name, server in servers.items():
            note(figures[name], memory_mb=server.resident_mb())
    finally:
        for server in servers.values():
            server.end()
    click.echo(f"\n{model_name}, {CORES} cores, {time.strftime('%Y-%m-%d')}")
    show(figures, reasons)
    (_SCRATCH / f"peers-{model_name}.json").write_text(json.dumps(figures, indent=1))


def start_all(
    figures: Figures, folder: Path, sent: list[Photograph], reasons: dict[str, str]
) -> dict[str, ServerProcess]:
    """Start every server that can be, one after the other; the others' reasons are kept."""
    servers: dict[str, ServerProcess] = {}
    for name in figures:
        try:
            photo = PEERS[name].body(sent[0]).content
            servers[name] = PEERS[name].start(folder, photo, _SCRATCH / f"{name}.log")
            note(figures[name], cold_s=servers[name].seconds_to_first_answer)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            reasons[name] = str(error)
    return servers


def measure_round(servers: dict[str, ServerProcess], sent: list[Photograph], seconds: float, figures: Figures) -> None:
    """Ask each server in turn, by one caller and by eight."""
    for concurrency in (1, 8):
        for name, server in servers.items():
            target = HttpTarget(server.url)
            bodies = [PEERS[name].body(photo) for photo in sent]
            result = drive(target, bodies, Load(seconds, concurrency, warm_up_seconds=0.3))
            target.close()
            if result.failures:
                raise RuntimeError(f"{name}: {result.failures}")
            took = result.latencies_ms()
            values = {"p50": percentile(took, 50), "p95": percentile(took, 95), "throughput": result.throughput}
            note(figures[name], **{f"{key}_{concurrency}": value for key, value in values.items()})


def show(figures: Figures, reasons: dict[str, str]) -> None:
    """Print medians over the rounds, and ours against each as the median of the rounds' ratios."""
    click.echo("| server | engine | " + " | ".join(COLUMNS) + " | ours: p50 | ours: throughput |")
    click.echo("|---" * (len(COLUMNS) + 4) + "|")
    ours = figures.get("ours", {})
    for name, values in figures.items():
        engine = PEERS[name].engine.format(precision="int8")
        if "p50_1" not in values:
            click.echo(f"| {name} | {engine} | {reasons.get(name, 'not started')}" + " |" * (len(COLUMNS) + 2))
            continue
        cells = [f"{statistics.median(values[column]):.3g}" for column in COLUMNS]
        if ours.get("p50_1"):
            cells.append(f"{ratio(values['p50_1'], ours['p50_1']):.2f}x")
            cells.append(f"{ratio(ours['throughput_8'], values['throughput_8']):.2f}x")
        click.echo(f"| {name} | {engine} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
