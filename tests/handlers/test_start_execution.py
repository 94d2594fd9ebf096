"""handlers/start_execution.py: which events start an execution, and for which dataset."""

import itertools
import json
import threading

import pytest

from handlers import aws
from handlers.contract.errors import AwsDeniedError, AwsUnavailableError
from handlers.datasets.fingerprint import fingerprint_of
from handlers.executions.state_changes import resource_arn
from handlers.ledger import Run
from handlers.start_execution import handler
from tests.handlers.stored import stored


def test_upload_starts_an_execution_for_its_content(world, upload):
    """Name, URI and fingerprint are its input; the record says what runs."""
    result = upload()

    assert result["Started"] is True
    execution = aws.stepfunctions().describe_execution(executionArn=result["ExecutionArn"])
    assert json.loads(execution["input"]) == {
        "Dataset": {
            "Name": "flowers",
            "S3Uri": "s3://retriever-data/datasets/flowers/",
            "Fingerprint": fingerprint_of("s3://retriever-data/datasets/flowers/"),
        },
        "Trigger": {"Reason": "upload"},
    }
    run = stored(Run, world.ledger, result["ExecutionName"])
    assert (run.status, run.dataset) == ("RUNNING", "flowers")


def test_archive_starts_an_execution(world, event, start):
    """The URI is the object's."""
    world.put("datasets/flowers.zip", b"PK")

    result = start(event("s3_object_created_archive"))

    execution = aws.stepfunctions().describe_execution(executionArn=result["ExecutionArn"])
    assert json.loads(execution["input"])["Dataset"]["S3Uri"] == "s3://retriever-data/datasets/flowers.zip"


def test_marker_with_nothing_starts_too(world, event, start):
    """ValidateDataset says why it cannot be trained on, where a person looks."""
    world.put("datasets/flowers/_SUCCESS", "")

    assert start(event("s3_object_created_folder"))["Started"] is True


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pets-", "first and last"),
        ("-pets", "first and last"),
        (" pets", "first and last"),
        ("tva\u030a", "in NFC"),
        ("cats\ndogs", "does not print"),
        ("p" * 101, "at most 100"),
    ],
)
def test_a_name_that_looks_like_another_is_refused(world, event, start, name, reason):
    """By upload and by hand, with the name and what to do: job names and people would take it for the other one."""
    world.put(f"datasets/{name}/_SUCCESS", "")
    uploaded = event("s3_object_created_folder")
    uploaded["detail"]["object"]["key"] = f"datasets/{name}/_SUCCESS"

    for asked in (uploaded, {"Reason": "manual", "Dataset": name}):
        result = start(asked)

        assert result["Started"] is False
        assert reason in result["Reason"]


def test_jobs_of_an_upper_case_dataset_are_found_by_their_arn(world, event, settings):
    """SageMaker's ARNs are lower case, whatever the job's name is; a token by another ARN would meet no event."""
    arn = settings.sagemaker_arn("training-job", "Pets-0123456789ab-1")

    assert arn == arn.lower()
    assert (
        resource_arn({"detail-type": "SageMaker Training Job State Change", "detail": {"TrainingJobArn": arn}}) == arn
    )


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_duplicates_at_once_start_one_execution(world, upload, lambda_context, count):
    """However often the event is delivered at the same time."""
    payload = upload(deliver=False)
    results = []
    threads = [threading.Thread(target=lambda: results.append(handler(payload, lambda_context))) for _ in range(count)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(world.executions()) == 1
    assert [result["Started"] for result in results].count(True) == 1


def test_event_delivered_again_later_starts_nothing(world, upload, start, end):
    """Even after the execution has failed."""
    payload = upload(deliver=False)
    end(start(payload)["ExecutionName"], "FAILED")

    assert "is a duplicate, or older" in start(payload)["Reason"]
    assert len(world.executions()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(["A", "0B", "C"])))
def test_older_event_after_a_newer_starts_nothing(world, upload, start, order):
    """By sequencer, in every order; the newest content is what runs."""
    payloads = [upload(content="last", sequencer=sequencer, deliver=False) for sequencer in order]

    results = [start(payload) for payload in payloads]

    assert len(world.executions()) == 1
    assert results[0]["Started"] is True


@pytest.mark.parametrize("key", ["datasets/flowers/daisy/1.jpg", "datasets/a/b.zip", "runs/x/_SUCCESS"])
def test_other_objects_start_nothing(world, event, start, key):
    """The rule's wildcard matches more than datasets."""
    payload = event("s3_object_created_folder")
    payload["detail"]["object"]["key"] = key

    assert "completes no dataset" in start(payload)["Reason"]
    assert world.executions() == []


def test_other_bucket_starts_nothing(world, event, start):
    """Only the stack's own data bucket counts."""
    payload = event("s3_object_created_folder")
    payload["detail"]["bucket"]["name"] = "someone-elses"

    assert start(payload)["Started"] is False


def test_schedule_takes_the_dataset_uploaded_last(world, upload, end, start):
    """And skips it while nothing changed."""
    end(upload()["ExecutionName"])
    end(upload(name="birds")["ExecutionName"])

    assert "dataset 'birds': data, code and settings" in start({"Reason": "schedule"})["Reason"]


def test_schedule_passes_over_a_dataset_that_may_not_serve(world, upload, end, start, monkeypatch):
    """A second dataset without its yes keeps no retrain from the one that serves; with it, it is the newest."""
    end(upload()["ExecutionName"])
    end(upload(name="birds")["ExecutionName"], "FAILED")

    assert "dataset 'flowers': data, code and settings" in start({"Reason": "schedule"})["Reason"]
    monkeypatch.setenv("REPLACE_DATASET", "birds")
    assert "dataset 'birds': execution" in start({"Reason": "schedule"})["Reason"]


def test_schedule_retrains_always_if_told_so(world, upload, end, start, monkeypatch):
    """RETRAIN_WHEN=always."""
    end(upload()["ExecutionName"])
    monkeypatch.setenv("RETRAIN_WHEN", "always")

    result = start({"Reason": "schedule"})

    assert result["ExecutionName"].endswith("-2")


def test_schedule_without_a_dataset_says_so(world, start):
    """Before the first upload."""
    assert start({"Reason": "schedule"})["Reason"].startswith("no dataset was uploaded yet; expected datasets/NAME/")


@pytest.mark.parametrize("key", ["flowers/_SUCCESS", "flowers.zip", "flowers.tar.gz", "flowers.tgz"])
def test_manual_start_finds_the_dataset_in_the_bucket(world, start, key):
    """Uploaded before the stack's rule existed, or by other means."""
    world.put(f"datasets/{key}", "x")

    assert start({"Reason": "manual", "Dataset": "flowers"})["Started"] is True


def test_manual_start_prefers_what_was_uploaded_last(world, upload, end, start):
    """Folder and archive of one name: the noted one."""
    end(upload()["ExecutionName"], "FAILED")
    world.put("datasets/flowers.zip", "older")

    name = start({"Reason": "manual", "Dataset": "flowers"})["ExecutionName"]

    execution = aws.stepfunctions().describe_execution(executionArn=world.settings.execution_arn(name))
    assert json.loads(execution["input"])["Dataset"]["S3Uri"].endswith("/datasets/flowers/")


def test_manual_start_of_nothing_says_what_is_expected(world, start):
    """The name is in the sentence."""
    assert start({"Reason": "manual", "Dataset": "birds"})["Reason"].startswith("dataset 'birds' is not in the bucket;")


def test_manual_start_can_be_forced(world, upload, end, start):
    """An unchanged dataset runs again on request."""
    end(upload()["ExecutionName"])

    assert start({"Reason": "manual", "Dataset": "flowers"})["Started"] is False
    assert start({"Reason": "manual", "Dataset": "flowers", "Force": True})["Started"] is True


def test_more_files_than_are_listed_start_nothing(world, start, monkeypatch):
    """The answer says why and what to do, and other datasets that wait have their turn."""
    monkeypatch.setattr("handlers.datasets.fingerprint.MAX_FILES", 1)
    world.put_images("datasets/flowers/", rose=2)
    world.put("datasets/flowers/_SUCCESS")

    answer = start({"Reason": "manual", "Dataset": "flowers"})

    assert not answer["Started"]
    assert "dataset 'flowers': " in answer["Reason"]
    assert "holds more than 1 files" in answer["Reason"]
    assert world.executions() == []


def test_vanished_archive_is_told_in_words(world, event, start):
    """Deleted before its event was handled."""
    assert (
        "'s3://retriever-data/datasets/flowers.zip' does not exist"
        in start(event("s3_object_created_archive"))["Reason"]
    )


@pytest.mark.parametrize("bad", [{}, {"Reason": "because"}, {"detail-type": "Object Deleted"}])
def test_other_events_are_refused(world, start, bad):
    """They show in the DLQ instead of being dropped."""
    with pytest.raises(ValueError, match="expected an S3 or Step Functions event"):
        start(bad)


@pytest.mark.parametrize(
    ("code", "expected"), [("AccessDeniedException", AwsDeniedError), ("InternalServerError", AwsUnavailableError)]
)
def test_unreachable_table_is_typed(world, upload, start, code, expected):
    """Lambda invokes again, then the DLQ has the event."""
    payload = upload(deliver=False)

    def refuse(**_):
        return type("Response", (), {"status_code": 400, "headers": {}})(), {"Error": {"Code": code, "Message": "x"}}

    events = aws.dynamodb().meta.events
    events.register_first("before-call.dynamodb", refuse)
    try:
        with pytest.raises(expected, match=code):
            start(payload)
    finally:
        events.unregister("before-call.dynamodb", refuse)
