"""A function's code and layers: where they come from, and what of them lasts."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.functions import Deployed, archive

NewFunction = Callable[..., Deployed]
OLD, NEW = "def handler(e, c): return 'old'", "def handler(e, c): return 'new'"


def test_code_that_is_not_in_s3_is_refused(function: NewFunction, aws: Callable[[str], Any]) -> None:
    """The error names S3's reason.

    Source: Lambda API reference, CreateFunction.
    """
    deployed = function(OLD)
    aws("s3").create_bucket(Bucket="lambda-no-code")

    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*NoSuchKey"):
        deployed.client.update_function_code(FunctionName=deployed.name, S3Bucket="lambda-no-code", S3Key="none.zip")


def test_layer_is_importable_below_the_package(function: NewFunction) -> None:
    """A layer's python/ folder is on the path, the package comes first, and a later layer before an earlier one.

    Source: Lambda developer guide, "Managing Lambda dependencies with layers".
    """
    base = function(OLD)
    layers = [
        base.client.publish_layer_version(
            LayerName=f"{base.name}-{number}",
            Content={"ZipFile": archive({"python/shared.py": f"number = {number}", "python/app2.py": "of = 'layer'"})},
        )["LayerVersionArn"]
        for number in (1, 2)
    ]

    deployed = function("import shared, app2\ndef handler(e, c): return [shared.number, app2.of]", Layers=layers)

    assert deployed.invoke().value == [2, "layer"]


def test_function_outlives_its_deleted_layer_version(function: NewFunction) -> None:
    """A layer version that functions use may be deleted; a new environment still has it.

    Source: Lambda developer guide, "Managing Lambda dependencies with layers".
    """
    base = function(OLD)
    layer = base.client.publish_layer_version(
        LayerName=f"{base.name}-layer", Content={"ZipFile": archive({"python/shared.py": "number = 7"})}
    )
    deployed = function("import shared\ndef handler(e, c): return shared.number", Layers=[layer["LayerVersionArn"]])

    base.client.delete_layer_version(LayerName=f"{base.name}-layer", VersionNumber=layer["Version"])

    assert deployed.invoke().value == 7


def test_code_from_s3_is_what_lay_there_then(function: NewFunction, aws: Callable[[str], Any]) -> None:
    """A function keeps the code of the moment at which it was updated from S3.

    Source: Lambda API reference, UpdateFunctionCode.
    """
    aws("s3").create_bucket(Bucket="lambda-code")
    aws("s3").put_object(Bucket="lambda-code", Key="code.zip", Body=archive({"app.py": NEW}))
    deployed = function(OLD)

    deployed.client.update_function_code(FunctionName=deployed.name, S3Bucket="lambda-code", S3Key="code.zip")
    aws("s3").delete_object(Bucket="lambda-code", Key="code.zip")

    assert deployed.invoke().value == "new"


def test_archive_that_is_no_zip_is_refused(function: NewFunction) -> None:
    """The old code stays.

    Source: Lambda API reference, CreateFunction.
    """
    deployed = function(OLD)

    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        deployed.client.update_function_code(FunctionName=deployed.name, ZipFile=b"no zip file")

    assert deployed.invoke().value == "old"
