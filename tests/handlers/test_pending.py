"""What AWS does not know everywhere yet: the state is repeated, and what comes of it is what comes of one try."""

import pytest

from handlers.aws.pending import BUILDING, passes
from handlers.contract.errors import AwsPendingError
from tests.handlers.call_sites import call_sites
from tests.handlers.cases import CASES, RARE, calls_of, facts
from tests.handlers.chaos import refusal

_MISSING = 'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/x".'
_ROLE = (
    "Could not assume role arn:aws:iam::123456789012:role/new. Please ensure that the role exists and allows principal "
    "'sagemaker.amazonaws.com' to assume the role."
)
_BUILDERS = (
    "unpack_by_a_job",
    "compute_features",
    "start_tuning_job",
    "start_training_job",
    "register_model",
    "deploy_endpoint",
    "check_endpoint",
    "register_scaling",
)
_CASES = {name: CASES[name] for name in _BUILDERS} | {"first_deployment": RARE["first_deployment"].case}


@pytest.mark.parametrize("name", _CASES)
def test_repeated_state_ends_as_if_nothing_had_been_late(name, scene, chaos, lambda_context):
    """At every call that builds on what was just made: AwsPendingError, then the result and the account of one try."""
    case = _CASES[name]
    with scene(case) as (world, payload):
        expected = case.handler(payload, lambda_context), facts(world)
    builders = [at for at, call in enumerate(calls_of(case, scene, chaos, lambda_context)) if call in BUILDING]
    assert builders

    for at in builders:
        with scene(case) as (world, payload):
            chaos.plan(at, lambda: refusal("ValidationException", message=_MISSING))
            with pytest.raises(AwsPendingError, match="Could not find endpoint configuration"):
                case.handler(payload, lambda_context)
            chaos.plan(-1, None)

            result = case.handler(payload, lambda_context)

            assert (result, facts(world)) == expected, f"call {at}"


def test_every_call_that_builds_on_another_is_known():
    """What handlers create, update or invoke in SageMaker may meet a role, model or config of a moment ago."""
    called = {operation for _, operation in call_sites()}
    # They name nothing, or what was made minutes or hours before.
    not_built = {"UpdateModelPackage", "UpdateItem", "PutScheduledAction", "CreateModelCard", "UpdateModelCard"}

    assert called >= BUILDING
    verbs = ("Create", "Update", "Invoke", "Register", "PutSc")
    assert {one for one in called if one.startswith(verbs)} - BUILDING == not_built


@pytest.mark.parametrize(
    ("operation", "code", "message", "expected"),
    [
        ("CreateEndpoint", "ValidationException", _MISSING, True),
        ("CreateTrainingJob", "ValidationException", _ROLE, True),
        ("CreateEndpointConfig", "ValidationException", 'Could not find model "x".', True),
        ("InvokeEndpoint", "ValidationError", "Endpoint x of account 123456789012 not found.", True),
        ("RegisterScalableTarget", "ValidationException", "Endpoint does not exist.", True),
        ("CreateEndpoint", "ValidationException", 'Cannot create already existing endpoint "x".', False),
        ("CreateTrainingJob", "ValidationException", "No S3 objects found under S3 URL s3://b/x given.", False),
        ("CreateTrainingJob", "ResourceLimitExceeded", "The role does not exist in your account's quota.", False),
        ("DescribeEndpoint", "ValidationException", "Could not find endpoint x.", False),
    ],
)
def test_only_what_passes_is_repeated(operation, code, message, expected):
    """A sentence about what is missing or cannot be assumed, at a call that builds on it; anything else stays."""
    assert passes(operation, code, message) is expected
