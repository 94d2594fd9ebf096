"""`--profile`: real steps of a small network, timed by stage and traced."""

import gzip
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reports.profiles import STAGES
from training.config import TrainingConfig
from training.optimisation import engine
from training.optimisation.profiling import TRACE_FILE, WARM_UP_STEPS, Profiler


class Numbers:
    """Twenty-four batches an epoch of points that a line divides."""

    labels = torch.arange(96) % 2

    def training_batches(
        self, batches: Sequence[Tensor], epoch: int, generator: torch.Generator, device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for chunk in batches:
            yield self.points[chunk], self.labels[chunk]

    def logits(self, model: nn.Module) -> Tensor:
        model.eval()
        with torch.inference_mode():
            return model(self.points)  # type: ignore[no-any-return]

    @property
    def points(self) -> Tensor:
        return functional.one_hot(self.labels, 8).float()


@pytest.fixture
def train(make_config: Callable[..., TrainingConfig]) -> Callable[..., Profiler]:
    """Return what trains a small network under a profiler and gives the profiler."""

    def run(steps: int, epochs: int = 1) -> Profiler:
        config = make_config(profile=steps, batch_size=4, epochs=epochs, training_job_name="pets-1")
        profiler = Profiler(config)
        model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
        engine.fit(model, Numbers(), Numbers(), config, [profiler])
        return profiler

    return run


def test_steps_are_timed_by_stage_and_traced(train: Callable[..., Profiler], tmp_path: Path) -> None:
    """Every stage takes some time, validation none of it; the trace holds the stages as ranges over the operators."""
    profiler = train(4)

    line = profiler.write(tmp_path / "output")

    profile = profiler.result()
    assert profile is not None
    assert (profile.num_steps, profile.batch_size, profile.is_cuda) == (4, 4, False)
    assert set(profile.seconds) == set(STAGES)
    assert all(seconds > 0 for seconds in profile.seconds.values())
    assert math.isclose(sum(profile.share(stage) for stage in STAGES), 1.0)
    assert "aten::addmm" in {operator.name for operator in profile.operators}
    assert line.startswith(f"profile: images_per_second={profile.images_per_second:.1f} waiting_for_data=0.")
    assert "<h1>Profile of pets-1</h1>" in (tmp_path / "output" / "profile.html").read_text()
    trace = json.loads(gzip.decompress((tmp_path / "output" / TRACE_FILE).read_bytes()))
    counts = [event["name"] for event in trace["traceEvents"] if event.get("ph") == "X"]
    assert counts.count("optimizer") == 4
    assert counts.count("forward") == 4


def test_profile_of_an_early_end_has_what_was_timed(train: Callable[..., Profiler], tmp_path: Path) -> None:
    """24 steps, of which 20 would be timed and 20 traced: one is traced, and it is all written."""
    profiler = train(20)

    assert "profile: images_per_second=" in profiler.write(tmp_path)
    profile = profiler.result()
    assert profile is not None
    assert profile.num_steps == 20
    assert (tmp_path / TRACE_FILE).exists()


def test_training_of_fewer_steps_than_warm_up_says_so(
    make_config: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    """Nothing is made up, and no page is left."""
    profiler = Profiler(make_config(profile=5))

    assert profiler.write(tmp_path) == (
        f"profile: none, training took too few steps; it needs more than {WARM_UP_STEPS}, so more epochs"
    )
    assert not list(tmp_path.iterdir())


def test_profiled_training_is_the_same_training(train: Callable[..., Profiler]) -> None:
    """Watching draws no random number, so the result is equal to the last bit; the hooks are gone afterwards."""

    def weights(steps: int) -> list[Tensor]:
        torch.manual_seed(0)
        hooks: list[nn.Module] = []
        original = Profiler.on_start

        def remember(self: Profiler, state: object) -> None:
            hooks.append(state.model)  # type: ignore[attr-defined]
            original(self, state)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Profiler, "on_start", remember)
            train(steps).stop()
        (model,) = hooks
        assert not model._forward_hooks
        assert not model._forward_pre_hooks
        return list(model.parameters())

    for left, right in zip(weights(2), weights(8), strict=True):
        assert torch.equal(left, right)


def test_profile_that_cannot_be_written_costs_no_job(train: Callable[..., Profiler], tmp_path: Path) -> None:
    """The network is trained by then; the line says what is missing."""
    (tmp_path / "output").write_text("a file, not a folder")

    assert "profile: could not be written to " in train(2).write(tmp_path / "output")
