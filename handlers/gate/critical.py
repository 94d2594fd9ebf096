"""CriticalClasses: `name:recall,name:recall`, read as one line of CSV, so that a name with a comma stands in quotes."""

import csv
import functools

from handlers.contract.errors import SettingsError


@functools.cache
def critical_classes(parameter: str) -> dict[str, float]:
    """Return the recall that each named class must reach.

    Raises:
        SettingsError: an entry has no recall within 0..1, or a name comes twice.
    """
    floors: dict[str, float] = {}
    for entry in next(csv.reader([parameter], skipinitialspace=True), []):
        name, _, recall = entry.rpartition(":")
        name = name.strip()
        try:
            floor = float(recall)
        except ValueError:
            floor = -1.0
        if not name or name in floors or not 0 <= floor <= 1:
            raise SettingsError(
                f"environment variable CRITICAL_CLASSES: {entry!r}; expected NAME:RECALL once a class, with a recall "
                f'within 0..1, such as dog:0.9,"salt, pepper:0.95"'
            )
        floors[name] = floor
    return floors
