"""Nothing that has finished is paid twice: a state takes the result of an earlier job for the same work, or starts one.

The work is told by all that bears on its result: the examination's key stands for data, splits, code, image and
backbone, and the request itself for the rest, so no setting that reaches a job can be forgotten. A job counts once it
has Completed and what it left lies there as it left it; one that failed, or was stopped, leaves nothing to take.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from handlers.aws.logs import logger
from handlers.aws.objects import level, split_uri
from handlers.contract.bearing import STATES
from handlers.contract.errors import DatasetChangedError
from handlers.contract.settings import Settings
from handlers.contract.states import Features, RegisterModelInput
from handlers.executions.outcomes import Succeeded, training_outcome, trials_outcome, tuning_outcome
from handlers.executions.redeployments import package_of
from handlers.executions.waiting import answer, start
from handlers.ledger import Ledger, Run, RunStatus, Token, Work
from handlers.ledger.work import Begun
from handlers.training_jobs.features import digest
from handlers.training_jobs.features import find as find_features
from handlers.training_jobs.jobs import describe
from handlers.training_jobs.trials import trials_s3_uri

_SKEW = timedelta(minutes=1)  # between the clocks of two services
_STATES = {"tuning": "StartTuningJob", "trials": "StartTuningJob", "training": "StartTrainingJob"}
_WORDS = {"trials": "tuning"}  # of what was found, by kind, where they are not the kind's own


def tuning_work(features: Features, request: Mapping[str, Any]) -> str:
    """Return what a tuning job is about: all that bears on its result, its time limit and its names left out."""
    definition, config = request["TrainingJobDefinition"], request["HyperParameterTuningJobConfig"]
    limits = {name: value for name, value in config["ResourceLimits"].items() if name != "MaxRuntimeInSeconds"}
    parts = ("StaticHyperParameters", "AlgorithmSpecification", "ResourceConfig")
    return _work(
        "StartTuningJob", features, {**config, "ResourceLimits": limits}, {name: definition[name] for name in parts}
    )


def trials_work(features: Features, request: Mapping[str, Any]) -> str:
    """Return what a training job of all trials is about: its values, as for any training job."""
    return _work("StartTuningJob", features, _values(request))


def training_work(features: Features, request: Mapping[str, Any]) -> str:
    """Return what a final training job is about: its values, and the champion that it scores beside its own model."""
    champion = [one for one in request["InputDataConfig"] if one["ChannelName"] == "champion"]
    return _work("StartTrainingJob", features, _values(request), {"Champion": champion})


def _values(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a CreateTrainingJob request that bear on what the job gives; a warm pool does not."""
    resources = {name: value for name, value in request["ResourceConfig"].items() if name != "KeepAlivePeriodInSeconds"}
    parts = ("HyperParameters", "AlgorithmSpecification")
    return {name: request[name] for name in parts} | {"ResourceConfig": resources}


def _work(state: str, features: Features, *parts: Mapping[str, Any]) -> str:
    """Return the work's name; "" in a run of an older version, of which it is not known what it depends on."""
    values = {name: value for part in parts for name, value in part.items()}
    return f"{state}#{digest({'features': features.key, **values})}" if features.key else ""


def once(work: str, token: Token, ledger: Ledger, create: Callable[[], object]) -> str:
    """Let the state go on with what was found, or start its job and wait; return the name of the job."""
    run = Run.noted(ledger, token.execution_name)
    earlier = find(work, token, ledger) if work and takes(run, _STATES[token.kind]) else None
    if earlier is not None:
        job, output = earlier
        run.note_reused(ledger, sentence(_WORDS.get(token.kind, token.kind), output["FoundIn"]))
        answer(token.task_token, Succeeded(output))
        logger.info("found, nothing is paid", kind=token.kind, job=job, execution_name=output["FoundIn"])
        return job
    if work:
        Work.note(ledger, work, Begun(token.resource_name, token.execution_name))
    created = start(ledger, token, create)
    logger.info(f"{token.kind} job started", job=token.resource_name, newly_created=created)
    return token.resource_name


def examination(key: str, job_name: str, execution_name: str, ledger: Ledger, settings: Settings) -> Features | None:
    """Return what was examined before under the same key, or by an earlier try of the same job."""
    run = Run.noted(ledger, execution_name)
    earlier = find_features(key, job_name, ledger, settings.trainable) if takes(run, "ComputeFeatures") else None
    if earlier is not None and earlier.reused:
        run.note_reused(ledger, sentence("examination", earlier.found_in))
        logger.info("found, nothing is paid", kind="features", features=earlier.to_event())
    return earlier


def sentence(what: str, execution_name: str) -> str:
    """Return what was found and so not paid for, as a person reads it."""
    return f"{what} of run {execution_name}"


def takes(run: Run, state: str) -> bool:
    """Tell whether a state of an execution may take what an earlier one has finished."""
    return not run.redo_from or STATES.index(state) < STATES.index(run.redo_from)


def find(work: str, token: Token, ledger: Ledger) -> tuple[str, dict[str, Any]] | None:
    """Return name and result of the newest whole job of an earlier execution; who has begun one keeps to it."""
    noted = Work.get(ledger, work)
    begun = noted.resources() if noted else []
    if token.execution_name in [one.execution_name for one in begun]:
        return None
    for one in begun:
        job = None if _saw_other_pictures(one.execution_name, ledger) else describe(token.kind, one.resource)
        if job is not None and (output := _result(token.kind, job)) is not None:
            return one.resource, {**output, "FoundIn": one.execution_name}
    return None


def _saw_other_pictures(execution_name: str, ledger: Ledger) -> bool:
    """Tell whether the pictures changed under a run, so that its jobs may have read others than it was about."""
    return Run.noted(ledger, execution_name).error == DatasetChangedError.__name__


def _result(kind: str, job: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a job that has Completed gave, if that is whole."""
    if kind == "tuning":
        outcome = tuning_outcome(job) if job["HyperParameterTuningJobStatus"] == "Completed" else None
        return outcome.output if isinstance(outcome, Succeeded) else None
    if job["TrainingJobStatus"] != "Completed":
        return None
    outcome = trials_outcome(job) if kind == "trials" else training_outcome(job)
    if not isinstance(outcome, Succeeded):
        return None
    if kind == "trials":
        return outcome.output if _is_as_left(job, trials_s3_uri(job)) else None
    left = (outcome.output["ModelDataUrl"], outcome.output["OutputS3Uri"])
    return {**outcome.output, "BillableSeconds": 0} if _is_as_left(job, *left) else None


def _is_as_left(job: Mapping[str, Any], *s3_uris: str) -> bool:
    """Tell whether objects of one folder are there, and nobody has written over them since the job ended.

    Source: SageMaker API reference, DescribeTrainingJob, TrainingEndTime: of a successful job it is the time after
    model artifacts are uploaded.
    """
    bucket, key = split_uri(s3_uris[0])
    stored = {one.key: one for one in level(bucket, key.rpartition("/")[0] + "/", 1)[0]}
    wanted = (stored.get(split_uri(uri)[1]) for uri in s3_uris)
    until = job["TrainingEndTime"] + _SKEW
    return all(one is not None and datetime.fromisoformat(one.modified_at) <= until for one in wanted)


def package_work(step: RegisterModelInput, settings: Settings, digests: Sequence[str]) -> str:
    """Return what a model package is about: artifact and evaluation by their SHA-256, and how it was judged."""
    values = {
        "digests": list(digests),
        "settings": settings.model_settings(),
        "source": settings.training_source_s3_uri,
        "dataset": [step.dataset.name, step.dataset.fingerprint],
        "judgement": [step.evaluation.accuracy, step.evaluation.threshold, step.evaluation.evidence],
    }
    return f"RegisterModel#{digest(values)}"


def registered(work: str, step: RegisterModelInput, ledger: Ledger) -> str:
    """Return the package that an earlier execution has registered for the same and not deployed, or "".

    One that has served, or was rejected, has had its judgement, and is left to it.
    """
    run, noted = Run.noted(ledger, step.execution_name), Work.get(ledger, work)
    for begun in noted.resources() if noted and takes(run, "RegisterModel") else []:
        is_other = begun.execution_name != step.execution_name
        if is_other and _is_open(begun, ledger):
            run.note_reused(ledger, sentence("model package", begun.execution_name))
            return begun.resource
    return ""


def _is_open(begun: Begun, ledger: Ledger) -> bool:
    """Tell whether a package is there and its model has never been in production, nor been rejected."""
    status = package_of(begun.resource).get("ModelApprovalStatus")
    earlier = Run.get(ledger, begun.execution_name)
    return status in ("PendingManualApproval", "Approved") and (not earlier or earlier.status != RunStatus.SUCCEEDED)
