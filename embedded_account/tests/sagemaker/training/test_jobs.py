"""Training jobs that succeed: what the script gets, and what SageMaker tells of them."""

import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.sagemaker.shared.weights import torch_home
from embedded_account.sagemaker.training.cores import num_cores
from support.jobs import Workbench, channel
from support.queues import Queue, messages, new_queue
from support.waiting import eventually

_SCRIPT = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
print("arguments " + json.dumps(sys.argv[1:]))
print("files " + json.dumps(sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())))
print("job " + os.environ["TRAINING_JOB_NAME"] + " " + os.environ["TRAINING_JOB_ARN"])
print("cpus " + os.environ["SM_NUM_CPUS"] + " " + os.environ["OMP_NUM_THREADS"])
print("weights " + os.environ["TORCH_HOME"])
print("score=0.5")
print("score=0.75")
print("other=nan")
pathlib.Path(os.environ["SM_MODEL_DIR"], "nested").mkdir()
pathlib.Path(os.environ["SM_MODEL_DIR"], "nested", "weights.txt").write_text("learned")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "evaluation.json").write_text("{}")
"""


@pytest.fixture(scope="module")
def queue(account: RunningAccount) -> Iterator[Queue]:
    """Give a queue that hears every state change of training jobs."""
    queue = new_queue(account)
    events = account.client("events")
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Training Job State Change"]}
    events.put_rule(Name="training-changes", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="training-changes", Targets=[{"Id": "queue", "Arn": queue.arn}])
    yield queue
    events.remove_targets(Rule="training-changes", Ids=["queue"])
    events.delete_rule(Name="training-changes")


@pytest.fixture(scope="module")
def done(workbench: Workbench, queue: Queue) -> dict[str, Any]:
    """Give the description of a job that has succeeded on one channel."""
    workbench.put("data/daisy/1.txt", "1")
    workbench.put("data/rose/2.txt", "2")
    metrics = [{"Name": name, "Regex": f"{name}=([0-9.a-z]+)"} for name in ("score", "other")]
    algorithm = workbench.definition()["AlgorithmSpecification"] | {"MetricDefinitions": metrics}
    name = workbench.start(
        _SCRIPT,
        AlgorithmSpecification=algorithm,
        InputDataConfig=[channel("train", f"s3://{workbench.bucket}/data/")],
        HyperParameters=workbench.hyperparameters(_SCRIPT, lr="0.1", model_name="resnet18"),
        ProfilerConfig={"DisableProfiler": True},
        Tags=[{"Key": "purpose", "Value": "test"}],
    )
    job = workbench.ended(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def _line(workbench: Workbench, job: dict[str, Any], word: str) -> str:
    return next(line for line in workbench.log(job["TrainingJobName"]) if line.startswith(word)).removeprefix(word)


def test_script_gets_hyperparameters_as_arguments(workbench: Workbench, done: dict[str, Any]) -> None:
    """The toolkit turns hyperparameters into command line arguments.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Provides Training Information".
    """
    assert json.loads(_line(workbench, done, "arguments")) == ["--lr", "0.1", "--model_name", "resnet18"]


def test_prefix_channel_keeps_the_path_below_the_prefix(workbench: Workbench, done: dict[str, Any]) -> None:
    """Keys under the prefix land in the channel's folder.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Provides Training Information".
    """
    assert json.loads(_line(workbench, done, "files")) == ["daisy/1.txt", "rose/2.txt"]


def test_script_knows_its_job(workbench: Workbench, done: dict[str, Any]) -> None:
    """The name and the ARN are in the environment, as in AWS's containers.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Provides Training Information".
    """
    assert _line(workbench, done, "job").split() == [done["TrainingJobName"], done["TrainingJobArn"]]


def test_script_finds_the_weights_of_whoever_runs_the_account(workbench: Workbench, done: dict[str, Any]) -> None:
    """PyTorch's own cache is used, so that weights are fetched once for jobs, endpoints and work by hand."""
    assert _line(workbench, done, "weights").strip() == torch_home()


def test_instance_has_the_cores_it_was_given(workbench: Workbench, done: dict[str, Any]) -> None:
    """A job leaves one core to the account, and both the toolkit and the numeric libraries are told the rest."""
    assert _line(workbench, done, "cpus").split() == [str(max(1, num_cores() - 1))] * 2


def test_secondary_statuses_follow_each_other(done: dict[str, Any]) -> None:
    """Each phase is told with its times, without a gap.

    Source: SageMaker API reference, DescribeTrainingJob.
    """
    transitions = done["SecondaryStatusTransitions"]

    assert [item["Status"] for item in transitions] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(item["EndTime"] == following["StartTime"] for item, following in itertools.pairwise(transitions))


def test_job_is_billed_for_its_time(done: dict[str, Any]) -> None:
    """Billable and training seconds span TrainingStartTime to TrainingEndTime.

    Source: SageMaker API reference, DescribeTrainingJob.
    """
    seconds = (done["TrainingEndTime"] - done["TrainingStartTime"]).total_seconds()

    assert done["BillableTimeInSeconds"] == done["TrainingTimeInSeconds"] == max(1, round(seconds))


def test_final_metrics_are_the_last_printed(done: dict[str, Any]) -> None:
    """The last match of each regular expression counts, even when it is not a number.

    Source: SageMaker API reference, DescribeTrainingJob.
    """
    values = {metric["MetricName"]: metric["Value"] for metric in done["FinalMetricDataList"]}

    assert values["score"] == 0.75
    assert math.isnan(values["other"])


def test_model_and_output_are_uploaded(workbench: Workbench, done: dict[str, Any]) -> None:
    """model.tar.gz and output.tar.gz lie under the job's name, with paths relative to their folders.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Processes Training Output".
    """
    folder = f"s3://{workbench.bucket}/out/{done['TrainingJobName']}/output"

    assert done["ModelArtifacts"]["S3ModelArtifacts"] == f"{folder}/model.tar.gz"
    assert workbench.members(f"{folder}/model.tar.gz") == {"nested/weights.txt": b"learned"}
    assert workbench.members(f"{folder}/output.tar.gz") == {"evaluation.json": b"{}"}


def test_job_folder_is_removed(account: RunningAccount, done: dict[str, Any]) -> None:
    """What a job downloaded does not fill the disk."""
    assert not (account.folder / "work" / "training-jobs" / done["TrainingJobName"]).exists()


def test_tags_are_listed_and_changed(workbench: Workbench, done: dict[str, Any]) -> None:
    """A job keeps the tags of its request; they can be added to and taken away.

    Source: SageMaker API reference, AddTags.
    """
    arn = done["TrainingJobArn"]

    workbench.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "more", "Value": "yes"}])
    workbench.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["purpose"])

    assert workbench.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "more", "Value": "yes"}]


def test_jobs_are_listed_by_name_and_status(workbench: Workbench, done: dict[str, Any]) -> None:
    """ListTrainingJobs filters.

    Source: SageMaker API reference, ListTrainingJobs.
    """
    answer = workbench.sagemaker.list_training_jobs(NameContains=done["TrainingJobName"], StatusEquals="Completed")

    assert [job["TrainingJobName"] for job in answer["TrainingJobSummaries"]] == [done["TrainingJobName"]]


def test_a_page_counts_jobs_of_every_status(workbench: Workbench, done: dict[str, Any]) -> None:
    """With MaxResults a status is looked for on the page alone. Source: SageMaker API reference, ListTrainingJobs."""
    filters = {"NameContains": done["TrainingJobName"], "MaxResults": 1}
    name = workbench.start(_SCRIPT, TrainingJobName=f"{done['TrainingJobName']}-2")

    first = workbench.sagemaker.list_training_jobs(**filters, StatusEquals="Failed")
    second = workbench.sagemaker.list_training_jobs(**filters, NextToken=first["NextToken"])

    assert first["TrainingJobSummaries"] == []
    assert [job["TrainingJobName"] for job in second["TrainingJobSummaries"]] == [name]


def test_second_job_of_a_name_is_refused(workbench: Workbench, done: dict[str, Any]) -> None:
    """A name is used once; the answer is the one that handlers take for "started already".

    Source: SageMaker API reference, CreateTrainingJob.
    """
    with pytest.raises(ClientError, match="must be unique within an AWS account and region") as caught:
        workbench.start(_SCRIPT, TrainingJobName=done["TrainingJobName"])

    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_ended_job_cannot_be_stopped(workbench: Workbench, done: dict[str, Any]) -> None:
    """The status is in the answer.

    Source: SageMaker API reference, StopTrainingJob.
    """
    with pytest.raises(ClientError, match="training job is in status Completed"):
        workbench.sagemaker.stop_training_job(TrainingJobName=done["TrainingJobName"])


def test_manifest_channel_takes_the_listed_objects(workbench: Workbench) -> None:
    """A ManifestFile channel holds just the objects that the manifest lists, at their paths after the prefix.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Provides Training Information".
    """
    for name in ("daisy/1.txt", "daisy/2.txt", "rose/3.txt"):
        workbench.put(f"photos/train/{name}", name)
    listed = [{"prefix": f"s3://{workbench.bucket}/photos/"}, "train/daisy/2.txt", "train/rose/3.txt"]
    manifest = workbench.put("manifests/train.manifest", json.dumps(listed))
    classes = workbench.put("manifests/classes.json", "[]")

    name = workbench.start(
        """
        import os, pathlib
        for channel in ("TRAIN", "CLASSES"):
            root = pathlib.Path(os.environ["SM_CHANNEL_" + channel])
            print(" ".join(["has", channel, *sorted(str(path.relative_to(root)) for path in root.rglob("*.*"))]))
        """,
        InputDataConfig=[channel("train", manifest, "ManifestFile"), channel("classes", classes)],
    )

    assert workbench.ended(name)["TrainingJobStatus"] == "Completed"
    assert [line for line in workbench.log(name) if line.startswith("has")] == [
        "has TRAIN train/daisy/2.txt train/rose/3.txt",
        "has CLASSES classes.json",
    ]


def test_log_is_written_while_the_job_trains(workbench: Workbench) -> None:
    """A line that the script prints is in CloudWatch Logs before the script ends.

    Source: SageMaker developer guide, "Log groups and streams that Amazon SageMaker AI sends to Amazon CloudWatch
    Logs".
    """
    name = workbench.start("import time\nprint('epoch=1')\ntime.sleep(60)")
    workbench.reached(name, {"Training"})

    eventually(lambda: "epoch=1" in workbench.log(name), 20)

    assert workbench.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
    workbench.sagemaker.stop_training_job(TrainingJobName=name)
    workbench.ended(name)


def test_state_changes_reach_event_rules(account: RunningAccount, queue: Queue, done: dict[str, Any]) -> None:
    """Each change is an event of the detail type and the shape that AWS sends, with times in milliseconds.

    Source: SageMaker developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    told = [json.loads(body) for body in messages(account, queue, at_least=5)]

    details = {
        event["detail"]["SecondaryStatus"]: event["detail"]
        for event in told
        if event["resources"] == [done["TrainingJobArn"]]
    }
    assert set(details) == {"Starting", "Downloading", "Training", "Uploading", "Completed"}
    assert details["Completed"]["TrainingJobStatus"] == "Completed"
    assert details["Completed"]["TrainingEndTime"] == round(done["TrainingEndTime"].timestamp() * 1000)
    assert details["Training"]["TrainingJobStatus"] == "InProgress"
    assert details["Training"]["Tags"] == {"purpose": "test"}


def test_two_instances_are_two_processes(workbench: Workbench) -> None:
    """Each instance has a host name, a log stream and a shard of its own; their model folders are merged.

    Source: SageMaker developer guide, "How Amazon SageMaker AI Provides Training Information".
    """
    for number in range(4):
        workbench.put(f"sharded/{number}.txt", "x")
    sharded = channel("train", f"s3://{workbench.bucket}/sharded/")
    sharded["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"

    name = workbench.start(
        """
        import os, pathlib
        host = os.environ["SM_CURRENT_HOST"]
        files = sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
        print(f"instance {host} {files}")
        pathlib.Path(os.environ["SM_MODEL_DIR"], host + ".txt").write_text(host)
        """,
        InputDataConfig=[sharded],
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10},
    )
    job = workbench.ended(name)

    lines = sorted(line for line in workbench.log(name) if line.startswith("instance"))
    assert [re.findall(r"\d\.txt", line) for line in lines] == [["0.txt", "2.txt"], ["1.txt", "3.txt"]]
    assert len(workbench.members(job["ModelArtifacts"]["S3ModelArtifacts"])) == 2


@pytest.mark.slow
def test_two_instances_train_over_torchrun(workbench: Workbench) -> None:
    """The hyperparameter of the SDK's torch_distributed starts torchrun on each; the processes really add up.

    Source: SageMaker Python SDK, "Distributed PyTorch Training".
    """
    script = """
    import os, torch, torch.distributed as dist
    dist.init_process_group("gloo")
    number = torch.tensor([float(dist.get_rank() + 1)])
    dist.all_reduce(number)
    print(f"rank {dist.get_rank()} of {dist.get_world_size()} sum {number.item()}", flush=True)
    dist.destroy_process_group()
    """
    name = workbench.start(
        script,
        HyperParameters=workbench.hyperparameters(script, sagemaker_torch_distributed_enabled="true"),
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10},
    )

    assert workbench.ended(name)["TrainingJobStatus"] == "Completed"
    lines = sorted(line for line in workbench.log(name) if line.startswith("rank"))
    assert lines == ["rank 0 of 2 sum 3.0", "rank 1 of 2 sum 3.0"]
