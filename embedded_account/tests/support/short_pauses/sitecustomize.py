"""Python runs this at its start where the folder is in PYTHONPATH: clients look again soon, not after half a minute.

AWS's SDKs and command line wait for jobs and stacks by looking every 5 to 30 s. The programs that SHORT_PAUSES_OF names
look every 0.3 s; what they wait for, and every other program, is as it is.
"""

import os
import sys
import time

_LONGEST_PAUSE = 0.3
_sleep = time.sleep


def _pause(seconds: float) -> None:
    _sleep(min(seconds, _LONGEST_PAUSE))


if any(argument.endswith(os.environ["SHORT_PAUSES_OF"]) for argument in sys.orig_argv[:4]):
    time.sleep = _pause  # type: ignore[assignment]
