"""Tests of the SAM macro."""

from typing import Any

import pytest
from embedded_account.cloudformation.documents import SAM_TRANSFORM
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError
from embedded_account.cloudformation.transform import transform

FUNCTION = {
    "Type": "AWS::Serverless::Function",
    "Properties": {
        "CodeUri": "s3://bucket/key.zip",
        "Handler": "handlers.predict.handler",
        "Runtime": "python3.11",
        "AutoPublishAlias": "live",
        "Policies": [{"SQSSendMessagePolicy": {"QueueName": "q"}}],
    },
}


def sam(**properties: Any) -> dict[str, Any]:
    function = {**FUNCTION, "Properties": {**FUNCTION["Properties"], **properties}}  # type: ignore[dict-item]
    return {"Transform": SAM_TRANSFORM, "Resources": {"F": function}}


def test_a_function_becomes_its_resources() -> None:
    """Function, role, version and alias; code in S3; the document itself is left as it is."""
    document = sam()

    processed = transform(document, {}, "us-east-1")

    types = sorted(item["Type"] for item in processed["Resources"].values())
    assert types == ["AWS::IAM::Role", "AWS::Lambda::Alias", "AWS::Lambda::Function", "AWS::Lambda::Version"]
    assert processed["Resources"]["F"]["Properties"]["Code"] == {"S3Bucket": "bucket", "S3Key": "key.zip"}
    assert "Transform" not in processed
    assert document == sam()


def test_other_code_gives_the_version_another_logical_id() -> None:
    """So an update publishes a version, and that after the code was updated."""

    def version(code: str) -> str:
        resources: dict[str, Any] = transform(sam(CodeUri=code), {}, "us-east-1")["Resources"]
        return next(name for name, item in resources.items() if item["Type"] == "AWS::Lambda::Version")

    assert version("s3://bucket/a.zip") != version("s3://bucket/b.zip")
    assert version("s3://bucket/a.zip") == version("s3://bucket/a.zip")


@pytest.mark.parametrize(
    ("properties", "words"),
    [({"CodeUri": "build/handlers"}, "not a valid S3 Uri"), ({"Nonsense": 1}, "Nonsense"), ({"Handler": {}}, "")],
)
def test_invalid_sam_is_refused_in_the_translators_words(properties: dict[str, Any], words: str) -> None:
    """The message names the macro, the resource and the fault."""
    with pytest.raises(TemplateError, match=rf"Transform {SAM_TRANSFORM} failed with: .*{words}"):
        transform(sam(**properties), {}, "us-east-1")


def test_other_macros_are_refused_by_name() -> None:
    """No macro is passed over in silence."""
    with pytest.raises(UnsupportedError, match="the transform 'AWS::Include'"):
        transform({"Transform": ["AWS::Include"], "Resources": {}}, {}, "us-east-1")
