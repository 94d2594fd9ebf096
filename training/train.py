"""Train an image classifier and write a model artifact with its evaluation.

On a plain machine (a laptop, an EC2 instance) with Python, torch, torchvision and Pillow:

    python training/train.py --data photos --model-dir out --model-name resnet18 --epochs 20
    python training/train.py --train photos/train --validation photos/valid --test photos/test --model-dir out

In SageMaker's PyTorch container (script mode), where sourcedir.tar.gz holds the folders training/ and inference/ at its
top and no requirements.txt (which would be installed at every start):

    sagemaker_program           training/train.py
    sagemaker_submit_directory  s3://BUCKET/KEY/sourcedir.tar.gz

There every hyperparameter arrives as a flag (--model_name and --model-name are the same), and the SM_* environment
supplies the folders of the channels train, validation, test, classes and weights.

Prints one line an epoch for SageMaker's metric regexes. A failure is one sentence on standard error and in the job's
failure file; the exit code is 1, or 2 for a wrong flag.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Python put training/ itself first, where our data.py and model.py would hide other packages' modules.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from training.config import TrainingConfig, parse_config  # noqa: E402 - after the path is set
from training.errors import ConfigError, StoppedError, TrainingError  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

    from training.data import Datasets
    from training.export import TrainedModel
    from training.preprocessing import Preprocessing
    from training.state import Callback, EpochResult, TrainingState

FAILURE_REASON_CHARACTERS = 1024  # what DescribeTrainingJob returns of the failure file


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one training job and return its exit code."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        refuse_several_instances(environ)
        run(parse_config(arguments, environ))
    except ConfigError as error:
        return _fail(str(error), environ, 2)
    except (TrainingError, StoppedError) as error:
        return _fail(str(error), environ, 1)
    except Exception as error:  # noqa: BLE001 - the job's owner gets one sentence whatever happens
        traceback.print_exc()
        return _fail(f"training failed unexpectedly: {type(error).__name__}: {error}", environ, 1)
    return 0


def run(config: TrainingConfig) -> None:
    """Train, score the test split once, and write the artifact and evaluation.json."""
    started = time.perf_counter()
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    import torch

    from training import engine, export, report
    from training.augment import training_preprocessing
    from training.data import load_datasets
    from training.inputs import ImageInputs
    from training.preprocessing import Preprocessing

    preprocessing = Preprocessing.for_image_size(config.image_size)
    datasets = load_datasets(config, preprocessing, training_preprocessing(preprocessing, config.augment))
    for problem in datasets.problems:
        _say(f"set aside {problem.path!r}: {problem.reason}")
    torch.manual_seed(config.seed)
    trained = start_model(config, preprocessing, datasets.class_names)
    _say(
        f"training {config.model_name} on {len(datasets.train)} images of {len(datasets.class_names)} classes, "
        f"validating on {len(datasets.validation)}, ready after {time.perf_counter() - started:.2f} s"
    )
    fitted = engine.fit(
        trained.network,
        ImageInputs(datasets.train, config, preprocessing),
        ImageInputs(datasets.validation, config, preprocessing),
        config,
        callbacks(),
    )
    _say(f"best_epoch={fitted.best_epoch} best_validation_top1={fitted.best_validation.top1:.4f}")
    serving = None
    if config.save_model:
        serving = export.save_model(trained, config, datasets)
        _say(f"serving_precision={serving.precision} serving_engine={serving.engine}: {serving.reason}")
    test_logits, golden = score_test_split(config, trained, datasets)
    evaluation = export.evaluation(config, datasets, fitted, test_logits, golden, serving)
    export.write_evaluation(evaluation, config)
    if config.save_model:
        _say(report.try_report(evaluation, datasets.test.samples if datasets.test else [], config))
    _say(f"finished after {time.perf_counter() - started:.2f} s")


def callbacks() -> "list[Callback]":
    """Return what the job does besides training, in the order in which it is done."""
    from training.state import Callback

    class EpochLines(Callback):
        """Prints one line an epoch."""

        def on_epoch(self, state: "TrainingState", result: "EpochResult") -> None:
            _say(epoch_line(result))

    return [EpochLines()]


def score_test_split(
    config: TrainingConfig, trained: "TrainedModel", datasets: "Datasets"
) -> "tuple[Tensor | None, list[dict[str, Any]]]":
    """Return the logits of the test split and the golden predictions; nothing where there is no test split."""
    from training import export
    from training.inputs import all_logits
    from training.scores import metrics_of

    if datasets.test is None:
        return None, []
    logits = all_logits(trained.network, datasets.test, trained.preprocessing)
    metrics = metrics_of(logits, datasets.test.labels)
    _say(f"test_loss={metrics.loss:.4f} test_top1={metrics.top1:.4f}")
    if not config.save_model:
        return logits, []
    return logits, export.golden_predictions(config.model_dir, datasets.test.samples, logits)


def start_model(config: TrainingConfig, preprocessing: "Preprocessing", class_names: list[str]) -> "TrainedModel":
    """Return the network to train, with its starting weights, on the best device there is."""
    from training import model
    from training.export import TrainedModel
    from training.precision import best_device

    spec = model.ModelSpec(config.model_name, len(class_names), config.dropout, config.head, config.head_width)
    network = model.build_model(spec)
    left_out: list[str] = []
    if config.weights == "imagenet":
        left_out = model.load_imagenet_weights(network, config.model_name)
    elif config.weights_dir is not None and config.weights == "channel":
        left_out = model.load_weights_file(network, config.weights_dir)
    if left_out:
        _say(f"the head is new for {len(class_names)} classes; left out of the weights: {', '.join(left_out)}")
    model.set_trainable_stages(network, config.unfreeze_depth)
    return TrainedModel(network.to(best_device()), spec, preprocessing, class_names)


def epoch_line(result: "EpochResult") -> str:
    """Return the line that SageMaker's metric regexes read."""
    return (
        f"epoch={result.epoch} train_loss={result.train.loss:.4f} train_top1={result.train.top1:.4f} "
        f"validation_loss={result.validation.loss:.4f} validation_top1={result.validation.top1:.4f} "
        f"seconds={result.seconds:.2f} images_per_second={result.images_per_second:.0f}"
    )


def refuse_several_instances(environ: Mapping[str, str]) -> None:
    """Several instances would each train the same model and be billed for it."""
    hosts = json.loads(environ.get("SM_HOSTS") or "[]")
    if len(hosts) > 1:
        raise ConfigError(f"{len(hosts)} instances were started for one training job; set TrainingInstanceCount to 1")


def _say(line: str) -> None:
    print(line, flush=True)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise StoppedError("training was stopped by SIGTERM before it had finished")


def _fail(sentence: str, environ: Mapping[str, str], code: int) -> int:
    """Report `sentence` where SageMaker and a person look for it; return the exit code."""
    sentence = " ".join(sentence.split())[:FAILURE_REASON_CHARACTERS]
    print(f"train.py: {sentence}", file=sys.stderr, flush=True)
    if environ.get("SM_OUTPUT_DIR"):
        Path(environ["SM_OUTPUT_DIR"], "failure").write_text(sentence, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
