"""Which refusals pass by themselves: what a request builds on was made a moment ago, and is not known everywhere yet.

The state machine repeats a state that fails so (AwsPendingError), which is safe: names derive from the execution, so
a repeated state meets its own earlier work. Where the thing really is missing, the last repetition says so.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html (a validation error, "retry
logic is recommended"); https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html (roles take seconds).
"""

import re

# Each refers to a role, model, endpoint config or endpoint that the flow, or its stack, may have made just before.
BUILDING = frozenset(
    {
        "CreateTrainingJob",
        "CreateHyperParameterTuningJob",
        "CreateModelPackage",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "UpdateEndpoint",
        "InvokeEndpoint",
        "RegisterScalableTarget",
        "PutScalingPolicy",
    }
)
_CODES = frozenset({"ValidationException", "ValidationError", "ObjectNotFoundException"})
_SENTENCES = re.compile(
    r"could not find|cannot find|can't find|does(?: not|n't) exist|not found"
    r"|(?:could not|cannot|can't|unable to) (?:be )?assumed?\b|is unable to perform: sts:AssumeRole",
    re.IGNORECASE,
)


def passes(operation: str, code: str, message: str) -> bool:
    """Tell whether AWS may carry `operation` out in a moment though it refuses it now."""
    return operation in BUILDING and code in _CODES and _SENTENCES.search(message) is not None
