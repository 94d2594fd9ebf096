"""Metrics in log lines: the embedded metric format, which CloudWatch Logs turns into metrics.

Source: CloudWatch user guide, "Specification: Embedded metric format".
"""

import json
import logging
from typing import Any

from embedded_account.account import Account

logger = logging.getLogger("embedded_account.logs")

_MARK = '"_aws"'


def record_metrics(account: Account, message: str) -> None:
    """Record the metrics that `message` carries; a line that is none, or is malformed, carries none."""
    if _MARK not in message:
        return
    try:
        line = json.loads(message)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            _record(account, line, directive)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        logger.info("a log line looks like the embedded metric format and is not: %s", error)


def _record(account: Account, line: dict[str, Any], directive: dict[str, Any]) -> None:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = {name: str(line[name]) for name in names}
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                unit = metric.get("Unit", "None")
                account.put_metric(directive["Namespace"], metric["Name"], float(value), unit, dimensions)
