"""torchvision can be imported in a container, whichever build of torch is beside it."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from embedded_account.sagemaker.training.forks import LAUNCHER_FOLDER


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
def test_any_script_imports_torchvision() -> None:
    """A script of others, unmodified, gets its models; Python loads what helps by itself."""
    script = "import torchvision; print('resnet18' in torchvision.models.list_models())"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAUNCHER_FOLDER)}

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
