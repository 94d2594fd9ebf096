"""Settings: flags, SageMaker's environment, and what is refused."""

import json
from pathlib import Path

import pytest

from training.config import parse_config
from training.errors import ConfigError

FOLDERS = ["--train", "a", "--validation", "b"]


@pytest.mark.parametrize("flag", ["--model-name", "--model_name"])
def test_flag_is_taken_with_dashes_and_with_underscores(flag: str) -> None:
    """SageMaker passes hyperparameter names with underscores, people type dashes."""
    assert parse_config([*FOLDERS, flag, "resnet18"], {}).model_name == "resnet18"


def test_folders_come_from_the_environment_of_the_container() -> None:
    """The channels and output folders that the toolkit announces need no flag."""
    environ = {
        "SM_CHANNEL_TRAIN": "/ml/input/data/train",
        "SM_CHANNEL_VALIDATION": "/ml/input/data/validation",
        "SM_CHANNEL_CLASSES": "/ml/input/data/classes",
        "SM_MODEL_DIR": "/ml/model",
        "SM_OUTPUT_DATA_DIR": "/ml/output/data",
        "SM_TRAINING_ENV": json.dumps({"job_name": "flowers-1"}),
    }

    config = parse_config([], environ)

    assert config.train == Path("/ml/input/data/train")
    assert config.classes == Path("/ml/input/data/classes")
    assert config.test is None
    assert config.model_dir == Path("/ml/model")
    assert config.output_data_dir == Path("/ml/output/data")
    assert config.training_job_name == "flowers-1"


def test_flag_wins_over_the_environment() -> None:
    """A folder given by hand is the one that is used."""
    config = parse_config(FOLDERS, {"SM_CHANNEL_TRAIN": "/ml/input/data/train"})

    assert config.train == Path("a")


def test_unknown_hyperparameter_is_refused_by_name() -> None:
    """A misspelt hyperparameter must not be ignored: the job would train with a default nobody chose."""
    with pytest.raises(ConfigError, match=r"unknown hyperparameter '--learning-rate'; the known ones are .*lr"):
        parse_config([*FOLDERS, "--learning_rate", "0.1"], {})


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--model-name", "vgg16"], "model_name 'vgg16' is not known; use one of convnext_base, "),
        (["--model-name", "inception_v3", "--image-size", "64"], "takes pictures of 75 pixels and more, not of 64"),
        (["--model-name", "vit_b_16", "--image-size", "100"], "multiple of 16, not 100; use 96"),
        (["--model-name", "vit_b_16", "--progressive-resize", "0.5"], "of one side only; use progressive_resize=1"),
    ],
)
def test_network_that_does_not_fit_is_refused_at_once(flags: list[str], problem: str) -> None:
    """Not after the pictures were read, by a traceback from inside the network."""
    with pytest.raises(ConfigError, match=problem):
        parse_config([*FOLDERS, *flags], {})


def test_abbreviated_flag_is_refused() -> None:
    """`--epoch 3` must not quietly mean --epochs."""
    with pytest.raises(ConfigError, match="unknown hyperparameter '--epoch'"):
        parse_config([*FOLDERS, "--epoch", "3"], {})


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--lr", "nan", "lr=nan is out of range"),
        ("--epochs", "0", "epochs=0 is out of range; use 1 to 10000"),
        ("--image-size", "16", "image_size=16 is out of range; use 32 to 1024"),
        ("--dropout", "1", "dropout=1.0 is out of range"),
        ("--epochs", "two", "argument --epochs: invalid int value: 'two'"),
        ("--augment", "wild", "invalid choice: 'wild'"),
        ("--save-model", "perhaps", "neither true nor false"),
        ("--unfreeze-depth", "most", "'most' is neither a number of stages nor full"),
        ("--unfreeze-depth", "-2", "unfreeze_depth=-2 is out of range"),
        ("--head", "tree", "invalid choice: 'tree'"),
        ("--progressive-resize", "0.1", "progressive_resize=0.1 is out of range; use 0.25 to 1"),
        ("--layer-lr-decay", "0", "layer_lr_decay=0.0 is out of range"),
        ("--ema-decay", "1", "ema_decay=1.0 is out of range"),
        ("--mixup", "-1", "mixup=-1.0 is out of range"),
        ("--randaugment", "31", "randaugment=31 is out of range; use 0 to 30"),
        ("--feature-views", "33", "feature_views=33 is out of range"),
        ("--weights", "channel", "weights=channel but there is no 'weights' channel"),
        ("--weights", "packaged", "packaged are those of efficientnet_lite0, not of 'resnet50'; use model_name="),
        ("--model-name", "efficientnet_lite0", "torchvision has none of 'efficientnet_lite0'; use weights=packaged"),
    ],
)
def test_wrong_value_is_refused_with_its_range(flag: str, value: str, message: str) -> None:
    """The sentence names the setting, the value seen and what is accepted."""
    with pytest.raises(ConfigError, match=message):
        parse_config([*FOLDERS, flag, value], {})


@pytest.mark.parametrize("more", [[], ["--test", "images"], ["--save-model", "true"]])
def test_tuning_on_features_needs_no_weights(more: list[str]) -> None:
    """The flow gives its trials no weights channel; a job that builds the backbone must have one."""
    flags = ["--features", "features", "--weights", "channel", "--save-model", "false", *more]
    if more:
        with pytest.raises(ConfigError, match="there is no 'weights' channel"):
            parse_config(flags, {})
    else:
        assert parse_config(flags, {}).is_head_alone


def test_no_folder_is_refused() -> None:
    """Without any images the flags that are missing are named."""
    with pytest.raises(ConfigError, match="give --data DIR, or --train DIR and --validation DIR"):
        parse_config([], {})


@pytest.mark.parametrize(
    ("flags", "depth", "trainable"),
    [
        (["--trainable", "head"], 0, "head"),
        (["--trainable", "full"], -1, "full"),
        (["--trainable", "head", "--unfreeze-depth", "2"], 2, "full"),
        (["--unfreeze-depth", "full"], -1, "full"),
        (["--unfreeze-depth", "0"], 0, "head"),
    ],
)
def test_unfreeze_depth_wins_over_trainable(flags: list[str], depth: int, trainable: str) -> None:
    """A tuning job varies the depth while the flow sends `trainable` all the same."""
    config = parse_config([*FOLDERS, *flags], {})

    assert (config.unfreeze_depth, config.trainable) == (depth, trainable)
