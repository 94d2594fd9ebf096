"""Fine-tuning all layers: eager fp32 against bfloat16, channels_last and growing image sizes.

    python bench/bench_finetune.py speed                       images a second, ResNet50, 224 pixels, in turns
    python bench/bench_finetune.py accuracy --way today        final accuracy over 3 seeds, a smaller network; then
    python bench/bench_finetune.py accuracy --way ours         the same for each way; the results are kept
    python bench/bench_finetune.py                             all of it: about 15 minutes

Today's way takes its images from PIL in the main process, batch by batch; ours from train.py's own loop, which keeps or
reads ahead the images. Speeds include loading, augmentation where both have it (none), loss and optimiser step. Growing
sizes are measured at each of the sides that ten epochs have, and averaged over the images of the ten epochs.

The accuracy part trains ResNet18 at 96 pixels from random weights on photographs of flowers: all ways with the same
schedule, optimiser, batches and augmentation (train.py, with precision and progressive_resize set), so that only what
is compared differs.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import torch  # noqa: E402 - after the path is set

from bench import baseline, photographs  # noqa: E402
from inference.model import ModelSpec, build_model  # noqa: E402
from inference.preprocessing import Preprocessing  # noqa: E402
from training.config import TrainingConfig, parse_config  # noqa: E402
from training.data.inputs import ImageInputs, side_of_epoch  # noqa: E402
from training.data.splits import Split, load_datasets  # noqa: E402
from training.optimisation.engine import start_state, train_one_epoch  # noqa: E402

CACHE = ROOT / "build" / "bench"
BATCH_SIZE, SIDE, SCHEDULE = 16, 224, 10
GROWING = 0.5  # progressive_resize
SEEDS = (0, 1, 2)
WAYS = {
    "today": ["--precision", "fp32"],
    "ours": ["--precision", "auto"],
    "growing": ["--precision", "auto", "--progressive-resize", str(GROWING)],
}


@click.group(invoke_without_command=True)
@click.option("--photos", type=click.Path(file_okay=False, path_type=Path), default=photographs.made)
@click.pass_context
def cli(context: click.Context, photos: Path) -> None:
    """Measure fine-tuning."""
    if not (photos / "train").is_dir():
        click.echo(f"skipped: {str(photos)!r} has no train/ and test/ with photographs; give --photos DIR", err=True)
        context.exit()
    CACHE.mkdir(parents=True, exist_ok=True)
    context.obj = photos
    if context.invoked_subcommand is None:
        context.invoke(speed)
        for way in WAYS:
            context.invoke(accuracy, way=way)


def our_config(photos: Path, **settings: object) -> TrainingConfig:
    """Return the settings of fine-tuning ResNet50."""
    flags = {
        "train": photos / "train",
        "validation": photos / "test",
        "model-name": "resnet50",
        "weights": "none",
        "batch-size": BATCH_SIZE,
        "augment": "none",
        "epochs": SCHEDULE,
        **settings,
    }
    return parse_config([f"--{name}={value}" for name, value in flags.items()], {})


class Ours:
    """train.py's own epoch on some images, at the side of a given epoch of ten."""

    def __init__(self, split: Split, config: TrainingConfig, preprocessing: Preprocessing) -> None:
        self.config = config
        self.inputs = ImageInputs(split, config, preprocessing)
        self.state = start_state(build_model(ModelSpec("resnet50", 12)), config)

    def seconds(self, epoch: int) -> float:
        """Return the seconds of one pass over the images as epoch `epoch` (from 1) sees them."""
        config = replace(self.config, image_size=side_of_epoch(self.config, epoch), progressive_resize=1.0)
        self.inputs.config = config
        self.state.progress = None
        return train_one_epoch(self.state, self.inputs, config, ())[1]


class Today:
    """Today's loop on the same images."""

    def __init__(self, split: Split) -> None:
        self.files = [(sample.path, int(label)) for sample, label in zip(split.samples, split.labels, strict=True)]
        self.network = baseline.build("resnet50", None, 12, frozen=False).train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-4)

    def seconds(self) -> float:
        """Return the seconds of one pass over the images."""
        started = time.perf_counter()
        batches: Iterator[tuple[torch.Tensor, torch.Tensor]] = iter(
            baseline.loader(self.files, SIDE, BATCH_SIZE, shuffle=True)
        )
        baseline.train_epoch(self.network, self.optimizer, batches)
        return time.perf_counter() - started


@cli.command()
@click.option("--images", "num_images", default=32, show_default=True)
@click.option("--rounds", "num_rounds", default=3, show_default=True)
@click.option("--decode", is_flag=True, help="decode in each epoch, as for images that exceed the cache")
@click.pass_obj
def speed(photos: Path, num_images: int, num_rounds: int, decode: bool) -> None:
    """Images a second of each way, in turns."""
    config = our_config(photos, **{"progressive-resize": GROWING, "cache-mb": 0 if decode else 2048})
    preprocessing = Preprocessing.for_image_size(SIDE)
    split = some_images(load_datasets(config, preprocessing, preprocessing).train, num_images)
    today, ours = Today(split), Ours(split, config, preprocessing)
    sides = {side_of_epoch(config, epoch): epoch for epoch in range(1, SCHEDULE + 1)}
    for epoch in sides.values():
        ours.seconds(epoch)  # the first pass at a size plans
    ratios: dict[int, list[float]] = {side: [] for side in sides}
    eager: list[float] = []
    for _ in range(num_rounds):
        eager.append(today.seconds())
        for side, epoch in sides.items():
            ratios[side].append(eager[-1] / ours.seconds(epoch))
    report_speed(config, num_images, eager, ratios)


def some_images(split: Split, count: int) -> Split:
    """Return the first images of a split."""
    cache = None if split.cache is None else split.cache[:count]
    return replace(split, samples=split.samples[:count], labels=split.labels[:count], cache=cache)


def report_speed(config: TrainingConfig, num_images: int, eager: list[float], ratios: dict[int, list[float]]) -> None:
    """Print the ratios of each side and of ten epochs of growing sides."""
    rate = num_images / statistics.median(eager)
    click.echo(
        f"ResNet50, all layers, batch {BATCH_SIZE}, {torch.get_num_threads()} threads; today {rate:.2f} images/s"
    )
    medians = {side: statistics.median(values) for side, values in ratios.items()}
    for side, ratio in medians.items():
        click.echo(f"  ours at {side:3} pixels        {ratio * rate:6.2f} images/s   {ratio:5.2f}x")
    grown = SCHEDULE / sum(1 / medians[side_of_epoch(config, epoch)] for epoch in range(1, SCHEDULE + 1))
    click.echo(f"  ours, {SCHEDULE} epochs growing  {grown * rate:6.2f} images/s   {grown:5.2f}x")


@cli.command()
@click.option("--way", type=click.Choice(list(WAYS)), required=True)
@click.option("--epochs", default=15, show_default=True)
@click.option("--size", default=96, show_default=True)
@click.pass_obj
def accuracy(photos: Path, way: str, epochs: int, size: int) -> None:
    """Test accuracy after training ResNet18 from random weights, for three seeds."""
    path = CACHE / f"finetune-{size}-{epochs}.json"
    kept: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    for seed in map(str, SEEDS):
        if seed not in kept.setdefault(way, {}):
            kept[way][seed] = accuracy_of(photos, way, seed, epochs, size)
            path.write_text(json.dumps(kept, indent=1))
    for name, accuracies in kept.items():
        values = list(accuracies.values())
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        each = " ".join(f"{value:.3f}" for value in values)
        click.echo(f"  {name:8} test top-1 mean {statistics.mean(values):.3f}, deviation {spread:.3f}   {each}")


def accuracy_of(photos: Path, way: str, seed: str, epochs: int, size: int) -> float:
    """Return the test top-1 that train.py reports."""
    out = CACHE / "finetune"
    flags = f"--model-name resnet18 --weights none --image-size {size} --epochs {epochs} --augment strong --seed {seed}"
    folders = ["--data", str(photos), "--model-dir", str(out), "--save-model", "false"]
    command = [sys.executable, str(ROOT / "training" / "train.py"), *folders, *flags.split(), *WAYS[way]]
    subprocess.run(command, check=True, stdout=sys.stderr)
    top1: float = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))["test_top1"]
    return top1


if __name__ == "__main__":
    cli()
