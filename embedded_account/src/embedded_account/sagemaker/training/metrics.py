"""Metrics of a training job: what its metric definitions' regular expressions find in its log."""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Metric:
    """One value that was printed."""

    name: str
    value: float  # may be nan or infinite
    at: datetime

    @property
    def is_finite(self) -> bool:
        """Say whether the value is a number that can be compared."""
        return math.isfinite(self.value)


class MetricReader:
    """Reads metrics out of log lines, in the order of the lines."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._definitions = [(definition["Name"], re.compile(definition["Regex"])) for definition in definitions]
        self._lock = Lock()
        self._history: dict[str, list[Metric]] = {}
        self.num_lines = 0  # that held a metric

    def read(self, line: str, at: datetime) -> list[Metric]:
        """Return the metrics that `line` holds, and remember them."""
        metrics = [
            Metric(name, value, at)
            for name, regex in self._definitions
            for match in regex.finditer(line)
            if (value := _number(match)) is not None
        ]
        with self._lock:
            self.num_lines += bool(metrics)
            for metric in metrics:
                self._history.setdefault(metric.name, []).append(metric)
        return metrics

    def history(self, name: str) -> list[float]:
        """Return every value of the metric `name` so far."""
        with self._lock:
            return [metric.value for metric in self._history.get(name, [])]

    def final(self) -> list[dict[str, Any]]:
        """Return the last value of each metric, as FinalMetricDataList has it."""
        with self._lock:
            last = [values[-1] for values in self._history.values()]
        return [{"MetricName": metric.name, "Value": metric.value, "Timestamp": metric.at} for metric in last]


def _number(match: re.Match[str]) -> float | None:
    text = match.group(1) if match.re.groups else match.group(0)
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
