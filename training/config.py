"""Every setting of a training job in one frozen dataclass, read from flags and SageMaker's environment."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from training.errors import ConfigError

BALANCES = ("none", "loss", "sampler")
AUGMENTATIONS = ("none", "basic", "strong")


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one training job; paths are folders."""

    model_name: str
    weights: str  # imagenet, none, or channel: the file in the weights channel
    trainable: str  # head or full
    unfreeze_depth: int  # stages of the backbone that are trained, from the last; 0: the head alone, -1: all
    head: str  # linear or mlp
    head_width: int  # of the hidden layer of an mlp head
    image_size: int
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    dropout: float
    label_smoothing: float
    warmup_epochs: float  # -1: a tenth of all steps
    layer_lr_decay: float  # learning rate of a stage as a fraction of the stage's behind it; 1: all alike
    progressive_unfreeze: int  # epochs for each further stage, from the head on; 0: all at once
    progressive_resize: float  # image side of the first epoch as a fraction of image_size; 1: off
    ema_decay: float  # of the moving average of the weights; 0: off
    mixup: float  # alpha; 0: off
    cutmix: float  # alpha; 0: off
    randaugment: int  # magnitude; 0: off
    augment: str
    patience: int  # epochs without a better validation top-1 before stopping; 0: never
    seed: int
    precision: str  # auto, fp32, bf16 or fp16 (CUDA); training only, evaluation is always fp32
    workers: int  # threads that decode images when they do not fit the cache; 0: one a core
    cache_mb: int  # bound of the decoded images kept in memory
    max_unreadable: float  # fraction of a split's images that may be unreadable
    max_duplicates: float  # fraction of validation or test that may be in an earlier split too
    class_balance: str  # none, loss (rare classes weigh more) or sampler (rare classes come more often)
    validation_fraction: float
    test_fraction: float
    save_model: bool
    feature_views: int  # varied views of each training image that features are computed of
    extractor: str  # auto, torch or openvino
    feature_precision: str  # auto, fp32 or bf16
    profile: int  # training steps to time, and as many to trace; 0: none
    dataset_fingerprint: str
    training_job_name: str
    train: Path | None
    validation: Path | None
    test: Path | None
    data: str | None  # a folder, an archive, or either in S3
    download_dir: Path | None  # None: a temporary folder
    classes: Path | None
    features: Path | None  # computed earlier; the head is trained on them
    weights_dir: Path | None
    model_dir: Path
    output_data_dir: Path
    checkpoint_dir: Path | None  # None: no checkpoints
    checkpoint_seconds: float  # between two checkpoints; 0: not by time
    checkpoint_steps: int  # between two checkpoints; 0: not by steps

    @property
    def has_images(self) -> bool:
        """Whether there are folders to read the train and validation splits from."""
        return self.data is not None or (self.train is not None and self.validation is not None)

    @property
    def is_head_alone(self) -> bool:
        """Whether the backbone is not even built: its features are there, and nothing is saved or tested."""
        return self.features is not None and not (self.has_images or self.save_model or self.test)

    def hyperparameters(self) -> dict[str, Any]:
        """Return the settings without the folders, JSON-ready."""
        return {name: value for name, value in asdict(self).items() if not isinstance(value, Path | None)}


def parse_config(arguments: Sequence[str], environ: Mapping[str, str]) -> TrainingConfig:
    """Return the settings; flags win over the SM_* environment.

    Raises:
        ConfigError: an unknown flag, a value out of range, or no folder to train on.
    """
    parser = build_parser(environ)
    values, unknown = parser.parse_known_args([_with_dashes(argument) for argument in arguments])
    if unknown:
        raise ConfigError(f"unknown hyperparameter {unknown[0]!r}; the known ones are {', '.join(_flags(parser))}")
    settings = vars(values)
    settings["output_data_dir"] = settings["output_data_dir"] or settings["model_dir"]
    if settings["unfreeze_depth"] is None:
        settings["unfreeze_depth"] = 0 if settings["trainable"] == "head" else -1
    settings["trainable"] = "full" if settings["unfreeze_depth"] else "head"
    config = TrainingConfig(**settings)
    _check(config)
    return config


def build_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser; its defaults come from `environ` where SageMaker sets something."""
    parser = _Parser(
        prog="train.py", allow_abbrev=False, description="Train an image classifier.", epilog="See training/train.py."
    )
    _add_model_flags(parser)
    _add_optimisation_flags(parser)
    _add_data_flags(parser)
    _add_folder_flags(parser, environ)
    return parser


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument("--model-name", default="resnet50", help="torchvision's name, such as resnet18")
    group.add_argument("--weights", default="imagenet", choices=("imagenet", "none", "channel"))
    group.add_argument("--trainable", default="full", choices=("head", "full"), help="head: the backbone is frozen")
    group.add_argument("--image-size", type=int, default=224, help="side of the network's input, pixels")
    group.add_argument(
        "--unfreeze-depth",
        type=_depth,
        help="trained stages of the backbone, counted from the last, or full; default: what --trainable says",
    )
    group.add_argument("--head", default="linear", choices=("linear", "mlp"), help="mlp: with one hidden layer")
    group.add_argument("--head-width", type=int, default=512, help="of the mlp's hidden layer")
    group.add_argument("--dropout", type=float, default=0.2, help="before each layer of the head, 0..0.9")


def _add_optimisation_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("optimisation")
    group.add_argument("--epochs", type=int, default=20)
    group.add_argument("--batch-size", type=int, default=32)
    group.add_argument("--lr", type=float, default=1e-3, help="peak learning rate of AdamW")
    group.add_argument("--weight-decay", type=float, default=0.05)
    group.add_argument("--label-smoothing", type=float, default=0.1, help="0..0.5")
    group.add_argument(
        "--augment",
        default="basic",
        choices=AUGMENTATIONS,
        help="basic: small shifts, scales and turns, safe for digits; strong: also crops, mirror images, colours",
    )
    group.add_argument("--randaugment", type=int, default=0, help="magnitude 1..30 of two operations an image; 0: off")
    group.add_argument("--mixup", type=float, default=0.0, help="alpha; 0: off")
    group.add_argument("--cutmix", type=float, default=0.0, help="alpha; 0: off")
    group.add_argument("--ema-decay", type=float, default=0.0, help="score averaged weights, such as 0.999; 0: off")
    group.add_argument("--warmup-epochs", type=float, default=-1.0, help="-1: a tenth of all steps")
    group.add_argument("--layer-lr-decay", type=float, default=1.0, help="each stage learns that much slower; 1: off")
    group.add_argument("--progressive-unfreeze", type=int, default=0, help="epochs for each further stage; 0: off")
    group.add_argument("--progressive-resize", type=float, default=1.0, help="the first epoch's side, 0.25..1; 1: off")
    group.add_argument("--patience", type=int, default=0, help="stop after so many epochs without progress; 0: never")
    group.add_argument("--seed", type=int, default=0)
    group.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16", "fp16"))


def _add_data_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--workers", type=int, default=0, help="decoding threads; 0: one a core")
    group.add_argument("--cache-mb", type=int, default=2048, help="decoded images kept in memory, at most")
    group.add_argument("--max-unreadable", type=float, default=0.05, help="fraction of a split, 0..1")
    group.add_argument("--max-duplicates", type=float, default=0.5, help="share of a split that may be in train too")
    group.add_argument(
        "--class-balance",
        default="none",
        choices=BALANCES,
        help="loss: images of rare classes weigh more; sampler: they come more often; none: as they are",
    )
    group.add_argument("--validation-fraction", type=float, default=0.15, help="taken from train when --data has none")
    group.add_argument("--test-fraction", type=float, default=0.15, help="taken from train when --data has none")
    group.add_argument("--feature-views", type=int, default=3, help="varied views of each training image, 0..32")
    group.add_argument("--extractor", default="auto", choices=("auto", "torch", "openvino"))
    group.add_argument("--feature-precision", default="auto", choices=("auto", "fp32", "bf16"))
    group.add_argument("--dataset-fingerprint", default="")
    group.add_argument("--save-model", type=_truth, default=True, help="false: metrics only, as a tuning job needs")
    group.add_argument(
        "--profile", type=int, nargs="?", const=10, default=0, metavar="STEPS", help="time and trace so many steps"
    )


def _add_folder_flags(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    group = parser.add_argument_group("folders")
    for flag, channel, text in (
        ("train", "TRAIN", "image folder: CLASS/*.jpg"),
        ("validation", "VALIDATION", "image folder"),
        ("test", "TEST", "image folder"),
        ("classes", "CLASSES", "folder with classes.json; without it the class folders, sorted"),
        ("weights-dir", "WEIGHTS", "folder with one .pt or .pth state_dict"),
        ("features", "FEATURES", "folder of compute_features.py; empty or new: it is filled from the images first"),
    ):
        group.add_argument(f"--{flag}", type=Path, default=_path(environ, f"SM_CHANNEL_{channel}"), help=text)
    group.add_argument(
        "--data", help="image folder with or without train/, valid/ and test/, or a .zip, .tar or .tar.gz, or s3://..."
    )
    group.add_argument(
        "--download-dir", type=Path, help="keeps what --data s3://... downloads; default: nothing is kept"
    )
    group.add_argument("--model-dir", type=Path, default=_path(environ, "SM_MODEL_DIR") or Path("model"))
    group.add_argument(
        "--output-data-dir", type=Path, default=_path(environ, "SM_OUTPUT_DATA_DIR"), help="default: the model folder"
    )
    group.add_argument(
        "--checkpoint-dir",
        type=Path,
        default=_checkpoint_folder(environ),
        help="where an interrupted training is taken up again; SageMaker's own where the job has CheckpointConfig",
    )
    group.add_argument(
        "--checkpoint-seconds", type=float, default=60.0, help="between two checkpoints; 0: never by time"
    )
    group.add_argument("--checkpoint-steps", type=int, default=0, help="between two checkpoints; 0: never by steps")
    group.add_argument("--training-job-name", default=_job_name(environ))


def _check(config: TrainingConfig) -> None:
    bounds: dict[str, tuple[float, float]] = {
        "image_size": (8, 1024),
        "epochs": (1, 10_000),
        "batch_size": (2, 4096),
        "lr": (1e-8, 10),
        "weight_decay": (0, 10),
        "dropout": (0, 0.9),
        "label_smoothing": (0, 0.5),
        "unfreeze_depth": (-1, 100),
        "head_width": (8, 16_384),
        "warmup_epochs": (-1, 1_000),
        "layer_lr_decay": (0.05, 1),
        "progressive_unfreeze": (0, 1_000),
        "progressive_resize": (0.25, 1),
        "ema_decay": (0, 0.99999),
        "mixup": (0, 4),
        "cutmix": (0, 4),
        "randaugment": (0, 30),
        "feature_views": (0, 32),
        "patience": (0, 10_000),
        "seed": (0, 2**32 - 1),
        "workers": (0, 128),
        "cache_mb": (0, 1_000_000),
        "max_unreadable": (0, 1),
        "max_duplicates": (0, 1),
        "checkpoint_seconds": (0, 86_400),
        "checkpoint_steps": (0, 1_000_000),
        "profile": (0, 1_000),
        "validation_fraction": (0.01, 0.5),
        "test_fraction": (0.01, 0.5),
    }
    for name, (low, high) in bounds.items():
        value = getattr(config, name)
        if not low <= value <= high:  # also true for nan
            raise ConfigError(f"{name}={value!r} is out of range; use {low:g} to {high:g}")
    if not config.has_images and config.features is None:
        raise ConfigError("no images to train on; give --data DIR, or --train DIR and --validation DIR")
    if config.weights == "channel" and config.weights_dir is None and not config.is_head_alone:
        raise ConfigError("weights=channel but there is no 'weights' channel; add one, or give --weights-dir DIR")


class _Parser(argparse.ArgumentParser):
    """Raises one sentence instead of printing a usage page and exiting, since the sentence goes to FailureReason."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def _with_dashes(argument: str) -> str:
    """SageMaker passes --model_name, people type --model-name."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    return sorted(action.dest for action in parser._actions if action.dest != "help")


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _checkpoint_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder that SageMaker keeps in S3, beside the model's; it exists only with CheckpointConfig."""
    model = _path(environ, "SM_MODEL_DIR")
    folder = model.parent / "checkpoints" if model else None
    return folder if folder is not None and folder.is_dir() else None


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _depth(text: str) -> int:
    if text == "full":
        return -1
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of stages nor full") from None


def _job_name(environ: Mapping[str, str]) -> str:
    """Return the job's name, which the container has in TRAINING_JOB_NAME or in SM_TRAINING_ENV."""
    if environ.get("TRAINING_JOB_NAME"):
        return environ["TRAINING_JOB_NAME"]
    name = json.loads(environ.get("SM_TRAINING_ENV") or "{}").get("job_name")
    return str(name) if name else "local"
