"""Environments of the prediction function: how many at one time, and what those that are kept ready avoid."""

import numpy as np
import pytest
from scipy.stats import poisson

from ops.scaling import environments
from ops.scaling.traces import Trace, pattern


def trace(*seconds: float) -> Trace:
    """Return a traffic of requests at these times."""
    return Trace("t", np.array(seconds), int(seconds[-1] // 60) + 1)


@pytest.mark.parametrize(
    ("seconds", "provisioned", "cold"),
    [
        ((0.0, 5.0, 10.0), 0, 1),  # one environment, again and again
        ((0.0, 0.5, 0.9), 0, 3),  # at one time
        ((0.0, 0.5, 0.9), 2, 1),  # two were ready
        ((0.0, 0.5, 0.9), 3, 0),
        ((0.0, 700.0), 0, 2),  # it was gone in between
        ((0.0, 700.0), 1, 0),
        ((0.0, 0.5, 500.0, 1200.0), 0, 3),  # the last that worked is taken; the other one is gone by then
    ],
)
def test_a_cold_start_is_a_request_without_an_environment(
    seconds: tuple[float, ...], provisioned: int, cold: int
) -> None:
    """Of requests that take a second; what does nothing for ten minutes is gone."""
    assert environments.cold_starts(trace(*seconds), 1.0, provisioned) == cold


def test_predictions_at_one_time_are_rate_times_duration() -> None:
    """The most there are in 999 of 1,000 moments, as Poisson has it, and as a traffic has it."""
    most = environments.at_one_time(600, 0.5)

    assert most == poisson.ppf(0.999, 5.0) == 13
    arrivals = pattern("steady", 600, 4).seconds
    moments = np.linspace(60, 14_000, 20_000)
    under_way = np.searchsorted(arrivals, moments) - np.searchsorted(arrivals, moments - 0.5)
    assert np.mean(under_way > most) <= 0.002


def test_environments_that_are_ready_avoid_and_cost() -> None:
    """None costs nothing; what the busiest minute needs leaves next to nothing to avoid."""
    rows = environments.options(pattern("spike", 300), 0.1, 10.95)

    assert [rows[0].number, rows[1].number, rows[0].monthly, rows[1].monthly] == [0, 1, 0.0, 10.95]
    assert [row.num_cold for row in rows] == sorted((row.num_cold for row in rows), reverse=True)
    assert rows[-1].num_cold < rows[0].num_cold / 3
    assert environments.table_rows(rows, 300)[-1][3] == str(rows[0].num_cold - rows[-1].num_cold)
