"""`deploy.py load`: drive a target with photographs, show what came of it, and write it down."""

from __future__ import annotations

from pathlib import Path

from ops.console import say
from ops.errors import LoadError
from ops.load import driving, summary
from ops.load.driving import Load, Photograph, Target


def run(target: Target, photographs: list[Photograph], load: Load, out: Path | None) -> None:
    """Drive `target` and print latencies; with `out`, write OUT.json and OUT.png.

    Raises:
        LoadError: not a single request was answered.
    """
    with summary.progress(load) as watch:
        result = driving.drive(target, photographs, load, watch)
    summary.show(result)
    for path in summary.write([result], out) if out else []:
        say(f"written: {path}")
    if not result.num_ok:
        raise LoadError(f"{target.name}: none of {len(result.samples)} requests was answered; see what failed")
