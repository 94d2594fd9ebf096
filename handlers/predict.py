"""The prediction function: images by URL, S3 URI or bytes in, class names and probabilities out.

Direct invocation, API Gateway (v1, v2) and Function URL all take the same JSON:

    {"url": "https://..."} | {"urls": ["https://...", ...]} | {"s3_uri": "s3://..."} | {"image": "<base64>"},
    and "top_k": 3 or "return": "logits"

Answers {"statusCode", "headers", "body"}; a failure's body is {"error", "message", "request_id"}. With "urls" the body
is {"results": [...]}, one answer or failure for each, in their order. docs/openapi.yaml describes all of it.
"""

import functools
import os
import time
from typing import TYPE_CHECKING, Any

from handlers.prediction import endpoint_client, waking
from handlers.prediction.answers import Call
from handlers.prediction.aws_http import Service
from handlers.prediction.call_request import (
    PredictRequest,
    correlation_id,
    is_of_function_url,
    is_preflight,
    parse_event,
)
from handlers.prediction.classification import Classifier, Outcome, classify_all
from handlers.prediction.errors import PredictionError
from handlers.prediction.settings import PredictSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@functools.cache
def settings() -> PredictSettings:
    return PredictSettings.from_env()


@functools.cache
def runtime() -> Service:
    """Return the endpoint's host; its connections outlive a call."""
    return endpoint_client.service(settings().endpoint_read_timeout_seconds)


@functools.cache
def standby() -> waking.Standby:
    """Return what brings back an endpoint that is away."""
    return waking.Standby(settings().standby_function_name, settings().endpoint_name)


def handler(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Answer any event at all; only the platform's own limits end an invocation in another way."""
    started, cors_origin = time.monotonic(), "" if is_of_function_url(event) else settings().cors_allowed_origin
    call = Call(context.aws_request_id, correlation_id(event, context), started, cors_origin)
    if is_preflight(event):
        return call.preflight()
    try:
        request = parse_event(event)
        return call.answered(request, predict(request, context, call))
    except PredictionError as error:
        return call.refused(error)
    except Exception as error:  # noqa: BLE001  # a caller gets an answer; its cause goes to the log without its values
        return call.failed(error)


def predict(request: PredictRequest, context: "LambdaContext", call: Call) -> list[Outcome]:
    """Return the outcome of each image of `request`."""
    own = settings()
    ask = functools.partial(waking.ask, runtime(), standby(), own.endpoint_seconds)
    classifier = Classifier(ask, f"correlation-id={call.correlation_id}", call.request_id)
    return classify_all(request, own.limits(context.get_remaining_time_in_millis() / 1000), classifier)


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # During Init this costs the first caller nothing; elsewhere this module is imported without settings.
    runtime()
