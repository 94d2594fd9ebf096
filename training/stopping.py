"""SIGTERM: SageMaker's two minutes before a spot instance, or a job that is stopped, is gone. Imports no torch."""

import signal
from types import FrameType

from training.errors import StoppedError

STOPPED = "training was stopped by SIGTERM before it had finished"


class StopSignal:
    """Ends the process at once, or after the step under way where a step must not be torn apart."""

    def __init__(self) -> None:
        self.is_set = False
        self.is_deferred = False

    def listen(self) -> None:
        """Take SIGTERM over."""
        signal.signal(signal.SIGTERM, self._stop)

    def check(self) -> None:
        """Raise StoppedError if a signal came while it was deferred."""
        if self.is_set:
            raise StoppedError(STOPPED)

    def _stop(self, signal_number: int, frame: FrameType | None) -> None:
        self.is_set = True
        if not self.is_deferred:
            raise StoppedError(STOPPED)
