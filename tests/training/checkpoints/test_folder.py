"""Checkpoint files: whole or not at all, checked, and of one job only."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.checkpoints.folder import CheckpointFolder, restore_rng_state, rng_state
from training.model.weights import digest_of

IDENTITY = {"seed": 0, "lr": 0.001}
MakeFolder = Callable[..., tuple[CheckpointFolder, list[str]]]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """A checkpoint folder of the job `identity`, and what it says."""

    def make(identity: dict[str, Any] = IDENTITY, **options: Any) -> tuple[CheckpointFolder, list[str]]:
        messages: list[str] = []
        return CheckpointFolder(tmp_path / "checkpoints", identity, messages.append, **options), messages

    return make


def state_of(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.full((50,), float(step)), "history": [{"loss": 0.5, "best": None}]}


def test_state_comes_back_as_it_was(make_folder: MakeFolder) -> None:
    """Another process finds the newest state, tensors bit for bit."""
    for step in (3, 7):
        make_folder()[0].save(step, state_of(step))

    folder, messages = make_folder()
    state = folder.load()

    assert state is not None
    assert (state["step"], state["history"]) == (7, [{"loss": 0.5, "best": None}])
    assert torch.equal(state["weights"], torch.full((50,), 7.0))
    assert any("after 7 steps" in line for line in messages)


def test_two_checkpoints_are_kept(make_folder: MakeFolder, tmp_path: Path) -> None:
    """The newest and the last good one before it; no partial file stays."""
    folder, _ = make_folder()

    for step in range(1, 6):
        folder.save(step, state_of(step))

    assert [path.name[-12:] for path in sorted((tmp_path / "checkpoints").iterdir())] == [
        "000000004.pt",
        "000000005.pt",
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1, exclude_max=True), flip=st.booleans())
def test_damaged_checkpoint_falls_back_to_the_one_before(
    make_folder: MakeFolder, tmp_path: Path, cut: float, flip: bool
) -> None:
    """Cut short at any byte, or with any byte changed, it is passed over with a line that names it."""
    writer, _ = make_folder()
    writer.save(1, state_of(1))
    newest = writer.save(2, state_of(2))
    assert newest is not None
    content = bytearray(newest.read_bytes())
    position = int(cut * len(content))
    if flip:
        content[position] ^= 0x20
        newest.write_bytes(content)
    else:
        newest.write_bytes(content[:position])

    folder, messages = make_folder()
    state = folder.load()

    assert state is not None
    assert state["step"] == 1
    assert any(newest.name in line and "is passed over" in line for line in messages)


def test_checkpoint_of_other_settings_is_not_used(make_folder: MakeFolder) -> None:
    """It stays where it is, and the line says what differs."""
    theirs = make_folder(IDENTITY | {"lr": 0.01})[0].save(9, state_of(9))

    folder, messages = make_folder()

    assert folder.load() is None
    assert len(messages) == 1
    assert "is of another job and not used: lr 0.01 instead of 0.001" in messages[0]
    folder.save(1, state_of(1))
    folder.save(2, state_of(2))
    folder.save(3, state_of(3))
    assert theirs is not None
    assert theirs.exists()


def test_renamed_checkpoint_of_another_job_is_not_used(make_folder: MakeFolder) -> None:
    """A file's content decides, not its name."""
    theirs = make_folder(IDENTITY | {"seed": 1})[0].save(9, state_of(9))
    ours = make_folder()[0].save(1, state_of(1))
    assert theirs is not None
    assert ours is not None
    theirs.rename(ours)

    folder, messages = make_folder()

    assert folder.load() is None
    assert "belong to different jobs" in messages[0]


def test_half_written_file_is_cleared_away(make_folder: MakeFolder, tmp_path: Path) -> None:
    """What a process killed in the middle of a write left behind is never read."""
    path = make_folder()[0].save(1, state_of(1))
    assert path is not None
    partial = path.with_name(path.name.replace("000000001", "000000002") + ".partial")
    partial.write_bytes(path.read_bytes()[:100])

    folder, _ = make_folder()
    state = folder.load()

    assert state is not None
    assert state["step"] == 1
    assert not partial.exists()


def test_folder_that_cannot_be_written_stops_nothing(make_folder: MakeFolder, tmp_path: Path) -> None:
    """The reason is said; training goes on without that checkpoint."""
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    folder, messages = make_folder()

    assert folder.save(1, state_of(1)) is None

    assert "was not written" in messages[0]
    assert "training goes on" in messages[0]


def test_checkpoint_with_code_in_it_is_not_run(make_folder: MakeFolder, tmp_path: Path) -> None:
    """A pickle that would call something is passed over: only plain values and tensors are read."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    make_folder()[0].save(1, {"step": Evil()})

    folder, messages = make_folder()

    assert folder.load() is None
    assert not (tmp_path / "ran").exists()
    assert "is passed over" in messages[0]


def test_checkpoint_is_due_after_so_many_steps(make_folder: MakeFolder) -> None:
    """Counted from the last one; nothing is due when neither time nor steps are asked for."""
    folder, _ = make_folder(seconds=0, steps=3)

    assert [folder.is_due(step) for step in (1, 2, 3)] == [False, False, True]
    folder.save(3, state_of(3))
    assert [folder.is_due(step) for step in (4, 5, 6)] == [False, False, True]
    assert not make_folder(seconds=0, steps=0)[0].is_due(10**6)


def test_checkpoint_is_due_after_so_many_seconds(make_folder: MakeFolder) -> None:
    """Never twice for the same step."""
    folder, _ = make_folder(seconds=1e-9)

    assert folder.is_due(1)
    folder.save(1, state_of(1))
    assert not folder.is_due(1)
    assert folder.is_due(2)


def test_generators_go_on_where_they_were(make_folder: MakeFolder) -> None:
    """Python's, numpy's and torch's random numbers are the same after a resume."""

    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.normal()), torch.rand(()).item()

    before = rng_state()
    try:
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)
        draw()
        folder, _ = make_folder()
        folder.save(1, {"rng": rng_state()})
        expected = [draw() for _ in range(3)]

        state = make_folder()[0].load()
        assert state is not None
        restore_rng_state(state["rng"])

        assert [draw() for _ in range(3)] == expected
    finally:
        restore_rng_state(before)


def test_digest_tells_values_and_names_apart() -> None:
    """Equal tensors give equal digests, whatever the order; one changed number another."""
    a, b = torch.ones(3), torch.zeros(2, dtype=torch.int64)

    assert digest_of({"a": a, "b": b}) == digest_of({"b": b.clone(), "a": a.clone()})
    assert digest_of({"a": a, "b": b}) != digest_of({"a": a, "b": b + 1})
    assert digest_of({"a": a}) != digest_of({"b": a})
