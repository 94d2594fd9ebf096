"""torchvision can be imported in a container, whichever build of torch is beside it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from embedded_account.sagemaker.training.forks import LAUNCHER_FOLDER

# What scripts do that know of the fault: they look for torchvision, and declare what its operators do not.
REMEDY = """
import importlib.util, torch
if importlib.util.find_spec("torchvision") and not hasattr(torch.ops.torchvision, "nms"):
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
@pytest.mark.parametrize("first", ["", "import remedy; "])
def test_any_script_imports_torchvision(tmp_path: Path, first: str) -> None:
    """A script of others, unmodified, gets its models, with a remedy of its own too."""
    script = f"{first}import torchvision; print('resnet18' in torchvision.models.list_models())"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{LAUNCHER_FOLDER}:{tmp_path}"}
    (tmp_path / "remedy.py").write_text(REMEDY)

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=250, check=False
    )

    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_nothing_is_imported_ahead() -> None:
    """A script that uses neither pays for neither."""
    script = "import sys; print([name for name in ('torch', 'torchvision') if name in sys.modules])"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAUNCHER_FOLDER)}

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout == "[]\n"
