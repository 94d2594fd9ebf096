"""CheckEndpoint: the live endpoint must repeat the evaluation's golden predictions, or it is set back."""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from datasets.limits import MAX_IMAGE_BYTES
from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import read, split_uri
from handlers.contract.errors import AwsError, EndpointCheckError, RetrieverError
from handlers.contract.states import Check, CheckEndpointInput, Endpoint, GoldenPrediction, JobEvaluation
from handlers.endpoints import serving
from handlers.endpoints.containers import CONTENT_TYPES
from handlers.evaluate_model import MAX_EVALUATION_BYTES

aws.prepare("s3", "sagemaker-runtime")

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
        golden = JobEvaluation.model_validate_json(read(bucket, key, MAX_EVALUATION_BYTES)).golden
    except ValidationError as error:
        raise EndpointCheckError(f"{evaluation_s3_uri!r} is no evaluation: {error.errors()[0]['msg']}") from error
    if not golden:
        raise EndpointCheckError(f"{evaluation_s3_uri!r} has no golden predictions; training/train.py writes them")
    return golden


def ask(endpoint: Endpoint, dataset_s3_uri: str, path: str) -> Answer:
    """Return the endpoint's best class for one image of the dataset.

    Raises:
        EndpointCheckError: the endpoint answers with an error or with something else than predictions.
    """
    bucket, prefix = split_uri(dataset_s3_uri)
    image = read(bucket, prefix + path, MAX_IMAGE_BYTES)
    try:
        response = aws.sagemaker_runtime().invoke_endpoint(
            EndpointName=endpoint.endpoint_name,
            ContentType=CONTENT_TYPES.get(PurePosixPath(path).suffix.lower(), "application/x-image"),
            Accept="application/json",
            Body=image,
        )
        best = json.loads(response["Body"].read())["predictions"][0]
        return Answer(str(best["class_name"]), float(best["probability"]))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EndpointCheckError(
            f"endpoint {endpoint.endpoint_name!r} answered {path!r} with no predictions: {error!r}"
        ) from error


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


def set_back(endpoint: Endpoint) -> str:
    """Let what served before serve again; return what was done, in words."""
    try:
        return serving.set_back(endpoint.endpoint_name, endpoint.previous_endpoint_config_name)
    except AwsError as error:
        logger.exception("endpoint could not be set back", endpoint_name=endpoint.endpoint_name)
        return f"it could not be set back either ({error})"


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = CheckEndpointInput.model_validate(event)
    try:
        golden = golden_predictions(step.evaluation.evaluation_s3_uri)
        answers = [ask(step.endpoint, step.dataset.s3_uri, expected.path) for expected in golden]
        check = compare(golden, answers)
    except RetrieverError as error:  # an endpoint that cannot be checked must not serve either
        raise EndpointCheckError(f"{error}; {set_back(step.endpoint)}") from error
    logger.info("endpoint checked", check=check.to_event())
    return check.to_event()
