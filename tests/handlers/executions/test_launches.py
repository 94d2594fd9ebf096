"""handlers/executions/launches.py: each content is run once, and again when there is a reason."""

import pytest

from handlers import aws
from handlers.contract.errors import AwsThrottledError
from handlers.ledger import Dataset, Pending, Turn
from handlers.start_execution import handler
from tests.handlers.stored import stored


def test_content_that_runs_already_is_not_queued(world, upload):
    """The marker was uploaded once more, with nothing changed."""
    first = upload()

    assert f"execution {first['ExecutionName']!r} runs on the same content" in upload()["Reason"]
    assert list(Pending.all(world.ledger)) == []


def test_unchanged_content_is_skipped_and_the_skip_recorded(world, upload, end):
    """Data, code and settings are those of a run that succeeded and serves."""
    name = upload()["ExecutionName"]
    end(name)

    result = upload()

    assert "data, code and settings are those of" in result["Reason"]
    assert stored(Dataset, world.ledger, "flowers").skip_reason == result["Reason"]
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

    assert Turn.holder(world.ledger) is None
    assert start(payload)["ExecutionName"].endswith("-1")


def test_crash_before_the_start_is_made_good(world, upload, lambda_context, monkeypatch):
    """Noted, with the turn taken, and then nothing: the repeated event starts the same execution."""
    payload = upload(deliver=False)
    with monkeypatch.context() as patch:
        patch.setattr(aws.stepfunctions(), "start_execution", lambda **_: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit, match="killed"):
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
