"""The folder of each container at /opt/ml, where the kernel lets a process have one of its own."""

import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from embedded_account.account import Account
from embedded_account.sagemaker.shared.container_images import CONTAINER_MODULES

OPT_ML = "/opt/ml"
_ENTER = [sys.executable, "-I", "-S", str(CONTAINER_MODULES / "embedded_account_opt_ml.py")]
_USED = re.compile(r"(?<![\w.-])/opt/ml/")  # not the end of a longer path


class OptMl:
    """Says where containers see their folders, and starts them so that they do."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @cached_property
    def refusal(self) -> str:
        """Why no container sees its folder at /opt/ml; "" where each does. Found out by one process, once."""
        if sys.platform != "linux":
            return f"{sys.platform} has no mount namespaces"
        folder = str(self._account.work_folder("opt-ml"))
        # The second one, without a command, shows that Python and this package are still where they were.
        tried = subprocess.run([*_ENTER, folder, *_ENTER], capture_output=True, text=True, check=False)
        return (tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"])[-1] if tried.returncode else ""

    def seen(self, folder: Path) -> str:
        """Return where a container sees its `folder`."""
        return str(folder) if self.refusal else OPT_ML

    def command(self, argv: Sequence[str], folder: Path) -> list[str]:
        """Return the command that starts `argv` with `folder` at /opt/ml."""
        return list(argv) if self.refusal else [*_ENTER, str(folder), *argv]

    def remark(self, words: str) -> str:
        """Return why a path below /opt/ml in a program's last `words` does not lead to its folder; "" if it does."""
        if not _USED.search(words) or not self.refusal:
            return ""
        return (
            f"/opt/ml is not the container's own folder on this machine ({self.refusal}); read its paths from "
            "SM_MODEL_DIR, SM_CHANNEL_TRAIN and their like, or from model_dir"
        )
