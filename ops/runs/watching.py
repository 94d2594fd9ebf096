"""`deploy.py watch`: an execution as it goes; a table that changes in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from handlers.contract import names
from handlers.ledger.rows import minute
from ops.console import duration, err, say
from ops.runs import data_findings, executions
from ops.runs.data_findings import DataFindings
from ops.runs.executions import Execution, StateProgress
from ops.runs.training_logs import Epoch, Trial, epochs, trials_of
from ops.session import Session
from ops.stack.stacks import Stack

_MARKS = {"running": ("...", "yellow"), "succeeded": ("ok", "green"), "failed": ("failed", "red")}
_FOUND = {
    "ComputeFeatures": "examination", "StartTuningJob": "tuning", "StartTrainingJob": "training",
    "RegisterModel": "model package",
}  # fmt: skip
_MAX_EPOCH_LINES = 8
_LONG_SECONDS = 3.0  # AWS charges and throttles every look
# On this machine each look takes time from the job that is looked at.
_SHORT_SECONDS, _LONGEST_SHORT_SECONDS = 0.15, 1.0


@dataclass
class View:
    """One look at an execution: its states, and what its jobs have shown until now."""

    execution: Execution
    trials: list[Trial] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    data: DataFindings | None = None  # once ValidateDataset has ended

    def reused(self, state_name: str) -> list[str]:
        """Return what a state has found of an earlier run's, a line each; the record tells, a moment later."""
        what = _FOUND.get(state_name)
        told = (self.execution.record and self.execution.record.reused) or []
        return [f"found: {one}, nothing paid" for one in told if what and one.startswith(f"{what} of run ")]

    def of_data(self) -> list[str]:
        """Return what ValidateDataset said of the pictures, a line each."""
        return [f"{name}: {value}" for name, value in self.data.facts()] + self.data.table() if self.data else []


def watch(session: Session, stack: Stack, execution_arn: str) -> Execution:
    """Show the execution until it ends, and return it."""
    try:
        return (
            _watch_live(session, stack, execution_arn)
            if err.is_terminal
            else _watch_lines(session, stack, execution_arn)
        )
    except KeyboardInterrupt:
        name = execution_arn.rsplit(":", 1)[-1]
        say(f"\nstopped watching; execution {name!r} goes on, look again with: deploy.py watch {name}{session.flags}")
        raise


def _watch_live(session: Session, stack: Stack, execution_arn: str) -> Execution:
    with Live(console=err, refresh_per_second=4) as live:
        return _poll(session, stack, execution_arn, lambda view: live.update(_render(view)))


def _watch_lines(session: Session, stack: Stack, execution_arn: str) -> Execution:
    printed: set[str] = set()

    def show(view: View) -> None:
        for key, line in _lines(view):
            if key not in printed:
                printed.add(key)
                say(line)

    return _poll(session, stack, execution_arn, show)


def _poll(session: Session, stack: Stack, execution_arn: str, show: Callable[[View], None]) -> Execution:
    view: View | None = None
    num_states, since = 0, time.monotonic()
    while True:
        view = _look(session, stack, execution_arn, view)
        show(view)
        if view.execution.status != "RUNNING":
            return view.execution
        if len(view.execution.states) != num_states:
            num_states, since = len(view.execution.states), time.monotonic()
        time.sleep(pause_seconds(time.monotonic() - since) if session.is_local else _LONG_SECONDS)


def pause_seconds(lasted_seconds: float) -> float:
    """Return how long to wait until the next look on this machine, by how long nothing new has begun."""
    return min(_LONGEST_SHORT_SECONDS, max(_SHORT_SECONDS, lasted_seconds / 10))


def _look(session: Session, stack: Stack, execution_arn: str, last: View | None) -> View:
    """Return the execution now; a job is asked about while its state runs, and once more when it has ended."""
    execution = executions.load(session, stack, execution_arn)
    view = View(execution, last.trials if last else [], last.epochs if last else [], last.data if last else None)
    before = {state.name: state.status for state in last.execution.states} if last else {}
    for state in execution.states:
        if state.ended_at is not None and before.get(state.name) == state.status:
            continue
        if state.name == "ValidateDataset" and state.ended_at is not None:
            view.data = data_findings.load(session, stack.output("DataBucketName"), execution)
        elif state.name == "StartTuningJob":
            view.trials = trials_of(session, execution.name)
        elif state.name == "StartTrainingJob":
            view.epochs = epochs(session, names.training_job_name(execution.name))
    return view


def _lines(view: View) -> list[tuple[str, str]]:
    """Return (what it is about, the line) of all that has happened; each is printed once."""
    lines: list[tuple[str, str]] = []
    for state in view.execution.states:
        lines.append((f"{state.name} began", f"{_clock(state.started_at)} {state.name} ..."))
        lines += [(f"{state.name} found", f"         {line}") for line in view.reused(state.name)]
        if state.name == "StartTuningJob":
            # A job's objective appears a moment after its end.
            done = [
                trial for trial in view.trials if trial.has_ended and (trial.objective is not None or state.ended_at)
            ]
            lines += [(trial.name, f"         {trial.kind} {trial.line()}") for trial in done]
        if state.name == "StartTrainingJob":
            lines += [(f"epoch {epoch.number}", f"         {epoch.line()}") for epoch in view.epochs]
        if state.name == "StartTuningJob" and view.execution.record:
            lines += [(sentence, f"         data: {sentence}") for sentence in view.execution.record.data or []]
        lines += [(line, f"         {line}") for line in _waiting(state, view.execution)]
        if state.ended_at is not None:
            text = f"{_clock(state.ended_at)} {state.name} {state.status} in {duration(state.seconds)}"
            lines.append((f"{state.name} ended", text))
        if state.name == "ValidateDataset":
            lines += [(f"data {line}", f"         {line}") for line in view.of_data()]
    return lines


def _waiting(state: StateProgress, execution: Execution) -> list[str]:
    """Return what a person is asked, while that is what the run waits for."""
    run = execution.record
    if state.name != "WaitForApproval" or run is None or not run.waits_for_approval:
        return []
    evidence = [f"the gate: {run.evidence}"] if run.evidence else []
    return [
        *evidence,
        f"waits for approval since {minute(run.waits_since)} UTC: deploy.py approve {run.execution_name}",
    ]


def _render(view: View) -> Group:
    grid = Table.grid(padding=(0, 2))
    for state in view.execution.states:
        grid.add_row(*_row(state))
        for line in view.reused(state.name):
            grid.add_row("", "", Text(line, style="dim"))
        if state.name == "ValidateDataset":
            for line in view.of_data():
                grid.add_row("", "", Text(line, style="dim"))
        if state.name == "StartTuningJob":
            for sentence in (view.execution.record and view.execution.record.data) or []:
                grid.add_row("", "", Text(sentence, style="dim"))
            for trial in view.trials:
                grid.add_row("", "", Text(trial.line(), style="dim"))
        if state.name == "StartTrainingJob":
            for epoch in view.epochs[-_MAX_EPOCH_LINES:]:
                grid.add_row("", "", Text(epoch.line(), style="dim"))
        for line in _waiting(state, view.execution):
            grid.add_row("", "", Text(line, style="yellow"))
    status = view.execution.status
    style = {"RUNNING": "bold yellow", "SUCCEEDED": "bold green"}.get(status, "bold red")
    heading = Text(f"{view.execution.name}  {status.lower()}  {duration(view.execution.seconds)}", style=style)
    return Group(heading, grid)


def _row(state: StateProgress) -> tuple[Text, Text, Text]:
    mark, style = _MARKS[state.status]
    return Text(mark, style=style), Text(state.name), Text(duration(state.seconds), style="dim")


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"
