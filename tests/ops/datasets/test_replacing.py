"""ops/datasets/replacing.py: an upload whose run would end at once is refused before anything is sent."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers.ledger import Deployment, Run
from ops.datasets import replacing
from ops.errors import UploadError
from ops.stack import endpoints

_SESSION: Any = SimpleNamespace(flags=" --local", dynamodb=None)


@pytest.fixture(autouse=True)
def _pets_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an endpoint serve the model of the dataset pets, with another run's as a shadow."""
    made = Deployment("pets-2-shadow", previous_config_name="pets-1", shadow_of="pets-2")
    endpoint = SimpleNamespace(name="retriever", status="InService", config_name="pets-2-shadow")
    monkeypatch.setattr(endpoints, "find", lambda session, name: endpoint)
    monkeypatch.setattr(Deployment, "get", lambda ledger, name: made if name == made.config_name else None)
    monkeypatch.setattr(Run, "get", lambda ledger, name: Run(name, dataset="pets") if name == "pets-1" else None)


def _stack(parameter: str) -> Any:
    return SimpleNamespace(output=lambda name: "retriever", parameters={"ReplaceDataset": parameter})


def test_an_upload_of_another_dataset_asks_first() -> None:
    """With the command that says yes, and what a stack of its own would do."""
    with pytest.raises(UploadError, match="which that of 'red birds' would replace; ") as refused:
        replacing.require_allowed(_SESSION, _stack(""), "red birds")

    assert "`deploy.py up --parameter ReplaceDataset='red birds' --local` and then the same upload" in str(
        refused.value
    )
    assert "`deploy.py up --stack-name OTHER`" in str(refused.value)


@pytest.mark.parametrize(("dataset", "parameter"), [("pets", ""), ("birds", "birds"), ("birds", "*")])
def test_what_may_serve_is_uploaded(dataset: str, parameter: str) -> None:
    """The dataset that serves, one that was said yes to, any on a stack that allows any."""
    replacing.require_allowed(_SESSION, _stack(parameter), dataset)


def test_where_nothing_serves_any_dataset_is_uploaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes nobody's place."""
    monkeypatch.setattr(endpoints, "find", lambda session, name: None)

    replacing.require_allowed(_SESSION, _stack(""), "birds")
