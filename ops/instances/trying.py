"""Runs the jobs one after another, and stops the one that runs when the person does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from handlers.contract.names import STACK_TAG
from ops.console import say
from ops.errors import ExecutionError, sentence, unless_gone
from ops.instances.figures import Figures, figures
from ops.instances.shapes import MAX_SECONDS, Shape, job_name, job_request
from ops.packaging import container_images
from ops.prices import items
from ops.prices.book import Prices
from ops.runs import training_logs
from ops.session import Session

_ENDED = {"Completed", "Failed", "Stopped"}
_START_SECONDS = 1800.0  # that a job may wait for instances


def try_all(
    session: Session, run_job: Mapping[str, Any], shapes: Sequence[Shape], epochs: int, prices: Prices
) -> list[Figures]:
    """Return the figures of every shape that could be measured; why another could not is printed."""
    measured = []
    for shape in shapes:
        say(f"{shape}: {epochs} epochs ...")
        try:
            job = _job(session, run_job, shape, epochs)
        except ClientError as error:
            say(f"{shape}: not measured; {sentence(error)}")
            continue
        if job["TrainingJobStatus"] != "Completed":
            say(f"{shape}: not measured; the job {job['TrainingJobStatus'].lower()}: {job.get('FailureReason', '')}")
            continue
        lines = training_logs.messages(session, job["TrainingJobName"])
        price = prices.dollars(items.training(shape.instance_type))
        one = figures(shape, job, lines, price)
        if one is None:
            say(f"{shape}: not measured; its log has no epoch yet; run the command again")
        else:
            say(f"{shape}: {one.images_per_second:,.0f} images a second")
            measured.append(one)
    return measured


def _job(session: Session, run_job: Mapping[str, Any], shape: Shape, epochs: int) -> Mapping[str, Any]:
    """Return the job that tries `shape` once it has ended: one of before, or a new one."""
    name = job_name(run_job["TrainingJobName"], shape, epochs)
    known = unless_gone(session.sagemaker.describe_training_job, TrainingJobName=name)
    if known is None or known["TrainingJobStatus"] in {"Failed", "Stopped"}:
        name = name if known is None else f"{name[:54]}-{int(time.time()) % 10**8}"
        request = job_request(run_job, shape, epochs, _image(session, run_job, shape), _tags(session))
        session.sagemaker.create_training_job(**request | {"TrainingJobName": name})
    try:
        return _wait(session, name)
    except BaseException:
        _stop(session, name)
        raise


def _image(session: Session, run_job: Mapping[str, Any], shape: Shape) -> str:
    """Return the run's own image, or, of AWS's, the one for the type's kind of processor."""
    used: str = run_job["AlgorithmSpecification"]["TrainingImage"]
    if not container_images.is_from_sdk(used):
        return used
    return container_images.image_uris(session.region, shape.instance_type, "ml.m5.xlarge").training


def _tags(session: Session) -> list[dict[str, str]]:
    return [{"Key": STACK_TAG, "Value": session.stack_name}]


def _wait(session: Session, name: str) -> Mapping[str, Any]:
    until = time.monotonic() + MAX_SECONDS + _START_SECONDS
    while True:
        job = session.sagemaker.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] in _ENDED:
            return job
        if time.monotonic() > until:
            raise ExecutionError(
                f"training job {name!r}: {job['TrainingJobStatus']} after {MAX_SECONDS + _START_SECONDS:.0f} s; it is"
                " stopped, try fewer epochs"
            )
        time.sleep(session.poll_seconds)


def _stop(session: Session, name: str) -> None:
    """Stop a job that nobody waits for any more; one that has ended is left alone."""
    if unless_gone(session.sagemaker.stop_training_job, TrainingJobName=name) is not None:
        say(f"training job {name!r} is being stopped")
