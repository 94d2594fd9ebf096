"""Metrics that functions write into their logs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.logs.emf import record_metrics


class RecordingAccount(Account):
    """Keeps what it is told to record."""

    def put_metric(
        self, namespace: str, name: str, value: float, unit: str, dimensions: Mapping[str, str], *, count: int = 1
    ) -> None:
        """Keep one sample."""
        self.samples = [*getattr(self, "samples", []), (namespace, name, value, unit, dict(dimensions))]


@pytest.fixture
def account(tmp_path: Path) -> Any:
    """Give an account that keeps its metrics."""
    recording = RecordingAccount(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())
    recording.samples = []
    return recording


def test_metrics_of_a_line_are_recorded(account: Any) -> None:
    """Every value is a sample, once for each set of dimensions.

    Source: CloudWatch user guide, "Specification: Embedded metric format".
    """
    directive = {
        "Namespace": "Shop",
        "Dimensions": [["service"], ["service", "dataset"]],
        "Metrics": [{"Name": "Images", "Unit": "Count"}, {"Name": "Seconds", "Unit": "Seconds"}],
    }
    line = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "service": "s", "dataset": "d"}

    record_metrics(account, json.dumps(line | {"Images": [3, 4], "Seconds": 0.5}))

    assert account.samples == [
        ("Shop", "Images", 3.0, "Count", {"service": "s"}),
        ("Shop", "Images", 4.0, "Count", {"service": "s"}),
        ("Shop", "Seconds", 0.5, "Seconds", {"service": "s"}),
        ("Shop", "Images", 3.0, "Count", {"service": "s", "dataset": "d"}),
        ("Shop", "Images", 4.0, "Count", {"service": "s", "dataset": "d"}),
        ("Shop", "Seconds", 0.5, "Seconds", {"service": "s", "dataset": "d"}),
    ]


@pytest.mark.parametrize(
    "message",
    [
        "plain text",
        '{"level": "INFO"}',
        'about "_aws"',
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": [{"Metrics": 1}]}}',
    ],
)
def test_other_lines_carry_no_metric(account: Any, message: str) -> None:
    """A line that is not of the format, or only looks like it, is passed over."""
    record_metrics(account, message)

    assert account.samples == []
