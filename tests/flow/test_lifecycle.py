"""Kills and removal: how an account and a stack end."""

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


def test_down_leaves_nothing_but_the_data_bucket(stack, production):
    """Stack, endpoint, models, model packages, code: all gone; the data bucket is named, the other is empty."""
    bucket, endpoint = stack.outputs["DataBucketName"], stack.outputs["EndpointName"]

    done = stack.run("down", "--yes")

    assert bucket in done.stdout
    sagemaker = stack.client("sagemaker")
    buckets = [one["Name"] for one in stack.client("s3").list_buckets()["Buckets"]]
    assert bucket in buckets
    (artifacts,) = [name for name in buckets if name.startswith("flow-artifacts")]
    listed = stack.client("s3").list_object_versions(Bucket=artifacts)
    assert not listed.get("Versions", []) + listed.get("DeleteMarkers", [])
    assert endpoint not in [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]]
    groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert not [group for group in groups if group["ModelPackageGroupName"].startswith("flow")]
    functions = stack.client("lambda").list_functions()["Functions"]
    assert not [function for function in functions if function["FunctionName"].startswith("flow-")]
    targets = stack.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert not [target for target in targets["ScalableTargets"] if f"/{endpoint}/" in target["ResourceId"]]
    log_groups = stack.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/flow-")["logGroups"]
    assert log_groups == []


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
