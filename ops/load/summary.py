"""What a person and a program get to see of a load: progress, a table and JSON; the plot is load_plot's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.load.driving import OK, Load, Result, Sample, percentile

if TYPE_CHECKING:
    from collections.abc import Callable

_COLUMNS = ["requests", "answers/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "throttled", "failed"]


@contextmanager
def progress(load: Load) -> Iterator[Callable[[Result, float], None]]:
    """Show a bar on stderr; yield what `drive` calls as it goes."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from ops.console import err

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rates]}"), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(load.description, total=load.seconds, rates="")

        def show(result: Result, seconds: float) -> None:
            recent = [sample for sample in result.samples[-2000:] if sample.ended > seconds - 1]
            answered = sorted(sample.seconds * 1000 for sample in recent if sample.outcome == OK)
            middle = f"p50 {percentile(answered, 50):.0f} ms" if answered else "no answer"
            failed = sum(result.failures.values())
            rates = f"{len(answered)}/s  {middle}" + (f"  {failed} failed" if failed else "")
            bar.update(task, completed=min(seconds, load.seconds), rates=rates)

        yield show


def row(result: Result) -> list[str]:
    """Return the cells of one line of the table."""
    shown = [f"{value:.1f}" for value in result.percentiles_ms().values()]
    num_failed = sum(result.failures.values())
    throttled = result.num_throttled
    rate = f"{result.throughput:.1f}"
    return [str(len(result.samples)), rate, *shown, str(throttled), str(num_failed - throttled)]


def show(result: Result) -> None:
    """Print the table, and what failed; to a pipe the columns' names come first, as a line like the others."""
    from ops.console import facts, out, table

    if not out.is_terminal:
        table("", [], [_COLUMNS])
    table(f"{result.target}: {result.load.description}", _COLUMNS, [row(result)])
    facts([(f"  {count} x", kind) for kind, count in result.failures.items()])


def as_json(result: Result) -> dict[str, Any]:
    """Return the result as JSON types; a value that is not there is null."""
    return {
        "target": result.target,
        "load": {
            "kind": "open" if result.load.rate else "closed",
            "seconds": result.load.seconds,
            "concurrency": None if result.load.rate else result.load.concurrency,
            "rate": result.load.rate or None,
            "ramp_to": result.load.ramp_to or None,
            "seed": result.load.seed,
        },
        "num_requests": len(result.samples),
        "num_ok": result.num_ok,
        "num_throttled": result.num_throttled,
        "failures": result.failures,
        "throughput_per_second": result.throughput,
        "latency_ms": {name: _finite(value) for name, value in result.percentiles_ms().items()},
        "lateness_p99_ms": _finite(result.lateness_ms),
        "samples": [[round(value, 6) for value in sample[:3]] + [sample.outcome] for sample in result.samples],
    }


def from_json(written: dict[str, Any]) -> Result:
    """Return the result that `as_json` gave."""
    asked = written["load"]
    load = Load(
        asked["seconds"], asked["concurrency"] or 1, asked["rate"] or 0.0, asked["ramp_to"] or 0.0, seed=asked["seed"]
    )
    return Result(written["target"], load, [Sample(*sample) for sample in written["samples"]])


def write(results: list[Result], out: Path) -> list[Path]:
    """Write OUT.json and OUT.png; return their paths."""
    from ops.load.plot import plot

    out.parent.mkdir(parents=True, exist_ok=True)
    data, picture = out.with_suffix(".json"), out.with_suffix(".png")
    data.write_text(json.dumps([as_json(result) for result in results]) + "\n", encoding="utf-8")
    plot(results, picture)
    return [data, picture]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
