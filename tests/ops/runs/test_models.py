"""ops/runs/models.py: one row a model, with what became of it."""

from handlers.ledger import Run, Serving
from ops.runs.models import listed

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retriever/"


def _run(letter: str, hour: int, **known: object) -> Run:
    at = f"2026-11-29T{hour:02}:00:00"
    fields = {"status": "SUCCEEDED", "started_at": at, "ended_at": at, "accuracy": 0.9}
    return Run(f"pets-{letter * 12}-1", **(fields | known))  # type: ignore[arg-type]


def test_each_model_says_what_became_of_it() -> None:
    """Replaced, gone back to, rolled back, refused, waiting, never served; a redeployment is no model of its own."""
    first = _run("a", 1)
    second = _run("b", 2, model_package_arn=f"{PACKAGE}2", rolled_back_at="2026-11-29T05:06:07", rolled_back_by="R")
    zeroth = _run("0", 0, model_package_arn=f"{PACKAGE}1")
    refused = _run("c", 3, status="FAILED", failed_state="EvaluateModel", accuracy=None)
    broken = _run("d", 4, status="FAILED", failed_state="CheckEndpoint")
    no_data = _run("e", 4, status="FAILED", failed_state="ValidateDataset", accuracy=None)
    again = _run("f", 5, redeploys=first.execution_name)
    rejected = _run("6", 6, status="FAILED", failed_state="WaitForApproval", rejected_at="2026-11-29T06:07:08")
    waits = _run("7", 7, status="RUNNING", waits_since="2026-11-29T07:08:09")
    known = (first, second, zeroth, refused, broken, no_data, again, rejected, waits)
    runs = {run.execution_name: run for run in known}

    models = listed(runs, {f"{PACKAGE}2": "Rejected"}, Serving("e", again.execution_name, "2026-11-29T05:06:07"))

    assert {model.run[5]: model.fate for model in models} == {
        "a": f"serves since 2026-11-29 05:06, deployed again by {again.execution_name}",
        "b": "rolled back 2026-11-29 05:06 by R",
        "0": f"replaced 2026-11-29 01:00 by {first.execution_name}",
        "c": "refused by the gate",
        "d": "never served: CheckEndpoint",
        "6": "rejected 2026-11-29 06:07",
        "7": "waits for approval since 2026-11-29 07:08",
    }
    assert [model.run[5] for model in models] == ["7", "6", "d", "c", "b", "a", "0"]
    assert [(model.version, model.package) for model in models if model.run[5] in "b0"] == [
        ("2", "Rejected"),
        ("1", "-"),
    ]


def test_without_an_endpoint_nothing_serves() -> None:
    """What served last says so."""
    run = _run("a", 1)

    assert [model.fate for model in listed({run.execution_name: run}, {}, None)] == ["served last"]
