"""Sessions (moto's AWS in this process, the embedded account), a tiny repository to deploy, and datasets on disk."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from PIL import Image

from ops.session import Session, open_session

_numbers = itertools.count()
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Colour: {Type: String, Default: red}
  Size: {Type: String, Default: "0"}
  TrainingSourceS3Uri: {Type: String, Default: ""}
Outputs:
  QueueUrl: {Value: !Ref Queue}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Tags: [{Key: colour, Value: !Ref Colour}, {Key: size, Value: !Ref Size}]
"""


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Give a session on AWS as moto plays it, with somebody's credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setattr(Session, "poll_seconds", 0.01)
    # moto reads bucket policies without their conditions, so that a TLS-only one would deny everything.
    monkeypatch.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
    with mock_aws():
        yield open_session("flowers", None)


@pytest.fixture
def local_session(account: Any) -> Session:
    """Give a session on the embedded account, for a stack that no other test uses."""
    return open_session(f"flowers-{next(_numbers)}", account.info)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository with one small file of each kind that is packaged."""
    root = tmp_path / "repository"
    for package in ("handlers", "datasets", "training", "inference", "reports"):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text(f'"""{package}."""\n')
    (root / "handlers" / "requirements.txt").write_text("click\n")
    (root / "statemachine").mkdir()
    (root / "statemachine" / "pipeline.asl.json").write_text("{}")
    (root / "template.yaml").write_text(TEMPLATE)
    return root


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Give a maker of image folders: image_folder("train/rose/1.png", "train/tulip/1.png")."""

    def make(*names: str) -> Path:
        root = tmp_path / "pictures"
        for number, name in enumerate(names):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (number % 256, 0, 0)).save(path)
        return root

    return make
