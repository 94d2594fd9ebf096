"""Train an image classifier and write a model artifact with its evaluation.

On a plain machine (a laptop, an EC2 instance) with Python, torch, torchvision and Pillow:

    python training/train.py --data photos --model-dir out --model-name resnet18 --epochs 20
    python training/train.py --data photos.zip --model-dir out --checkpoint-dir checkpoints
    python training/train.py --data s3://BUCKET/datasets/photos/ --model-dir out
    python training/train.py --train photos/train --validation photos/valid --test photos/test --model-dir out

In SageMaker's PyTorch container (script mode), where sourcedir.tar.gz holds the folders training/ and inference/ at its
top and no requirements.txt (which would be installed at every start):

    sagemaker_program           training/train.py
    sagemaker_submit_directory  s3://BUCKET/KEY/sourcedir.tar.gz

There every hyperparameter arrives as a flag (--model_name and --model-name are the same), and the SM_* environment
supplies the folders of the channels train, validation, test, classes, weights and champion.

Prints one line an epoch for SageMaker's metric regexes. A failure is one sentence on standard error and in the job's
failure file; the exit code is 1, or 2 for a wrong flag.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Python put training/ itself first, where our data.py and model.py would hide other packages' modules.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from training.config import TrainingConfig, parse_config  # noqa: E402 - after the path is set
from training.errors import ConfigError, StoppedError, TrainingError  # noqa: E402
from training.failure_file import FailureFile  # noqa: E402
from training.shortages import shortage  # noqa: E402
from training.stopping import StopSignal  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

    from training.checkpoints.resuming import Checkpoints
    from training.data.splits import Datasets, Split
    from training.distributed import World
    from training.export.serving import Serving
    from training.model.trained import TrainedModel
    from training.optimisation.profiling import Profiler
    from training.optimisation.state import Callback, EpochResult, FitResult, TrainingState
    from training.preparation import Preparation

    Job = Callable[[TrainingConfig, Mapping[str, str], StopSignal], None]

FAILURE_REASON_CHARACTERS = 1024  # what DescribeTrainingJob returns of the failure file
WRITTEN_FOLDERS = ("SM_MODEL_DIR", "SM_OUTPUT_DATA_DIR", "SM_OUTPUT_DIR", "TMPDIR")
PROBLEMS_SHOWN = 20  # in the log; evaluation.json has them all


def main(
    arguments: Sequence[str], environ: Mapping[str, str], job: "Job | None" = None, program: str = "train.py"
) -> int:
    """Run one job, a training unless another is given, and return its exit code."""
    return exit_code(lambda stop: (job or run)(parse_config(arguments, environ), environ, stop), environ, program)


def exit_code(job: Callable[[StopSignal], None], environ: Mapping[str, str], program: str) -> int:
    """Run `job`; return its exit code, and of a failure say one sentence where its owner looks for it."""
    stop = StopSignal()
    stop.listen()
    failure_file = FailureFile(environ)
    try:
        job(stop)
    except ConfigError as error:
        return _fail(str(error), failure_file, 2, program)
    except (TrainingError, StoppedError) as error:
        return _fail(str(error), failure_file, 1, program)
    except Exception as error:  # noqa: BLE001 - the job's owner gets one sentence whatever happens
        traceback.print_exc()
        return _fail(_unexpected(error, environ), failure_file, 1, program)
    finally:
        failure_file.close()
    return 0


def run(config: TrainingConfig, environ: Mapping[str, str], stop: StopSignal) -> None:
    """Train, score the test split once, and write the artifact and evaluation.json."""
    if config.save_model and environ.get("RANK", "0") == "0":  # only the artifact of the first process needs them
        say_packages()
    if environ.get("LOCAL_RANK", "0") == "0":  # the others wait for this process before they import what decodes
        say_decoders(config)
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    from training import distributed, sources

    with distributed.joined(environ) as world, said_by_one(world), sources.localised(config, say) as local:
        train_and_score(local, world, stop)


def train_and_score(config: TrainingConfig, world: "World", stop: StopSignal) -> None:
    """Do `run`'s work as one of the processes of `world`."""
    started = time.perf_counter()
    import torch

    from training.preparation import prepare

    ready = prepare(config, world, say)
    trained, datasets = ready.trained, ready.datasets
    say_problems(datasets)
    if world.size > 1:
        # With one seed all would drop the same features of their different images.
        torch.manual_seed(config.seed + 1 + world.shard.index)
    say(
        f"training {config.model_name} on {len(datasets.train)} images of {len(datasets.class_names)} classes, "
        f"validating on {len(datasets.validation)}, with {world.size} processes, "
        f"ready after {time.perf_counter() - started:.2f} s"
    )
    fitted = fit(ready, world, stop)
    temperature = calibrate(ready)
    ready.finish()
    say(f"best_epoch={fitted.best_epoch} best_validation_top1={fitted.best_validation.top1:.4f}")
    if fitted.broke_down:
        say(
            f"training broke down in epoch {fitted.epochs[-1].epoch}, where the loss was no number any more; the model "
            f"is that of epoch {fitted.best_epoch}; use a lower lr than {config.lr}"
        )
    test_logits = score_test_split(trained, datasets, world)
    if world.is_first:
        write_results(config, trained, datasets, fitted, test_logits, temperature)
    say(f"finished after {time.perf_counter() - started:.2f} s")


def write_results(
    config: TrainingConfig,
    trained: "TrainedModel",
    datasets: "Datasets",
    fitted: "FitResult",
    test_logits: "Tensor | None",
    temperature: float | None,
) -> None:
    """Write the artifact, evaluation.json with what the artifact answers, and the report."""
    from training.export.artifact import save_model
    from training.export.evaluation import evaluation_of, write_evaluation
    from training.export.golden import golden_predictions, write_golden
    from training.export.model_card import try_card
    from training.export.pictures import write_pictures
    from training.export.report_html import try_report

    samples = datasets.test.samples if datasets.test else []
    serving, golden, scored = None, [], test_logits
    if config.save_model:
        can_calibrate = config.has_images or (config.validation is not None and datasets.calibration is not None)
        serving = save_model(trained, config, datasets if can_calibrate else None)
        say(f"serving_precision={serving.precision} serving_engine={serving.engine}: {serving.reason}")
        if test_logits is not None and datasets.test is not None:
            golden = golden_predictions(config.model_dir, samples, test_logits)
            by_path = {sample.relative_path: sample for sample in samples}
            write_golden(trained, serving, [by_path[row["path"]] for row in golden], config.model_dir)
            scored = score_as_served(serving, trained, datasets.test, test_logits, config.model_dir)
    say_test_scores(scored, datasets)
    evaluation = evaluation_of(config, datasets, fitted, scored, golden, serving) | {"temperature": temperature}
    evaluation["champion"] = None if scored is None else score_champion(config, datasets, scored)
    write_evaluation(evaluation, config)
    write_pictures(datasets, config.output_data_dir)
    if config.save_model:
        say(try_report(evaluation, samples, config))
        say(try_card(evaluation, config.model_dir))


def fit(ready: "Preparation", world: "World", stop: StopSignal) -> "FitResult":
    """Train, or go on with a training that was interrupted."""
    from training.optimisation import engine

    checkpoints = start_checkpoints(ready, world, stop)
    profiler = start_profiler(ready.config, world)
    also = [callback for callback in (checkpoints, profiler) if callback is not None]
    try:
        fitted = engine.fit(ready.module, ready.train, ready.validation, ready.config, [*callbacks(), *also], world)
    except StoppedError as error:
        where = "" if checkpoints is None else checkpoints.rescue()
        raise StoppedError(f"{error}; {where}") if where else error from None
    if profiler is not None:
        say(profiler.write(ready.config.output_data_dir))
    return fitted


def calibrate(ready: "Preparation") -> float | None:
    """Make the probabilities of the network mean what they say, by the validation split; None where it is not saved."""
    from training.model.temperature import apply_temperature, fit_temperature

    if not (ready.config.save_model and ready.config.calibrate):
        return None
    temperature = fit_temperature(ready.validation.logits(ready.module), ready.validation.labels)
    apply_temperature(ready.module, temperature)
    say(f"temperature={temperature:.3f}, fitted on {len(ready.validation.labels)} validation images")
    return temperature


def start_profiler(config: TrainingConfig, world: "World") -> "Profiler | None":
    """Return what measures the steps of the first process; None unless --profile asks for it."""
    if not config.profile or not world.is_first:
        return None
    from training.optimisation.profiling import Profiler

    return Profiler(config)


def start_checkpoints(ready: "Preparation", world: "World", stop: StopSignal) -> "Checkpoints | None":
    """Return what saves and restores the training's state; None without a folder for it."""
    from training.checkpoints.folder import CheckpointFolder
    from training.checkpoints.resuming import Checkpoints, identity

    config = ready.config
    if config.checkpoint_dir is None:
        return None
    job = identity(config, ready.datasets, ready.module)
    seconds, steps = config.checkpoint_seconds, config.checkpoint_steps
    return Checkpoints(CheckpointFolder(config.checkpoint_dir, job, say, seconds, steps), world, stop)


def callbacks() -> "list[Callback]":
    """Return what the job does besides training, in the order in which it is done."""
    from training.optimisation.state import Callback

    class EpochLines(Callback):
        """Prints one line an epoch."""

        def on_epoch(self, state: "TrainingState", result: "EpochResult") -> None:
            say(epoch_line(result, state.best))

    return [EpochLines()]


def say_packages() -> None:
    """Install what a graph is written with while the image's packages are not loaded yet, and say how that went."""
    from training import packages

    sentence = packages.prepare()
    if sentence:
        say(sentence)


def say_decoders(config: TrainingConfig) -> None:
    """Install what decodes the pictures of this job's channels, where the image lacks it, and say how that went."""
    from training import packages

    if sentence := packages.install_decoders((config.train, config.validation, config.test)):
        say(sentence)


def say_problems(datasets: "Datasets") -> None:
    """Print the first problems of the data and how many there are."""
    for problem in datasets.problems[:PROBLEMS_SHOWN]:
        say(f"{problem.kind} {problem.path!r}: {problem.reason}")
    if len(datasets.problems) > PROBLEMS_SHOWN:
        say(f"{len(datasets.problems)} problems of the data in all; evaluation.json names each")


@contextmanager
def said_by_one(world: "World") -> Iterator[None]:
    """Let the first process alone write to standard output, which SageMaker's metric regexes read."""
    if world.is_first:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def score_test_split(trained: "TrainedModel", datasets: "Datasets", world: "World") -> "Tensor | None":
    """Return the logits of the test split, which is looked at here alone; None where there is none."""
    from training.data.inputs import all_logits

    if datasets.test is None:
        return None
    return all_logits(trained.network, datasets.test, trained.preprocessing, world=world)


def score_as_served(
    serving: "Serving", trained: "TrainedModel", test: "Split", test_logits: "Tensor", folder: Path
) -> "Tensor":
    """Return the logits of the test split by what an endpoint answers with, which the gate is to judge."""
    from training.export.serving import served_logits
    from training.optimisation.scores import metrics_of

    served = served_logits(serving, trained.preprocessing, test, folder)
    if served is None:
        return test_logits
    own = metrics_of(test_logits, test.labels)
    say(f"network_top1={own.top1:.4f} in fp32 by torch; what follows is by {serving.engine} in {serving.precision}")
    return served


def score_champion(config: TrainingConfig, datasets: "Datasets", logits: "Tensor") -> "dict[str, Any] | None":
    """Return how the model that serves does on the test split, beside these `logits`; None if none serves."""
    from training.champion.scoring import champion_scores

    scores = champion_scores(config, datasets, logits.argmax(dim=1).tolist())
    if scores is not None and scores["problem"]:
        say(f"champion {scores['name']}: {scores['problem']}")
    elif scores is not None:
        say(
            f"champion {scores['name']}: {scores['champion_right']} right to {scores['candidate_right']} of "
            f"{scores['num_images']} test images, by {scores['engine']} in {scores['precision']}"
        )
    return scores


def say_test_scores(logits: "Tensor | None", datasets: "Datasets") -> None:
    """Print the line that SageMaker's metric regexes read."""
    from training.optimisation.scores import metrics_of

    if logits is not None and datasets.test is not None:
        metrics = metrics_of(logits, datasets.test.labels)
        say(f"test_loss={metrics.loss:.4f} test_top1={metrics.top1:.4f}")


def epoch_line(result: "EpochResult", best: "EpochResult | None") -> str:
    """Return the line that SageMaker's metric regexes read; tuning stops jobs early by the best epoch so far."""
    so_far = "" if best is None else f" best_validation_top1={best.validation.top1:.4f}"
    return (
        f"epoch={result.epoch} train_loss={result.train.loss:.4f} train_top1={result.train.top1:.4f} "
        f"validation_loss={result.validation.loss:.4f} validation_top1={result.validation.top1:.4f} "
        f"seconds={result.seconds:.2f} images_per_second={result.images_per_second:.0f}{so_far}"
    )


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)


def _unexpected(error: Exception, environ: Mapping[str, str]) -> str:
    """Return what the machine has run out of, or else the error itself."""
    written = [Path(environ[name]) for name in WRITTEN_FOLDERS if environ.get(name)]
    lacks = shortage(error, [*written, Path.cwd()])
    return (
        f"training has no room: {lacks}" if lacks else f"training failed unexpectedly: {type(error).__name__}: {error}"
    )


def _fail(sentence: str, failure_file: FailureFile, code: int, program: str) -> int:
    """Report `sentence` where SageMaker and a person look for it; return the exit code."""
    sentence = " ".join(sentence.split())[:FAILURE_REASON_CHARACTERS]
    print(f"{program}: {sentence}", file=sys.stderr, flush=True)
    failure_file.write(sentence)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
