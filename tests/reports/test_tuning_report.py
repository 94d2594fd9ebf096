"""The page about a tuning job: whole, self-contained, true to the job, and honest where there is little to say."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.tuning import Range, Trial, TuningJob, importances, required_jobs
from reports.tuning_report import findings, tuning_report
from tests.reports.pages import Page, assert_self_contained

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
RANGES = [
    Range("lr", 1e-4, 1e-2, is_logarithmic=True),
    Range("dropout", 0.0, 0.5),
    Range("depth", 0, 4, is_integer=True),
    Range("augment", choices=("none", "<b>basic</b>")),
]
MakeJob = Callable[..., TuningJob]


@pytest.fixture
def make_job() -> MakeJob:
    """Return a maker of tuning jobs whose objective follows the learning rate alone."""

    def make(count: int, **changes: object) -> TuningJob:
        random = np.random.default_rng(1)
        trials = []
        for number in range(1, count + 1):
            power = random.uniform(-4, -2)
            values = {
                "lr": repr(10**power),
                "dropout": repr(random.uniform(0, 0.5)),
                "depth": str(random.integers(0, 5)),
            }
            values["augment"] = str(random.choice(["none", "<b>basic</b>"]))
            began = START + timedelta(seconds=10 * number)
            trial = Trial(number, f"pets-{number:03}", "Completed", 0.9 - 0.1 * abs(power + 3), values, began)
            trials.append(replace(trial, ended_at=began + timedelta(seconds=15)))
        job = TuningJob(
            name="pets-1", status="Completed", strategy="Bayesian", objective_name="validation:best_top1",
            maximizes=True, created_at=START, ended_at=START + timedelta(seconds=400), instance_type="ml.m5.xlarge",
            instance_count=2, max_jobs=count, max_parallel_jobs=2, ranges=RANGES, trials=trials, static={"epochs": "5"},
        )  # fmt: skip
        return replace(job, **changes)  # type: ignore[arg-type]

    return make


@pytest.mark.parametrize("count", [1, 12])
def test_page_is_whole_and_asks_for_nothing(make_job: MakeJob, count: int) -> None:
    """From a single training job on, odd choices among its values."""
    html = tuning_report(make_job(count))

    assert_self_contained(html)
    page = Page(html)
    assert [one["id"] for one in page.all("section")] == [
        "result",
        "progress",
        "hyperparameters",
        "jobs",
        "cost",
        "settings",
    ]
    assert "<b>basic" not in html
    assert len({key for key in page.ids() if key.startswith("coordinates-trial-")}) == count


def test_numbers_are_those_of_the_tuning_job(make_job: MakeJob) -> None:
    """The best, every training job's row, and the time that is billed."""
    job = make_job(7)
    best = max(job.trials, key=lambda trial: trial.objective or 0)

    text = Page(tuning_report(job)).text

    assert f"Best validation:best_top1 {best.objective:.4f} training job {best.number}" in text
    assert "Instance time 3 min 30 s 2 x ml.m5.xlarge" in text  # 7 jobs x 15 s x 2 instances
    assert "Wall time 6 min 40 s" in text
    for trial in job.trials:
        assert f"{trial.number} Completed {trial.objective:.4f} {float(trial.hyperparameters['lr']):.4g}" in text


def test_money_is_named_where_the_price_is_known(make_job: MakeJob) -> None:
    """Seven jobs of 15 s on two instances are 210 s; another instance type has no price here."""
    priced = make_job(7, dollars_per_hour=12.0, prices_of="prices of 2025")

    assert "Price of that time $0.70 (prices of 2025)" in Page(tuning_report(priced)).text
    assert "Price of that time not known for ml.m5.xlarge" in Page(tuning_report(make_job(7))).text


def test_importance_finds_what_matters_and_needs_enough_jobs(make_job: MakeJob) -> None:
    """Here only the learning rate does anything; of seven training jobs nobody could tell."""
    measured = importances(make_job(24))

    assert measured[0].name == "lr"
    assert measured[0].share > 0.5
    assert sum(one.share for one in measured) == pytest.approx(1.0)
    assert all(0 <= one.low <= one.high <= 1 for one in measured)
    few = make_job(7)
    assert (importances(few), required_jobs(few)) == ([], 8)
    assert "it takes at least 8 training jobs with different results, and there are 7" in re.sub(
        r"\s+", " ", Page(tuning_report(few)).text
    )


def test_importance_of_equal_results_is_none(make_job: MakeJob) -> None:
    """Where all are as good, nothing explains a difference."""
    job = make_job(12)

    assert importances(replace(job, trials=[replace(trial, objective=0.5) for trial in job.trials])) == []


def test_job_without_results_says_so(make_job: MakeJob) -> None:
    """Failed and running training jobs keep their rows, and reasons are shown as text."""
    job = make_job(2)
    failed = replace(job.trials[0], status="Failed", objective=None, failure="AlgorithmError: <i>nan</i>")
    running = replace(job.trials[1], status="InProgress", objective=None, ended_at=None)

    html = tuning_report(replace(job, status="InProgress", ended_at=None, trials=[failed, running], failure="late"))

    assert_self_contained(html)
    text = Page(html).text
    assert "No training job has given validation:best_top1 yet" in text
    assert "AlgorithmError: <i>nan</i>" in text
    assert "No training job has given a result yet." in text


def test_minimising_job_takes_the_least(make_job: MakeJob) -> None:
    """A loss is better when it is lower, in the head, the order of the table and the best so far."""
    job = make_job(5, maximizes=False)
    least = min(job.trials, key=lambda trial: trial.objective or 0)

    page = Page(tuning_report(job))

    assert f"training job {least.number}" in page.text
    assert next(row["data-trial"] for row in page.all("tr") if "data-trial" in row) == str(least.number)


def test_best_value_at_an_end_asks_for_a_wider_range(make_job: MakeJob) -> None:
    """But there is nothing below a dropout of 0."""
    job = make_job(3)
    best = replace(job.trials[0], objective=0.99, hyperparameters={"lr": "0.0099", "dropout": "0.001", "depth": "4"})

    sentences = " ".join(finding.text for finding in findings(replace(job, trials=[best, *job.trials[1:]]), []))

    assert "The best lr lies near the upper end" in sentences
    assert "dropout" not in sentences
    assert "depth" not in sentences


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(-1e9, 1e9), st.booleans())
def test_place_on_an_axis_is_within_it(one_end: float, other_end: float, value: float, is_logarithmic: bool) -> None:
    """Whatever a job was given, its line stays on the chart."""
    axis = Range("x", min(one_end, other_end), max(one_end, other_end), is_logarithmic)

    assert 0 <= axis.place(repr(value)) <= 1
