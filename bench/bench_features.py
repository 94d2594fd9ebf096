"""Twenty tuning trials of five epochs: every image in every epoch, against features computed once.

    python bench/bench_features.py               all of it, on pictures made for it
    python bench/bench_features.py speed         seconds of both ways, one after the other
    python bench/bench_features.py accuracy      the best validation accuracy of each way's twenty trials

Both sides start from one ResNet50, trained here for some minutes on the photographs of the folder test/, since no
weights can be downloaded; tuning splits train/ into 504 images to train on and 216 to validate on. The backbone and
the seconds of earlier rounds are kept under build/bench: another run is short, and medians are over all rounds.
`--photos DIR` takes photographs of your own (train/CLASS and test/CLASS); `--copies 3` tunes on three crops of each.

Of the baseline one epoch of one trial is measured, its images read and computed as in all the others, and multiplied
by 20 x 5. Of ours everything is measured: reading images, building the engine, features, files, checksums, 20 trials.
Three ratios: without interpreter and imports on either side; with those of the 21 processes that ours is in a tuning
job (one computes features); and with those of the two that it is where all trials share a job, which is run whole, as
training/tune.py, no trial stopped early. The baseline's 20 processes count for nothing in each. bench_extraction.py
compares extractors, bench_trials.py what trials that share a job find.
"""

import json
import math
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import torch  # noqa: E402 - after the path is set
from torch import Tensor, nn  # noqa: E402

from bench import baseline, bench_trials, photographs  # noqa: E402
from training import preparation  # noqa: E402
from training.config import TrainingConfig, parse_config  # noqa: E402
from training.data.splits import find_images  # noqa: E402
from training.distributed import World  # noqa: E402
from training.optimisation.engine import fit  # noqa: E402

CACHE = ROOT / "build" / "bench"
TRIALS, EPOCHS = 20, 5
OUR_EPOCHS = (EPOCHS, 20)  # on features an epoch costs next to nothing, so ours are also shown with more of them
MODEL = "resnet50"
NUM_VALIDATION = 18  # photographs of a class, of 60
SIDE, NUM_CLASSES = 224, 12
NUM_STARTS = 5  # processes whose start is measured

Files = list[tuple[Path, int]]


def config_for(photos: Path, features: Path | None, **settings: object) -> TrainingConfig:
    """Return the settings of a job on `photos`/train with the backbone made here."""
    flags: dict[str, object] = {
        "model-name": MODEL,
        "weights": "channel",
        "weights-dir": CACHE / "backbone",
        "trainable": "head",
        "epochs": EPOCHS,
        "save-model": "false",
        "model-dir": CACHE / "out",
        **settings,
    }
    if features is None:
        flags |= {"train": photos / "train", "validation": photos / "valid"}
    else:
        flags["features"] = features
    return parse_config([f"--{name}={value}" for name, value in flags.items()], {})


def prepare_photographs(photos: Path, copies: int) -> Path:
    """Return a folder made of `photos`/train: valid/ has 18 of each class, train/ the others in `copies` crops."""
    folder = CACHE / f"{photos.name}-{copies}"
    if not folder.exists():
        unfinished = CACHE / f"{photos.name}-{copies}.partial"
        shutil.rmtree(unfinished, ignore_errors=True)
        for source in sorted((photos / "train").iterdir()):
            for index, path in enumerate(sorted(source.glob("*.jpg"))):
                split = "valid" if index < NUM_VALIDATION else "train"
                target = unfinished / split / source.name
                target.mkdir(parents=True, exist_ok=True)
                copy_crops(path, target, copies if split == "train" else 1)
        unfinished.rename(folder)
    return folder


def copy_crops(path: Path, target: Path, copies: int) -> None:
    """Write the photograph and `copies` - 1 random crops of it."""
    from PIL import Image

    shutil.copyfile(path, target / path.name)
    draw = random.Random(path.name)  # noqa: S311 - repeatable
    with Image.open(path) as image:
        for number in range(1, copies):
            side = round(min(image.size) * draw.uniform(0.6, 0.95))
            left, top = draw.randrange(image.width - side), draw.randrange(image.height - side)
            crop = image.crop((left, top, left + side, top + side)).resize((224, 224))
            crop.save(target / f"{path.stem}-{number}.jpg", quality=92)


def prepare_backbone(photos: Path) -> None:
    """Train the backbone of both sides on photographs that tuning does not see."""
    if (CACHE / "backbone" / "model.pt").exists():
        return
    click.echo("training the backbone once: some minutes ...", err=True)
    flags = (
        f"--model-name {MODEL} --weights none --image-size 96 --epochs 40 --batch-size 16 --lr 0.0007 --augment strong"
    )
    command = [sys.executable, str(ROOT / "training" / "train.py"), "--data", str(photos / "test")]
    subprocess.run([*command, "--model-dir", str(CACHE / "backbone"), *flags.split()], check=True, stdout=sys.stderr)


def backbone_file() -> Path:
    """Return the only weights file of the backbone's folder."""
    return CACHE / "backbone" / "model.pt"


def split_files(photos: Path) -> dict[str, Files]:
    """Return the files and class indices that the product trains and validates on."""
    listings = find_images(config_for(photos, None))
    names = sorted({sample.class_name for sample in listings["train"].samples})
    return {
        name: [(sample.path, names.index(sample.class_name)) for sample in listings[name].samples]
        for name in ("train", "validation")
    }


def baseline_epoch(files: dict[str, Files]) -> float:
    """Return the seconds of one epoch of one trial of today's way: train, then validate."""
    network = baseline.build(MODEL, backbone_file(), NUM_CLASSES, frozen=True).eval()
    optimizer = torch.optim.Adam(network.get_submodule("fc").parameters(), lr=1e-3)
    started = time.perf_counter()
    baseline.train_epoch(network, optimizer, iter(baseline.loader(files["train"], SIDE, shuffle=True)))
    baseline.accuracy(network, iter(baseline.loader(files["validation"], SIDE, shuffle=False)))
    return time.perf_counter() - started


def drawn_settings(trial: int) -> dict[str, object]:
    """Return the settings of a random trial, from the ranges that the tuning job searches for a head."""
    draw = random.Random(trial)  # noqa: S311 - repeatable
    return {
        "lr": math.exp(draw.uniform(math.log(3e-4), math.log(3e-2))),
        "weight-decay": math.exp(draw.uniform(math.log(1e-6), math.log(0.1))),
        "dropout": draw.uniform(0, 0.5),
        "label-smoothing": draw.uniform(0, 0.2),
        "batch-size": draw.choice([32, 64]),
        "head": draw.choice(["linear", "mlp"]),
        "seed": 0,
    }


def our_trials(photos: Path, features: Path, augment: str, epochs: int, first: int = 0) -> list[float]:
    """Return the best validation accuracy of each of twenty trials on the features in `features`."""
    scores = []
    for trial in range(first, first + TRIALS):
        config = config_for(photos, features, augment=augment, epochs=epochs, **drawn_settings(trial))
        ready = preparation.prepare(config, World(), lambda _: None)
        scores.append(fit(ready.module, ready.train, ready.validation, ready.config).best_validation.top1)
    return scores


def our_tuning(photos: Path, augment: str) -> dict[str, float]:
    """Compute features into an empty folder, then run the trials on them; return the seconds of both."""
    features = CACHE / f"features-{photos.name}-{augment}"
    shutil.rmtree(features, ignore_errors=True)
    started = time.perf_counter()
    preparation.write_features(config_for(photos, None, augment=augment), features, note)
    seconds = {"features": time.perf_counter() - started}
    for epochs in OUR_EPOCHS:
        started = time.perf_counter()
        our_trials(photos, features, augment, epochs)
        seconds[f"trials_{epochs}"] = time.perf_counter() - started
    return seconds


def process_start_seconds(photos: Path, features: Path, trial_seconds: float) -> float:
    """Return what a trial takes as a process of its own beyond the `trial_seconds` it takes in this one."""
    flags = (
        f"--model-name {MODEL} --weights channel --trainable head --epochs {EPOCHS} --augment none --save-model false"
    )
    folders = ["--features", str(features), "--weights-dir", str(CACHE / "backbone"), "--model-dir", str(CACHE / "out")]
    command = [sys.executable, str(ROOT / "training" / "train.py"), *folders, *flags.split()]
    seconds = []
    for _ in range(NUM_STARTS):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return max(0.0, statistics.median(seconds) - trial_seconds)


def one_job_seconds(features: Path, augment: str) -> float:
    """Return what training/tune.py takes for all trials and epochs: one process, from its start to its end."""
    flags = (
        f"--model-name {MODEL} --weights channel --trainable head --epochs {EPOCHS} --augment {augment} "
        f"--save-model false --max-trials {TRIALS} --early-stopping Off"
    )
    folders = ["--features", str(features), "--weights-dir", str(CACHE / "backbone"), "--model-dir", str(CACHE / "out")]
    command = [sys.executable, str(ROOT / "training" / "tune.py"), *folders, *flags.split()]
    started = time.perf_counter()
    subprocess.run([*command, "--search-space", json.dumps(bench_trials.SPACE)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def note(line: str) -> None:
    """Show progress."""
    click.echo(line, err=True)


def remember(name: str, round_: dict[str, float]) -> list[dict[str, float]]:
    """Add a round to those kept under build/bench and return all of them."""
    path = CACHE / f"{name}.json"
    rounds = [*(json.loads(path.read_text()) if path.exists() else []), round_]
    path.write_text(json.dumps(rounds, indent=1))
    return rounds


def median(rounds: list[dict[str, float]], *names: str) -> float:
    """Return the median over the rounds of the sum of some columns."""
    return statistics.median(sum(row[name] for name in names) for row in rounds)


def prepared(photos: Path, copies: int) -> Path:
    """Return the folder of the photographs to tune on; backbone and crops are made if they are missing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    prepare_backbone(photos)
    return prepare_photographs(photos, copies)


@click.group(invoke_without_command=True)
@click.option("--photos", type=click.Path(file_okay=False, path_type=Path), default=photographs.made)
@click.option("--copies", default=1, show_default=True, help="crops of each photograph to tune on")
@click.pass_context
def cli(context: click.Context, photos: Path, copies: int) -> None:
    """Measure tuning on features against tuning on images."""
    if not (photos / "train").is_dir():
        note(f"skipped: {str(photos)!r} has no train/ and test/ with photographs by class; give --photos DIR")
        context.exit()
    context.obj = partial(prepared, photos, copies)  # not yet: a command may only be asked for its --help
    if context.invoked_subcommand is None:
        for command in (speed, accuracy):
            context.invoke(command)


@cli.command()
@click.pass_obj
def speed(prepare: Callable[[], Path]) -> None:
    """Seconds of 20 trials x 5 epochs; one round a call."""
    photos = prepare()
    files = split_files(photos)
    round_: dict[str, float] = {}
    for name, augment in (("plain", "none"), ("views", "strong")):
        round_ |= {f"{name}_{part}": value for part, value in our_tuning(photos, augment).items()}
        round_[f"{name}_one_job"] = one_job_seconds(CACHE / f"features-{photos.name}-{augment}", augment)
        if name == "plain":
            round_["epoch"] = baseline_epoch(files)
    features = CACHE / f"features-{photos.name}-none"
    round_["start"] = process_start_seconds(photos, features, round_[f"plain_trials_{EPOCHS}"] / TRIALS)
    rounds = remember(f"speed-{photos.name}", round_)
    count = {name: len(rows) for name, rows in files.items()}
    click.echo(
        f"{count['train']} training and {count['validation']} validation images, {torch.get_num_threads()} threads, "
        f"medians of {len(rounds)} rounds; a process takes {median(rounds, 'start'):.2f} s to start and to end"
    )
    report_speed(rounds)


def report_speed(rounds: list[dict[str, float]]) -> None:
    """Print the seconds and ratios of all ways."""
    epoch, starts = median(rounds, "epoch"), (TRIALS + 1) * median(rounds, "start")
    today = epoch * TRIALS * EPOCHS
    columns = f"{'features s':>10} {'trials s':>9} {'all s':>9} {'ratio':>7} {'with starts':>12} {'ratio':>7}"
    click.echo(f"  {'':44} {columns}")
    click.echo(
        f"  {'every image in every epoch, today':44} {'':>10} {'':>9} {today:9.0f} {1:7.0f}   (100 x {epoch:.1f} s)"
    )
    for name, title in (("plain", "un-augmented"), ("views", "three augmented views")):
        for epochs in OUR_EPOCHS:
            parts = median(rounds, f"{name}_features"), median(rounds, f"{name}_trials_{epochs}")
            label, ours = f"features, {title}, {epochs} epochs", sum(parts)
            click.echo(
                f"  {label:44} {parts[0]:10.1f} {parts[1]:9.1f} {ours:9.1f} {today / ours:7.0f} "
                f"{ours + starts:12.1f} {today / (ours + starts):7.0f}"
            )
        parts = median(rounds, f"{name}_features"), median(rounds, f"{name}_one_job")
        ours = sum(parts) + median(rounds, "start")
        label = f"features, {title}, {EPOCHS} epochs, one job"
        click.echo(f"  {label:44} {parts[0]:10.1f} {parts[1]:9.1f} {'':9} {'':7} {ours:12.1f} {today / ours:7.0f}")


def baseline_features(files: Files) -> Tensor:
    """Return what today's frozen backbone gives for the files, in eager fp32; it is the same in every epoch."""
    network = baseline.build(MODEL, backbone_file(), NUM_CLASSES, frozen=True).eval()
    network.fc = nn.Identity()
    with torch.inference_mode():
        return torch.cat([network(images) for images, _ in baseline.loader(files, SIDE, shuffle=False)]).clone()


def baseline_trial(data: dict[str, tuple[Tensor, Tensor]], trial: int) -> float:
    """Return the best validation accuracy of one trial of today's way: a learning rate for Adam and a batch size."""
    draw = random.Random(trial)  # noqa: S311 - repeatable
    rate, batch_size = math.exp(draw.uniform(math.log(1e-4), math.log(1e-2))), draw.choice([32, 64])
    torch.manual_seed(trial)
    head = baseline.head(data["train"][0].shape[1], NUM_CLASSES)
    optimizer = torch.optim.Adam(head.parameters(), lr=rate)
    best = 0.0
    for _ in range(EPOCHS):
        order = torch.randperm(len(data["train"][1])).split(batch_size)
        baseline.train_epoch(head, optimizer, ((data["train"][0][rows], data["train"][1][rows]) for rows in order))
        best = max(best, baseline.accuracy(head, iter([data["validation"]])))
    return best


@cli.command()
@click.option("--repeats", default=5, show_default=True, help="tuning jobs of twenty other trials each")
@click.pass_obj
def accuracy(prepare: Callable[[], Path], repeats: int) -> None:
    """Best validation accuracy of twenty trials, for several tuning jobs."""
    photos = prepare()
    files = split_files(photos)
    kept = CACHE / f"baseline-{photos.name}.pt"
    if not kept.exists():
        torch.save({name: baseline_features(rows) for name, rows in files.items()}, kept)
    features = torch.load(kept, weights_only=True)
    data = {name: (features[name], torch.tensor([label for _, label in rows])) for name, rows in files.items()}
    ways: dict[str, Callable[[int], list[float]]] = {
        f"every image in every epoch, {EPOCHS} epochs": lambda first: [
            baseline_trial(data, first + n) for n in range(TRIALS)
        ],
    }
    for augment, title in (("none", "un-augmented"), ("strong", "three augmented views")):
        folder = CACHE / f"features-{photos.name}-{augment}"
        if not (folder / "manifest.json").exists():
            preparation.write_features(config_for(photos, None, augment=augment), folder, note)
        for epochs in OUR_EPOCHS:
            ways[f"features, {title}, {epochs} epochs"] = partial(our_trials, photos, folder, augment, epochs)
    click.echo(f"best validation top-1 of {TRIALS} trials, {repeats} tuning jobs")
    for title, way in ways.items():
        bests = [max(way(100 * repeat)) for repeat in range(repeats)]
        click.echo(f"  {title:44} mean {statistics.mean(bests):.3f}   " + " ".join(f"{best:.3f}" for best in bests))


if __name__ == "__main__":
    cli()
