"""`deploy.py demo`: the whole flow on this machine, from pictures of handwritten digits to a prediction."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ops.console import duration, facts, result, say
from ops.datasets import on_disk, reactions, uploading
from ops.demo.digits import SETTINGS, held_out_picture, write_digits
from ops.demo.phases import Laps, Phases, phases_of, print_phases
from ops.errors import ExecutionError
from ops.packaging import bundle, container_images, prepare
from ops.prediction import predictions
from ops.runs import executions, watching
from ops.runs.executions import Execution
from ops.runs.status_page import endpoint_facts, outcome
from ops.session import REPOSITORY, Session, local_folder
from ops.stack import deployment, endpoints
from ops.stack.endpoints import EndpointState
from ops.stack.stacks import Stack

DATASET = "digits"
MIN_ACCURACY = 0.95
_URL_SECONDS = 900


def run(open_local_session: Callable[[], Session], started: float) -> None:
    """Run the flow, which began at `started`, and print its summary.

    Raises:
        ExecutionError: the execution failed, or the accuracy is below 0.95.
    """
    folder, laps = local_folder() / "demo" / DATASET, Laps(started)
    session, made, num_scans = _prepare(open_local_session, folder)
    say(f"{num_scans} scans of handwritten digits are in {_short(folder)}")
    laps.end("start")
    deployed, images = _deploy(session, made, folder)
    say(f"stack {session.stack_name!r} is deployed after {duration(time.time() - started)}")
    laps.end("deployment")
    arn = uploading.upload(session, deployed, folder, DATASET, images, queue=True)
    laps.end("upload")
    execution = watching.watch(session, deployed, arn) if arn else _earlier(session, deployed)
    if execution.status != "SUCCEEDED":
        raise ExecutionError(f"execution {execution.name!r} {execution.status.lower()}: {execution.reason}")
    endpoint = endpoints.find(session, deployed.output("EndpointName"))
    picture = _ask_about_a_picture(session, deployed, folder)
    has_trained = any(state.name == "StartTrainingJob" for state in execution.states)
    phases = phases_of(session, execution, endpoint, time.time() - started, laps) if arn and has_trained else None
    _print_summary(session, execution, endpoint, picture, phases)


def _earlier(session: Session, deployed: Stack) -> Execution:
    """Return the execution of an earlier demo, whose model is in production already.

    Raises:
        ExecutionError: there is none, so the upload was not taken up for another reason.
    """
    latest, *_ = reactions.records(session, deployed, DATASET)
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


def _deploy(session: Session, made: bundle.Bundle, folder: Path) -> tuple[Stack, on_disk.ImageFolder | None]:
    """Deploy the stack; while the account works on it, look at the pictures and make the clients of the upload."""
    merged = deployment.merged_parameters(session, made, SETTINGS)
    with ThreadPoolExecutor(1) as pool:
        checked = pool.submit(on_disk.check, folder, DATASET)
        clients = pool.submit(session.make_clients, "dynamodb", "stepfunctions", "sagemaker", "functions")
        deployed = deployment.up(session, made, merged, confirm=None, quiet=True)
        clients.result()
        return deployed, checked.result()


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


def _print_summary(
    session: Session,
    execution: Execution,
    endpoint: EndpointState | None,
    picture: list[tuple[str, str]],
    phases: Phases | None,
) -> None:
    accuracy = (execution.record.accuracy if execution.record else None) or 0.0
    result("")
    head = [("execution", f"{execution.name} {execution.status}"), *outcome(execution)]
    facts([*head, *endpoint_facts(endpoint), *picture])
    if phases:
        print_phases(phases)
    result("")
    result(f"The embedded account goes on running at {session.url}.")
    result("Try:  .venv/bin/python deploy.py status --local")
    result("Stop: .venv/bin/python deploy.py local stop")
    if accuracy < MIN_ACCURACY:
        raise ExecutionError(f"test accuracy: {accuracy:.4f}; at least {MIN_ACCURACY} is expected of the demo")


def _short(path: Path) -> str:
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)
