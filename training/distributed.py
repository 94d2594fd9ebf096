"""Several processes that train one model: their shares, their sums, and how a failure of one ends all in words.

torchrun starts one process a GPU, or one a CPU instance (SageMaker's `torch_distributed`), and tells each its rank in
the environment. Every process draws the same order of images and takes its part of each batch, so the batches are those
of one process. Gradients, metrics and decisions are the same on all; rank 0 alone writes and logs.

Batch normalisation: on CUDA its statistics are those of the whole batch (SyncBatchNorm). On CPUs torch has no such
layer: each process normalises with its own part of a batch, and the running statistics, which validation and the model
use, are averaged over the processes after every epoch. Where the backbone is frozen its statistics never change.
"""

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from training.errors import ConfigError, PeerError

TIMEOUT_SECONDS = 600.0  # the longest that one process may wait for another; loading and saving are shorter
_REASON_KEY = "retriever/failure"
_POLL_SECONDS = 5.0  # of a process that waits for work; between, it looks whether another has failed
_REASON_WAIT_SECONDS = 1.0  # a process that fails in words says so before its connections close
_MAX_REASON_CHARACTERS = 700


@dataclass(frozen=True)
class Shard:
    """Which part of each batch is ours."""

    index: int = 0
    count: int = 1

    def of(self, length: int) -> slice:
        """Return our part of `length` items: contiguous, all parts together everything, sizes equal within one."""
        return slice(length * self.index // self.count, length * (self.index + 1) // self.count)


@dataclass(frozen=True)
class World:
    """All processes of one training; alone, every method is the identity and costs nothing."""

    shard: Shard = field(default_factory=Shard)
    local_rank: int = 0
    store: Any = None  # dist.Store

    @property
    def size(self) -> int:
        """Return how many processes there are."""
        return self.shard.count

    @property
    def is_first(self) -> bool:
        """Tell whether this is the process that writes and logs."""
        return self.shard.index == 0

    def device(self) -> torch.device:
        """Return where this process computes."""
        return torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sums over all processes, in double precision."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return total.tolist()

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """Return, for each flag, whether any process has it set."""
        return [total > 0 for total in self.sum([float(flag) for flag in flags])]

    def gather(self, value: Any) -> list[Any]:
        """Return everybody's `value`, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def from_first(self, value: Any) -> Any:
        """Return rank 0's `value`."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def awaited(self, key: str) -> bytes:
        """Return what the first process leaves under `key` of the store, and take it away, however long that takes.

        Raises:
            PeerError: another process failed meanwhile.
        """
        while True:
            try:
                self.store.wait([key], timedelta(seconds=_POLL_SECONDS))
                break
            except RuntimeError:  # not yet; a store that is gone fails again below
                if self.store.check([_REASON_KEY]):
                    raise PeerError(_why_peer_was_lost(self, PeerError(""))) from None
        value = bytes(self.store.get(key))
        self.store.delete_key(key)
        return value

    def send(self, data: bytes) -> None:
        """Send `data` to the first process, which receives it."""
        dist.send(torch.tensor([len(data)]), 0)
        dist.send(torch.frombuffer(bytearray(data), dtype=torch.uint8), 0)

    def receive(self, rank: int) -> bytes:
        """Return what process `rank` sends."""
        size = torch.zeros(1, dtype=torch.int64)
        dist.recv(size, rank)
        data = torch.empty(int(size), dtype=torch.uint8)
        dist.recv(data, rank)
        return data.numpy().tobytes()

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return what to call in training so that gradients are averaged; `module` keeps the parameters.

        To be done again when other parameters become trainable.
        """
        if self.size == 1:
            return module
        parallel = nn.parallel.DistributedDataParallel
        options: dict[str, Any] = {"device_ids": [self.local_rank] if torch.cuda.is_available() else None}
        # Each process keeps its own running statistics until they are averaged; later versions renamed the option.
        renamed = "forward_sync_buffers" in inspect.signature(parallel).parameters
        options["forward_sync_buffers" if renamed else "broadcast_buffers"] = False
        return parallel(module, **options)

    def synchronised(self, module: nn.Module) -> nn.Module:
        """Return `module` with batch statistics taken over all processes, where there is CUDA."""
        if self.size == 1 or not torch.cuda.is_available():
            return module
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return synchronised

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Make each floating-point tensor its average over all processes."""
        if self.size == 1:
            return
        for tensor in tensors:
            if tensor.is_floating_point():
                dist.all_reduce(tensor)
                tensor.div_(self.size)


@contextmanager
def joined(environ: Mapping[str, str], timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[World]:
    """Give the world that torchrun started this process in; a failure inside reaches the other processes in words.

    Raises:
        ConfigError: several instances were started, but not by torchrun.
        PeerError: another process failed, was killed, or did not answer in time.
    """
    world = _join(environ, timeout_seconds)
    if world.size == 1:
        yield world
        return
    try:
        yield world
    except BaseException as error:
        if _is_lost_peer(error):
            raise PeerError(_why_peer_was_lost(world, error)) from error
        _tell(world, error)
        raise
    dist.destroy_process_group()


def _join(environ: Mapping[str, str], timeout_seconds: float) -> World:
    size = int(environ.get("WORLD_SIZE") or 1)
    if size == 1:
        _refuse_strangers(environ)
        return World()
    _choose_interface(environ)
    timeout = timedelta(seconds=timeout_seconds)
    local_rank = int(environ.get("LOCAL_RANK") or 0)
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
    try:
        store, rank, size = next(rendezvous("env://", timeout=timeout))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)
    except (RuntimeError, ValueError) as error:
        raise PeerError(
            f"the {size} processes of this training did not find each other at "
            f"{environ.get('MASTER_ADDR')}:{environ.get('MASTER_PORT')} within {timeout_seconds:g} s "
            f"({_first_line(error)}); see the logs of all instances"
        ) from error
    return World(Shard(rank, size), local_rank, store)


def _refuse_strangers(environ: Mapping[str, str]) -> None:
    """Instances that do not know of each other would each train the same model, and all would be billed."""
    hosts = environ.get("SM_HOSTS", "").count('"') // 2
    if hosts > 1:
        raise ConfigError(
            f"{hosts} instances were started, but torchrun was not; set the hyperparameter "
            "sagemaker_torch_distributed_enabled to true, or TrainingInstanceCount to 1"
        )


def _choose_interface(environ: Mapping[str, str]) -> None:
    """gloo would look its own host name up, which not every network knows; SageMaker names the interface to use."""
    interface = environ.get("SM_NETWORK_INTERFACE_NAME")
    if interface:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)


def _is_lost_peer(error: BaseException) -> bool:
    """gloo reports a lost connection as a RuntimeError that names its source file."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _tell(world: World, error: BaseException) -> None:
    """Leave the reason where the others look when their connections break."""
    reason = f"process {world.shard.index} of {world.size} failed: {_first_line(error) or type(error).__name__}"
    with suppress(RuntimeError):
        world.store.set(_REASON_KEY, reason[:_MAX_REASON_CHARACTERS])


def _why_peer_was_lost(world: World, error: BaseException) -> str:
    with suppress(RuntimeError):
        world.store.wait([_REASON_KEY], timedelta(seconds=_REASON_WAIT_SECONDS))
        return str(world.store.get(_REASON_KEY).decode(errors="replace"))
    return (
        f"process {world.shard.index} of {world.size} lost another one, which was killed, ran out of memory, or did "
        f"not answer in time ({_first_line(error)}); see the logs of the other instances"
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def gather_rows(world: World, own: Sequence[Tensor], num_batches: int) -> Tensor:
    """Return the rows of all batches in order, where batch i was computed by rank i % size; `own` are ours."""
    by_rank = world.gather(list(own))
    return torch.cat([by_rank[index % world.size][index // world.size] for index in range(num_batches)])
