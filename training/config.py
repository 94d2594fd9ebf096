"""Every setting of a training job: its default, its bounds and what it means stand here and nowhere else.

`declared_settings(TrainingConfig)` reads them as data, without torch.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasets.limits import MAX_IMAGE_SIDE, MIN_IMAGE_SIDE
from datasets.networks import family_of, network_problem
from inference.preprocessing import EFFICIENTNET_LITE0
from training.errors import ConfigError
from training.flags import check_bounds, parse_flags, setting, variable

MODEL, OPTIMISATION, DATA, FEATURES, FOLDERS = "model", "optimisation", "data", "features", "folders"


def _depth(text: str) -> int:
    if text == "full":
        return -1
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of stages nor full") from None


def _checkpoint_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder that SageMaker keeps in S3, beside the model's; it exists only with CheckpointConfig."""
    model = variable("SM_MODEL_DIR")(environ)
    folder = model.parent / "checkpoints" if model else None
    return folder if folder is not None and folder.is_dir() else None


def _job_name(environ: Mapping[str, str]) -> str | None:
    """Return the job's name, which the container has in TRAINING_JOB_NAME or in SM_TRAINING_ENV."""
    if environ.get("TRAINING_JOB_NAME"):
        return environ["TRAINING_JOB_NAME"]
    name = json.loads(environ.get("SM_TRAINING_ENV") or "{}").get("job_name")
    return str(name) if name else None


@dataclass(frozen=True)
class TrainingConfig:
    """Train an image classifier; see the head of training/train.py."""

    model_name: str = setting(
        "resnet50", MODEL, "torchvision's name, such as resnet18 or vit_b_16, or efficientnet_lite0"
    )
    weights: str = setting(
        "imagenet",
        MODEL,
        "starting weights; imagenet: downloaded; packaged: ImageNet's of efficientnet_lite0, without a download; "
        "channel: the file in the weights channel",
        choices=("imagenet", "none", "channel", "packaged"),
    )
    trainable: str = setting("full", MODEL, "head: the backbone is frozen", choices=("head", "full"))
    unfreeze_depth: int = setting(
        None,
        MODEL,
        "trained stages of the backbone, counted from the last, or full; without it what --trainable says",
        bounds=(-1, 100),
        read=_depth,
    )
    head: str = setting("linear", MODEL, "mlp: with one hidden layer", choices=("linear", "mlp"))
    head_width: int = setting(512, MODEL, "of the mlp's hidden layer", bounds=(8, 16_384))
    image_size: int = setting(
        224, MODEL, "side of the network's input, pixels", bounds=(MIN_IMAGE_SIDE, MAX_IMAGE_SIDE)
    )
    dropout: float = setting(0.2, MODEL, "before each layer of the head", bounds=(0, 0.9))
    epochs: int = setting(20, OPTIMISATION, "passes over the training images", bounds=(1, 10_000))
    batch_size: int = setting(32, OPTIMISATION, "images a step", bounds=(2, 4096))
    accumulate: int = setting(
        1, OPTIMISATION, "parts in which a batch passes the network, for one step of all; saves memory", bounds=(1, 64)
    )
    lr: float = setting(1e-3, OPTIMISATION, "peak learning rate of AdamW", bounds=(1e-8, 10))
    weight_decay: float = setting(0.05, OPTIMISATION, "of AdamW; biases and norms are not decayed", bounds=(0, 10))
    label_smoothing: float = setting(0.1, OPTIMISATION, "share of the target given to other classes", bounds=(0, 0.5))
    augment: str = setting(
        "basic",
        OPTIMISATION,
        "basic: small shifts, scales and turns, safe for digits; strong: also crops, mirror images, colours",
        choices=("none", "basic", "strong"),
    )
    randaugment: int = setting(0, OPTIMISATION, "magnitude of two operations an image; 0: off", bounds=(0, 30))
    mixup: float = setting(0.0, OPTIMISATION, "alpha; 0: off", bounds=(0, 4))
    cutmix: float = setting(0.0, OPTIMISATION, "alpha; 0: off", bounds=(0, 4))
    ema_decay: float = setting(0.0, OPTIMISATION, "score averaged weights, such as 0.999; 0: off", bounds=(0, 0.99999))
    warmup_epochs: float = setting(-1.0, OPTIMISATION, "-1: a tenth of all steps", bounds=(-1, 1_000))
    layer_lr_decay: float = setting(
        1.0,
        OPTIMISATION,
        "learning rate of a stage as a fraction of the stage's behind it; 1: all alike",
        bounds=(0.05, 1),
    )
    progressive_unfreeze: int = setting(
        0, OPTIMISATION, "epochs for each further stage, from the head on; 0: all at once", bounds=(0, 1_000)
    )
    progressive_resize: float = setting(
        1.0, OPTIMISATION, "the first epoch's side as a fraction of the image size; 1: off", bounds=(0.25, 1)
    )
    patience: int = setting(
        0, OPTIMISATION, "stop after so many epochs without a better validation top-1; 0: never", bounds=(0, 10_000)
    )
    seed: int = setting(0, OPTIMISATION, "of all that is drawn at random", bounds=(0, 2**32 - 1))
    precision: str = setting(
        "auto",
        OPTIMISATION,
        "of training; evaluation is always fp32, and fp16 needs CUDA",
        choices=("auto", "fp32", "bf16", "fp16"),
    )
    workers: int = setting(
        0, DATA, "threads that decode images when they do not fit the cache; 0: one a core", bounds=(0, 128)
    )
    cache_mb: int = setting(2048, DATA, "decoded images kept in memory, at most", bounds=(0, 1_000_000))
    max_unreadable: float = setting(
        0.05, DATA, "share of all images that may be unreadable; they are set aside", bounds=(0, 1)
    )
    num_unusable: int = setting(
        0,
        DATA,
        "pictures that were left out of the channels as empty or too large; they count as unreadable",
        bounds=(0, 1_000_000_000),
    )
    max_duplicates: float = setting(0.5, DATA, "share of a split that may be in an earlier one too", bounds=(0, 1))
    class_balance: str = setting(
        "none",
        DATA,
        "loss: images of rare classes weigh more; sampler: they come more often; none: as they are",
        choices=("none", "loss", "sampler"),
    )
    validation_fraction: float = setting(0.15, DATA, "taken from train when --data has none", bounds=(0.01, 0.5))
    test_fraction: float = setting(0.15, DATA, "taken from train when --data has none", bounds=(0.01, 0.5))
    group_by: str = setting("", DATA, "regular expression; pictures whose path matches it alike are kept in one split")
    made_splits: str = setting("", DATA, "those of validation,test that were taken from train, and may be made again")
    dataset_s3_uri: str = setting("", DATA, "folder that the paths begin at, for manifests of the splits")
    calibrate: bool = setting(True, DATA, "divide the logits by a temperature that is fitted on the validation split")
    save_model: bool = setting(True, DATA, "false: metrics only, as a tuning job needs")
    dataset_fingerprint: str = setting("", DATA, "recorded with the model, and compared with the features'")
    champion_name: str = setting("", DATA, "endpoint config of the model that serves, recorded with the evaluation")
    champion_problem: str = setting("", DATA, "why the model that serves cannot be scored, where it cannot")
    profile: int = setting(
        0,
        DATA,
        "training steps to time, and as many to trace; 10 if no number follows",
        bounds=(0, 1_000),
        without_value=10,
    )
    feature_views: int = setting(3, FEATURES, "varied views of each training image", bounds=(0, 32))
    extractor: str = setting("auto", FEATURES, "engine of the backbone", choices=("auto", "torch", "openvino"))
    feature_precision: str = setting("auto", FEATURES, "of the backbone", choices=("auto", "fp32", "bf16"))
    features: Path | None = setting(
        None,
        FEATURES,
        "folder of compute_features.py; empty or new: it is filled from the images first",
        from_environ=variable("SM_CHANNEL_FEATURES"),
    )
    training_job_name: str = setting("local", FOLDERS, "recorded with the model", from_environ=_job_name)
    train: Path | None = setting(None, FOLDERS, "image folder: CLASS/*.jpg", from_environ=variable("SM_CHANNEL_TRAIN"))
    validation: Path | None = setting(None, FOLDERS, "image folder", from_environ=variable("SM_CHANNEL_VALIDATION"))
    test: Path | None = setting(None, FOLDERS, "image folder", from_environ=variable("SM_CHANNEL_TEST"))
    data: str | None = setting(
        None, FOLDERS, "image folder with or without train/, valid/ and test/, or a .zip, .tar or .tar.gz, or s3://..."
    )
    download_dir: Path | None = setting(
        None, FOLDERS, "keeps what --data s3://... downloads; without it nothing is kept"
    )
    classes: Path | None = setting(
        None,
        FOLDERS,
        "folder with classes.json; without it the class folders, sorted",
        from_environ=variable("SM_CHANNEL_CLASSES"),
    )
    labels: Path | None = setting(
        None,
        FOLDERS,
        "folder with labels.json, path -> class; without it a picture's class is its folder's name",
        from_environ=variable("SM_CHANNEL_LABELS"),
    )
    examination: Path | None = setting(
        None,
        FOLDERS,
        "folder with findings.json of examine.py, whose splits are read; without it the images are examined",
        from_environ=variable("SM_CHANNEL_EXAMINATION"),
    )
    champion: Path | None = setting(
        None,
        FOLDERS,
        "folder with the output of the training job whose model serves; it is scored on the same test split",
        from_environ=variable("SM_CHANNEL_CHAMPION"),
    )
    weights_dir: Path | None = setting(
        None, FOLDERS, "folder with one .pt or .pth state_dict", from_environ=variable("SM_CHANNEL_WEIGHTS")
    )
    model_dir: Path = setting(
        Path("model"), FOLDERS, "where the model artifact is written", from_environ=variable("SM_MODEL_DIR")
    )
    output_data_dir: Path = setting(
        None,
        FOLDERS,
        "where evaluation.json and report.html are written; without it the model folder",
        from_environ=variable("SM_OUTPUT_DATA_DIR"),
    )
    checkpoint_dir: Path | None = setting(
        None,
        FOLDERS,
        "where an interrupted training is taken up again; SageMaker's own where the job has CheckpointConfig",
        from_environ=_checkpoint_folder,
    )
    checkpoint_seconds: float = setting(60.0, FOLDERS, "between two checkpoints; 0: never by time", bounds=(0, 86_400))
    checkpoint_steps: int = setting(0, FOLDERS, "between two checkpoints; 0: never by steps", bounds=(0, 1_000_000))

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
    values = parse_flags(TrainingConfig, arguments, environ, "train.py")
    values["output_data_dir"] = values["output_data_dir"] or values["model_dir"]
    if values["unfreeze_depth"] is None:
        values["unfreeze_depth"] = 0 if values["trainable"] == "head" else -1
    values["trainable"] = "full" if values["unfreeze_depth"] else "head"
    config = TrainingConfig(**values)
    check_bounds(config)
    for problem in _problems(config):
        raise ConfigError(problem)
    _check_folders(config)
    return config


def _problems(config: TrainingConfig) -> Iterator[str]:
    """Yield which settings do not fit the network."""
    family = family_of(config.model_name)
    if problem := network_problem(config.model_name, config.image_size):
        yield problem
    if problem := weights_problem(config.weights, config.model_name):
        yield problem
    if family is not None and family.has_fixed_side and config.progressive_resize < 1:
        yield f"{config.model_name} takes pictures of one side only; use progressive_resize=1"


def weights_problem(weights: str, model_name: str) -> str:
    """Return why a network has no starting weights of this kind; "" when it has."""
    is_lite = model_name == EFFICIENTNET_LITE0
    if weights == "packaged" and not is_lite:
        return (
            f"weights=packaged are those of {EFFICIENTNET_LITE0}, not of {model_name!r}; "
            f"use model_name={EFFICIENTNET_LITE0}, or other weights"
        )
    if weights == "imagenet" and is_lite:
        return f"weights=imagenet: torchvision has none of {model_name!r}; use weights=packaged"
    return ""


def _check_folders(config: TrainingConfig) -> None:
    if not config.has_images and config.features is None:
        raise ConfigError("no images to train on; give --data DIR, or --train DIR and --validation DIR")
    if config.weights == "channel" and config.weights_dir is None and not config.is_head_alone:
        raise ConfigError("weights=channel but there is no 'weights' channel; add one, or give --weights-dir DIR")
