"""What does not become a model says why, in one sentence, and leaves what serves alone."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from embedded_account import Faults
from tests.flow.deployment import executions_of
from tests.flow.pictures import picture, write_dataset
from tests.handlers.packing import tar_gz, zipped
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]


_PICTURE = picture(0, 3, seed="refusal")
_CASES = {
    "nothing": {"datasets/nothing/_SUCCESS": b""},
    "noclasses": {"datasets/noclasses/a.png": _PICTURE, "datasets/noclasses/_SUCCESS": b""},
    "oneclass": {
        **{f"datasets/oneclass/train/only/{n}.png": _PICTURE for n in range(6)},
        "datasets/oneclass/_SUCCESS": b"",
    },
    "emptyzip": {"datasets/emptyzip.zip": zipped({})},
    "cutzip": {"datasets/cutzip.zip": zipped({f"train/a/{n}.png": _PICTURE for n in range(6)})[:-40]},
    "emptytar": {"datasets/emptytar.tar.gz": tar_gz({})},
    "cuttar": {"datasets/cuttar.tar.gz": tar_gz({f"train/a/{n}.png": _PICTURE for n in range(60)})[:3000]},
}
_SENTENCES = {
    "nothing": "no",
    "noclasses": "class",
    "oneclass": "class",
    "emptyzip": "empty|no ",
    "cutzip": "zip|archive",
    "emptytar": "empty|no ",
    "cuttar": "truncated|cut|archive",
}


@pytest.mark.parametrize("name", _CASES)
def test_a_dataset_of_no_use_is_refused_in_one_sentence(stack, name):
    """The execution fails in ValidateDataset, and `deploy.py status` says what is wrong."""
    for key, content in _CASES[name].items():
        stack.put(key, content)

    execution = stack.wait_until_ended(stack.wait_for_execution(name), seconds=60)

    assert execution["status"] == "FAILED"
    assert execution["error"] == "DatasetError"
    page = stack.run("status", execution["name"]).stdout
    reason = stack.record(execution["executionArn"])["Reason"]
    assert " ".join(reason.split()) in " ".join(page.split())
    assert re.search(_SENTENCES[name], reason)


def test_files_alone_are_one_execution_once_they_have_settled(stack):
    """Nobody put a marker: what was copied, overwritten and deleted since is one drop, and its execution says why."""
    for number in range(6):
        stack.put(f"datasets/dropped/train/only/{number}.png", picture(0, 3, seed=f"dropped {number}"))
    stack.put("datasets/dropped/train/only/0.png", picture(0, 3, seed="dropped again"))
    stack.put("datasets/dropped/train/")
    stack.client("s3").delete_object(Bucket=stack.outputs["DataBucketName"], Key="datasets/dropped/train/only/5.png")

    execution = stack.wait_until_ended(stack.wait_for_execution("dropped"), seconds=60)

    assert json.loads(execution["input"])["Trigger"] == {"Reason": "drop"}
    assert execution["error"] == "DatasetError"
    assert len([one for one in stack.executions() if one["name"].startswith("dropped-")]) == 1


def _refused_run(stack, label: bytes) -> str:
    """Complete the dataset as it lies there now; return the name of the execution that refused its class of one."""
    stack.put("datasets/versions/_SUCCESS", label)
    arn = wait_for(lambda: next((one for one in executions_of(stack, "versions") if one not in _SEEN), None), 60)
    _SEEN.append(arn)
    assert stack.wait_until_ended(arn, seconds=60)["error"] == "DatasetError"
    return str(arn.rpartition(":")[2])


_SEEN: list[str] = []


def test_runs_that_were_refused_are_told_apart_and_restored(stack, tmp_path):
    """What each was refused on is a record: listed, compared with thumbnails, held to a folder, and restored."""
    before = {f"train/daisy/{n}.png": picture(0, 3, seed=f"version {n}") for n in range(5)}
    before |= {"train/rose/0.png": _PICTURE, "test/daisy/9.png": picture(0, 3, seed="version 9")}
    for path, content in before.items():
        stack.put(f"datasets/versions/{path}", content)
    first = _refused_run(stack, b"1")
    after = dict(before)
    after["train/rose/1.png"] = after.pop("train/daisy/1.png")  # relabelled
    after["test/daisy/2.png"] = after.pop("train/daisy/2.png")  # moved
    after["train/daisy/3.png"] = picture(1, 3, seed="version 3")  # replaced
    after["train/lily/0.png"] = picture(2, 3, seed="version 10")  # added, the one of its class
    del after["test/daisy/9.png"]
    for path in before.keys() - after.keys():
        stack.client("s3").delete_object(Bucket=stack.outputs["DataBucketName"], Key=f"datasets/versions/{path}")
    for path, content in after.items():
        if before.get(path) != content:
            stack.put(f"datasets/versions/{path}", content)
    second = _refused_run(stack, b"2")

    lines = stack.run("data", "diff", first, second, "--no-open", "--out", str(tmp_path / "page.html")).stdout

    counts = dict(re.findall(r"^(\w[\w ]*?)  +(\d+)$", lines, re.MULTILINE))
    assert counts == {
        "relabelled": "1", "moved between splits": "1", "replaced": "1", "added": "1", "removed": "1", "renamed": "0",
    }  # fmt: skip
    assert "relabelled: train/rose/1.png (daisy to rose, was train/daisy/1.png)" in lines
    assert (tmp_path / "page.html").read_text().count("data:image/jpeg;base64,") == 5
    folder = tmp_path / "folder"
    stack.run("data", "restore", first, ".", "--to", str(folder))
    verified = stack.run("data", "verify", first, str(folder))
    assert {path: (folder / path).read_bytes() for path in before} == before
    assert verified.stdout.split()[1] == str(len(before))
    assert f"no job of the run has read {len(before)} of these pictures" in " ".join(verified.stderr.split())


def test_a_worse_second_model_is_not_deployed(stack, production, tmp_path):
    """It reaches the threshold and has lost a class that the first one knows: refused by name, and the first serves."""
    before = stack.client("sagemaker").describe_endpoint(EndpointName=stack.outputs["EndpointName"])
    # What one learns to call colour-1 is both, and colour-2 is something that no test picture shows.
    hues = {"train": ((0, 3), (1, 3), (2, 3), (1, 2)), "valid": ((0, 3), (1, 3), (2, 3), (1, 2)), "test": ()}
    names = ("colour-0", "colour-1", "colour-1", "colour-2")
    for split, count in (("train", 24), ("valid", 6), ("test", 18)):
        shown = hues[split] or ((0, 3), (1, 3), (2, 3))
        folders = names if hues[split] else ("colour-0", "colour-1", "colour-2")
        for (index, classes), folder in zip(shown, folders, strict=True):
            for number in range(count):
                path = tmp_path / "worse" / split / folder / f"{index}-{classes}-{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(index, classes, seed=f"worse-{split}-{index}-{number}"))

    done = stack.run("upload", str(tmp_path / "worse"), "--dataset", "worse", "--watch", check=False)

    after = stack.client("sagemaker").describe_endpoint(EndpointName=stack.outputs["EndpointName"])
    assert done.returncode == 1
    execution = stack.wait_until_ended(stack.wait_for_execution("worse"))
    assert execution["error"] == "ModelRejectedError"
    sentence = stack.record(execution["executionArn"])["Reason"]
    assert "class 'colour-2': 0 right to the serving model's" in sentence
    assert "worse than ChampionMargin 0.02 allows" in sentence
    assert sentence.split("; nothing was deployed")[0] in " ".join(done.stderr.split())
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert after["LastModifiedTime"] == before["LastModifiedTime"]


def test_what_was_refused_is_judged_again_without_a_job(stack, production):
    """By margins and floors that let it pass `deploy.py retry` goes on at the gate: it deploys, and pays nothing."""
    refused = executions_of(stack, "worse")[0].rpartition(":")[2]
    before = _jobs(stack)
    stack.up(ChampionMargin=1, ChampionClassMargin=1, MinClassRecall=0)

    done = stack.run("retry", refused, "--watch")

    told = " ".join(done.stderr.split())
    name = done.stdout.splitlines()[0].rpartition(":")[2]
    serves = stack.client("sagemaker").describe_endpoint(EndpointName=stack.outputs["EndpointName"])
    assert _jobs(stack) == before
    assert serves["EndpointConfigName"] == name != refused
    assert f"found: tuning of run {refused}, nothing paid" in told
    assert f"found: training of run {refused}, nothing paid" in told
    assert stack.record(f":{name}")["Reused"] == [f"{what} of run {refused}" for what in _PAID]
    assert _chain(stack, name)["run"] == name


_PAID = ("examination", "tuning", "training")


def _jobs(stack) -> set[str]:
    """Return the names of all training and tuning jobs."""
    client = stack.client("sagemaker")
    pages = client.get_paginator("list_training_jobs").paginate()
    trained = {one["TrainingJobName"] for page in pages for one in page["TrainingJobSummaries"]}
    tuned = client.list_hyper_parameter_tuning_jobs(MaxResults=100)["HyperParameterTuningJobSummaries"]
    return trained | {one["HyperParameterTuningJobName"] for one in tuned}


def _chain(stack, name: str) -> dict[str, str]:
    """Return what `deploy.py lineage --verify` tells of a run's model, which must hold."""
    lines = stack.run("lineage", name, "--verify").stdout.splitlines()
    return dict(re.split(r"  +", line, maxsplit=1) for line in lines if "  " in line)


@dataclass(frozen=True)
class FailedTraining:
    """An execution whose training script raised, and what other uploads were told while it ran."""

    arn: str
    same_dataset: "subprocess.CompletedProcess[str]"
    other_dataset: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def failed_training(stack, production, tmp_path_factory) -> FailedTraining:
    """Start an execution on pictures of which none can be read, and upload more while it runs."""
    folder = write_dataset(tmp_path_factory.mktemp("garbage"), train=8, seed=9)
    for path in (folder / "train").rglob("*.png"):
        path.write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    other = write_dataset(tmp_path_factory.mktemp("other"), classes=2, train=1, seed=21)
    with _unheard(stack, "SageMaker Training Job State Change"):  # so it runs as long as it has to
        arn = stack.run("upload", str(folder), "--dataset", "garbage").stdout.strip()
        same_dataset = stack.run("upload", str(other), "--dataset", "garbage", check=False)
        other_dataset = stack.run("upload", str(other), "--dataset", "other")
    wait_for(lambda: _ended_by_sweep(stack, arn), 180)
    return FailedTraining(arn, same_dataset, other_dataset)


@contextmanager
def _unheard(stack, detail_type: str) -> Iterator[None]:
    """Lose every event of a kind."""
    faults = Faults(stack.account.info)
    lost = faults.add("lose-event", name=detail_type, count=1000)
    yield
    faults.clear(lost)


def _ended_by_sweep(stack, arn: str) -> bool:
    """Sweep, as every few minutes; return whether the execution has ended."""
    stack.client("lambda").invoke(FunctionName=f"{stack.name}-resume-execution", Payload=b'{"Sweep": true}')
    status: str = stack.client("stepfunctions").describe_execution(executionArn=arn)["status"]
    return status != "RUNNING"


def test_a_training_script_that_raises_is_quoted_by_status(stack, failed_training):
    """The script's own message, the log and the next step reach `deploy.py status`."""
    page = stack.run("status", failed_training.arn.rpartition(":")[2]).stdout

    assert "cannot be used" in page
    assert "/aws/sagemaker/TrainingJobs" in page


def test_an_upload_of_a_dataset_in_use_is_refused_in_words(failed_training):
    """The command uploads nothing, so that no execution sees two versions mixed."""
    assert failed_training.same_dataset.returncode == 1
    assert "is reading it" in failed_training.same_dataset.stderr


def test_an_upload_of_another_dataset_waits_for_its_turn(stack, failed_training):
    """One execution runs at a time; the queued one starts by itself when the first has ended."""
    assert "queued" in failed_training.other_dataset.stderr

    queued = stack.wait_until_ended(stack.wait_for_execution("other"))

    first = stack.client("stepfunctions").describe_execution(executionArn=failed_training.arn)
    assert queued["startDate"] >= first["stopDate"]


def test_an_endpoint_deleted_by_hand_is_said_so(stack, production):
    """Prediction answers 503 and names the endpoint."""
    name = stack.outputs["EndpointName"]
    stack.client("sagemaker").delete_endpoint(EndpointName=name)
    stack.client("sagemaker").get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1})

    answer = stack.predict({"image": base64.b64encode(_PICTURE).decode()})

    assert answer["statusCode"] == 503
    assert name in str(answer["body"])
