"""`deploy.py demo`: the whole flow on this machine, from pictures of handwritten digits to a prediction."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from handlers.contract import names
from ops import datasets, uploading
from ops.console import duration, facts, result, say
from ops.digits import held_out_picture, write_digits
from ops.errors import ExecutionError
from ops.packaging import bundle, container_images, prepare
from ops.prediction import predictions
from ops.runs import executions, watching
from ops.runs.executions import Execution
from ops.runs.status_page import endpoint_facts
from ops.runs.training_logs import trials
from ops.session import REPOSITORY, Session, local_folder
from ops.stack import deployment, endpoints
from ops.stack.endpoints import EndpointState
from ops.stack.stacks import Stack

DATASET = "digits"
MIN_ACCURACY = 0.95
MAX_SECONDS = 180.0
MAX_ORCHESTRATION_SECONDS = 10.0
_URL_SECONDS = 900

Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Phases:
    """Where the wall time went, in seconds; orchestration is all that is not a job or the endpoint's start."""

    wall: float
    tuning: float
    training: float
    serving: float
    busy: float

    @property
    def orchestration(self) -> float:
        """Return what remains."""
        return self.wall - self.busy


def demo(open_local_session: Callable[[], Session]) -> None:
    """Run the flow and print its summary.

    Raises:
        ExecutionError: the execution failed, or the accuracy is below 0.95.
    """
    started = time.time()
    folder = local_folder() / "demo" / DATASET
    session, made, num_scans = _prepare(open_local_session, folder)
    say(f"{num_scans} scans of handwritten digits are in {_short(folder)}")
    deployed = deployment.up(session, made, {}, confirm=None, quiet=True)
    say(f"stack {session.stack_name!r} is deployed after {duration(time.time() - started)}")
    arn = uploading.upload(session, deployed, folder, DATASET, datasets.check(folder, DATASET), queue=True)
    execution = watching.watch(session, deployed, arn) if arn else _earlier(session, deployed)
    if execution.status != "SUCCEEDED":
        raise ExecutionError(f"execution {execution.name!r} {execution.status.lower()}: {execution.reason}")
    endpoint = endpoints.find(session, deployed.output("EndpointName"))
    picture = _ask_about_a_picture(session, deployed, folder)
    phases = _phases(session, execution, endpoint, time.time() - started) if arn else None
    _print_summary(session, execution, endpoint, picture, phases)


def _earlier(session: Session, deployed: Stack) -> Execution:
    """Return the execution of an earlier demo, whose model is in production already.

    Raises:
        ExecutionError: there is none, so the upload was not taken up for another reason.
    """
    latest, _ = datasets.records(session, deployed, DATASET)
    if not latest.execution_name:
        raise ExecutionError("nothing to show: the upload started no execution; `deploy.py local stop` begins anew")
    say("this is the execution that put the digits into production; `deploy.py local stop` begins anew")
    arn = executions.find_arn(session, deployed, latest.execution_name)
    return executions.load(session, deployed, arn)


def _prepare(open_local_session: Callable[[], Session], folder: Path) -> tuple[Session, bundle.Bundle, int]:
    """Start the account, write the pictures and build the packages, all at once: each takes a second or two."""
    container_images.prefetch(prepare.REGION, *prepare.instance_types())
    with ThreadPoolExecutor(3) as pool:
        session = pool.submit(open_local_session)
        scans = pool.submit(write_digits, folder)
        made = pool.submit(bundle.build, for_this_machine=True)
        return session.result(), made.result(), scans.result()


def _ask_about_a_picture(session: Session, deployed: Stack, folder: Path) -> list[tuple[str, str]]:
    """Ask the prediction Lambda about a picture of the test split by a presigned URL, as an app would."""
    path, digit = held_out_picture(folder)
    url = session.s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": deployed.output("DataBucketName"), "Key": f"datasets/{DATASET}/{path}"},
        ExpiresIn=_URL_SECONDS,
    )
    answer = predictions.predict(session, deployed, {"url": url, "top_k": 3})
    best = ", ".join(f"{entry['class_name']} {entry['probability']:.4f}" for entry in answer.predictions)
    return [
        ("picture", f"{path}, never seen in training or tuning; it shows a {digit}"),
        ("asked", json.dumps({"url": f"{url.split('?')[0]}?..."})),
        ("answered", f"{best} in {answer.milliseconds:.0f} ms"),
    ]


def _phases(session: Session, execution: Execution, endpoint: EndpointState | None, wall: float) -> Phases:
    """Add up the times that SageMaker gives for its jobs and the endpoint; those that overlap count once."""
    tuned = [_job_interval(session, trial.name) for trial in trials(session, names.tuning_job_name(execution.name))]
    trained = [_job_interval(session, names.training_job_name(execution.name))]
    served = [(endpoint.created_at, endpoint.modified_at)] if endpoint else []
    return Phases(
        wall=wall,
        tuning=covered_seconds(tuned),
        training=covered_seconds(trained),
        serving=covered_seconds(served),
        busy=covered_seconds([*tuned, *trained, *served]),
    )


def _job_interval(session: Session, name: str) -> Interval:
    job = session.sagemaker.describe_training_job(TrainingJobName=name)
    return job["TrainingStartTime"], job["TrainingEndTime"]


def covered_seconds(intervals: Iterable[Interval]) -> float:
    """Return how many seconds lie in at least one of `intervals`."""
    total, last_end = 0.0, None
    for start, end in sorted(intervals):
        begin = start if last_end is None else max(start, last_end)
        if end > begin:
            total += (end - begin).total_seconds()
        last_end = end if last_end is None else max(end, last_end)
    return total


def _print_summary(
    session: Session,
    execution: Execution,
    endpoint: EndpointState | None,
    picture: list[tuple[str, str]],
    phases: Phases | None,
) -> None:
    accuracy = (execution.record.accuracy if execution.record else None) or 0.0
    result("")
    head = [("execution", f"{execution.name} {execution.status}"), ("test accuracy", f"{accuracy:.4f}")]
    facts([*head, *endpoint_facts(endpoint), *picture])
    if phases:
        _print_phases(phases)
    result("")
    result(f"The embedded account goes on running at {session.url}.")
    result("Try:  .venv/bin/python deploy.py status --local")
    result("Stop: .venv/bin/python deploy.py local stop")
    if accuracy < MIN_ACCURACY:
        raise ExecutionError(f"test accuracy: {accuracy:.4f}; at least {MIN_ACCURACY} is expected of the demo")


def _print_phases(phases: Phases) -> None:
    result("")
    facts(
        [
            ("tuning jobs", duration(phases.tuning)),
            ("training job", duration(phases.training)),
            ("endpoint start", duration(phases.serving)),
            ("orchestration", f"{duration(phases.orchestration)} (limit {MAX_ORCHESTRATION_SECONDS:.0f} s)"),
            ("wall time", f"{duration(phases.wall)} (limit {MAX_SECONDS:.0f} s)"),
        ]
    )
    if phases.wall > MAX_SECONDS or phases.orchestration > MAX_ORCHESTRATION_SECONDS:
        say("warning: slower than promised; a busy machine is the usual reason")


def _short(path: Path) -> str:
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)
