"""What tests of several subjects of executions begin with."""

import json

import pytest

from tests.handlers.environment import BUCKET

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retriever/1"


@pytest.fixture
def served(world, upload, end, event):
    """Give the name of an execution that succeeded and serves, with all that it left."""
    name = upload()["ExecutionName"]
    end(name)
    state = event("report_outcome_succeeded")["State"]
    world.put(f"runs/{name}/summary.json", json.dumps({"Status": "SUCCEEDED", "State": state}))
    for uri in (state["Training"]["ModelDataUrl"], state["Evaluation"]["EvaluationS3Uri"]):
        world.put(uri.removeprefix(f"s3://{BUCKET}/"))
    world.sagemaker.packages[PACKAGE] = {"ModelApprovalStatus": "Approved"}
    return name
