"""handlers/executions/bills.py: billed seconds times instances times price, by state; what is unknown stays unknown."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.contract.names import features_job_name, trials_job_name, tuning_job_name
from handlers.executions.bills import Time, bill_of, bills, time_of, total
from handlers.ledger import Run
from handlers.report_outcome import handler
from tests.handlers.environment import EXECUTION
from tests.handlers.stored import stored

_NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
_STARTED = _NOW - timedelta(seconds=90)
_TWO = {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}}


@pytest.mark.parametrize(
    ("job", "billed", "saved"),
    [
        ({"TrainingTimeInSeconds": 100, "BillableTimeInSeconds": 100}, 200, 0),
        ({"TrainingTimeInSeconds": 100, "BillableTimeInSeconds": 30}, 60, 140),
        ({"TrainingStartTime": _STARTED, "TrainingEndTime": _STARTED + timedelta(seconds=40)}, 80, 0),
        ({"TrainingStartTime": _STARTED}, 180, 0),
        ({}, 0, 0),
    ],
)
def test_a_job_is_billed_by_its_instances(job, billed, saved):
    """Two instances; on spot ones a part; of a job that is being stopped, up to now; before its start, nothing."""
    assert time_of(job | _TWO, _NOW) == Time("ml.m5.xlarge", billed, saved)


def test_a_bill_is_seconds_times_price():
    """Half an hour at 0.23 an hour; a quarter was saved."""
    bill = bill_of([Time("ml.m5.xlarge", 1000, 450), Time("ml.m5.xlarge", 800, 150)], {"ml.m5.xlarge": 0.23})

    assert bill == {
        "Jobs": 2, "InstanceType": "ml.m5.xlarge", "BilledSeconds": 1800, "SpotSavedSeconds": 600, "Dollars": 0.115,
    }  # fmt: skip


def test_a_price_that_is_unknown_makes_the_total_unknown():
    """Seconds are told all the same; a run without jobs has cost nothing."""
    unknown = bill_of([Time("ml.x9.huge", 60)], {"ml.m5.xlarge": 0.23})

    assert "Dollars" not in unknown
    assert total({"StartTuningJob": {"Dollars": 0.1}, "StartTrainingJob": unknown}) is None
    assert total({}) == 0


@pytest.fixture
def jobs(world):
    """Let the execution's jobs be there: one that examined, two trials of 100 s, and a final one on two instances."""
    fake, tuning = world.sagemaker, tuning_job_name(EXECUTION)
    one = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
    ended = {"TrainingJobStatus": "Completed", "TrainingTimeInSeconds": 200}
    fake.training_jobs[features_job_name(EXECUTION)] = ended | {"ResourceConfig": one}
    fake.training_jobs[EXECUTION] = ended | {
        "BillableTimeInSeconds": 50, "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 2},
    }  # fmt: skip
    definition = {"ResourceConfig": one}
    fake.tuning_jobs[tuning] = {"HyperParameterTuningJobStatus": "Completed", "TrainingJobDefinition": definition}
    fake.trials[tuning] = [f"{tuning}-001-a", f"{tuning}-002-b"]
    for name in fake.trials[tuning]:
        fake.training_jobs[name] = {
            "TrainingJobName": name, "TrainingJobStatus": "Completed", "ResourceConfig": one,
            "TrainingStartTime": _STARTED, "TrainingEndTime": _STARTED + timedelta(seconds=100),
            "TrainingTimeInSeconds": 100, "BillableTimeInSeconds": 25,
        }  # fmt: skip
    return definition


def test_the_record_has_each_states_bill(world, jobs, event, lambda_context):
    """The endpoint is not in it: it is paid by the month."""
    handler(event("report_outcome_succeeded"), lambda_context)

    run = stored(Run, world.ledger, EXECUTION)
    assert run.bills == {
        "ComputeFeatures": {"Jobs": 1, "InstanceType": "ml.m5.xlarge", "BilledSeconds": 200, "Dollars": 0.012778},
        "StartTuningJob": {"Jobs": 2, "InstanceType": "ml.m5.xlarge", "BilledSeconds": 200, "Dollars": 0.012778},
        "StartTrainingJob": {
            "Jobs": 1, "InstanceType": "ml.g4dn.xlarge", "BilledSeconds": 100, "SpotSavedSeconds": 300,
            "Dollars": 0.020444,
        },
    }  # fmt: skip
    assert run.dollars == 0.046


def test_one_job_of_all_trials_is_the_bill_of_tuning(world, jobs, settings):
    """Where heads are trained side by side."""
    del world.sagemaker.tuning_jobs[tuning_job_name(EXECUTION)]
    done = world.sagemaker.training_jobs[features_job_name(EXECUTION)]
    world.sagemaker.training_jobs[trials_job_name(EXECUTION)] = done

    assert bills(EXECUTION, settings)["StartTuningJob"]["BilledSeconds"] == 200


def test_a_warm_pool_is_billed_beside_its_job():
    """For as long as it was kept, by its instances."""
    pool = {"Status": "Reused", "ResourceRetainedBillableTimeInSeconds": 30}

    assert time_of({"TrainingTimeInSeconds": 100, "WarmPoolStatus": pool} | _TWO, _NOW).billed == 260


def test_spot_trials_are_billed_by_what_spot_left(world, jobs, settings):
    """The list knows their times alone, so each is described."""
    jobs["EnableManagedSpotTraining"] = True

    bill = bills(EXECUTION, settings)["StartTuningJob"]

    assert (bill["BilledSeconds"], bill["SpotSavedSeconds"]) == (50, 150)


def test_every_page_of_trials_counts(world, jobs, settings):
    """Past a hundred training jobs the list goes on."""
    name = tuning_job_name(EXECUTION)
    trial = world.sagemaker.training_jobs[f"{name}-001-a"]
    world.sagemaker.trials[name] = [f"{name}-{number:03d}" for number in range(250)]
    world.sagemaker.training_jobs |= dict.fromkeys(world.sagemaker.trials[name], trial)

    assert bills(EXECUTION, settings)["StartTuningJob"]["BilledSeconds"] == 25_000
