"""The states from the examination to the registered model, called in turn; their jobs complete at once."""

import json
from collections import Counter
from typing import Any

from handlers import (
    compute_features,
    evaluate_model,
    register_model,
    start_training_job,
    start_tuning_job,
)
from handlers.executions.waiting import resolve
from handlers.ledger import Token
from handlers.training_jobs.trials import trials_s3_uri
from tests.handlers import packing
from tests.handlers.environment import BUCKET
from tests.handlers.world import World

JOBS = ("CreateTrainingJob", "CreateHyperParameterTuningJob")
_WAITING = (
    (compute_features.handler, "Features"),
    (start_tuning_job.handler, "Tuning"),
    (start_training_job.handler, "Training"),
)
MANIFESTS = ("classes.json", "train.manifest", "validation.manifest", "test.manifest")


def dataset_of(world: World, event: Any, content: str = "1") -> dict[str, Any]:
    """Return ValidateDataset's result for a dataset of this content, with all that it names in S3."""
    for kind in ("train", "test"):
        world.put(f"datasets/flowers/{kind}/daisy/0.jpg", f"image {kind} {content}")
    dataset: dict[str, Any] = event("compute_features")["Dataset"]
    for name in MANIFESTS:
        world.put(f"runs/flowers-0123456789ab-1/dataset/{name}", f"{name} {content}")
    return dataset | {"Fingerprint": world.fingerprint(dataset["S3Uri"])}


def pay(world: World, sent: Any, context: Any, name: str, dataset: dict[str, Any], top1: float = 0.95) -> Any:
    """Run the execution `name` up to the registered model; return its state."""
    state: dict[str, Any] = {"Dataset": dataset}
    for handler, gives in _WAITING:
        token = f"{name} {gives}"
        handler({"ExecutionName": name, "TaskToken": token, **state}, context)
        for waiting in list(Token.all(world.ledger)):
            complete(world, waiting.kind, waiting.resource_name, dataset, top1)
            resolve(world.ledger, waiting.resource_arn)
        operation, told = sent.answers[-1]
        assert (operation, told["taskToken"]) == ("SendTaskSuccess", token), told
        state[gives] = json.loads(told["output"])
    state["Evaluation"] = evaluate_model.handler({"ExecutionName": name, **state}, context)
    return {**state, "Model": register_model.handler({"ExecutionName": name, **state}, context)}


def complete(world: World, kind: str, name: str, dataset: dict[str, Any], top1: float = 0.95) -> None:
    """Let a job end well, with what it leaves."""
    if kind == "tuning":
        world.sagemaker.complete_tuning_job(name, lr="0.01")
        return
    world.sagemaker.complete_training_job(name)
    job = world.sagemaker.training_jobs[name]
    if kind == "features":
        place = job["OutputDataConfig"]["S3OutputPath"] + f"/{name}/output/model/"
        job["ModelArtifacts"] = {"S3ModelArtifacts": place}
        world.put(f"{place.removeprefix(f's3://{BUCKET}/')}manifest.json", "{}")
        return
    if kind == "trials":
        job["ModelArtifacts"] = {"S3ModelArtifacts": job["OutputDataConfig"]["S3OutputPath"] + f"/{name}/output/model/"}
        world.put(trials_s3_uri(job).removeprefix(f"s3://{BUCKET}/"), trials_json(lr="0.01"))
        return
    folder = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/").rpartition("/")[0]
    world.put(f"{folder}/model.tar.gz", f"the model of {name}")
    world.put(f"{folder}/output.tar.gz", packing.tar_gz({"evaluation.json": _evaluation(name, dataset, top1)}))


def trials_json(objective: float | None = 0.9375, **tuned: str) -> str:
    """Return what a training job of all trials leaves: one that failed, and the best with the values `tuned`."""
    trials = [
        {"number": 1, "hyperparameters": {"lr": "10.0"}, "objective": None, "status": "Failed"},
        {"number": 2, "hyperparameters": tuned, "objective": objective, "status": "Completed"},
    ]
    return json.dumps({"format_version": 1, "best_trial": None if objective is None else 2, "trials": trials})


def _evaluation(name: str, dataset: dict[str, Any], top1: float) -> bytes:
    return json.dumps(
        {
            "training_job_name": name,
            "dataset_fingerprint": dataset["Fingerprint"],
            "num_test_images": 4,
            "test_top1": top1,
            "per_class": [{"class_name": "daisy", "num_images": 4, "recall": top1}],
        }
    ).encode()


def paid(world: World) -> Counter[str]:
    """Return how many jobs of each kind have been asked for; training jobs tell by their names what they are for."""
    counted: Counter[str] = Counter()
    for operation, request in world.sagemaker.calls:
        if operation in JOBS:
            tail = str(request.get("TrainingJobName", "-tuning")).rpartition("-")[2]
            counted[tail if tail in ("features", "tuning") else "training"] += 1
    return counted
