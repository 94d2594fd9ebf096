"""handlers/ledger: rows of stacks that are deployed stay readable, and each kind has a key of its own."""

import dataclasses
from typing import Any

import pytest

from handlers import ledger
from handlers.ledger import Ledger, Run, rows

# As earlier versions have written them; no line of this list may change while a deployed table may hold its row.
STORED = [
    (
        ledger.Run,
        {"Id": "run#flowers-0123456789ab-1", "ExecutionName": "flowers-0123456789ab-1", "Status": "RUNNING",
         "Dataset": "flowers", "Fingerprint": "5f", "StartedAt": "2026-11-20T12:00:00.000000+00:00"},
        {"execution_name": "flowers-0123456789ab-1", "status": "RUNNING", "dataset": "flowers"},
    ),
    (
        ledger.Dataset,
        {"Id": "dataset#flowers", "Name": "flowers", "S3Uri": "s3://b/datasets/flowers/", "Sequencer": "0A",
         "RunKey": "0123456789ab", "Attempt": 2, "ExecutionName": "flowers-0123456789ab-2", "Status": "SUCCEEDED"},
        {"name": "flowers", "s3_uri": "s3://b/datasets/flowers/", "attempt": 2, "run_key": "0123456789ab"},
    ),
    (ledger.Turn, {"Id": "lock#pipeline", "ExecutionName": "e", "TakenAt": 7}, {"execution_name": "e", "taken_at": 7}),
    (
        ledger.Pending,
        {"Id": "pending#flowers", "Name": "flowers", "S3Uri": "s3://b/d.zip", "QueuedAt": "2026", "Version": 9},
        {"name": "flowers", "s3_uri": "s3://b/d.zip", "queued_at": "2026", "version": 9},
    ),
    (
        ledger.Token,
        {"Id": "token#arn:aws:sagemaker:us-east-1:123456789012:endpoint/retriever", "Kind": "endpoint",
         "ResourceName": "retriever", "TaskToken": "T", "ExecutionName": "e", "CreatedAt": 1, "ExpiresAt": 2,
         "EndpointConfigName": "new", "PreviousEndpointConfigName": "", "Started": True, "TakenAt": 3},
        {"resource_arn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/retriever", "task_token": "T",
         "endpoint_config_name": "new", "previous_endpoint_config_name": "", "started": True, "taken_by": None},
    ),
    (
        ledger.Deployment,
        {"Id": "deployment#e", "ConfigName": "e", "NotedAt": 5},
        {"config_name": "e", "noted_at": 5, "previous_config_name": ""},
    ),
    (ledger.Serving, {"Id": "serving#retriever", "ExecutionName": "e", "Since": "2026"}, {"execution_name": "e"}),
    (
        ledger.Scaling,
        {"Id": "scaling#retriever", "Target": {"MinCapacity": 1}, "Policies": [{"PolicyName": "p"}]},
        {"target": {"MinCapacity": 1}, "policies": [{"PolicyName": "p"}]},
    ),
    (
        ledger.Standby,
        {"Id": "standby#retriever", "ConfigName": "e", "TakenBy": "r/1", "TakenAt": "2026", "CreatedAt": "1.000",
         "IdleSince": "2026", "ByHand": False, "GivesWay": False, "Tags": [], "WantedAt": 8, "StartSeconds": 240},
        {"config_name": "e", "is_away": True, "wanted_at": 8, "tried_at": 0, "start_seconds": 240},
    ),
    (
        ledger.Event,
        {"Id": "event#datasets/flowers/_SUCCESS", "Sequencer": "0A", "Status": "CLAIMED", "ClaimedAt": 4},
        {"object_key": "datasets/flowers/_SUCCESS", "status": ledger.EventStatus.CLAIMED, "claimed_by": None},
    ),
    (
        ledger.Features,
        {"Id": "features#0a1b", "TrainingJobName": "e-features", "StartedAt": 6},
        {"features_key": "0a1b", "training_job_name": "e-features", "started_at": 6},
    ),
    (
        ledger.Work,
        {"Id": "work#StartTuningJob#0a1b", "Begun": [{"Resource": "e-1", "Execution": "e"}]},
        {"name": "StartTuningJob#0a1b", "begun": [{"Resource": "e-1", "Execution": "e"}]},
    ),
    (
        ledger.Drop,
        {"Id": "drop#pets", "LastSeenAt": "2026-11-29T20:00:00.000+00:00", "Waits": True, "NumFiles": 3},
        {"name": "pets", "last_seen_at": "2026-11-29T20:00:00.000+00:00", "waits": True, "looked_at": None},
    ),
    (
        ledger.Arrival,
        {"Id": "arrival#datasets/pets/", "Seen": "3 2026", "Looks": 2, "Sentence": "why", "DoneAt": "2026"},
        {"place": "datasets/pets/", "seen": "3 2026", "looks": 2, "sentence": "why", "done_at": "2026"},
    ),
]  # fmt: skip
_KINDS: list[Any] = [kind for kind, *_ in STORED]  # each a class with attributes of its own


@pytest.mark.parametrize(("kind", "item", "fields"), STORED, ids=lambda value: getattr(value, "__name__", None))
def test_stored_row_stays_readable(world, kind, item, fields):
    """A table outlives the code that wrote it."""
    world.table.put({**item, "AddedByALaterVersion": 1})

    (row,) = kind.all(world.ledger)

    assert {name: getattr(row, name) for name in fields} == fields


@pytest.mark.parametrize(("kind", "item", "fields"), STORED, ids=lambda value: getattr(value, "__name__", None))
def test_row_is_written_so_that_older_code_reads_it(world, kind, item, fields):
    """A stack may be set back to the version before; what it stored is among what is stored now."""
    row = kind.from_item(item)

    world.table.put(row.item())

    stored = world.table.get(item["Id"])
    assert {name: stored[name] for name in item} == item


def test_every_kind_of_row_is_held_to_what_is_stored():
    """And no two share a prefix, nor may a row be changed in place."""
    assert {kind for kind in vars(ledger).values() if isinstance(kind, type) and kind.__base__ is rows.Row} == {*_KINDS}
    assert len({kind.PREFIX for kind in _KINDS}) == len(_KINDS)
    assert all(kind.__dataclass_params__.frozen for kind in _KINDS)


def test_change_of_an_unknown_field_is_our_mistake(world):
    """It would be an attribute that no one reads."""
    with pytest.raises(AssertionError, match="Run has no"):
        Run("e").change(world.ledger, {"stauts": "RUNNING"})


def test_claims_of_two_invocations_are_told_apart(settings):
    """Also when Lambda delivers one request twice, under one id."""
    one, other = Ledger(settings, "request"), Ledger(settings, "request")

    assert one.claimant == one.claimant != other.claimant
    assert one.claimant.startswith("request/")


def test_fields_have_defaults_for_rows_that_lack_them():
    """All but the name, which is in the key."""
    for kind in _KINDS:
        assert dataclasses.fields(kind.from_item({"Id": f"{kind.PREFIX}x"}))
