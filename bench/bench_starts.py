"""From upload to endpoint where an instance takes three minutes to start, as on AWS: how often a run waits for one.

    python bench/bench_starts.py [--speed 20] [--trials 8 --trials 20]

In an embedded account whose instances take 180 s of its clock to start, the same small dataset is tuned in a tuning
job, two trials at a time and no warm pools (as it was until November 2026), in one job without warm pools, and in one
job with them. The account's clock is fast, so work between the starts takes too long by it: it is counted as it took
here, and the starts as the account counts them. Nothing of the pictures matters; on real ones the work is added to
each alike.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import click
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import embedded_account
from handlers.contract import names
from ops.demo.phases import Interval, covered_seconds

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180
SMALL = {
    "ModelName": "resnet18", "Weights": "none", "Trainable": "head", "ImageSize": 32, "Epochs": 4, "TuningEpochs": 2,
    "FeatureViews": 1, "MinImagesPerClass": 2, "AccuracyThreshold": 0, "MinClassRecall": 0, "MaxParallelTuningJobs": 2,
    "PredictProvisionedConcurrency": 0, "TuningEarlyStopping": "Off",
}  # fmt: skip
WAYS = {
    "a job for each trial, two at a time": {"TuningMode": "jobs", "WarmPoolSeconds": 0},
    "one job for all trials": {"TuningMode": "auto", "WarmPoolSeconds": 0},
    "one job, and warm instances": {"TuningMode": "auto", "WarmPoolSeconds": 300},
}


@click.command()
@click.option("--speed", default=20.0, show_default=True, help="Account seconds in a real one.")
@click.option("--trials", multiple=True, default=(8, 20), show_default=True)
def main(speed: float, trials: tuple[int, ...]) -> None:
    """Print minutes, starts that were waited for one after the other, and the ratio to the first way."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "account")
        info = embedded_account.start(folder, clock_speed=speed, delays=f"instances={START_SECONDS}")
        try:
            pictures = _pictures(Path(scratch, "pictures"))
            for count in trials:
                _report(count, {way: _run(folder, info, pictures, speed, count, given) for way, given in WAYS.items()})
        finally:
            embedded_account.stop(folder)


def _report(count: int, results: dict[str, tuple[float, float]]) -> None:
    before = next(iter(results.values()))[0]
    for way, (seconds, waited) in results.items():
        click.echo(
            f"{count:3} trials, {way:38} {seconds / 60:5.1f} min, {waited / START_SECONDS:4.1f} starts waited for, "
            f"{seconds / before:.2f}"
        )


def _pictures(folder: Path) -> Path:
    """Write 3 x 16 pictures of three colours."""
    draw = np.random.default_rng(0)
    for index, colour in enumerate(("red", "green", "blue")):
        (folder / colour).mkdir(parents=True)
        for number in range(16):
            pixels = draw.integers(0, 90, (40, 40, 3), dtype=np.uint8)
            pixels[..., index] += 150
            Image.fromarray(pixels).save(folder / colour / f"{number}.png")
    return folder


def _run(
    folder: Path, info: Any, pictures: Path, speed: float, count: int, given: dict[str, object]
) -> tuple[float, float]:
    """Return how long a run took on a stack of its own, in seconds, and how much of it was instances that started."""
    stack = f"starts-{count}-{given['TuningMode']}-{given['WarmPoolSeconds']}"
    values = SMALL | given | {"MaxTuningJobs": count}
    flags = [word for name, value in values.items() for word in ("--parameter", f"{name}={value}")]
    _deploy(folder, stack, "up", *flags)
    _deploy(folder, stack, "upload", str(pictures), "--dataset", "colours", "--watch")
    session = boto3.Session(info.access_key_id, info.secret_access_key, region_name=info.region)
    machine = session.client("stepfunctions", endpoint_url=info.url)
    arn = next(one for one in machine.list_state_machines()["stateMachines"] if stack in one["name"])["stateMachineArn"]
    (execution,) = machine.list_executions(stateMachineArn=arn)["executions"]
    sagemaker = session.client("sagemaker", endpoint_url=info.url)
    waited = covered_seconds(_starts(sagemaker, execution["name"])) + START_SECONDS  # and the endpoint's
    elapsed = (execution["stopDate"] - execution["startDate"]).total_seconds()
    return (elapsed - waited) / speed + waited, waited


def _deploy(folder: Path, stack: str, *arguments: str) -> None:
    command = [sys.executable, "deploy.py", *arguments, "--local", "--stack-name", stack]
    environment = os.environ | {"RETRIEVER_LOCAL_FOLDER": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")


def _starts(sagemaker: Any, execution: str) -> Iterable[Interval]:
    """Yield when jobs of a run waited for their instances."""
    jobs = [names.features_job_name(execution), names.training_job_name(execution)]
    listed = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    tuned = (names.tuning_job_name(execution), names.trials_job_name(execution))
    jobs += [one["TrainingJobName"] for one in listed if one["TrainingJobName"].startswith(tuned)]
    for name in jobs:
        for entry in sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatusTransitions"]:
            if entry["Status"] == "Starting":
                began: datetime = entry["StartTime"]
                yield began, entry.get("EndTime", began)


if __name__ == "__main__":
    main()
