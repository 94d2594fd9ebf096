"""An endpoint's speed over HTTP, photograph in and answer out, against the usual inference.py and against TorchServe.

    python bench/bench_serving.py                         ResNet50 at 224, photographs as they are
    python bench/bench_serving.py --megapixels 12         the same photographs enlarged to 4000 x 3000
    python bench/bench_serving.py --no-torchserve         without Java, or without a package index

All servers run at once and are asked in turn, round by round, so that what else the machine does meets all alike. The
engines and decoding alone are measured in the same rounds, in a process of their own (serving_engines.py): what HTTP
reaches of them is the last table. ONNX Runtime, which the product does not use, is installed under build/ for that.
Weights are random, since no weights can be downloaded here: they cost the same arithmetic.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), str(ROOT / "bench"), *sys.path[1:]]

from bench.peers.torchserve import start_torchserve, start_torchserve_as_it_comes  # noqa: E402
from bench.photographs import made  # noqa: E402
from bench.serving_baselines import ServerProcess, install_beside, start_ours, start_usual  # noqa: E402
from ops.load.driving import Load, Photograph, drive  # noqa: E402
from ops.load.targets import HttpTarget, photographs  # noqa: E402

STARTS: dict[str, Callable[[Path, bytes, Path], ServerProcess]] = {
    "usual": start_usual,
    "torchserve": start_torchserve_as_it_comes,
    "torchserve, one worker": start_torchserve,
    "ours": start_ours,
}
CLASS_NAMES = [f"class {index}" for index in range(12)]
_SCRATCH = ROOT / "build" / "bench"


@click.command(help=__doc__)
@click.option("--photos", type=click.Path(path_type=Path), default=made)
@click.option("--megapixels", type=float, default=0.0, help="Enlarge the photographs; 0: as they are.")
@click.option("--model-name", default="resnet50", show_default=True)
@click.option("--precision", type=click.Choice(["int8", "fp32"]), default="int8", show_default=True)
@click.option("--rounds", default=4, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="Of each load, in each round.")
@click.option("--starts", default=3, show_default=True, help="Cold starts of each server.")
@click.option("--torchserve/--no-torchserve", default=True, show_default=True)
def main(
    photos: Path,
    megapixels: float,
    model_name: str,
    precision: str,
    rounds: int,
    seconds: float,
    starts: int,
    torchserve: bool,
) -> None:
    os.environ["PYTHONWARNINGS"] = "ignore"
    folder = make_artifact(model_name, precision)
    sent = make_photographs(photos, megapixels)
    names = [name for name in STARTS if torchserve or not name.startswith("torchserve")]
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for _ in range(starts - 1):
        for name in names:
            server = start(name, folder, sent[0].content)
            if server is not None:
                note(figures[name], cold_s=server.seconds_to_first_answer)
                server.end()
    servers = {name: server for name in names if (server := start(name, folder, sent[0].content)) is not None}
    try:
        for number in range(rounds):
            click.echo(f"round {number + 1} of {rounds} ...", err=True)
            measure_round(servers, sent, folder / "model", seconds, figures)
        for name, server in servers.items():
            note(figures[name], cold_s=server.seconds_to_first_answer, memory_mb=server.resident_mb())
    finally:
        for server in servers.values():
            server.end()
    show(figures, sent)
    (_SCRATCH / f"serving-{megapixels:g}mp.json").write_text(json.dumps(figures, indent=1))


def start(name: str, folder: Path, photo: bytes) -> ServerProcess | None:
    """Start a server; say why where it cannot be."""
    try:
        return STARTS[name](folder, photo, _SCRATCH / f"{name}.log")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        click.echo(f"{name}: {error}", err=True)
        return None


def measure_round(
    servers: dict[str, ServerProcess], sent: list[Photograph], model: Path, seconds: float, figures: dict[str, Any]
) -> None:
    """Ask each server in turn, by one caller and by eight; then the engine without a server."""
    for concurrency in (1, 8):
        for name, server in servers.items():
            target = HttpTarget(server.url)
            result = drive(target, sent, Load(seconds, concurrency, warm_up_seconds=0.4))
            target.close()
            if result.failures:
                raise RuntimeError(f"{name}: {result.failures}")
            percentiles = result.percentiles_ms()
            values = {"p50": percentiles["p50"], "p99": percentiles["p99"], "throughput": result.throughput}
            note(figures[name], **{f"{key}_{concurrency}": value for key, value in values.items()})
    for engine, values in measure_engines(model, seconds / 2).items():
        note(figures.setdefault(engine, {}), **values)


def measure_engines(model: Path, seconds: float) -> dict[str, dict[str, float]]:
    """Return what serving_engines.py finds."""
    extra = install_beside("onnxruntime", "onnxruntime==1.23.2", "flatbuffers")
    command = [sys.executable, str(ROOT / "bench" / "serving_engines.py"), str(model), str(_SCRATCH / "photos")]
    command += ["--seconds", str(seconds)]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(extra)}
    )
    measured: dict[str, dict[str, float]] = json.loads(done.stdout)
    return measured


def make_artifact(model_name: str, precision: str) -> Path:
    """Return a folder whose model/ is an artifact of `model_name` with random weights, made once."""
    import numpy as np
    import torch

    from inference.model import ModelSpec, build_model
    from inference.predictors import FP32_FILE, INT8_FILE
    from inference.preprocessing import Preprocessing
    from training.config import parse_config
    from training.export.artifact import save_model
    from training.export.onnx_graph import keep_weights_beside
    from training.export.quantization import quantise
    from training.model.trained import TrainedModel

    folder = _SCRATCH / f"{model_name}-{precision}"
    model = folder / "model"
    flags = ["--data", str(folder), "--model-dir", str(model), "--model-name", model_name, "--weights", "none"]
    torch.manual_seed(0)
    spec = ModelSpec(model_name, len(CLASS_NAMES))
    preprocessing = Preprocessing.for_image_size(224)
    trained = TrainedModel(build_model(spec).eval(), spec, preprocessing, CLASS_NAMES)
    save_model(trained, parse_config(flags, {}))
    if precision == "int8":  # by hand: random weights have no answers that int8 could agree with
        images = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
        quantise(model / FP32_FILE, model / INT8_FILE, images, os.cpu_count() or 1)
        keep_weights_beside(model / INT8_FILE)
        description = json.loads((model / "model.json").read_text())
        description["serving"] |= {"precision": "int8", "file": INT8_FILE}
        (model / "model.json").write_text(json.dumps(description))
    return folder


def make_photographs(folder: Path, megapixels: float) -> list[Photograph]:
    """Return 48 photographs, or 8 enlarged ones with the noise of a camera, and leave them in build/bench/photos."""
    import numpy as np
    from PIL import Image

    sent = photographs(folder, 48)
    if megapixels:
        height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
        size, larger = (round(height * 4 / 3), height), []
        noise = 4 * np.random.default_rng(0).standard_normal((height, size[0], 1), np.float32)
        for photo in sent[:8]:
            image = Image.open(io.BytesIO(photo.content)).convert("RGB").resize(size, Image.Resampling.BICUBIC)
            levels = np.asarray(image) + noise
            buffer = io.BytesIO()
            Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
            larger.append(Photograph(photo.name, buffer.getvalue(), "image/jpeg"))
        sent = larger
    target = _SCRATCH / "photos"
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    for number, photo in enumerate(sent):
        (target / f"{number:03d}.jpg").write_bytes(photo.content)
    return sent


def note(into: dict[str, list[float]], **values: float) -> None:
    """Keep one more measurement of each name."""
    for name, value in values.items():
        into.setdefault(name, []).append(value)


def show(figures: dict[str, dict[str, list[float]]], sent: list[Photograph]) -> None:
    """Print the tables: medians over the rounds, and the ratios to the usual server as medians of each round's."""
    size = statistics.mean(len(photo.content) for photo in sent) / 1000
    click.echo(f"\n{len(sent)} photographs of {size:.0f} KB, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    columns = ("p50_1", "p99_1", "throughput_1", "p50_8", "p99_8", "throughput_8", "cold_s", "memory_mb")
    click.echo("| server | " + " | ".join(columns) + " | p50_1 ratio | throughput_8 ratio |")
    click.echo("|---" * (len(columns) + 3) + "|")
    for name in (name for name in STARTS if figures.get(name, {}).get("p50_1")):
        cells = [f"{statistics.median(figures[name][column]):.3g}" for column in columns]
        faster = ratio(figures["usual"]["p50_1"], figures[name]["p50_1"])
        more = ratio(figures[name]["throughput_8"], figures["usual"]["throughput_8"])
        click.echo(f"| {name} | " + " | ".join(cells) + f" | {faster:.2f} | {more:.2f} |")
    engine_columns = ("alone_ms", "together", "batches_of_4", "decode_ms", "both_ms", "together_decoding")
    click.echo("\n| engine without a server | " + " | ".join(engine_columns) + " |")
    click.echo("|---" * (len(engine_columns) + 1) + "|")
    for name in (name for name in figures if "alone_ms" in figures[name]):
        medians = {column: statistics.median(values) for column, values in figures[name].items()}
        cells = [f"{medians[column]:.4g}" if column in medians else "" for column in engine_columns]
        click.echo(f"| {name} | " + " | ".join(cells) + " |")
    show_shares(figures["openvino-int8"], figures["ours"])


def show_shares(engine: dict[str, list[float]], ours: dict[str, list[float]]) -> None:
    """Print what the whole path over HTTP reaches of what it is made of."""
    best = [max(pair) for pair in zip(engine["together"], engine["batches_of_4"], strict=True)]
    over = ratio(ours["p50_1"], engine["both_ms"]) - 1
    click.echo(f"\nthroughput over HTTP: {ratio(ours['throughput_8'], best):.0%} of the engine's best, ", nl=False)
    click.echo(f"{ratio(ours['throughput_8'], engine['together_decoding']):.0%} of engine and decoding")
    click.echo(f"p50 over HTTP: {over:+.0%} to engine and decoding")


def ratio(numerators: list[float], denominators: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(numerators, denominators, strict=True))


if __name__ == "__main__":
    main()
