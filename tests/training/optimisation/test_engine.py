"""The loop of epochs: it learns, repeats to the last bit, stops early and keeps the best."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inference.model import ModelSpec, build_model
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.inputs import ImageInputs
from training.data.splits import load_datasets
from training.errors import TrainingError
from training.optimisation.engine import evaluate, fit, run_epoch, start_state
from training.optimisation.schedule import learning_rate_factor
from training.optimisation.scores import Metrics
from training.optimisation.state import Callback, EpochResult, FitResult, TrainingState

PREPROCESSING = Preprocessing.for_image_size(32)
MakeConfig = Callable[..., TrainingConfig]


class Recorder(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.reported: list[EpochResult] = []

    def on_epoch(self, state: TrainingState, result: EpochResult) -> None:
        assert state.epochs[-1] == result
        self.reported.append(result)


def run(config: TrainingConfig) -> tuple[FitResult, torch.nn.Module, list[EpochResult]]:
    datasets = load_datasets(config, PREPROCESSING, PREPROCESSING)
    torch.manual_seed(config.seed)
    model = build_model(ModelSpec(config.model_name, 3, config.dropout))
    train, validation = (ImageInputs(split, config, PREPROCESSING) for split in (datasets.train, datasets.validation))
    recorder = Recorder()
    fitted = fit(model, train, validation, config, [recorder])
    assert evaluate(model, validation) == fitted.best_validation
    return fitted, model, recorder.reported


@pytest.mark.usefixtures("image_folder")
def test_fit_learns_and_keeps_the_best_epoch(make_config: MakeConfig) -> None:
    """The weights left in the model are those whose score is reported as best."""
    fitted, _, reported = run(make_config(epochs=6))

    assert reported == fitted.epochs
    assert fitted.best_validation.top1 > 0.6
    best = fitted.epochs[fitted.best_epoch - 1]
    assert best.validation == fitted.best_validation
    assert max(result.validation.top1 for result in fitted.epochs) == best.validation.top1


@pytest.mark.usefixtures("image_folder")
def test_same_seed_gives_the_same_loss_to_the_last_bit(make_config: MakeConfig) -> None:
    """Two runs agree exactly; another seed does not."""
    first, again, other = (run(make_config(seed=seed))[0] for seed in (0, 0, 1))

    assert [result.train for result in first.epochs] == [result.train for result in again.epochs]
    assert [result.validation for result in first.epochs] == [result.validation for result in again.epochs]
    assert first.epochs[0].train != other.epochs[0].train


@pytest.mark.usefixtures("image_folder")
def test_patience_stops_a_run_that_no_longer_improves(make_config: MakeConfig) -> None:
    """At a learning rate of nearly zero nothing improves, so two epochs after the best one the run ends."""
    fitted, _, reported = run(make_config(epochs=30, lr=1e-8, patience=2, augment="none"))

    assert len(reported) == fitted.best_epoch + 2


_DIVERGED = (
    r"the training loss is nan and the validation loss is nan, not finite of the model: \S+ and \d+ more, "
    r"after the first epoch; use a lower lr than 0\.001"
)


@pytest.mark.usefixtures("image_folder")
def test_diverging_run_fails_with_the_remedy(make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that is no number from the start is a sentence, not a model."""
    monkeypatch.setattr("training.data.inputs.normalise", lambda images, _: images.float() * math.nan)

    with pytest.raises(TrainingError, match=_DIVERGED):
        run(make_config())


@pytest.mark.usefixtures("image_folder")
def test_message_names_what_is_not_finite_alone(make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where training goes well and scoring does not, the finite loss is not what the message blames."""
    broken = Metrics(loss=math.nan, top1=0.0)
    monkeypatch.setattr("training.optimisation.engine.score", lambda _state, _inputs: broken)

    with pytest.raises(TrainingError, match=r"^the validation loss is nan, not finite of the model: none, after"):
        run(make_config())


@pytest.mark.usefixtures("image_folder")
def test_every_image_is_trained_on_in_every_epoch(make_config: MakeConfig) -> None:
    """24 images in batches of at most 23: two of twelve, where a batch of one would leave statistics of one image."""
    config = make_config(batch_size=23, epochs=1, accumulate=2)
    datasets = load_datasets(config, PREPROCESSING, PREPROCESSING)
    train, validation = (ImageInputs(split, config, PREPROCESSING) for split in (datasets.train, datasets.validation))
    state = start_state(build_model(ModelSpec(config.model_name, 3, config.dropout)), config)
    seen = []

    class Counter(Callback):
        def on_step(self, state: TrainingState) -> None:
            assert state.progress is not None
            seen.append((state.step, len(state.progress.order)))

    run_epoch(state, train, validation, config, [Counter()])

    assert seen == [(1, 24), (2, 24)]


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    """Linear up over the first tenth, then half a cosine."""
    factors = [learning_rate_factor(step, 100, 10) for step in range(100)]

    assert factors[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert factors[10] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] < 0.001


def test_training_with_bfloat16_is_evaluated_in_float32(image_folder: Path, make_config: MakeConfig) -> None:
    """Precision is a matter of training speed alone: the scores come from the path that serves."""
    _, model, _ = run(make_config(precision="bf16", epochs=1))

    assert image_folder.is_dir()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
