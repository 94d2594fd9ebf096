"""Feature jobs in real processes: one that is killed loses a part at most, and several divide the work."""

import signal
from pathlib import Path

import pytest

from tests.training.pictures import write_splits
from tests.training.processes import finish, start
from tests.training.torchrun import environment, free_port

SECONDS = 240  # for a job of four seconds, on a machine that has others to do
JOBS = Path(__file__).with_name("feature_jobs.py")
FLAGS = (
    "--model-name resnet18 --weights none --image-size 32 --trainable head --extractor torch --feature-precision fp32"
)


def arguments(photos: Path, folder: Path) -> list[str]:
    """Return the flags of a job that writes to `folder`, and keeps its parts beside it."""
    folders = ["--data", str(photos), "--model-dir", str(folder), "--checkpoint-dir", f"{folder}-checkpoints"]
    return [*FLAGS.split(), "--augment", "basic", *folders]


def run(function: str, *values: object, output: Path, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a function of feature_jobs.py to its end; return the exit code and what it printed."""
    code = finish(start(JOBS, function, *values, environ=environ or {}, output=output), SECONDS)
    return code, output.read_text()


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image folder with three splits of three classes: 48 pictures."""
    return write_splits(tmp_path_factory.mktemp("jobs") / "photos")


@pytest.fixture(scope="module")
def whole(photos: Path) -> dict[str, bytes]:
    """What a job writes that nothing interrupts."""
    folder = photos.parent / "whole"
    code, output = run("compute", arguments(photos, folder), output=photos.parent / "whole.txt")
    assert (code, output.splitlines()[-1]) == (0, "made 18 parts"), output
    return contents(folder)


@pytest.mark.account
def test_killed_job_goes_on_where_it_was(whole: dict[str, bytes], photos: Path, tmp_path: Path) -> None:
    """The next one computes the parts that are missing, and writes the same bytes."""
    flags = arguments(photos, tmp_path / "features")

    assert run("compute_until_killed", flags, 14, output=tmp_path / "killed.txt")[0] == -signal.SIGKILL
    assert not (tmp_path / "features" / "manifest.json").exists()
    code, output = run("compute", flags, output=tmp_path / "resumed.txt")

    assert (code, output.splitlines()[-1]) == (0, "made 4 parts"), output
    assert "views of train: 2 of 6 parts are taken over from an interrupted job" in output
    assert contents(tmp_path / "features") == whole
    assert list((tmp_path / "features-checkpoints").iterdir()) == []


@pytest.mark.account
def test_processes_divide_the_parts(whole: dict[str, bytes], photos: Path, tmp_path: Path) -> None:
    """However many there are, the first writes the bytes that it writes alone."""
    flags, port = arguments(photos, tmp_path / "features"), free_port()
    outputs = [tmp_path / f"output-{rank}" for rank in range(2)]
    processes = [
        start(JOBS, "compute", flags, environ=environment(rank, 2, port), output=outputs[rank]) for rank in range(2)
    ]

    assert [finish(process, SECONDS) for process in processes] == [0, 0], [output.read_text() for output in outputs]
    assert contents(tmp_path / "features") == whole
