"""A session with AWS's own Python SDKs for SageMaker and Step Functions; prints what it saw as one JSON object.

Run as a program, so that the SDKs meet the account as they meet AWS: with environment variables and nothing else.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import sagemaker
from sagemaker.debugger import Rule, rule_configs
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.model_card import (
    AdditionalInformation,
    BusinessDetails,
    Environment,
    EvaluationJob,
    Function,
    HyperParameter,
    IntendedUses,
    Metric,
    MetricGroup,
    ModelCard,
    ModelOverview,
    ObjectiveFunction,
    TrainingDetails,
    TrainingJobDetails,
    TrainingMetric,
)
from sagemaker.pytorch import PyTorch, PyTorchModel
from sagemaker.serializers import IdentitySerializer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
from stepfunctions.steps import Chain, Pass
from stepfunctions.workflow import Workflow

_SCORE = [{"Name": "score", "Regex": "score=([0-9.]+)"}]
_FRAMEWORK = {"framework_version": "2.6", "py_version": "py312"}
_INSTANCES = {"instance_count": 1, "instance_type": "ml.m5.large"}


def main(source: Path, role_arn: str, bucket: str) -> dict[str, Any]:
    """Train, tune, deploy, ask, update and delete; then run a small workflow."""
    session = sagemaker.Session(boto_session=boto3.Session(), default_bucket=bucket)

    def estimator() -> PyTorch:
        return PyTorch(
            entry_point="train.py",
            source_dir=str(source),
            role=role_arn,
            hyperparameters={"lr": 0.25},
            metric_definitions=_SCORE,
            sagemaker_session=session,
            rules=[Rule.sagemaker(rule_configs.loss_not_decreasing())],
            **_FRAMEWORK,
            **_INSTANCES,
        )

    trained = estimator()
    trained.fit()
    tuned = {"rate": ContinuousParameter(0.01, 0.5)}
    tuner = HyperparameterTuner(estimator(), "score", tuned, _SCORE, max_jobs=2, max_parallel_jobs=2)
    tuner.fit(wait=False)
    served = _serve(trained, source, role_arn, session)
    _until(lambda: tuner.describe()["HyperParameterTuningJobStatus"] != "InProgress")
    return {
        "job": trained.latest_training_job.describe()["TrainingJobStatus"],
        "metrics": trained.training_job_analytics.dataframe()["value"].tolist(),
        "best": tuner.best_training_job(),
        "attached": _attached(trained, tuner, session),
        "served": served,
        "card": _describe(session),
        "workflow": _work(role_arn),
    }


def _attached(trained: PyTorch, tuner: HyperparameterTuner, session: sagemaker.Session) -> dict[str, Any]:
    """Return what estimators and a tuner know that are made of the jobs' names alone."""
    name = trained.latest_training_job.name
    plain, framework = Estimator.attach(name, session), PyTorch.attach(name, session)
    again = HyperparameterTuner.attach(tuner.latest_tuning_job.name, session)
    return {
        "plain": plain.model_data == trained.model_data,
        "framework": [framework.entry_point, framework.framework_version, framework.hyperparameters()["lr"]],
        "rules": [
            [status["RuleConfigurationName"], status["RuleEvaluationStatus"]]
            for status in framework.latest_training_job.rule_job_summary()
        ],
        "profiled": trained.latest_training_job.describe()["ProfilingStatus"],
        "best": again.best_training_job() == tuner.best_training_job(),
        "estimator": type(again.estimator).__name__,
        "rows": len(again.analytics().dataframe()),
    }


def _serve(trained: PyTorch, source: Path, role_arn: str, session: sagemaker.Session) -> dict[str, Any]:
    model = PyTorchModel(
        trained.model_data,
        role_arn,
        entry_point="inference.py",
        source_dir=str(source),
        sagemaker_session=session,
        **_FRAMEWORK,
    )
    predictor = model.deploy(
        1, "ml.m5.large", serializer=IdentitySerializer("image/jpeg"), deserializer=JSONDeserializer(), wait=False
    )
    _wait(session, predictor.endpoint_name)
    first = predictor.predict(b"four")
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large", wait=False)
    after = _wait(session, predictor.endpoint_name)
    second = predictor.predict(b"four")
    predictor.delete_model()
    predictor.delete_endpoint(delete_endpoint_config=True)
    instances, left = after["ProductionVariants"][0]["CurrentInstanceCount"], _left(session, after)
    return {"first": first, "second": second, "instances": instances, "left": left}


def _left(session: sagemaker.Session, endpoint: dict[str, Any]) -> list[str]:
    """Return what is left of the endpoint, its configuration and its model once it is gone."""
    client, name, config = session.sagemaker_client, endpoint["EndpointName"], endpoint["EndpointConfigName"]
    client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
    configs = [
        one["EndpointConfigName"] for one in client.list_endpoint_configs(NameContains=config)["EndpointConfigs"]
    ]
    endpoints = [one["EndpointName"] for one in client.list_endpoints(NameContains=name)["Endpoints"]]
    models = [one["ModelName"] for one in client.list_models(NameContains="pytorch-inference")["Models"]]
    return [*endpoints, *models, *(one for one in configs if one == config)]


def _describe(session: sagemaker.Session) -> dict[str, Any]:
    """Return what becomes of a model card that has every part; the SDK's classes know the schema's names and limits."""
    job = TrainingJobDetails(
        training_arn="arn",
        training_datasets=["s3://b/k"],
        training_environment=Environment(["image"]),
        training_metrics=[TrainingMetric("loss", 0.1)],
        hyper_parameters=[HyperParameter("lr", "0.1")],
    )
    goal = ObjectiveFunction(Function("Maximize", "Accuracy", "of validation"), "n")
    artifact = {"model_artifact": ["s3://b/k"], "inference_environment": Environment(["image"])}
    metrics = [MetricGroup("g", [Metric("top-1", "number", 0.9)])]
    card = ModelCard(
        name="sdk-card",
        status="Draft",
        model_overview=ModelOverview(model_name="m", model_version=1, problem_type="Computer Vision", **artifact),
        intended_uses=IntendedUses("p", "i", "f", "Unknown", "e"),
        business_details=BusinessDetails("p", "s", "l"),
        training_details=TrainingDetails(goal, "o", job),
        evaluation_details=[EvaluationJob("test", "o", "arn", ["s3://b/k"], {"seed": "1"}, metrics)],
        additional_information=AdditionalInformation("e", "c", {"run": "r"}),
        sagemaker_session=session,
    )
    card.create()
    card.intended_uses.risk_rating = "Low"
    card.update(intended_uses=card.intended_uses)
    loaded = ModelCard.load("sdk-card", sagemaker_session=session)
    versions = len(loaded.get_version_history())
    loaded.delete()
    left = session.sagemaker_client.list_model_cards(NameContains="sdk-card")["ModelCardSummaries"]
    return {
        "risk": loaded.intended_uses.risk_rating,
        "top1": loaded.evaluation_details[0].metric_groups[0].metric_data[0].value,
        "versions": versions,
        "left": left,
    }


def _wait(session: sagemaker.Session, name: str) -> dict[str, Any]:
    """Wait by boto3's waiter, which can be told to look more often than each 30 s, as the SDK does."""
    config = {"Delay": 0.2, "MaxAttempts": 150}
    session.sagemaker_client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=config)
    return dict(session.sagemaker_client.describe_endpoint(EndpointName=name))


def _until(is_over: Callable[[], bool]) -> None:
    """Return once `is_over`, or after 30 s."""
    deadline = time.monotonic() + 30
    while not is_over() and time.monotonic() < deadline:
        time.sleep(0.1)  # real time: the execution goes on meanwhile


def _work(role_arn: str) -> dict[str, Any]:
    workflow = Workflow(f"sdk-{int(time.time())}", Chain([Pass("First"), Pass("Second", result={"n": 2})]), role_arn)
    workflow.create()
    execution = workflow.execute(inputs={"n": 1})
    _until(lambda: execution.describe()["status"] != "RUNNING")
    events = [event["type"] for event in execution.list_events()]
    newest = [event["type"] for event in execution.list_events(max_items=2, reverse_order=True)]
    seen = {"status": execution.describe()["status"], "output": execution.get_output(), "events": events}
    seen |= {"newest": newest, "executions": len(workflow.list_executions())}
    workflow.delete()
    return seen


if __name__ == "__main__":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    stdout, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])), file=stdout)
