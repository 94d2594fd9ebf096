"""The page that `deploy.py status` prints: the run, what came of it, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers.contract import names
from handlers.ledger import Arrival, Dataset, Drop, Ledger, Run
from handlers.ledger.rows import minute
from ops.console import duration, facts, result
from ops.prices.words import money
from ops.runs import data_findings, dead_letters, executions, model_cards
from ops.runs.executions import Execution
from ops.scaling import temporary
from ops.session import Session
from ops.stack import endpoints, former_endpoints, standby
from ops.stack.endpoints import EndpointState
from ops.stack.stacks import Stack

_STATES = {
    "UnpackArchive": "unpacking", "ComputeFeatures": "examination",
    "StartTuningJob": "tuning", "StartTrainingJob": "training",
}  # fmt: skip
_EVENTS_FOLLOW = timedelta(minutes=1)


def show(session: Session, stack: Stack, execution: str | None) -> None:
    """Print the page of an execution, of the latest one without a name, or of a stack that has none yet.

    Raises:
        ExecutionError: there is no execution of that name.
    """
    if execution is None and not executions.has_any(session, stack):
        page_without_execution(session, stack)
        return
    page(session, stack, executions.load(session, stack, executions.find_arn(session, stack, execution)))


def page(session: Session, stack: Stack, execution: Execution) -> None:
    """Print one page about `execution` and the endpoint."""
    head = [
        ("execution", execution.name),
        ("status", f"{execution.status} after {duration(execution.seconds)}"),
        ("dataset", execution.dataset or "unknown"),
    ]
    endpoint = endpoints.find(session, stack.output("EndpointName"))
    data = data_findings.load(session, stack.output("DataBucketName"), execution)
    told = data.facts() + outcome(execution)
    away = standby.away(session, stack)
    facts(head + told + endpoint_facts(endpoint, away) + dead_letters.facts(session, stack))
    show_table(data.table())
    show_notices(notices(session, stack))
    result("")
    for state in execution.states:
        result(f"  {state.name:<18} {state.status:<10} {duration(state.seconds)}")
    for line in [] if away and execution.status == "SUCCEEDED" else next_steps(session, execution, endpoint):
        result(line)


def page_without_execution(session: Session, stack: Stack) -> None:
    """Print what there is to say of a stack that has not begun to work."""
    endpoint = endpoints.find(session, stack.output("EndpointName"))
    facts([("execution", "there is none yet"), *endpoint_facts(endpoint), *dead_letters.facts(session, stack)])
    show_notices(notices(session, stack))
    result("")
    result(f"start one: deploy.py upload FOLDER --dataset NAME{session.flags}")


def notices(session: Session, stack: Stack) -> list[str]:
    """Return what else there is to know: what lies in the bucket and starts nothing, and endpoints of a former name."""
    ledger = executions.ledger(session, stack)
    arrivals = sorted(Arrival.all(ledger), key=lambda arrival: arrival.place)
    misplaced = [f"starts nothing: {arrival.sentence}" for arrival in arrivals if arrival.sentence]
    drops = sorted((drop for drop in Drop.all(ledger) if drop.waits), key=lambda drop: drop.name)
    settle_seconds = stack.parameters.get("SettleSeconds", "")
    dropped = [drop.words(settle_seconds) for drop in drops if is_unannounced(drop, ledger)]
    return dropped + misplaced + former_endpoints.sentences(session, stack) + temporary.sentences(session)


def is_unannounced(drop: Drop, ledger: Ledger) -> bool:
    """Tell whether files came after what the dataset's marker announced; their events follow it by seconds."""
    dataset = Dataset.get(ledger, drop.name)
    uploaded_at = dataset.uploaded_at if dataset else None
    if not uploaded_at or not drop.last_seen_at:
        return True
    return datetime.fromisoformat(drop.last_seen_at) - datetime.fromisoformat(uploaded_at) > _EVENTS_FOLLOW


def show_table(lines: list[str]) -> None:
    """Print the pictures by class and split, where they are known."""
    for line in ["", *lines] if lines else []:
        result(line)


def show_notices(sentences: list[str]) -> None:
    """Print each apart from the others."""
    for sentence in sentences:
        result("")
        result(sentence)


def outcome(execution: Execution) -> list[tuple[str, str]]:
    """Return what the run record says of accuracy and failure."""
    rows: list[tuple[str, str]] = []
    run = execution.record
    if run and run.warm_start:
        rows.append(("tuning", run.warm_start))
    if run and run.reused:
        rows.append(("found", f"{', '.join(run.reused)}; nothing was paid for it again"))
    rows += [("data", sentence) for sentence in (run and run.data) or []]
    if run and run.accuracy is not None:
        threshold = f" (threshold {run.threshold})" if run.threshold else ""
        over = f" over {run.num_test_images} clean pictures" if run.data and run.num_test_images else ""
        rows.append(("test accuracy", f"{run.accuracy:.4f}{over}{threshold}"))
    if run and run.served_by:
        rows.append(("served in", run.served_by))
    if run and model_cards.refusal(run):
        rows.append(("model card", model_cards.refusal(run)))
    rows += cost(run) + approval(run) if run else []
    if run and run.remark:
        rows.append(("remark", run.remark))
    if execution.reason:
        rows.append(("reason", execution.reason))
    return rows


def cost(run: Run) -> list[tuple[str, str]]:
    """Return what the jobs of a run have cost by AWS's prices, state by state; the endpoint is not in it."""
    if run.bills is None:
        return []
    if not run.bills:
        return [("cost", "nothing: no job was needed")]
    told = [_bill_words(state, run.bills[state]) for state in _STATES if state in run.bills]
    return [("cost", f"{money(run.dollars)} for its jobs, by AWS's prices: {', '.join(told)}")]


def _bill_words(state: str, bill: Mapping[str, Any]) -> str:
    jobs = "1 job" if bill["Jobs"] == 1 else f"{bill['Jobs']} jobs"
    saved = f", spot saved {duration(bill['SpotSavedSeconds'])}" if "SpotSavedSeconds" in bill else ""
    billed = f"{jobs}, {duration(bill['BilledSeconds'])} of {bill['InstanceType']}{saved}"
    return f"{_STATES[state]} {money(bill.get('Dollars'))} ({billed})"


def told(execution: Execution) -> dict[str, str]:
    """Return what a page about the run's model adds to it: the outcome, and all that came after the training job."""
    left_out = ("data", "test accuracy", "served in")
    rows = [("status", execution.status), *outcome(execution)]
    return {name: words for name, words in rows if name not in left_out} if execution.record else {}


def approval(run: Run) -> list[tuple[str, str]]:
    """Return since when a run waits for a person's word and what that may judge by, or what was said."""
    if run.waits_for_approval:
        since, until = minute(run.waits_since), minute(run.waits_until)
        waits = ("approval", f"waits for approval since {since} UTC, until {until} UTC")
        return [*([("gate", run.evidence)] if run.evidence else []), waits]
    return [("approval", run.approval)] if run.approval else []


def endpoint_facts(endpoint: EndpointState | None, away: str = "") -> list[tuple[str, str]]:
    """Return what there is to say about the endpoint; `away` is why it is not there, where that is known."""
    if away:
        return [("endpoint", f"{away} ({endpoint.status})" if endpoint else away)]
    if endpoint is None:
        return [("endpoint", "none is deployed")]
    failure = f": {endpoint.failure_reason}" if endpoint.failure_reason else ""
    none = [] if endpoint.serverless else [("scaling policy", "none")]
    policies = [("scaling policy", str(policy)) for policy in endpoint.policies] or none
    return [("endpoint", f"{endpoint.name} {endpoint.status}, {endpoint.capacity}{failure}"), *policies]


def next_steps(session: Session, execution: Execution, endpoint: EndpointState | None) -> list[str]:
    """Return the command that helps next."""
    if execution.status == "SUCCEEDED" and (endpoint is None or endpoint.status == "Failed"):
        return ["", f"deploy its model again, without training: deploy.py start {execution.dataset}{session.flags}"]
    if execution.status == "RUNNING" and execution.record and execution.record.waits_for_approval:
        return [
            "",
            f"see what it learned: deploy.py report {execution.name}{session.flags}",
            f"then: deploy.py approve {execution.name}{session.flags}",
            f"or: deploy.py reject {execution.name} --reason WHY{session.flags}",
        ]
    if execution.status == "RUNNING":
        return ["", f"look on: deploy.py watch {execution.name}{session.flags}"]
    if execution.status == "SUCCEEDED":
        return [
            "",
            f"try it: deploy.py predict PICTURE{session.flags}",
            f"see what it learned: deploy.py report {execution.name}{session.flags}",
        ]
    again = f"go on where it failed, without paying twice: deploy.py retry {execution.name}{session.flags}"
    return ["", again, f"look closer: deploy.py logs {_log_target(execution)}{session.flags}"]


def _log_target(execution: Execution) -> str:
    state = execution.failed_state
    if state == "StartTrainingJob":
        return "training-job"
    if state == "UnpackArchive":
        return f"training-job/{names.unpacking_job_name(execution.name)}"
    if state == "ComputeFeatures":
        return f"training-job/{names.features_job_name(execution.name)}"
    if state in {"DeployShadow", "DeployEndpoint", "CheckEndpoint"}:
        return "endpoint"
    kebab = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in state).removeprefix("-")
    return kebab or "start-execution"
