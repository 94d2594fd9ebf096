"""What computes features: how fast each extractor is, and what its precision costs a head in accuracy.

    python bench/bench_extraction.py             both, on pictures made for it; --photos DIR takes your own
    python bench/bench_extraction.py speed       one pass over the same images by each extractor, in turns
    python bench/bench_extraction.py accuracy    top-1 of the same twenty heads on each one's features

A head that was trained on an extractor's features ends up behind the network in fp32: that is what is saved, scored and
brought to int8 for serving. So heads are also validated on the features of eager fp32. int8 is made as for an endpoint,
calibrated on 128 training images. Backbone and photographs are those of bench_features.py.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import torch  # noqa: E402 - after the path is set
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from bench import baseline, bench_features, photographs  # noqa: E402
from bench.bench_features import CACHE, EPOCHS, MODEL, NUM_CLASSES, SIDE, TRIALS  # noqa: E402
from inference.model import ModelSpec, normalise, replace_head  # noqa: E402
from inference.predictors import openvino_core  # noqa: E402
from inference.preprocessing import Preprocessing  # noqa: E402
from training import preparation  # noqa: E402
from training.data.splits import Datasets, Split, load_datasets  # noqa: E402
from training.export.onnx_graph import export_onnx  # noqa: E402
from training.export.quantization import quantise  # noqa: E402
from training.features.computing import description  # noqa: E402
from training.features.extractors import make_extractor  # noqa: E402
from training.features.store import FeatureWriter, SampleRow  # noqa: E402

PREPROCESSING = Preprocessing.for_image_size(SIDE)
CALIBRATION_IMAGES, BATCH_SIZE = 128, 32
TODAY = "torch eager fp32"
LONG = 20  # epochs


class Eager:
    """Today's way: torch as it comes."""

    name, precision = "torch", "eager fp32"

    def __init__(self) -> None:
        self.network = baseline.build(MODEL, bench_features.backbone_file(), NUM_CLASSES, frozen=True).eval()
        self.network.fc = nn.Identity()

    def features(self, images: Tensor) -> Tensor:
        """Return float32 features (B, num_features) of uint8 `images` (B, 3, H, W)."""
        with torch.inference_mode():
            outputs: Tensor = self.network(normalise(images, PREPROCESSING))
        return outputs.clone()


class Int8:
    """The backbone as an endpoint would serve it: quantised, calibrated on training images."""

    name, precision = "openvino", "int8"

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        graph, target = CACHE / "backbone.onnx", CACHE / "backbone.int8.onnx"
        export_onnx(network, PREPROCESSING, graph)
        quantise(graph, target, images.permute(0, 2, 3, 1).contiguous().numpy(), torch.get_num_threads())
        settings = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        compiled = openvino_core().compile_model(str(target), "CPU", {**settings, "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()

    def features(self, images: Tensor) -> Tensor:
        """Return float32 features (B, num_features) of uint8 `images` (B, 3, H, W)."""
        self.request.infer([images.permute(0, 2, 3, 1).contiguous().numpy()], share_inputs=True)
        return torch.tensor(self.request.get_output_tensor().data)


@dataclass(frozen=True)
class Bench:
    """The photographs and all extractors of the same backbone."""

    photos: Path
    datasets: Datasets
    ways: dict[str, Callable[[Tensor], Tensor]]


def make_bench(photos: Path) -> Bench:
    """Read the photographs and build all extractors."""
    config = bench_features.config_for(photos, None)
    datasets = load_datasets(config, PREPROCESSING, PREPROCESSING)
    network = preparation.start_network(ModelSpec(MODEL, NUM_CLASSES), config, lambda _: None).eval()
    replace_head(network, nn.Identity())
    ways: dict[str, Callable[[Tensor], Tensor]] = {TODAY: Eager().features}
    for kind, precision in (("torch", "fp32"), ("torch", "bf16"), ("openvino", "fp32"), ("openvino", "bf16")):
        ways[f"{kind} {precision}"] = make_extractor(network, PREPROCESSING, kind, precision).features
    spread = torch.linspace(0, len(datasets.train) - 1, CALIBRATION_IMAGES).long()
    ways["openvino int8"] = Int8(network, next(iter(datasets.train.batches(CALIBRATION_IMAGES, spread)))[0]).features
    return Bench(photos, datasets, ways)


@click.group(invoke_without_command=True)
@click.option("--photos", type=click.Path(file_okay=False, path_type=Path), default=photographs.made)
@click.pass_context
def cli(context: click.Context, photos: Path) -> None:
    """Compare what computes features."""
    if not (photos / "train").is_dir():
        bench_features.note(f"skipped: {str(photos)!r} has no train/ and test/ with photographs; give --photos DIR")
        context.exit()
    context.obj = lambda: make_bench(bench_features.prepared(photos, copies=1))  # not yet: it may only be --help
    if context.invoked_subcommand is None:
        for command in (speed, accuracy):
            context.invoke(command)


@cli.command()
@click.option("--images", "num_images", default=128, show_default=True)
@click.option("--rounds", "num_rounds", default=3, show_default=True)
@click.pass_obj
def speed(make: Callable[[], Bench], num_images: int, num_rounds: int) -> None:
    """Images a second of each extractor, decoded images in memory, in turns; and how far features differ."""
    bench = make()
    order = torch.linspace(0, len(bench.datasets.train) - 1, num_images).long()
    batches = [images for images, _ in bench.datasets.train.batches(BATCH_SIZE, order)]
    seconds: dict[str, list[float]] = {name: [] for name in bench.ways}
    features: dict[str, Tensor] = {}
    for way in bench.ways.values():
        way(batches[0])  # the first call plans
    for _ in range(num_rounds):
        for name, way in bench.ways.items():
            started = time.perf_counter()
            features[name] = torch.cat([way(batch) for batch in batches])
            seconds[name].append(time.perf_counter() - started)
    threads = torch.get_num_threads()
    click.echo(f"{MODEL}, {num_images} images of {SIDE} pixels, {threads} threads, {num_rounds} rounds in turns")
    for name in bench.ways:
        ratio = statistics.median(a / b for a, b in zip(seconds[TODAY], seconds[name], strict=True))
        cosine = functional.cosine_similarity(features[name], features[TODAY]).min()
        rate = num_images / statistics.median(seconds[name])
        click.echo(f"  {name:18} {rate:6.1f} images/s   {ratio:5.2f}x   smallest cosine to eager {cosine:.6f}")


@cli.command()
@click.option("--repeats", default=1, show_default=True, help="times twenty other trials")
@click.pass_obj
def accuracy(make: Callable[[], Bench], repeats: int) -> None:
    """Validation top-1 of twenty heads trained on un-augmented features of each extractor: mean, and best."""
    bench = make()
    click.echo(f"{TRIALS} trials x {repeats}; mean of all, mean of the best of {TRIALS}; one image is 0.005")
    click.echo(f"  {'':18} {'validated on the same':^31} {'validated on eager fp32':^31}")
    click.echo(f"  {'features by':18} " + f"{f'{EPOCHS} epochs':^15} {f'{LONG} epochs':^15} " * 2)
    for name in (TODAY, "torch bf16", "openvino bf16", "openvino int8"):
        cells = []
        for judge in (name, TODAY):
            folder = write_store(bench, bench.ways[name], bench.ways[judge])
            for epochs in (EPOCHS, LONG):
                trials = partial(bench_features.our_trials, bench.photos, folder, "none", epochs)
                accuracies = [trials(100 * repeat) for repeat in range(repeats)]
                mean, best = statistics.mean(chain(*accuracies)), statistics.mean(map(max, accuracies))
                cells.append(f"{mean:.3f}, {best:.3f}")
        click.echo(f"  {name:18} " + " ".join(f"{cell:^15}" for cell in cells))


def write_store(bench: Bench, train: Callable[[Tensor], Tensor], validation: Callable[[Tensor], Tensor]) -> Path:
    """Write features as compute_features.py does: of the training images by one extractor, of the others by another."""
    folder = CACHE / "features-compared"
    writer = FeatureWriter(folder)
    for name, split, way in (
        ("train", bench.datasets.train, train),
        ("validation", bench.datasets.validation, validation),
    ):
        writer.write_split(name, _rows(split), (way(images)[:, None] for images, _ in split.batches(BATCH_SIZE)))
    writer.finish(
        description("", bench.datasets, bench_features.config_for(bench.photos, None, augment="none"), Eager())
    )
    return folder


def _rows(split: Split) -> list[SampleRow]:
    return [
        (sample.relative_path, int(label), digest.hex())
        for sample, label, digest in zip(split.samples, split.labels, split.digests, strict=True)
    ]


if __name__ == "__main__":
    cli()
