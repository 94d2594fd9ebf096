"""The dependency layer, built from what is installed here, without a network."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from ops.errors import BundleError
from ops.packaging import layer


@pytest.fixture(autouse=True)
def _own_build_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "REPOSITORY", tmp_path)


def _names(content: bytes) -> set[str]:
    return {name.split("/")[1] for name in zipfile.ZipFile(BytesIO(content)).namelist()}


def test_layer_holds_the_dependency_closure_without_the_runtime(tmp_path: Path) -> None:
    """aws-sam-translator needs jsonschema and boto3; the runtime brings boto3, so the layer has jsonschema alone."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("aws-sam-translator  # templates\n")

    names = _names(layer.layer_zip(requirements, for_this_machine=True))

    assert {"samtranslator", "jsonschema"} <= names
    assert not names & {"botocore", "boto3", "urllib3"}


def test_layer_follows_extras(tmp_path: Path) -> None:
    """What only an extra asks for is in the layer when the extra is named, and not without it."""
    requirements = tmp_path / "requirements.txt"

    requirements.write_text("aws-lambda-powertools[parser]\n")
    with_extra = _names(layer.layer_zip(requirements, for_this_machine=True))
    requirements.write_text("aws-lambda-powertools\n")
    without = _names(layer.layer_zip(requirements, for_this_machine=True))

    assert "pydantic" in with_extra
    assert "pydantic" not in without


def test_layer_is_built_once(tmp_path: Path) -> None:
    """The second time it comes from build/."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("six\n")

    first = layer.layer_zip(requirements, for_this_machine=True)
    (cached,) = (tmp_path / "build" / "layers").glob("local-*.zip")
    cached.write_bytes(b"from the cache")

    assert first != b"from the cache"
    assert layer.layer_zip(requirements, for_this_machine=True) == b"from the cache"


@pytest.mark.parametrize("line", ["no-such-distribution-here", "click<1"])
def test_layer_names_a_requirement_that_is_not_met(tmp_path: Path, line: str) -> None:
    """A missing or wrong version is an error that names the requirement and the remedy."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(line + "\n")

    with pytest.raises(
        BundleError, match=rf"requirement '{line}' of the handlers: .*run: python requirements/install.py"
    ):
        layer.layer_zip(requirements, for_this_machine=True)
