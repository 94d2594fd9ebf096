"""What a second process gains: images a second, time and cost of one training job on 1 and on 2 instances of one core.

    python bench/bench_distributed.py [--data PHOTOS]

Each process gets one thread, as if it were an instance of its own; two instances are two processes of torchrun over
gloo on this machine, so the network is the loopback interface. A job with two threads in one process is run too, since
on one machine that is the alternative. The global batch is the same in all. Runs are interleaved.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from bench.photographs import made  # noqa: E402 - after the path is set

TRAIN = str(ROOT / "training" / "train.py")


@dataclass(frozen=True)
class Setup:
    """One way to run the job."""

    name: str
    processes: int
    threads: int


@dataclass(frozen=True)
class Run:
    """What one job took."""

    images_per_second: float  # training steps alone, median of the epochs after the first
    training_seconds: float  # all epochs, validation included
    job_seconds: float  # from the start of the process to its end
    last_loss: float


SETUPS = (
    Setup("1 instance, 1 core", 1, 1),
    Setup("2 instances, 1 core each", 2, 1),
    Setup("1 instance, 2 cores", 1, 2),
)


@contextmanager
def job_folder() -> Iterator[Path]:
    """Give a folder for one job's output."""
    with tempfile.TemporaryDirectory(prefix="bench-distributed-") as folder:
        yield Path(folder)


def run(setup: Setup, flags: list[str]) -> Run:
    """Run the job once and read its log."""
    launcher = [sys.executable]
    if setup.processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={setup.processes}"]
    environ = {**os.environ, "OMP_NUM_THREADS": str(setup.threads), "MKL_NUM_THREADS": str(setup.threads)}
    with job_folder() as folder:
        command = [*launcher, TRAIN, *flags, f"--model-dir={folder}"]
        started = time.perf_counter()
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
    if done.returncode:
        raise click.ClickException(f"{setup.name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return Run(
        statistics.median(read(done.stdout, "images_per_second")[1:]),
        sum(read(done.stdout, r"\bseconds")),
        seconds,
        read(done.stdout, "train_loss")[-1],
    )


def read(log: str, name: str) -> list[float]:
    """Return the values of `name` in the lines of the epochs."""
    lines = [line for line in log.splitlines() if line.startswith("epoch=")]
    return [float(match[1]) for line in lines if (match := re.search(rf"{name}=([0-9.]+)", line))]


def table(runs: dict[str, list[Run]], price: float, num_images: int) -> str:
    """Return medians as a Markdown table; each figure is compared with one instance of one core."""
    medians = {
        name: [statistics.median(getattr(one, field) for one in of) for field in Run.__dataclass_fields__]
        for name, of in runs.items()
    }
    base = medians[SETUPS[0].name]
    lines = [
        "| | images/s | speed-up | training s | job s | instance-seconds | $ per 1 M images | last train loss |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for setup in SETUPS:
        rate, training, job, loss = medians[setup.name]
        instances = setup.processes
        cost = 1e6 / rate / 3600 * price * instances * setup.threads
        lines.append(
            f"| {setup.name} | {rate:.0f} | {rate / base[0]:.2f} | {training:.1f} | {job:.1f} | {job * instances:.0f} "
            f"| {cost:.2f} | {loss:.4f} |"
        )
    return (
        "\n".join(lines)
        + f"\n{num_images} training images an epoch; $ at {price} an hour for a core's worth of instance"
    )


@click.command(help=__doc__.split("\n\n")[0])
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), default=made)
@click.option("--model-name", default="resnet18", show_default=True)
@click.option("--image-size", default=128, show_default=True)
@click.option("--batch-size", default=64, show_default=True, help="of all processes together")
@click.option("--epochs", default=3, show_default=True)
@click.option("--trainable", default="full", type=click.Choice(["full", "head"]), show_default=True)
@click.option("--repeats", default=2, show_default=True)
@click.option("--hourly-price", default=0.0576, show_default=True, help="$ of a core: half an ml.m5.large in us-east-1")
def main(
    data: Path,
    model_name: str,
    image_size: int,
    batch_size: int,
    epochs: int,
    trainable: str,
    repeats: int,
    hourly_price: float,
) -> None:
    if not (data / "train").is_dir():
        click.echo(f"skipped: {str(data)!r} has no train/ with photographs by class; give --data DIR", err=True)
        return
    flags = [f"--data={data}", f"--model-name={model_name}", f"--image-size={image_size}", f"--batch-size={batch_size}"]
    flags += [f"--epochs={epochs}", f"--trainable={trainable}", "--weights=none", "--save-model=false", "--dropout=0"]
    flags.append("--augment=strong")
    runs: dict[str, list[Run]] = {setup.name: [] for setup in SETUPS}
    for number in range(repeats):
        for setup in SETUPS:
            click.echo(f"{setup.name}, run {number + 1} of {repeats} ...", err=True)
            runs[setup.name].append(run(setup, flags))
    click.echo(table(runs, hourly_price, sum(1 for _ in data.rglob("train/*/*"))))


if __name__ == "__main__":
    main()
