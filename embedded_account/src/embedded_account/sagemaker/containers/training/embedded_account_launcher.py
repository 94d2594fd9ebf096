"""The module that the training toolkit imports: it hands over to AWS's PyTorch launcher, adapted to a laptop.

Runs in the container's process, with nothing else of this package on its path. Two things are adapted. The launcher
imports torch only to note its version, which costs 1.3 s of a core a job (2 cores, November 2026); the version is read
from the installed package instead. And an instance has as many CPUs as it was given, not as the machine has.
"""

import os
from importlib.metadata import version

from sagemaker_pytorch_container import training
from sagemaker_training import environment


def main() -> None:
    """Run the user's script as the PyTorch containers do."""
    training._set_torch_version_environment = _note_torch_version
    environment.num_cpus = lambda: int(os.environ["EMBEDDED_ACCOUNT_INSTANCE_CPUS"])
    training.main()


def _note_torch_version() -> None:
    os.environ["SM_DLC_TORCH_VERSION"] = version("torch")
