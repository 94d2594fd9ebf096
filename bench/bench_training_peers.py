"""Accuracy and time on the same photographs, from the same weights: ours, a plain timm/Lightning script, AutoGluon.

    python bench/bench_training_peers.py --photos DIR          DIR/train/CLASS/* and DIR/test/CLASS/*
    python bench/bench_training_peers.py --way ours --way lightning

All start from the published ImageNet weights of EfficientNet-Lite0, which come as a package. Ours trains a head on
features (`Trainable=head`) and, as a second row, every layer; the script trains every layer; AutoGluon does what its
own presets say within a time limit. Each way is a process of its own: wall time, seconds of a core, and the accuracy
on test/, which none has seen; ours leaves out of it what it finds to be copies of training photographs, which flatter
the others. Environments of the peers are made under build/peers, from pinned packages.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), str(ROOT / "bench"), *sys.path[1:]]

from bench.peers.environments import environment  # noqa: E402
from bench.photographs import made  # noqa: E402

_SCRATCH = ROOT / "build" / "bench" / "training-peers"
_PEERS = ROOT / "bench" / "peers"
MODEL, SIDE = "efficientnet_lite0", "224"


class Outcome(NamedTuple):
    """What one way took and reached."""

    accuracy: float
    wall_seconds: float
    core_seconds: float


class Limits(NamedTuple):
    """How much each way may do."""

    head_epochs: int
    full_epochs: int
    autogluon_seconds: int


def ours(photos: Path, scratch: Path, trainable: str, epochs: int) -> float:
    """Train as a job does, features, int8 and page included; return the accuracy of what would serve."""
    command = [sys.executable, str(ROOT / "training" / "train.py"), "--data", str(photos), "--image-size", SIDE]
    command += ["--model-name", MODEL, "--weights", "packaged", "--trainable", trainable, "--epochs", str(epochs)]
    command += ["--model-dir", str(scratch / "model"), "--output-data-dir", str(scratch / "output")]
    command += ["--features", str(scratch / "features")] if trainable == "head" else []
    _run(command, os.environ | {"PYTHONPATH": str(ROOT)}, scratch / "log")
    evaluation = json.loads((scratch / "output" / "evaluation.json").read_text())
    return float(evaluation["test_top1"])


def peer(script: str, photos: Path, scratch: Path, limit: int) -> float:
    """Run a script of peers/ in AutoGluon's environment, which has timm and Lightning; return its accuracy."""
    import torch

    from training.model.packaged import published_state

    tensors = scratch / "tensors.pt"
    torch.save(list(published_state().values()), tensors)
    command = [str(environment("autogluon") / "python"), str(_PEERS / script), str(photos), str(tensors), str(scratch)]
    offline = {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    output = _run([*command, str(limit)], os.environ | offline, scratch / "log")
    return float(json.loads(output.splitlines()[-1])["accuracy"])


def _run(command: list[str], environ: dict[str, str], log: Path) -> str:
    with log.open("w") as errors:
        options: dict[str, Any] = {"env": environ, "cwd": log.parent, "stdout": subprocess.PIPE, "stderr": errors}
        done = subprocess.run(command, check=False, text=True, **options)
    if done.returncode:
        raise RuntimeError(
            f"{Path(command[1]).name}: {log.read_text().strip().splitlines()[-1]}; all of it is in {log}"
        )
    output: str = done.stdout
    return output


WAYS: dict[str, Callable[[Path, Path, Limits], float]] = {
    "ours, head": lambda photos, scratch, limits: ours(photos, scratch, "head", limits.head_epochs),
    "ours, every layer": lambda photos, scratch, limits: ours(photos, scratch, "full", limits.full_epochs),
    "lightning": lambda photos, scratch, limits: peer("finetune_lightning.py", photos, scratch, limits.full_epochs),
    "autogluon": lambda photos, scratch, limits: peer(
        "finetune_autogluon.py", photos, scratch, limits.autogluon_seconds
    ),
}


@click.command(help=__doc__)
@click.option("--photos", type=click.Path(path_type=Path, exists=True, file_okay=False), default=made)
@click.option("--way", "names", multiple=True, type=click.Choice(list(WAYS)), help="All of them by default.")
@click.option("--head-epochs", default=20, show_default=True)
@click.option("--full-epochs", default=5, show_default=True)
@click.option("--autogluon-seconds", default=180, show_default=True)
def main(photos: Path, names: tuple[str, ...], head_epochs: int, full_epochs: int, autogluon_seconds: int) -> None:
    limits = Limits(head_epochs, full_epochs, autogluon_seconds)
    click.echo(f"{MODEL} at {SIDE}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    click.echo("| way | test accuracy | wall s | seconds of a core |\n|---|---|---|---|")
    for name in names or WAYS:
        try:
            outcome = measure(name, photos.resolve(), limits)
        except (RuntimeError, OSError) as error:
            click.echo(f"| {name} | {error} | | |")
        else:
            click.echo(f"| {name} | {outcome.accuracy:.4f} | {outcome.wall_seconds:.0f} | {outcome.core_seconds:.0f} |")


def measure(name: str, photos: Path, limits: Limits) -> Outcome:
    """Run one way in a folder of its own, with the peers' environment made before the clock starts."""
    scratch = _SCRATCH / name.replace(",", "").replace(" ", "-")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if not name.startswith("ours"):
        environment("autogluon")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    accuracy = WAYS[name](photos, scratch, limits)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return Outcome(accuracy, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
