"""What a checkpoint costs: its size, and the seconds that training waits while it is written to the disk, or read.

python bench/bench_checkpoints.py
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from inference.model import ModelSpec, build_model  # noqa: E402
from training.checkpoints.folder import CheckpointFolder  # noqa: E402 - after the path is set
from training.model.stages import set_trainable_stages  # noqa: E402
from training.optimisation.state import TrainingState  # noqa: E402


def state_after_a_step(model_name: str, depth: int) -> TrainingState:
    """Return a training's state with the optimiser's averages and best weights that it has after its first epoch."""
    model = build_model(ModelSpec(model_name, 12, 0.0))
    set_trainable_stages(model, depth)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    state = TrainingState(model, optimizer, torch.amp.GradScaler("cpu", enabled=False), torch.Generator())
    state.best_weights = {name: value.clone() for name, value in model.state_dict().items()}
    return state


@click.command(help=__doc__.split("\n\n")[0])
@click.option("--model-name", "model_names", multiple=True, default=("resnet18", "resnet50"), show_default=True)
@click.option("--repeats", default=5, show_default=True)
def main(model_names: tuple[str, ...], repeats: int) -> None:
    print("| network | trained | MB | write s | read s |\n|---|---|---|---|---|")
    for model_name in model_names:
        for trained, depth in (("head", 0), ("all", -1)):
            state = state_after_a_step(model_name, depth)
            with tempfile.TemporaryDirectory(prefix="bench-checkpoints-") as folder:
                writes, reads = [], []
                for number in range(repeats):
                    checkpoints = CheckpointFolder(Path(folder), {"bench": model_name}, lambda line: None)
                    started = time.perf_counter()
                    path = checkpoints.save(number, state.state_dict())
                    writes.append(time.perf_counter() - started)
                    started = time.perf_counter()
                    checkpoints.load()
                    reads.append(time.perf_counter() - started)
                assert path is not None
                size = path.stat().st_size / 1e6
            print(
                f"| {model_name} | {trained} | {size:.0f} | {statistics.median(writes):.2f} "
                f"| {statistics.median(reads):.2f} |"
            )


if __name__ == "__main__":
    main()
