"""ReportOutcome: record how the execution ended, tell the owner, and leave nothing running or unused behind.

Every step is tried whatever the others did, and none of their errors hides the execution's own outcome.
"""

from dataclasses import replace
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.notifications import publish
from handlers.aws.objects import write_json
from handlers.contract.settings import Settings
from handlers.contract.states import ReportOutcomeInput
from handlers.endpoints.cleanup import attempt, clean_up
from handlers.executions import records
from handlers.executions.bills import bills, total
from handlers.ledger import Ledger

aws.prepare("dynamodb", "s3", "sagemaker", "sns")


def true_outcome(step: ReportOutcomeInput) -> ReportOutcomeInput:
    """Return what happened: a model that serves is a success, also when the report of it failed."""
    if records.failed_state(step.state) == "ReportOutcome":
        return step.model_copy(update={"status": "SUCCEEDED"})
    return step


def notify(step: ReportOutcomeInput, settings: Settings, message: str) -> None:
    publish(settings, f"{settings.endpoint_name}: {step.status.lower()} {step.execution_name}", message)


def measure(step: ReportOutcomeInput) -> None:
    """Count the outcome and the accuracy in CloudWatch, by way of the log."""
    metrics = EphemeralMetrics()
    metrics.add_metric(name=f"Executions{step.status.capitalize()}", unit=MetricUnit.Count, value=1)
    accuracy = step.state.get("Evaluation", {}).get("Accuracy")
    if isinstance(accuracy, int | float):
        metrics.add_metric(name="TestAccuracy", unit=MetricUnit.NoUnit, value=accuracy)
    metrics.flush_metrics()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = true_outcome(ReportOutcomeInput.from_event(event))
    settings = Settings.from_env()
    ledger = Ledger(settings)
    run = records.record(step, settings)
    sentence = str(run.reason)
    paid: list[dict[str, Any]] = []
    problems = attempt(
        [
            *clean_up(step, ledger, settings, sentence),
            ("what its jobs cost was not found out", lambda: paid.append(bills(step.execution_name, settings))),
        ]
    )
    run = replace(run, problems=problems, bills=paid[0] if paid else None, dollars=total(paid[0]) if paid else None)
    summary_key = f"runs/{step.execution_name}/summary.json"
    summary = {**run.attributes(), "State": step.state}
    problems += attempt(
        [
            ("the run record was not written", lambda: run.report(ledger)),
            ("the summary was not written", lambda: write_json(settings.bucket_name, summary_key, summary)),
            ("the notification was not sent", lambda: notify(step, settings, sentence)),
            ("the metrics were not written", lambda: measure(step)),
        ]
    )
    logger.info("outcome reported", status=step.status, reason=sentence, problems=problems)
    return {"Status": step.status, "Reason": sentence, "Problems": problems}
