"""Golden predictions: what the evaluation answered for some images, and what the live endpoint answers."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from pydantic import ValidationError

from datasets.limits import CONTENT_TYPES, MAX_IMAGE_BYTES
from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import read, split_uri, write
from handlers.contract.errors import AwsError, AwsNotFoundError, EndpointCheckError
from handlers.contract.inputs import problems
from handlers.contract.json_bounds import bounded_json
from handlers.contract.states import Check, Endpoint, GoldenPrediction, JobEvaluation
from handlers.training_jobs.evaluations import MAX_EVALUATION_BYTES, MAX_MEMORY_BYTES

_MAX_ANSWER_BYTES = 8 * 1024 * 1024  # of more, the rest is missing, and so it is no JSON
TOLERANCE = 0.02  # of a probability: another CPU's rounding stays far below it


class Answer(NamedTuple):
    class_name: str
    probability: float


def golden_predictions(evaluation_s3_uri: str) -> list[GoldenPrediction]:
    """Return the predictions that the evaluation kept for this check.

    Raises:
        EndpointCheckError: there are none, so nothing can be checked.
    """
    bucket, key = split_uri(evaluation_s3_uri)
    try:
        document = bounded_json(read(bucket, key, MAX_EVALUATION_BYTES), MAX_MEMORY_BYTES)
        golden = JobEvaluation.model_validate(document).golden
    except ValidationError as error:
        raise EndpointCheckError(f"{evaluation_s3_uri!r} is no evaluation: {problems(error)}; train again") from error
    except ValueError as error:
        raise EndpointCheckError(f"{evaluation_s3_uri!r} is no evaluation: {error}; train again") from error
    if not golden:
        raise EndpointCheckError(f"{evaluation_s3_uri!r} has no golden predictions; training/train.py writes them")
    return golden


class Pictures(NamedTuple):
    """The golden predictions' pictures: in the dataset, and once they were asked about beside the evaluation too.

    So a model can be checked again after its dataset has changed.
    """

    dataset_s3_uri: str
    evaluation_s3_uri: str

    def read(self, path: str) -> bytes:
        """Return a picture as the model saw it, and keep it."""
        bucket, key = self._kept(path)
        try:
            return read(bucket, key, MAX_IMAGE_BYTES)
        except AwsNotFoundError:
            source, prefix = split_uri(self.dataset_s3_uri)
            image = read(source, prefix + path, MAX_IMAGE_BYTES)
        try:
            write(bucket, key, image, _content_type(path))
        except AwsError:  # the check does not depend on it
            logger.exception("a golden picture was not kept", path=path)
        return image

    def _kept(self, path: str) -> tuple[str, str]:
        bucket, key = split_uri(self.evaluation_s3_uri)
        return bucket, f"{key.rpartition('/')[0]}/golden/{path}"


def keep(dataset_s3_uri: str, evaluation_s3_uri: str) -> None:
    """Keep the pictures of the golden predictions, since the dataset may change before they are asked about.

    Raises:
        EndpointCheckError: there are none, so the model could not be checked.
    """
    pictures = Pictures(dataset_s3_uri, evaluation_s3_uri)
    for golden in golden_predictions(evaluation_s3_uri):
        pictures.read(golden.path)


def ask(endpoint: Endpoint, path: str, image: bytes) -> Answer:
    """Return the endpoint's best class for one image of the dataset.

    Raises:
        EndpointCheckError: the endpoint answers with an error or with something else than predictions.
    """
    try:
        response = aws.sagemaker_runtime().invoke_endpoint(
            EndpointName=endpoint.endpoint_name,
            ContentType=_content_type(path),
            Accept="application/json",
            Body=image,
        )
        best = bounded_json(response["Body"].read(_MAX_ANSWER_BYTES), MAX_MEMORY_BYTES)["predictions"][0]
        return Answer(str(best["class_name"]), float(best["probability"]))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EndpointCheckError(
            f"endpoint {endpoint.endpoint_name!r} answered {path!r} with no predictions: {error!r}; see its log group"
        ) from error


def _content_type(path: str) -> str:
    return CONTENT_TYPES.get(PurePosixPath(path).suffix.lower(), "application/x-image")


def compare(golden: Sequence[GoldenPrediction], answers: Sequence[Answer]) -> Check:
    """Return how well the answers repeat the golden predictions.

    Raises:
        EndpointCheckError: another class, or a probability off by more than TOLERANCE (NaN included).
    """
    differences = [abs(a.probability - g.probability) for g, a in zip(golden, answers, strict=True)]
    for expected, answer, difference in zip(golden, answers, differences, strict=True):
        if answer.class_name != expected.class_name or not difference <= TOLERANCE:
            raise EndpointCheckError(
                f"endpoint says {answer.class_name!r} with {answer.probability:.4f} for {expected.path!r}; the "
                f"evaluation said {expected.class_name!r} with {expected.probability:.4f} (tolerance {TOLERANCE}), so "
                f"preprocessing or versions of training and inference differ"
            )
    return Check(num_images=len(golden), num_agreeing=len(golden), max_probability_difference=max(differences))
