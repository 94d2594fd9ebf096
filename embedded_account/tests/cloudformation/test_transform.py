"""Tests of the SAM macro."""

from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.cloudformation import transform
from embedded_account.cloudformation.documents import SAM_TRANSFORM
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError
from embedded_account.cloudformation.transform import Transformer, TranslatorError

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


@pytest.fixture
def transformer(bare_account: Account) -> Transformer:
    """Give what carries out macros, whose process ends with the test."""
    return Transformer(bare_account)


def sam(**properties: Any) -> dict[str, Any]:
    function = {**FUNCTION, "Properties": {**FUNCTION["Properties"], **properties}}  # type: ignore[dict-item]
    return {"Transform": SAM_TRANSFORM, "Resources": {"F": function}}


def test_a_function_becomes_its_resources(transformer: Transformer) -> None:
    """Function, role, version and alias; code in S3; the document itself is left as it is."""
    document = sam()

    processed = transformer.transform(document, {})

    types = sorted(item["Type"] for item in processed["Resources"].values())
    assert types == ["AWS::IAM::Role", "AWS::Lambda::Alias", "AWS::Lambda::Function", "AWS::Lambda::Version"]
    assert processed["Resources"]["F"]["Properties"]["Code"] == {"S3Bucket": "bucket", "S3Key": "key.zip"}
    assert "Transform" not in processed
    assert document == sam()


def test_other_code_gives_the_version_another_logical_id(transformer: Transformer) -> None:
    """So an update publishes a version, and that after the code was updated."""

    def version(code: str) -> str:
        resources: dict[str, Any] = transformer.transform(sam(CodeUri=code), {})["Resources"]
        return next(name for name, item in resources.items() if item["Type"] == "AWS::Lambda::Version")

    assert version("s3://bucket/a.zip") != version("s3://bucket/b.zip")
    assert version("s3://bucket/a.zip") == version("s3://bucket/a.zip")


@pytest.mark.parametrize(
    ("properties", "words"),
    [({"CodeUri": "build/handlers"}, "not a valid S3 Uri"), ({"Nonsense": 1}, "Nonsense"), ({"Handler": {}}, "")],
)
def test_invalid_sam_is_refused_in_the_translators_words(
    transformer: Transformer, properties: dict[str, Any], words: str
) -> None:
    """The message names the macro, the resource and the fault."""
    with pytest.raises(TemplateError, match=rf"Transform {SAM_TRANSFORM} failed with: .*{words}"):
        transformer.transform(sam(**properties), {})


def test_other_macros_are_refused_by_name(transformer: Transformer) -> None:
    """No macro is passed over in silence."""
    with pytest.raises(UnsupportedError, match="the transform 'AWS::Include'"):
        transformer.transform({"Transform": ["AWS::Include"], "Resources": {}}, {})


def test_a_managed_policy_is_known_by_its_name(transformer: Transformer) -> None:
    """The translator asks the account for the ARNs of AWS's managed policies."""
    processed = transformer.transform(sam(Policies=["AmazonS3ReadOnlyAccess"]), {})

    policies = processed["Resources"]["FRole"]["Properties"]["ManagedPolicyArns"]
    assert "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" in policies


def test_a_translator_that_was_ended_is_replaced(transformer: Transformer) -> None:
    """Whoever ends the translator's process takes no later template with it."""
    before = transformer.transform(sam(), {})
    assert transformer._process
    transformer._process.kill()
    transformer._process.wait()

    assert transformer.transform(sam(), {}) == before


def test_a_translator_that_is_silent_is_replaced(transformer: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it for ever, and the next template is expanded."""
    with monkeypatch.context() as patch:
        patch.setattr(transform, "ANSWER_SECONDS", 0.0)
        with pytest.raises(TranslatorError, match=r"gave no answer within 0 s; send"):
            transformer.transform(sam(), {})

    assert "Transform" not in transformer.transform(sam(), {})
