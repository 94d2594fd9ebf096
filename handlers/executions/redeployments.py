"""What serves, asked of SageMaker, and the model of an earlier execution that can serve again without training.

The results of an execution are in its summary. Handed to a new execution they let it pass tuning and training by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from handlers import aws
from handlers.aws.objects import head, read, split_uri
from handlers.contract.errors import AwsError, AwsNotFoundError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.names import SERVES_NOTHING
from handlers.contract.settings import Settings
from handlers.contract.states import Evaluation, RegisteredModel, Training
from handlers.executions.approvals import words_of
from handlers.ledger import Deployment, Ledger, Standby
from handlers.training_jobs.evaluations import MAX_MEMORY_BYTES
from handlers.training_jobs.jobs import describe, pending_config

_RESULTS = ("Features", "Tuning", "Training", "Evaluation", "Model")  # of the states that are passed by
_MAX_SUMMARY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class KeptModel:
    """The results of an execution whose model is to serve again, or the problem with them."""

    execution_name: str
    results: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    changes: str = ""  # of the parameters since it was deployed, where it serves
    rejected: str = ""  # why its package is Rejected, "" if it is not

    @property
    def judged_by(self) -> str:
        """Return the name of the execution that judged and registered it, whose evaluation goes with it."""
        return str(self.results["Evaluation"]["EvaluationS3Uri"]).rpartition("/")[0].rpartition("/")[2]

    def remark(self, endpoint_name: str) -> str:
        """Return what the new execution does, and why, in words."""
        if self.changes and self.results:
            return f"{self.changes}, so the model of {self.execution_name!r} is deployed again, without training"
        if self.changes:
            return f"{self.changes}, but the model of {self.execution_name!r} cannot be deployed again ({self.problem})"
        if self.results:
            return (
                f"endpoint {endpoint_name!r} does not serve the model of {self.execution_name!r}, so that is deployed "
                "again, without tuning and training"
            )
        return (
            f"endpoint {endpoint_name!r} does not serve the model of {self.execution_name!r}, which cannot be deployed "
            f"again ({self.problem}), so it is trained again"
        )


def serving_config(ledger: Ledger, settings: Settings) -> str:
    """Return the config that the endpoint serves or is changing to, or "" if no endpoint serves.

    Where requests are copied to a shadow it is the config of the model whose answers callers get; where the endpoint is
    away for being idle, that which comes back.
    """
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] in SERVES_NOTHING:
        return Standby.of(ledger, settings.endpoint_name).config_name
    return Deployment.before_shadow(ledger, pending_config(endpoint) or endpoint["EndpointConfigName"])


def kept_model(execution_name: str, settings: Settings) -> KeptModel:
    """Return the model of an execution that succeeded, if its package is approved and all that it needs is in S3."""
    kept = stored_model(execution_name, settings)
    if kept.problem:
        return kept
    accuracy, package = kept.results["Evaluation"]["Accuracy"], kept.results["Model"]["ModelPackageArn"]
    problem = ""
    if accuracy < settings.accuracy_threshold:
        problem = f"its accuracy {accuracy:.4f} is below AccuracyThreshold {settings.accuracy_threshold}"
    elif (status := package_of(package).get("ModelApprovalStatus", "gone")) != "Approved":
        problem = f"its model package is {status}"
    return replace(kept, results={}, problem=problem) if problem else kept


def stored_model(execution_name: str, settings: Settings) -> KeptModel:
    """Return the model of an execution that succeeded, however it is judged today, if all that it needs is there.

    It serves in the image that it was registered with.
    """
    try:
        state = _state(execution_name, settings)
        results = {name: state[name] for name in (*_RESULTS, "Dataset")}
        training, evaluation = (
            Training.model_validate(state["Training"]),
            Evaluation.model_validate(state["Evaluation"]),
        )
        model = RegisteredModel.model_validate(state["Model"])
    except AwsNotFoundError:
        return KeptModel(execution_name, problem="its summary.json is gone")
    except (KeyError, ValueError, TypeError):
        return KeptModel(execution_name, problem="its summary.json lacks the results of its states")
    package = package_of(model.model_package_arn)
    problem = _missing(training.model_data_url, evaluation.evaluation_s3_uri)
    if problem or not package:
        return KeptModel(execution_name, problem=problem or "its model package is gone")
    results["Training"] = training.model_copy(update={"billable_seconds": 0}).to_event()  # this time nothing is trained
    results["Model"] = model.model_copy(update={"image_uri": _image(package), "approval_seconds": 0}).to_event()
    rejected = words_of(package) if package.get("ModelApprovalStatus") == "Rejected" else ""
    return KeptModel(execution_name, results, rejected=rejected)


def _state(execution_name: str, settings: Settings) -> dict[str, Any]:
    summary = read(settings.bucket_name, f"runs/{execution_name}/summary.json", _MAX_SUMMARY_BYTES)
    return dict(bounded_json(summary, MAX_MEMORY_BYTES)["State"])


def _missing(*uris: str) -> str:
    for uri in uris:
        try:
            head(*split_uri(uri))
        except AwsNotFoundError:
            return f"{uri} is gone"
    return ""


def package_of(model_package_arn: str) -> Mapping[str, Any]:
    """Return SageMaker's description of a model package, empty if there is none."""
    try:
        return aws.sagemaker().describe_model_package(ModelPackageName=model_package_arn)
    except AwsError as error:
        if aws.is_missing(error):
            return {}
        raise


def _image(package: Mapping[str, Any]) -> str:
    containers = package.get("InferenceSpecification", {}).get("Containers", [{}])
    return str(containers[0].get("Image", ""))
