"""The evaluation that a training job leaves: read from its output within bounds, and judged."""

import reprlib
from typing import Any

from pydantic import ValidationError

from datasets.archives import Archive, Limits, members
from datasets.errors import ArchiveError, ArchiveSizeError
from handlers.aws.objects import SeekableObject, head, split_uri
from handlers.contract.errors import AwsNotFoundError, ModelRejectedError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.states import EvaluateModelInput, JobEvaluation

MEMBER = "evaluation.json"
MAX_EVALUATION_BYTES = 32 * 1024 * 1024  # one of 10,000 classes takes 10 MB
MAX_MEMORY_BYTES = 288 * 1024 * 1024  # while it is read, of the function's 512 MB
MAX_OUTPUT_BYTES = 2 * 1024**3
FLOOR_BYTES = 128 * 1024 * 1024  # what a small output may unpack to, whatever its ratio


def read_evaluation(output_s3_uri: str) -> bytes:
    """Return evaluation.json out of a training job's output.tar.gz.

    Raises:
        ModelRejectedError: there is no such object or member, or it is damaged or too large.
    """
    try:
        data = _member(output_s3_uri)
    except AwsNotFoundError as error:
        raise ModelRejectedError(f"output {output_s3_uri!r} does not exist; the training job wrote none") from error
    except ArchiveSizeError as error:
        raise ModelRejectedError(
            f"output {output_s3_uri!r} unpacks to more than {error.most} bytes; train again"
        ) from error
    except ArchiveError as error:
        raise ModelRejectedError(f"output {output_s3_uri!r} cannot be read: {error.reason}; train again") from error
    if data is None:
        raise ModelRejectedError(f"output {output_s3_uri!r} holds no {MEMBER}; training/train.py writes it")
    return data


def parsed(data: bytes, output_s3_uri: str) -> Any:
    """Return the JSON value of an evaluation, in bounded memory.

    Raises:
        ModelRejectedError: it is no JSON, or would take too much memory.
    """
    try:
        return bounded_json(data, MAX_MEMORY_BYTES)
    except ValueError as error:
        raise ModelRejectedError(f"{MEMBER} in {output_s3_uri!r} is no JSON: {error}; train again") from error


def _member(output_s3_uri: str) -> bytes | None:
    bucket, key = split_uri(output_s3_uri)
    output = head(bucket, key)
    archive = Archive(SeekableObject(bucket, output), output_s3_uri, output.size)
    limits = Limits(total_bytes=MAX_OUTPUT_BYTES, ratio=20, floor_bytes=FLOOR_BYTES, member_bytes=MAX_EVALUATION_BYTES)
    for member in members(archive, limits, skip_others=True):
        if member.path != MEMBER:
            continue
        if member.size > MAX_EVALUATION_BYTES:
            raise ModelRejectedError(f"{MEMBER} has {member.size} bytes; at most {MAX_EVALUATION_BYTES} are read")
        return member.read()
    return None


def judge(document: Any, step: EvaluateModelInput, threshold: float) -> JobEvaluation:
    """Return the evaluation if it passes the gate; anything that does not prove enough is refused.

    Raises:
        ModelRejectedError: a value is missing, no number, not finite, of another run, or below `threshold`.
    """
    try:
        evaluation = JobEvaluation.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or MEMBER
        raise ModelRejectedError(
            f"{where} in {MEMBER}: {reprlib.repr(first.get('input')):.80}; {first['msg']}, so the model is not "
            f"deployed (threshold {threshold})"
        ) from error
    _check_own(evaluation, step)
    if evaluation.num_test_images < 1:
        raise ModelRejectedError(
            f"test accuracy {evaluation.test_top1} over {evaluation.num_test_images} images proves nothing; "
            f"add images to test/ (threshold {threshold})"
        )
    if not 0 <= evaluation.test_top1 <= 1:
        raise ModelRejectedError(f"test accuracy {evaluation.test_top1} is outside 0..1; correct training/train.py")
    if evaluation.test_top1 < threshold:
        raise ModelRejectedError(
            f"test accuracy {evaluation.test_top1:.4f} is below the threshold {threshold}; nothing was deployed, "
            f"add or correct images, or lower AccuracyThreshold"
        )
    return evaluation


def _check_own(evaluation: JobEvaluation, step: EvaluateModelInput) -> None:
    """Refuse an evaluation that another job made, or the same job on other data."""
    pairs = (
        ("training job", evaluation.training_job_name, step.training.training_job_name),
        ("dataset fingerprint", evaluation.dataset_fingerprint, step.dataset.fingerprint),
    )
    for what, given, expected in pairs:
        if given != expected:
            raise ModelRejectedError(
                f"{MEMBER} is of {what} {given!r}; this run's is {expected!r}, so its accuracy does not count"
            )
