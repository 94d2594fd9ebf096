"""What is packaged, and how the template names it afterwards."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from ops.errors import BundleError
from ops.packaging import bundle

GLOBALS = """
Globals:
  Function:
    CodeUri: build/handlers  # the handlers
Resources:
  DefinitionUri: './statemachine/pipeline.asl.json'
"""


def test_template_names_assets_by_their_s3_uris(repository: Path) -> None:
    """Local paths become S3 URIs; comments and everything else stay as they are written."""
    (repository / "template.yaml").write_text(GLOBALS)

    made = bundle.build(for_this_machine=True, root=repository)
    template = made.packaged_template("code")

    keys = {asset.local_path: asset.key for asset in made.assets}
    assert f"CodeUri: s3://code/{keys['build/handlers']}  # the handlers" in template
    assert f"DefinitionUri: s3://code/{keys['statemachine/pipeline.asl.json']}\n" in template


def test_template_may_not_name_what_is_not_built(repository: Path) -> None:
    """A path that nothing was built for is refused before anything is uploaded."""
    (repository / "template.yaml").write_text("ContentUri: build/unknown\n")

    made = bundle.build(for_this_machine=True, root=repository)

    with pytest.raises(BundleError, match="template path 'build/unknown': nothing is built for it"):
        made.packaged_template("code")


def test_handlers_package_has_no_compiled_files(repository: Path) -> None:
    """Byte code depends on this machine's Python, so it stays out of the zip."""
    (repository / "handlers" / "__pycache__").mkdir()
    (repository / "handlers" / "__pycache__" / "x.pyc").write_bytes(b"x")

    (handlers,) = (a for a in bundle.build(for_this_machine=True, root=repository).assets if "handlers/" in a.key)

    assert zipfile.ZipFile(BytesIO(handlers.content)).namelist() == [
        "datasets/__init__.py",
        "handlers/__init__.py",
        "handlers/requirements.txt",
    ]


def test_changing_one_handler_changes_one_asset(repository: Path) -> None:
    """The layer and the training source are not uploaded again for a change in a handler."""
    before = {asset.key for asset in bundle.build(for_this_machine=True, root=repository).assets}
    (repository / "handlers" / "predict.py").write_text("x = 1\n")

    after = {asset.key for asset in bundle.build(for_this_machine=True, root=repository).assets}

    assert [key.split("/")[0] for key in after - before] == ["handlers"]


def test_build_names_a_missing_part(repository: Path) -> None:
    """An incomplete checkout is named as such."""
    (repository / "statemachine" / "pipeline.asl.json").unlink()

    with pytest.raises(BundleError, match=r"file 'pipeline\.asl\.json': missing"):
        bundle.build(for_this_machine=True, root=repository)
