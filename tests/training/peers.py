"""What the processes of test_distributed.py do; run by path, so nothing of tests/ is imported."""

import os
import signal
from collections.abc import Callable

import torch

from training.distributed import World, gather_rows, joined
from training.errors import TrainingError


def exchange() -> int:
    with joined(os.environ) as world:
        rank = world.shard.index
        assert world.sum([rank + 1, 0.5]) == [3, 1]
        assert world.any([rank == 1, False]) == [True, False]
        assert world.gather({"rank": rank}) == [{"rank": 0}, {"rank": 1}]
        assert world.from_first([rank, "state"]) == [0, "state"]
        # Batches of 2, 2 and 1 rows, taken in turns: rank 0 has the first and the last.
        mine = [torch.tensor([0.0, 1.0]), torch.tensor([4.0])] if rank == 0 else [torch.tensor([2.0, 3.0])]
        assert gather_rows(world, mine, 3).tolist() == [0, 1, 2, 3, 4]
        module = torch.nn.BatchNorm1d(2)
        assert module.running_mean is not None
        module.running_mean.fill_(rank)
        world.average(module.buffers())
        assert module.running_mean.tolist() == [0.5, 0.5]
        gradient_of(world)
    return 0


def gradient_of(world: World) -> None:
    """Each process has its part of a batch of three; the averaged gradient is that of the whole batch."""
    inputs = torch.tensor([[1.0], [2.0], [6.0]])
    linear = torch.nn.Linear(1, 1, bias=False)
    wrapped = world.wrap(linear)
    part = inputs[world.shard.of(3)]
    (wrapped(part).sum() * world.size / 3).backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad.item() == 3.0


def one_fails() -> int:
    return outcome_of(lambda world: _raise(TrainingError("the disk of this one is full; empty it")))


def one_is_killed() -> int:
    return outcome_of(lambda world: os.kill(os.getpid(), signal.SIGKILL))


def outcome_of(second: Callable[[World], object]) -> int:
    """Let rank 1 do `second` while rank 0 waits for it; print how it ends."""
    try:
        with joined(os.environ) as world:
            if world.shard.index == 1:
                second(world)
            world.sum([1.0])
    except TrainingError as error:
        print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201 - the test reads it
        return 1
    return 0


def _raise(error: Exception) -> None:
    raise error
