"""train.py in a process that is struck at a chosen moment; run by path, so nothing of tests/ is imported."""

import os
import resource
import signal
import sys
from collections import Counter
from itertools import count

from torch.optim import optimizer

from inference import torchvision_ops  # noqa: F401 - must come before torchvision
from training import train  # noqa: F401 - must come before torchvision


def run(flags: list[str], blow: str = "", moment: int = 0) -> int:
    """Run one training job; `blow` says what happens to it at its `moment`-th occasion.

    kill, terminate          SIGKILL or SIGTERM in a training step, after the weights have changed
    terminate-scoring        SIGTERM while the validation split is read to be scored
    kill-write               the kernel kills the process when a checkpoint file is half written
    kill-rename              SIGKILL when a checkpoint is on the disk, but not yet under its name
    """
    occasions = count(1)

    def is_time() -> bool:
        return next(occasions) == moment

    def after_step(*_: object) -> None:
        if is_time():
            os.kill(os.getpid(), signal.SIGKILL if blow == "kill" else signal.SIGTERM)

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        path = str(arguments[0]) if arguments else ""
        if event == "open" and blow == "kill-write" and path.endswith(".partial") and is_time():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and would see an error instead
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        if event == "os.rename" and blow == "kill-rename" and path.endswith(".partial") and is_time():
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "open" and blow == "terminate-scoring" and "/valid/" in path and is_time():
            os.kill(os.getpid(), signal.SIGTERM)

    if blow in ("kill", "terminate"):
        optimizer.register_optimizer_step_post_hook(after_step)
    elif blow:
        sys.addaudithook(on_event)
    return train.main(flags, os.environ)


def run_without_drops(flags: list[str], blow: str = "", moment: int = 0) -> int:
    """Run one training job whose network drops no layer at random, since each process draws for its own images."""
    from torchvision.ops import StochasticDepth

    StochasticDepth.forward = lambda self, inputs: inputs
    return run(flags, blow, moment)


def count_opens(flags: list[str]) -> int:
    """Run one training job; print last how often its images were opened."""
    opened: Counter[str] = Counter()

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".jpg"):
            opened[str(arguments[0])] += 1

    sys.addaudithook(on_event)
    code = train.main(flags, os.environ)
    print(f"{len(opened)} images, each opened at most {max(opened.values())} times")  # noqa: T201 - the test reads it
    return code
