"""A kill of the account in the middle of a run."""

from dataclasses import replace

import psutil
import pytest
from embedded_account.pytest_plugin import RunningAccount

import embedded_account
from tests.flow.deployment import Deployment
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]


def test_an_account_killed_in_mid_run_says_what_was_lost(tmp_path, dataset):
    """After SIGKILL nothing goes on running, and the next start works and names the execution and its job."""
    folder = tmp_path / ".local"
    deployment = Deployment(RunningAccount(embedded_account.start(folder), folder), "killed")
    try:
        deployment.up()
        arn = deployment.run("upload", str(dataset), "--dataset", "colours").stdout.strip()
        wait_for(lambda: _trains(deployment), 60)
        children = psutil.Process(deployment.account.info.pid).children(recursive=True)
        server = psutil.Process(deployment.account.info.pid)
        server.kill()
        wait_for(lambda: not _is_alive(server), 10, "the end of the account")

        started = embedded_account.start(folder)

        assert f"lost: execution '{arn.rpartition(':')[2]}'" in started.lost
        assert any(line.startswith("lost: training job") for line in started.lost)
        assert "lost: stack 'killed'" in started.lost
        assert [child for child in children if _is_alive(child)] == []
        again = replace(deployment, account=RunningAccount(started, folder))
        again.up()
    finally:
        embedded_account.stop(folder)


def _is_alive(process: psutil.Process) -> bool:
    """Return whether `process` still does anything; one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _trains(deployment: Deployment) -> bool:
    """Return whether a training job has reached its script."""
    jobs = deployment.client("sagemaker").list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
    return any(job.get("SecondaryStatus") == "Training" for job in jobs)
