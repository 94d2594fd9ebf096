"""The file of one sentence by which a failed job tells its owner why, also on a disk that is full."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_RESERVED_BYTES = 4096  # a sentence is cut at 1,024 characters


class FailureFile:
    """Keeps room for the sentence from the start: without it SageMaker's toolkit would end a failed job as a good one.

    Where SageMaker names no output folder, it does nothing.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        folder = environ.get("SM_OUTPUT_DIR")
        self._path = Path(folder, "failure") if folder else None
        self._reserve = Path(folder or ".", f".failure-{os.getpid()}")
        self._model_folder = environ.get("SM_MODEL_DIR", "")
        if folder:
            with suppress(OSError):  # it is full already; write() makes room
                self._reserve.write_bytes(b" " * _RESERVED_BYTES)

    def write(self, sentence: str) -> None:
        """Write `sentence`; on a full disk into the reserve, or else in the place of the artifact."""
        if self._path is None:
            return
        try:
            self._path.write_text(sentence, encoding="utf-8")
        except OSError:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self._make_room(self._path, sentence)

    def close(self) -> None:
        """Give the reserve back."""
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def _make_room(self, path: Path, sentence: str) -> None:
        try:
            with self._reserve.open("r+b") as file:
                file.write(sentence.encode())
                file.truncate()
            self._reserve.replace(path)
        except OSError:
            shutil.rmtree(self._model_folder, ignore_errors=True)
            with suppress(OSError):  # then only the log has it
                path.write_text(sentence, encoding="utf-8")
