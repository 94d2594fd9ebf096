"""Feature jobs to be killed and divided; run by path, so nothing of tests/ is imported."""

import os
import signal
from collections.abc import Sequence

from training import compute_features, train
from training.features import served
from training.features.parts import Identity, Part, PartFolder

served.PART_FILES = 4  # of 36 pictures: six parts of train, three of validation


def compute(arguments: Sequence[str]) -> int:
    """Compute features to the end; print how many parts were made here."""
    made: list[Identity] = []
    _hear_saved(made)
    code = train.main(arguments, os.environ, compute_features.run)
    print(f"made {len(made)} parts", flush=True)  # noqa: T201 - the test reads it
    return code


def compute_until_killed(arguments: Sequence[str], parts: int) -> int:
    """Kill this process, as a machine that is taken away does, when so many parts are there."""
    _hear_saved([], parts)
    return train.main(arguments, os.environ, compute_features.run)


def _hear_saved(made: list[Identity], last: int = 0) -> None:
    save = PartFolder.save

    def heard(folder: PartFolder, identity: Identity, encoded: bytes) -> Part:
        if last and len(made) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        made.append(identity)
        return save(folder, identity, encoded)

    setattr(PartFolder, "save", heard)  # noqa: B010 - a method, to mypy
