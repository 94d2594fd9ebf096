"""CheckEndpoint: the live endpoint must repeat the evaluation's golden predictions, or it is set back."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError, AwsPendingError, EndpointCheckError, RetrieverError
from handlers.contract.states import CheckEndpointInput, Endpoint
from handlers.endpoints import serving
from handlers.endpoints.golden import Pictures, ask, compare, golden_predictions

aws.prepare("s3", "sagemaker-runtime")


def set_back(endpoint: Endpoint) -> str:
    """Let what served before serve again; return what was done, in words."""
    try:
        return serving.set_back(endpoint.endpoint_name, endpoint.previous_endpoint_config_name)
    except AwsError as error:
        logger.exception("endpoint could not be set back", endpoint_name=endpoint.endpoint_name)
        return f"it could not be set back either ({error})"


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = CheckEndpointInput.from_event(event)
    try:
        golden = golden_predictions(step.evaluation.evaluation_s3_uri)
        pictures = Pictures(step.dataset.s3_uri, step.evaluation.evaluation_s3_uri)
        answers = [ask(step.endpoint, expected.path, pictures.read(expected.path)) for expected in golden]
        check = compare(golden, answers)
    except AwsPendingError:  # not known everywhere yet, so it is asked again; nothing is wrong with it
        raise
    except RetrieverError as error:  # an endpoint that cannot be checked must not serve either
        raise EndpointCheckError(f"{error}; {set_back(step.endpoint)}") from error
    logger.info("endpoint checked", check=check.to_event())
    return check.to_event()
