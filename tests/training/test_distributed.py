"""Several processes over gloo: sums, shares, and failures that reach everybody in words."""

import signal
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.processes import finish, start
from tests.training.torchrun import environment, free_port
from training.distributed import Shard, gather_rows, joined
from training.errors import ConfigError, PeerError

PEERS = Path(__file__).with_name("peers.py")


def run_together(function: str, folder: Path, size: int = 2) -> list[tuple[int, str]]:
    """Run a function of peers.py in `size` processes; return the exit code and the output of each."""
    port = free_port()
    outputs = [folder / f"output-{rank}" for rank in range(size)]
    processes = [
        start(PEERS, function, environ=environment(rank, size, port), output=outputs[rank]) for rank in range(size)
    ]
    return [(finish(process), output.read_text()) for process, output in zip(processes, outputs, strict=True)]


@pytest.mark.account
def test_two_processes_exchange_sums_states_and_gradients(tmp_path: Path) -> None:
    """All that training needs of the others, over real connections."""
    assert run_together("exchange", tmp_path) == [(0, ""), (0, "")]


@pytest.mark.account
def test_failure_of_one_process_ends_all_with_its_reason(tmp_path: Path) -> None:
    """The log of every instance says what happened, not only that a connection broke."""
    first, second = run_together("one_fails", tmp_path)

    assert second == (1, "TrainingError: the disk of this one is full; empty it\n")
    assert first[0] == 1
    assert "PeerError: process 1 of 2 failed: the disk of this one is full; empty it" in first[1]


@pytest.mark.account
def test_killed_process_ends_all(tmp_path: Path) -> None:
    """A process that is killed says nothing; the others do not wait for it."""
    first, second = run_together("one_is_killed", tmp_path)

    assert second[0] == -signal.SIGKILL
    assert first[0] == 1
    assert "PeerError: process 0 of 2 lost another one, which was killed, ran out of memory" in first[1]


@pytest.mark.account
def test_process_whose_peers_never_come_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends after its time-out instead of being billed for ever."""
    environ = environment(1, 2, free_port())
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(PeerError, match=r"2 processes .* within 1 s"), joined(environ, timeout_seconds=1):
        pass


def test_alone_everything_is_the_identity() -> None:
    """Without torchrun there is one process, and no connection is opened."""
    with joined({}) as world:
        module = torch.nn.BatchNorm1d(1)

        assert (world.size, world.is_first) == (1, True)
        assert world.sum([2.5]) == [2.5]
        assert world.any([True, False]) == [True, False]
        assert world.gather(3) == [3]
        assert world.from_first(3) == 3
        assert world.wrap(module) is module
        assert world.synchronised(module) is module
        world.average(module.buffers())
        assert torch.equal(gather_rows(world, [torch.ones(2, 2), torch.ones(1, 2)], 2), torch.ones(3, 2))


def test_several_instances_without_torchrun_are_refused() -> None:
    """Each would train the same model, and all would be billed."""
    with (
        pytest.raises(ConfigError, match="2 instances were started, but torchrun was not; set the hyperparameter"),
        joined({"SM_HOSTS": '["algo-1", "algo-2"]'}),
    ):
        pass


@given(length=st.integers(0, 500), count=st.integers(1, 40))
def test_shards_are_everything_once(length: int, count: int) -> None:
    """Contiguous, in order, and of sizes that differ by one at most."""
    parts = [list(range(length))[Shard(index, count).of(length)] for index in range(count)]

    assert [item for part in parts for item in part] == list(range(length))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
