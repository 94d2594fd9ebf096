"""ops/packaging/prepare.py: the first deployment finds its layer and its images made, and modules compiled."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from ops.errors import BundleError
from ops.packaging import container_images, layer, prepare
from ops.session import REPOSITORY


def test_what_is_prepared_is_what_a_local_deployment_asks_for(monkeypatch):
    """Afterwards no other process is asked for images, and nothing is packed."""
    monkeypatch.setattr(prepare, "COMPILED", ())

    prepare.main()

    monkeypatch.setattr(layer, "zip_bytes", None)
    assert container_images.prefetch(prepare.REGION, *prepare.instance_types()) is None
    assert layer.layer_zip(REPOSITORY / "handlers" / "requirements.txt", for_this_machine=True)


def test_modules_are_compiled_where_that_is_switched_off(monkeypatch, tmp_path):
    """With PYTHONDONTWRITEBYTECODE set, what is imported now need not be compiled by each process later."""
    monkeypatch.setattr(prepare, "REPOSITORY", tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name in ("first_module", "second_module"):
        (tmp_path / f"{name}.py").write_text("")

    prepare.compile_modules(["first_module", "second_module"])

    compiled = {path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()}
    assert compiled == {"first_module", "second_module"}


def test_a_package_that_cannot_be_imported_is_named(capfd):
    """An installation with a hole in it fails while it is made, and says where."""
    with pytest.raises(BundleError, match="packages: 'no_such_module_here' cannot be imported"):
        prepare.compile_modules(["no_such_module_here"])

    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_what_is_compiled_exists():
    """Each module that is named is one of ours or of a package that is installed."""
    names = [name for line in prepare.COMPILED for name in line.split(", ")]
    ours = [name for name in names if (REPOSITORY / name.partition(".")[0]).is_dir()]

    assert len(ours) > 2
    assert [name for name in ours if not _file(name).exists()] == []
    assert [name for name in names if find_spec(name.partition(".")[0]) is None] == []


def _file(module: str) -> Path:
    return REPOSITORY / f"{module.replace('.', '/')}.py"
