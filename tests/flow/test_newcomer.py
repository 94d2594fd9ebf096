"""A newcomer's whole way in a new AWS account: check, a refusal in words, what fits, upload, predict, down."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_account.pytest_plugin import RunningAccount

import embedded_account
from tests.flow.deployment import SMALL, Deployment

pytestmark = [pytest.mark.slow, pytest.mark.account]
WANTED = {**SMALL, "PredictReservedConcurrency": 20, "PredictProvisionedConcurrency": 0, "MaxParallelTuningJobs": 2}
WANTED |= {"MaxTuningJobs": 2}
PROPOSED = re.compile(r"--parameter (\w+)=(\S+)")


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give a stack that does not exist yet, in an account with a new account's limits."""
    folder = tmp_path_factory.mktemp("newcomer") / ".local"
    yield Deployment(RunningAccount(embedded_account.start(folder, account="new", clock_speed=4.0), folder), "first")
    embedded_account.stop(folder)


def _options(values: dict[str, object]) -> list[str]:
    return [part for name, value in values.items() for part in ("--parameter", f"{name}={value}")]


def test_the_first_run_works_or_says_what_is_missing(newcomer: Deployment, dataset: Path) -> None:
    """R17: nothing is created before it is known to fit, and what is proposed works from upload to prediction."""
    checked = newcomer.run("check", *_options(WANTED), check=False)
    refused = newcomer.run("up", *_options(WANTED), check=False)

    assert checked.returncode == 1
    assert "ml.m5.xlarge for training job usage" in checked.stdout
    assert "--service-code sagemaker --quota-code L-" in checked.stdout
    assert refused.returncode == 1
    assert "the account does not allow this stack" in refused.stderr
    assert newcomer.client("cloudformation").list_stacks()["StackSummaries"] == []
    assert newcomer.client("s3").list_buckets()["Buckets"] == []

    proposed = dict(PROPOSED.findall(refused.stderr))
    assert proposed["PredictReservedConcurrency"] == "0"
    newcomer.run("up", *_options(WANTED | proposed))
    newcomer.run("upload", str(dataset), "--dataset", "colours", "--watch")
    answer = newcomer.run("predict", str(next((dataset / "test" / "colour-1").iterdir())))
    assert answer.stdout.startswith("colour-1")

    newcomer.run("down", "--yes")
    assert newcomer.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_force_goes_on(newcomer: Deployment) -> None:
    """With --force CloudFormation itself refuses what does not fit, and the stack is rolled back."""
    done = newcomer.run("up", "--force", *_options(WANTED), check=False)

    assert done.returncode == 1
    assert "going on, since --force was given" in done.stderr
    assert "below its minimum value of [10]" in done.stderr
