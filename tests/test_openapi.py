"""The OpenAPI document: valid, and what the prediction function really takes and answers."""

from openapi_spec_validator import validate

from handlers.prediction import call_request, errors
from handlers.prediction.errors import PredictionError
from tests.openapi import DOCUMENT, validator

ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PredictionError)]


def test_document_is_valid() -> None:
    """By the specification's own schema, with every reference resolved."""
    validate(DOCUMENT)


def test_every_failure_is_in_the_document() -> None:
    """Each class with its name and its status."""
    responses = DOCUMENT["paths"]["/"]["post"]["responses"]
    names = DOCUMENT["components"]["schemas"]["Failure"]["properties"]["error"]["enum"]

    assert {kind.__name__.removesuffix("Error") for kind in ERRORS} - {"Unforeseen"} == set(names)
    assert {str(kind.status) for kind in ERRORS} <= set(responses)


def test_limits_are_those_of_the_code() -> None:
    """What the document promises is what the function takes."""
    properties = DOCUMENT["components"]["schemas"]["Request"]["properties"]

    assert properties["urls"]["maxItems"] == call_request.MAX_URLS
    assert (properties["top_k"]["maximum"], properties["top_k"]["default"]) == (
        call_request.MAX_TOP_K,
        call_request.DEFAULT_TOP_K,
    )
    assert set(properties) == {*call_request.SOURCES, "top_k", "return"}


def test_examples_are_requests_that_the_function_takes() -> None:
    """By the schema and by the function's own parser."""
    examples = DOCUMENT["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["examples"]

    for example in examples.values():
        validator("Request").validate(example["value"])
        assert call_request.parse_event(example["value"]).values
