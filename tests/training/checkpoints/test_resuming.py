"""Training jobs, as processes, that are killed or stopped and taken up again: the same result to the last bit."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.pictures import write_splits
from tests.training.processes import finish, start
from tests.training.torchrun import environment, free_port
from training.checkpoints.folder import CheckpointFolder

JOBS = Path(__file__).parents[1] / "jobs.py"
SETTINGS = {
    "model-name": "mobilenet_v3_small",
    "weights": "none",
    "image-size": 32,
    "epochs": 3,
    "batch-size": 8,
    "precision": "fp32",
    "save-model": "false",
    "checkpoint-seconds": 0,
    "checkpoint-steps": 2,
}
# All that draws random numbers or remembers something: 3 epochs of 3 steps.
EVERYTHING = {"mixup": 0.2, "ema-decay": 0.9, "dropout": 0.3, "augment": "basic", "patience": 5}
Job = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image folder for all jobs."""
    return write_splits(tmp_path_factory.mktemp("resuming") / "photos")


@pytest.fixture(scope="module")
def whole(photos: Path) -> Path:
    """The folder of a job that nothing happened to."""
    folder = photos.with_name("whole")
    process = start(JOBS, "run", flags_of(photos, folder, EVERYTHING), environ={}, output=photos.with_name("log"))
    assert finish(process) == 0, photos.with_name("log").read_text()
    return folder


@pytest.fixture
def job(photos: Path, tmp_path: Path) -> Job:
    """Run a job in a process of its own; gives its exit code and what it printed."""

    def run(name: str, blow: str = "", moment: int = 0, **settings: object) -> tuple[int, str]:
        flags = flags_of(photos, tmp_path / name, settings)
        output = tmp_path / f"{name}.log"
        output.unlink(missing_ok=True)
        return finish(start(JOBS, "run", flags, blow, moment, environ={}, output=output)), output.read_text()

    return run


def flags_of(data: Path, folder: Path, settings: dict[str, object]) -> list[str]:
    folders = {"data": data, "model-dir": folder, "checkpoint-dir": folder / "checkpoints"}
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    return [f"--{name}={value}" for name, value in (SETTINGS | folders | named).items()]


def scores(folder: Path) -> dict[str, Any]:
    """Return every number that training led to, and a digest of the best weights."""
    report = json.loads((folder / "evaluation.json").read_text())
    epochs = [{name: row[name] for name in row if name.endswith(("loss", "top1"))} for row in report["epochs"]]
    return {"epochs": epochs, **{name: report[name] for name in ("best_epoch", "test_loss", "test_top1")}}


def best_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the best weights as the last checkpoint holds them."""
    newest = max((folder / "checkpoints").glob("*.pt"), key=lambda path: path.name)
    with newest.open("rb") as file:
        identity = json.loads(file.readline())["identity"]
    state = CheckpointFolder(folder / "checkpoints", identity, lambda line: None).load()
    assert state is not None
    weights: dict[str, torch.Tensor] = state["best_weights"]
    return weights


def assert_same(one: Path, other: Path) -> None:
    """Both jobs ended with the same numbers, to the last bit."""
    assert scores(one) == scores(other)
    weights = best_weights(other)
    assert all(torch.equal(value, weights[name]) for name, value in best_weights(one).items())


@pytest.mark.slow
def test_job_killed_again_and_again_ends_with_the_same_model(job: Job, whole: Path, tmp_path: Path) -> None:
    """In steps, in the middle of a checkpoint's write, and before its name is given: each time it goes on."""
    blows = [("kill", 3), ("kill-write", 1), ("kill", 2), ("kill-rename", 1), ("kill", 3)]
    codes, resumed = [], []
    for blow, moment in blows:
        code, log = job("struck", blow, moment, **EVERYTHING)
        codes.append(code)
        resumed += re.findall(r"resumed from checkpoint .* after (\d+) steps", log)
        assert not (tmp_path / "struck" / "evaluation.json").exists()
    code, log = job("struck", **EVERYTHING)

    killed = -signal.SIGKILL
    assert codes == [killed, -signal.SIGXFSZ, killed, killed, killed]
    assert code == 0, log
    # The first kill comes after 3 steps; a checkpoint that was torn or not yet named takes nothing along.
    assert resumed == ["2", "2", "2", "2"]
    assert re.findall(r"after (\d+) steps", log) == ["4"]
    assert_same(whole, tmp_path / "struck")


@pytest.mark.slow
def test_head_that_was_killed_ends_with_the_same_model(job: Job, tmp_path: Path) -> None:
    """A job on features, as most are, goes on from its checkpoint as one on images does."""
    settings: dict[str, object] = {"trainable": "head", "features": tmp_path / "features", "dropout": 0.3}

    codes = [job("untouched", **settings)[0], job("killed", "kill", 3, **settings)[0]]
    code, log = job("killed", **settings)

    assert (codes, code) == ([0, -signal.SIGKILL], 0), log
    assert re.findall(r"resumed from checkpoint .* after (\d+) steps", log) == ["2"]
    assert_same(tmp_path / "untouched", tmp_path / "killed")


@pytest.mark.slow
@pytest.mark.parametrize(("blow", "moment", "steps"), [("terminate", 5, 5), ("terminate-scoring", 25, 6)])
def test_sigterm_leaves_a_checkpoint_and_says_where(
    job: Job, whole: Path, tmp_path: Path, blow: str, moment: int, steps: int
) -> None:
    """The step under way is finished first; scoring is broken off. Nothing is lost but the scoring."""
    settings: dict[str, object] = {**EVERYTHING, "checkpoint_steps": 0, "cache_mb": 0}

    code, log = job("stopped", blow, moment, **settings)
    again, _ = job("stopped", **settings)

    assert code == 1
    where = str(tmp_path / "stopped" / "checkpoints")
    assert f"stopped by SIGTERM before it had finished; a checkpoint after {steps} steps is in {where!r}" in log
    assert again == 0
    assert_same(whole, tmp_path / "stopped")


def test_finished_job_is_not_trained_again(job: Job, tmp_path: Path) -> None:
    """Killed while the model was written, it has only that to do again; other settings start anew, and say so."""
    job("done", epochs=1)

    code, log = job("done", epochs=1)
    other, about_other = job("done", epochs=1, lr=0.01)

    assert code == 0
    assert "validation_loss" not in log
    assert "after 3 steps" in log
    assert other == 0
    assert "is of another job and not used: lr 0.001 instead of 0.01" in about_other
    assert "validation_loss" in about_other


# A frozen backbone's statistics do not change, so that nothing but rounding tells two processes from one.
HEAD = {"trainable": "head", "dropout": 0, "augment": "strong", "checkpoint_steps": 2, "class_balance": "loss"}


# Layers that normalise each image by itself do not tell a part of a batch from all of it. Epoch 2 trains a stage more.
UNFREEZING = {"model_name": "convnext_tiny", "progressive_unfreeze": 1, "layer_lr_decay": 0.5, "dropout": 0}
UNFREEZING |= {"lr": 0.0003, "epochs": 2}


def together(
    data: Path,
    folder: Path,
    size: int,
    blow: str = "",
    moment: int = 0,
    function: str = "run",
    settings: dict[str, object] | None = None,
    struck: int = 1,
) -> list[tuple[int, str]]:
    """Run one job as `size` processes, of which the one of rank `struck` is."""
    port = free_port()
    flags = flags_of(data, folder, settings or HEAD)
    if function != "run":  # a checkpoint of 28 million parameters would take most of the time
        flags = [flag for flag in flags if not flag.startswith("--checkpoint-dir=")]
    processes = []
    for rank in range(size):
        output = folder.with_suffix(f".{rank}.log")
        output.unlink(missing_ok=True)
        strike = (blow, moment) if rank == struck else ("", 0)
        environ = environment(rank, size, port) if size > 1 else {}
        processes.append((start(JOBS, function, flags, *strike, environ=environ, output=output), output))
    return [(finish(process), output.read_text()) for process, output in processes]


@pytest.mark.account
@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one(photos: Path, tmp_path: Path) -> None:
    """At the same global batch, to a relative 1e-5; killed, stopped while they score, and taken up, to the last bit."""
    ((alone, _),) = together(photos, tmp_path / "one", 1)
    (first, log), (second, nothing) = together(photos, tmp_path / "two", 2)
    killed = together(photos, tmp_path / "struck", 2, "kill", 5)
    from_disk = HEAD | {"cache_mb": 0}  # the first 12 pictures are opened to be checked, the next to be scored
    stopped = together(photos, tmp_path / "struck", 2, "terminate-scoring", 13, settings=from_disk, struck=0)
    again = together(photos, tmp_path / "struck", 2)

    assert (alone, first, second) == (0, 0, 0), log
    assert "with 2 processes" in log
    assert nothing == ""
    one, two = scores(tmp_path / "one"), scores(tmp_path / "two")
    for expected, epoch in zip(one["epochs"], two["epochs"], strict=True):
        assert epoch == pytest.approx(expected, rel=1e-5)
    assert two["test_loss"] == pytest.approx(one["test_loss"], rel=1e-5)
    assert [code for code, _ in killed] == [1, -signal.SIGKILL]
    assert "process 0 of 2 lost another one, which was killed" in killed[0][1]
    assert [code for code, _ in stopped] == [1, 1]
    assert "stopped by SIGTERM before it had finished; a checkpoint after 6 steps is in" in stopped[0][1]
    assert [code for code, _ in again] == [0, 0], again
    assert_same(tmp_path / "two", tmp_path / "struck")


@pytest.mark.account
@pytest.mark.slow
def test_two_processes_unfreeze_as_one(photos: Path, tmp_path: Path) -> None:
    """To a relative 1e-5 with a trained backbone too: gradients of a stage are averaged as soon as it is trained."""
    runs = [
        together(photos, tmp_path / name, size, function="run_without_drops", settings=UNFREEZING)
        for name, size in (("one", 1), ("two", 2))
    ]

    assert [code for run in runs for code, _ in run] == [0, 0, 0], runs
    one, two = scores(tmp_path / "one"), scores(tmp_path / "two")
    for expected, epoch in zip(one["epochs"], two["epochs"], strict=True):
        assert epoch == pytest.approx(expected, rel=1e-5)
