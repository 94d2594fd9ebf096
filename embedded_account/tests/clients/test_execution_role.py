"""The SDK's get_execution_role(), which asks STS's own address wherever nothing else tells."""

import json
from pathlib import Path

import pytest


def test_role_of_a_notebook_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file as SageMaker's notebooks have it spares the question, as the README says."""
    session = pytest.importorskip("sagemaker.session")
    arn = "arn:aws:iam::123456789012:role/notebook"
    file = tmp_path / "resource-metadata.json"
    file.write_text(json.dumps({"ExecutionRoleArn": arn}))
    monkeypatch.setattr(session, "NOTEBOOK_METADATA_FILE", str(file))
    unasked = object.__new__(session.Session)

    assert session.get_execution_role(unasked) == arn
