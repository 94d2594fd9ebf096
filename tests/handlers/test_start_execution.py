"""handlers/start_execution.py with launches.py and turns.py: each content is run once, one after the other."""

import itertools
import json
import threading

import pytest

from handlers import aws
from handlers.datasets.fingerprint import fingerprint_of
from handlers.errors import AwsDeniedError, AwsThrottledError, AwsUnavailableError
from handlers.executions import launches, turns
from handlers.start_execution import handler


@pytest.fixture
def start(world, lambda_context):
    """Give a call of the handler."""
    return lambda event: handler(event, lambda_context)


@pytest.fixture
def upload(world, event, start):
    """Give an upload of a small dataset, with its event handled; each has a later sequencer."""
    numbers = itertools.count(1)

    def call(name="flowers", content="1", sequencer=None, deliver=True):
        world.put(f"datasets/{name}/daisy/1.jpg", f"{name} {content}")
        world.put(f"datasets/{name}/_SUCCESS", "")
        payload = event("s3_object_created_folder")
        payload["detail"]["object"]["key"] = f"datasets/{name}/_SUCCESS"
        payload["detail"]["object"]["sequencer"] = sequencer or f"{next(numbers):X}"
        return start(payload) if deliver else payload

    return call


@pytest.fixture
def end(world, event, start):
    """Give the end of an execution: its state, its record as ReportOutcome writes it, and its event, handled."""

    def call(name, status="SUCCEEDED", reported=True):
        world.stop_execution(name)
        if reported:
            world.table.update(f"run#{name}", {"Status": status})
            if status == "SUCCEEDED":
                world.table.put({"Id": "serving#retriever", "ExecutionName": name})
        payload = event("execution_status_change")
        payload["detail"].update(name=name, status=status)
        return start(payload)

    return call


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
    record = world.table.get(f"run#{result['ExecutionName']}")
    assert (record["Status"], record["Dataset"]) == ("RUNNING", "flowers")


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


def test_upload_during_a_run_is_queued_and_started_after_it(world, upload, end):
    """Never two at once, never mixed; the queue is told in words."""
    first = upload()
    second = upload(content="2")

    assert second["Reason"] == (
        f"dataset 'flowers' is queued; it starts when execution {first['ExecutionName']!r} has ended"
    )
    started = end(first["ExecutionName"])
    assert (started["Started"], len(world.executions())) == (True, 2)
    assert list(world.table.items("pending#")) == []


def test_newest_upload_takes_the_queued_ones_place(world, upload, end):
    """Three uploads during a run lead to one more, of the newest content."""
    first = upload()
    for content in "234":
        upload(content=content)

    started = end(first["ExecutionName"])

    assert end(started["ExecutionName"])["Reason"] == "no dataset waits"
    assert len(world.executions()) == 2


def test_oldest_of_several_datasets_goes_first(world, upload, end):
    """Each in its turn."""
    first = upload()
    upload(name="birds")
    upload(name="cars")

    second = end(first["ExecutionName"])
    third = end(second["ExecutionName"])

    assert "dataset 'birds'" in second["Reason"]
    assert "dataset 'cars'" in third["Reason"]


def test_content_that_runs_already_is_not_queued(world, upload):
    """The marker was uploaded once more, with nothing changed."""
    first = upload()

    assert f"execution {first['ExecutionName']!r} runs on the same content" in upload()["Reason"]
    assert list(world.table.items("pending#")) == []


def test_unchanged_content_is_skipped_and_the_skip_recorded(world, upload, end):
    """Data, code and settings are those of a run that succeeded and serves."""
    name = upload()["ExecutionName"]
    end(name)

    result = upload()

    assert "data, code and settings are those of" in result["Reason"]
    assert world.table.get("dataset#flowers")["SkipReason"] == result["Reason"]
    assert len(world.executions()) == 1


def test_changed_setting_runs_again(world, upload, end, monkeypatch):
    """The run key holds the settings that change the model."""
    end(upload()["ExecutionName"])
    monkeypatch.setenv("EPOCHS", "21")

    assert upload()["Started"] is True


def test_changed_code_runs_again(world, upload, end, monkeypatch):
    """The source archive's URI is its content hash."""
    end(upload()["ExecutionName"])
    monkeypatch.setenv("TRAINING_SOURCE_S3_URI", "s3://retriever-artifacts/ffff/sourcedir.tar.gz")

    assert upload()["Started"] is True


def test_failed_content_is_the_next_attempt(world, upload, end):
    """The same content again after a failure has new names for its jobs."""
    first = upload()["ExecutionName"]
    end(first, "FAILED")

    second = upload()["ExecutionName"]

    assert (first[-2:], second) == ("-1", f"{first[:-2]}-2")


def test_content_that_no_longer_serves_runs_again(world, upload, end):
    """Another dataset took the endpoint meanwhile."""
    end(upload()["ExecutionName"])
    end(upload(name="birds")["ExecutionName"])

    assert upload()["ExecutionName"].endswith("-2")


def test_attempts_go_on_after_other_content(world, upload, end):
    """Back to earlier content: its first attempt's name is taken."""
    names = []
    for content in ("1", "2", "1"):
        names.append(upload(content=content)["ExecutionName"])
        end(names[-1])

    assert names[2] == f"{names[0][:-2]}-2"


def test_schedule_takes_the_dataset_uploaded_last(world, upload, end, start):
    """And skips it while nothing changed."""
    end(upload()["ExecutionName"])
    end(upload(name="birds")["ExecutionName"])

    assert "dataset 'birds': data, code and settings" in start({"Reason": "schedule"})["Reason"]


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


def test_vanished_archive_is_told_in_words(world, event, start):
    """Deleted before its event was handled."""
    assert (
        "'s3://retriever-data/datasets/flowers.zip' does not exist"
        in start(event("s3_object_created_archive"))["Reason"]
    )


def test_stopped_execution_closes_its_record(world, upload, end):
    """ReportOutcome never ran; the record says how it ended, the turn is free, the next attempt is possible."""
    name = upload()["ExecutionName"]

    end(name, "ABORTED", reported=False)

    record = world.table.get(f"run#{name}")
    assert (record["Status"], record["Reason"].partition(";")[0]) == (
        "ABORTED",
        f"execution {name!r} ended ABORTED before it could report",
    )
    assert world.table.get("dataset#flowers")["Status"] == "ABORTED"
    assert upload()["ExecutionName"].endswith("-2")


def test_reported_outcome_is_kept(world, upload, end):
    """The event of the end does not overwrite the reason."""
    name = upload()["ExecutionName"]
    world.table.update(f"run#{name}", {"Status": "FAILED", "Reason": "because"})

    end(name, "FAILED")

    assert world.table.get(f"run#{name}")["Reason"] == "because"


@pytest.mark.parametrize("change", [{"status": "RUNNING"}, {"stateMachineArn": "arn:other"}])
def test_other_status_changes_do_nothing(world, upload, event, start, change):
    """A start, or another machine, frees no turn."""
    name = upload()["ExecutionName"]
    payload = event("execution_status_change")
    payload["detail"].update({"name": name, **change})

    assert "nothing ended here" in start(payload)["Reason"]
    assert world.table.get("lock#pipeline")["ExecutionName"] == name


def test_lost_end_event_does_not_block_the_next(world, upload):
    """The turn of an execution that runs no more is taken over."""
    world.stop_execution(upload()["ExecutionName"])

    assert upload(name="birds")["Started"] is True


def test_sweep_starts_what_still_waits(world, upload, start):
    """The end's event was lost while a dataset waited."""
    first = upload()
    upload(name="birds")
    world.stop_execution(first["ExecutionName"])

    result = start({"Sweep": True})

    assert "dataset 'birds'" in result["Reason"]
    assert start({"Sweep": True})["Reason"] == "no dataset waits"


def test_sweep_leaves_a_running_execution_its_turn(world, upload, start):
    """The queue stays as it is."""
    upload()
    upload(name="birds")

    assert start({"Sweep": True})["Started"] is False
    assert [item["Name"] for item in world.table.items("pending#")] == ["birds"]


def test_failure_to_start_leaves_everything_for_the_retry(world, upload, start, switches, monkeypatch):
    """Lambda invokes again; turn, claim and record are free, so it starts then."""
    payload = upload(deliver=False)
    client = aws.stepfunctions()

    def refuse(**_):
        raise AwsThrottledError("StartExecution: ThrottlingException: slower; start again later")

    with monkeypatch.context() as patch:
        patch.setattr(client, "start_execution", refuse)
        with pytest.raises(AwsThrottledError, match="StartExecution"):
            start(payload)

    assert world.table.get("lock#pipeline") is None
    assert start(payload)["ExecutionName"].endswith("-1")


def test_crash_before_the_start_is_made_good(world, upload, lambda_context, monkeypatch):
    """Noted, with the turn taken, and then nothing: the repeated event starts the same execution."""
    payload = upload(deliver=False)
    with monkeypatch.context() as patch:
        patch.setattr(aws.stepfunctions(), "start_execution", lambda **_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            handler(payload, lambda_context)
    later = dict(payload, detail={**payload["detail"], "object": {**payload["detail"]["object"], "sequencer": "FF"}})

    result = handler(later, lambda_context)

    assert (result["Started"], result["ExecutionName"][-2:]) == (True, "-1")


def test_namesake_that_has_ended_leads_to_the_next_attempt(world, upload):
    """The table was lost, the execution's name is still taken."""
    name = upload()["ExecutionName"]
    world.stop_execution(name)
    for item in list(world.table.items("")):
        world.table.delete(item["Id"])

    assert upload()["ExecutionName"] == f"{name[:-2]}-2"


def test_namesake_that_runs_is_left_to_run(world, upload, start):
    """The table was lost while it ran, and the wish is another one."""
    name = upload()["ExecutionName"]
    for item in list(world.table.items("")):
        world.table.delete(item["Id"])

    result = start({"Reason": "manual", "Dataset": "flowers"})

    assert f"execution {name!r} was started before" in result["Reason"]


def test_queued_at_the_last_moment_starts_at_once(world, upload, monkeypatch):
    """The execution ended between the refusal of the turn and the queue: its event saw an empty queue."""
    first = upload()["ExecutionName"]
    queue = turns.queue

    def queue_late(*arguments):
        world.stop_execution(first)
        turns.give_turn_back(world.settings, first)
        queue(*arguments)

    monkeypatch.setattr(launches.turns, "queue", queue_late)

    assert upload(name="birds")["Started"] is True


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
