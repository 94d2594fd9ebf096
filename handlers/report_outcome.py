"""ReportOutcome: record how the execution ended, tell the owner, and leave nothing running or unused behind.

Every step is tried whatever the others did, and none of their errors hides the execution's own outcome.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import write_json
from handlers.contract.errors import EndpointFailedError, RetrieverError
from handlers.contract.names import features_job_name, training_job_name, tuning_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import ReportOutcomeInput
from handlers.endpoints import scaling, serving
from handlers.executions import records
from handlers.executions.waiting import forget
from handlers.ledger import Ledger, Serving, Token
from handlers.training_jobs.jobs import describe, stop_job

aws.prepare("dynamodb", "s3", "sagemaker", "sns")

SET_BACK_SECONDS = 720.0  # SageMaker replaces the instances; the function may run 900


def stop_running_jobs(step: ReportOutcomeInput, ledger: Ledger) -> None:
    """Stop the jobs that this execution started and drop its tokens, so that nothing is billed on."""
    stop_job("features", features_job_name(step.execution_name))
    stop_job("tuning", tuning_job_name(step.execution_name))
    stop_job("training", training_job_name(step.execution_name))
    for token in Token.all(ledger):
        if token.execution_name == step.execution_name:
            forget(ledger, token)


def delete_failed_endpoint(step: ReportOutcomeInput, settings: Settings) -> None:
    """Delete the endpoint if this execution created it and it never came up; such a one cannot be updated."""
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint and endpoint["EndpointStatus"] == "Failed" and endpoint["EndpointConfigName"] == step.execution_name:
        aws.sagemaker().delete_endpoint(EndpointName=settings.endpoint_name)


def wait_for_set_back(settings: Settings) -> None:
    """Wait until the endpoint serves the old model again, so that the rejected one can be removed.

    Raises:
        EndpointFailedError: it takes too long; the next run's report removes it then.
    """
    if not serving.wait_until_steady(settings, SET_BACK_SECONDS):
        raise EndpointFailedError(
            f"endpoint {settings.endpoint_name!r} still changes after {SET_BACK_SECONDS:.0f} s; the rejected model is "
            f"removed after the next run"
        )


def reject_model(step: ReportOutcomeInput, said: str) -> None:
    """Mark the model package of a deployment that failed, so that no one takes it for the one in production."""
    package = step.state.get("Model", {}).get("ModelPackageArn")
    if package and records.failed_state(step.state) in ("DeployEndpoint", "CheckEndpoint"):
        aws.sagemaker().update_model_package(
            ModelPackageArn=package, ModelApprovalStatus="Rejected", ApprovalDescription=said[:1024]
        )


def notify(step: ReportOutcomeInput, settings: Settings, said: str) -> None:
    subject = f"{settings.endpoint_name}: {step.status.lower()} {step.execution_name}"
    printable = "".join(c for c in subject if c.isascii() and c.isprintable())
    aws.sns().publish(TopicArn=settings.topic_arn, Subject=printable[:100], Message=said)


def measure(step: ReportOutcomeInput) -> None:
    """Count the outcome and the accuracy in CloudWatch, by way of the log."""
    metrics = EphemeralMetrics()
    metrics.add_metric(name=f"Executions{step.status.capitalize()}", unit=MetricUnit.Count, value=1)
    accuracy = step.state.get("Evaluation", {}).get("Accuracy")
    if isinstance(accuracy, int | float):
        metrics.add_metric(name="TestAccuracy", unit=MetricUnit.NoUnit, value=accuracy)
    metrics.flush_metrics()


def clean_up(
    step: ReportOutcomeInput, ledger: Ledger, settings: Settings, said: str
) -> list[tuple[str, Callable[[], object]]]:
    """Return the steps that put the account in order, each with the words for its failure."""
    last: tuple[str, Callable[[], object]] = (
        "unused models and endpoint configs were not removed",
        lambda: serving.remove_unused(ledger, settings),
    )
    if step.status == "SUCCEEDED":
        endpoint, name = settings.endpoint_name, step.execution_name
        return [("the serving execution was not noted", lambda: Serving.note(ledger, endpoint, name)), last]
    set_back: list[tuple[str, Callable[[], object]]] = []
    if records.failed_state(step.state) == "CheckEndpoint":  # which has set the endpoint back; that takes minutes
        set_back = [("the endpoint still changes", lambda: wait_for_set_back(settings))]
    return [
        ("running jobs were not stopped", lambda: stop_running_jobs(step, ledger)),
        ("autoscaling was not restored", lambda: scaling.give_back(ledger, settings)),
        ("the model package was not rejected", lambda: reject_model(step, said)),
        ("the failed endpoint was not deleted", lambda: delete_failed_endpoint(step, settings)),
        *set_back,
        last,
    ]


def attempt(steps: list[tuple[str, Callable[[], object]]]) -> list[str]:
    """Take every step; return what went wrong, in words."""
    problems = []
    for words, act in steps:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, the execution's own outcome must be reported
            logger.exception("a step of the report failed", step=words)
            said = str(error) if isinstance(error, RetrieverError) else repr(error)
            problems.append(f"{words}: {said}")
    return problems


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = ReportOutcomeInput.model_validate(event)
    settings = Settings.from_env()
    ledger = Ledger(settings)
    run = records.record(step, settings)
    said = str(run.reason)
    problems = attempt(clean_up(step, ledger, settings, said))
    run = replace(run, problems=problems)
    summary_key = f"runs/{step.execution_name}/summary.json"
    summary = {**run.attributes(), "State": step.state}
    problems += attempt(
        [
            ("the run record was not written", lambda: run.report(ledger)),
            ("the summary was not written", lambda: write_json(settings.bucket_name, summary_key, summary)),
            ("the notification was not sent", lambda: notify(step, settings, said)),
            ("the metrics were not written", lambda: measure(step)),
        ]
    )
    logger.info("outcome reported", status=step.status, reason=said, problems=problems)
    return {"Status": step.status, "Reason": said, "Problems": problems}
