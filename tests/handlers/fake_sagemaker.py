"""SageMaker's control plane in one process: real shapes and error codes, statuses that a test sets.

It answers behind botocore's own validation and serialisation, in place of the connection, so a request that SageMaker's
model does not allow fails here too. moto's SageMaker completes every job at once and knows no tuning jobs.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name

_NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class _RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FakeSageMaker:
    """The account's jobs, models, configs, endpoints and packages, by name; `calls` lists the operations that came."""

    def __init__(self, region: str, account: str) -> None:
        self._arn = f"arn:aws:sagemaker:{region}:{account}"
        self.training_jobs: dict[str, dict[str, Any]] = {}
        self.tuning_jobs: dict[str, dict[str, Any]] = {}
        self.trials: dict[str, list[str]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.endpoint_configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}  # by ARN, of what a test says bears any
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, str] = {}  # operation -> error code
        self.faults_once: dict[str, list[tuple[str, str]]] = {}  # operation -> code and message of its next calls
        self.before: dict[str, Callable[[], None]] = {}  # operation -> what happens just before it
        self.shows_pending = True  # SageMaker takes a moment until a description says what an update goes to

    def operations(self) -> list[str]:
        return [name for name, _ in self.calls]

    def request(self, operation: str) -> dict[str, Any]:
        """Return the parameters of the last call of `operation`."""
        return next(params for name, params in reversed(self.calls) if name == operation)

    def complete_training_job(self, name: str, **changes: Any) -> None:
        job = self.training_jobs[name]
        artifact = f"{job['OutputDataConfig']['S3OutputPath']}/{name}/output/model.tar.gz"
        job.update(TrainingJobStatus="Completed", SecondaryStatus="Completed", BillableTimeInSeconds=61)
        job.update(ModelArtifacts={"S3ModelArtifacts": artifact}, TrainingEndTime=datetime.now(UTC), **changes)

    def complete_tuning_job(self, name: str, **tuned: str) -> None:
        best = {
            "TrainingJobName": f"{name}-001-0badcafe",
            "TrainingJobArn": f"{self._arn}:training-job/{name}-001-0badcafe",
            "CreationTime": _NOW,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": tuned,
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:best_top1", "Value": 0.9375},
        }
        counters = {"Completed": 4, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
        self.tuning_jobs[name].update(
            HyperParameterTuningJobStatus="Completed", BestTrainingJob=best, TrainingJobStatusCounters=counters
        )

    def fail_tuning_job(self, name: str, failure_reason: str) -> None:
        trial = f"{name}-001-0badcafe"
        self.training_jobs[trial] = {
            "TrainingJobName": trial,
            "TrainingJobArn": f"{self._arn}:training-job/{trial}",
            "TrainingJobStatus": "Failed",
            "FailureReason": failure_reason,
        }
        self.trials[name] = [trial]
        self.tuning_jobs[name].update(HyperParameterTuningJobStatus="Failed", FailureReason="All training jobs failed.")

    def serve(self, name: str = "retriever", config: str = "old-config", instance_type: str = "ml.m5.large") -> None:
        """Put an endpoint InService with a config of its own."""
        self._create_config(config, instance_type)
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": f"{self._arn}:endpoint/{name.lower()}",
            "EndpointConfigName": config,
            "EndpointStatus": "InService",
            "CreationTime": datetime.now(UTC),
            "LastModifiedTime": datetime.now(UTC),
        }

    def _create_config(self, name: str, instance_type: str) -> None:
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": instance_type}
        artifact = f"s3://retriever-data/runs/{name}/training/{name}/output/model.tar.gz"
        self.models[name] = {"ModelName": name, "PrimaryContainer": {"ModelDataUrl": artifact}}
        self.endpoint_configs[name] = {"EndpointConfigName": name, "ProductionVariants": [variant]}

    def end_update(self, name: str = "retriever", status: str = "InService", **changes: Any) -> None:
        """Let a creation or update of an endpoint end; the new config serves if that succeeded."""
        endpoint = self.endpoints[name]
        pending = endpoint.pop("PendingDeploymentSummary", None)
        if pending and status == "InService" and "FailureReason" not in changes:
            endpoint["EndpointConfigName"] = pending["EndpointConfigName"]
        endpoint.update(EndpointStatus=status, **changes)

    def answer(self, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body for one call."""
        if act := self.before.pop(operation, None):
            act()
        self.calls.append((operation, params))
        if answers := self.faults_once.get(operation):
            answer = answers.pop(0)
            return 400, {"Error": {"Code": answer[0], "Message": answer[1]}}
        if code := self.faults.get(operation):
            return 400, {"Error": {"Code": code, "Message": f"{code} of a test"}}
        try:
            return 200, getattr(self, f"_{xform_name(operation)}")(params) or {}
        except _RefusedError as refusal:
            return 400, {"Error": {"Code": refusal.code, "Message": str(refusal)}}

    @staticmethod
    def _described(where: dict[str, dict[str, Any]], name: str, code: str = "ValidationException") -> dict[str, Any]:
        if name not in where:
            raise _RefusedError(code, f"Could not find {name!r}.")
        return where[name]

    def _create_training_job(self, p: dict[str, Any]) -> dict[str, Any]:
        name = p["TrainingJobName"]
        if name in self.training_jobs:
            raise _RefusedError("ResourceInUse", "Training job names must be unique within an AWS account and region")
        arn = f"{self._arn}:training-job/{name.lower()}"
        status = {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting", "TrainingJobArn": arn}
        self.training_jobs[name] = {**p, **status}
        return {"TrainingJobArn": arn}

    def _describe_training_job(self, p: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.training_jobs, p["TrainingJobName"])

    def _stop_training_job(self, p: dict[str, Any]) -> None:
        job = self._described(self.training_jobs, p["TrainingJobName"])
        if job["TrainingJobStatus"] != "InProgress":
            raise _RefusedError("ValidationException", f"The request was rejected: status {job['TrainingJobStatus']}.")
        job["TrainingJobStatus"] = "Stopping"

    def _create_hyper_parameter_tuning_job(self, p: dict[str, Any]) -> dict[str, Any]:
        name = p["HyperParameterTuningJobName"]
        if name in self.tuning_jobs:
            raise _RefusedError("ResourceInUse", "Hyperparameter tuning job names must be unique.")
        arn = f"{self._arn}:hyper-parameter-tuning-job/{name.lower()}"
        status = {"HyperParameterTuningJobStatus": "InProgress", "HyperParameterTuningJobArn": arn}
        self.tuning_jobs[name] = {**p, **status}
        return {"HyperParameterTuningJobArn": arn}

    def _describe_hyper_parameter_tuning_job(self, p: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.tuning_jobs, p["HyperParameterTuningJobName"], "ResourceNotFound")

    def _stop_hyper_parameter_tuning_job(self, p: dict[str, Any]) -> None:
        job = self._described(self.tuning_jobs, p["HyperParameterTuningJobName"], "ResourceNotFound")
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            raise _RefusedError("ValidationException", "The request was rejected: it has ended.")
        job["HyperParameterTuningJobStatus"] = "Stopping"

    def _list_training_jobs_for_hyper_parameter_tuning_job(self, p: dict[str, Any]) -> dict[str, Any]:
        names = self.trials.get(p["HyperParameterTuningJobName"], [])
        start, size = int(p.get("NextToken", 0)), p.get("MaxResults", 10)
        page = [{"TrainingJobName": name, **self._times(name)} for name in names[start : start + size]]
        more = {"NextToken": str(start + size)} if start + size < len(names) else {}
        return {"TrainingJobSummaries": page, **more}

    def _times(self, name: str) -> dict[str, Any]:
        job = self.training_jobs.get(name, {})
        return {key: job[key] for key in ("TrainingStartTime", "TrainingEndTime") if key in job}

    def _create_model(self, p: dict[str, Any]) -> dict[str, Any]:
        if p["ModelName"] in self.models:
            raise _RefusedError("ValidationException", f"Cannot create already existing model {p['ModelName']!r}.")
        self.models[p["ModelName"]] = p
        return {"ModelArn": f"{self._arn}:model/{p['ModelName'].lower()}"}

    def _describe_model(self, p: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.models, p["ModelName"])

    def _delete_model(self, p: dict[str, Any]) -> None:
        self._described(self.models, p["ModelName"])
        del self.models[p["ModelName"]]

    def _create_endpoint_config(self, p: dict[str, Any]) -> dict[str, Any]:
        name = p["EndpointConfigName"]
        if name in self.endpoint_configs:
            raise _RefusedError("ValidationException", f"Cannot create already existing config {name!r}.")
        self.endpoint_configs[name] = p
        return {"EndpointConfigArn": f"{self._arn}:endpoint-config/{name.lower()}"}

    def _describe_endpoint_config(self, p: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.endpoint_configs, p["EndpointConfigName"])

    def _delete_endpoint_config(self, p: dict[str, Any]) -> None:
        self._described(self.endpoint_configs, p["EndpointConfigName"])
        del self.endpoint_configs[p["EndpointConfigName"]]

    def _create_endpoint(self, p: dict[str, Any]) -> dict[str, Any]:
        name = p["EndpointName"]
        if name in self.endpoints:
            raise _RefusedError("ValidationException", f"Cannot create already existing endpoint {name!r}.")
        self._described(self.endpoint_configs, p["EndpointConfigName"])
        arn = f"{self._arn}:endpoint/{name.lower()}"
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": p["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": datetime.now(UTC),
            "LastModifiedTime": datetime.now(UTC),
        }
        return {"EndpointArn": arn}

    def _describe_endpoint(self, p: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._described(self.endpoints, p["EndpointName"])
        hidden = set() if self.shows_pending else {"PendingDeploymentSummary"}
        return {name: value for name, value in endpoint.items() if name not in hidden}

    def _update_endpoint(self, p: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._described(self.endpoints, p["EndpointName"])
        if endpoint["EndpointStatus"] != "InService":
            raise _RefusedError("ValidationException", f"Cannot update in {endpoint['EndpointStatus']}.")
        self._described(self.endpoint_configs, p["EndpointConfigName"])
        pending = {"EndpointConfigName": p["EndpointConfigName"]}
        endpoint.update(EndpointStatus="Updating", PendingDeploymentSummary=pending)
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _delete_endpoint(self, p: dict[str, Any]) -> None:
        self._described(self.endpoints, p["EndpointName"])
        del self.endpoints[p["EndpointName"]]

    def _create_model_package(self, p: dict[str, Any]) -> dict[str, Any]:
        for arn, package in self.packages.items():
            if package["ClientToken"] == p["ClientToken"]:
                return {"ModelPackageArn": arn}
        arn = f"{self._arn}:model-package/{p['ModelPackageGroupName']}/{len(self.packages) + 1}"
        self.packages[arn] = p
        return {"ModelPackageArn": arn}

    def _describe_model_package(self, p: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.packages, p["ModelPackageName"])

    def _create_model_card(self, p: dict[str, Any]) -> dict[str, Any]:
        if p["ModelCardName"] in self.cards:
            raise _RefusedError("ConflictException", f"Modelcard {p['ModelCardName']} already exists")
        self.cards[p["ModelCardName"]] = p | {"CreationTime": _NOW, "CreatedBy": {}, "ModelCardVersion": 1}
        return {"ModelCardArn": f"{self._arn}:model-card/{p['ModelCardName']}"}

    def _describe_model_card(self, p: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.cards, p["ModelCardName"], "ResourceNotFound")

    def _update_model_card(self, p: dict[str, Any]) -> dict[str, Any]:
        card = self._described(self.cards, p["ModelCardName"], "ResourceNotFound")
        card.update(p, ModelCardVersion=card["ModelCardVersion"] + ("Content" in p))
        return {"ModelCardArn": f"{self._arn}:model-card/{p['ModelCardName']}"}

    def _list_tags(self, p: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self.tags.get(p["ResourceArn"], [])}

    def _update_model_package(self, p: dict[str, Any]) -> dict[str, Any]:
        self._described(self.packages, p["ModelPackageArn"]).update(p)
        return {"ModelPackageArn": p["ModelPackageArn"]}
