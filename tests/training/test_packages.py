"""training/packages.py: what a job installs replaces nothing of the image it runs in."""

import os
import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.training.wheels import ROOT, Image, write_wheel
from training import packages
from training.export import artifact

_INSTALL = """
import numpy
from training import packages
print(packages.prepare())
from importlib import metadata
print({name: metadata.version(name) for name in ("numpy", "ml_dtypes", "onnx", "openvino")})
"""
_VERSIONS = re.compile(r"^(onnx|openvino|pi-heif)==(\S+)$", re.MULTILINE)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Give an image with numpy 1.26.4, as that of PyTorch 2.8 has it, and a job whose source carries wheels."""
    image = Image(tmp_path)
    image.has("numpy", "1.26.4")
    asked = dict(_VERSIONS.findall((ROOT / "training" / "requirements.txt").read_text()))
    wheels = image.source / "wheels" / "training"
    write_wheel(wheels, "onnx", asked["onnx"], ["numpy>=1.23.2", "ml_dtypes>=0.5.4"])
    write_wheel(wheels, "openvino", asked["openvino"], ["numpy<2.6.0,>=1.16.6"])
    write_wheel(wheels, "ml_dtypes", "0.5.4", ["numpy>=1.21"])
    write_wheel(wheels, "ml_dtypes", "0.6.0", ["numpy>=2.0.0"])
    write_wheel(wheels, "numpy", "2.4.6")
    return image


def test_numpy_of_the_image_stays(image: Image) -> None:
    """onnx wants ml_dtypes, whose newest wants numpy 2: an older one is taken, without asking any index."""
    printed, versions = image.run(_INSTALL).splitlines()

    assert printed == "packages: onnx, openvino installed from the source archive"
    assert "'numpy': '1.26.4', 'ml_dtypes': '0.5.4'" in versions


def test_package_that_leaves_no_choice_gives_way(image: Image) -> None:
    """A package of the image that the job does not compute with is replaced where else nothing fits; numpy never is."""
    image.has("ml_dtypes", "0.5.1")

    printed, versions = image.run(_INSTALL).splitlines()

    assert printed == "packages: onnx, openvino installed from the source archive"
    assert "'numpy': '1.26.4', 'ml_dtypes': '0.5.4'" in versions


def test_nothing_is_replaced_where_nothing_fits(image: Image) -> None:
    """The job goes on with torch, and says before it begins why the packages are not there."""
    (image.source / "wheels" / "training" / "ml_dtypes-0.5.4-py3-none-any.whl").unlink()

    printed = image.run(
        "from training import packages; print(packages.prepare());"
        "import numpy; print(numpy.__version__, packages.missing_packages())"
    ).splitlines()

    assert "onnx, openvino could not be installed from the source archive, torch will serve: Resolution" in printed[0]
    assert printed[1] == "1.26.4 ['onnx', 'openvino']"


def test_plain_machine_installs_nothing(image: Image) -> None:
    """Only a SageMaker job, whose image is its own, installs; elsewhere a person does."""
    assert image.run("from training import packages; print(repr(packages.prepare()))", SM_MODEL_DIR="") == "''"


@pytest.mark.parametrize(
    "requirements",
    [
        f"{scope}/{name}"
        for scope in ("training", "inference")
        for name in ("requirements.txt", "requirements-decoders.txt")
    ],
)
def test_every_package_bears_the_image_s_numpy(requirements: str) -> None:
    """What is pinned by name, and installed here at that version, takes numpy 1.26.4 as well as numpy 2."""
    lines = [line for line in (ROOT / requirements).read_text().splitlines() if line and not line.startswith("#")]
    for pinned in map(Requirement, lines):
        assert pinned.specifier.contains(metadata.version(pinned.name)), pinned
        needs = [one for one in map(Requirement, metadata.requires(pinned.name) or []) if one.name == "numpy"]
        assert [need for need in needs if not need.marker and "1.26.4" not in need.specifier] == []


@pytest.mark.slow
@pytest.mark.skipif("PACKAGES_FROM_INDEX" not in os.environ, reason="PACKAGES_FROM_INDEX is not set: asks the index")
def test_real_packages_bear_the_image_s_numpy(tmp_path: Path) -> None:
    """With Python 3.12 and numpy 1.26.4, from the real index: the requirements install, and numpy is what it was."""
    import subprocess

    python = os.environ["PACKAGES_FROM_INDEX"]  # a python3.12
    subprocess.run([python, "-m", "venv", str(tmp_path / "v")], check=True)
    own = tmp_path / "v" / "bin" / "python"
    subprocess.run([own, "-m", "pip", "install", "-q", "numpy==1.26.4"], check=True)
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "SM_MODEL_DIR": str(tmp_path)}

    program = f"{_INSTALL}\nimport onnx, openvino; print(numpy.__version__)"
    done = subprocess.run([own, "-c", program], env=variables, capture_output=True, text=True, check=True)

    assert "installed from the package index" in done.stdout
    assert done.stdout.strip().endswith("1.26.4")


def test_endpoint_installs_from_its_own_artifact(tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """With wheels in the source archive, the artifact's requirements install without an index, and numpy stays."""
    pinned = dict(_VERSIONS.findall((ROOT / "inference" / "requirements.txt").read_text()))["openvino"]
    write_wheel(tmp_path / "own", "openvino", pinned, ["numpy>=1.16.6"])
    monkeypatch.setattr(artifact, "WHEELS", tmp_path / "own")
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)

    artifact.write_requirements(code)

    arguments = ["-m", "pip", "install", "-q", "-r", str(code / "requirements.txt")]
    image.run(f"import subprocess, sys; subprocess.run([sys.executable, *{arguments}], check=True)")
    assert image.run("import numpy, openvino; print(numpy.__version__, openvino.__version__)") == f"1.26.4 {pinned}"


def test_artifact_without_wheels_asks_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its requirements are those of inference/, word by word."""
    monkeypatch.setattr(artifact, "WHEELS", tmp_path / "none")

    artifact.write_requirements(tmp_path)

    names = ("requirements.txt", "requirements-decoders.txt")
    assert (tmp_path / "requirements.txt").read_text() == "".join(
        (ROOT / "inference" / name).read_text() for name in names
    )


@pytest.mark.parametrize(("has_decoder", "asked"), [(True, ["pi-heif"]), (False, [])])
def test_endpoint_of_torch_asks_for_no_more_than_the_job_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_decoder: bool, asked: list[str]
) -> None:
    """A container that cannot install what is asked of it does not start; here it may be that no index is reached."""
    monkeypatch.setattr(artifact, "WHEELS", tmp_path / "none")
    monkeypatch.setattr(artifact, "HAS_HEIF", has_decoder)

    artifact.write_requirements(tmp_path, with_engine=False)

    path = tmp_path / "requirements.txt"
    assert (list(dict(_VERSIONS.findall(path.read_text()))) if path.exists() else []) == asked


def test_decoder_is_installed_where_a_picture_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip is asked in a job with HEIC pictures alone; the log says how that went."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path))
    packages._install.cache_clear()
    (tmp_path / "a.jpg").touch()

    assert packages.install_decoders([tmp_path, None]) == ""

    (tmp_path / "b.HEIC").touch()
    assert packages.install_decoders([tmp_path, None]) == (
        "packages: pi-heif, which decodes HEIC, could not be installed from the package index: pip ended with 1"
    )
    packages._install.cache_clear()
