"""handlers/gate/critical.py: names with spaces as they are, names with commas in quotes."""

import pytest

from handlers.contract.errors import SettingsError
from handlers.gate.critical import critical_classes


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("", {}),
        ("dog:0.9", {"dog": 0.9}),
        ("dog:0.9, red fox:1", {"dog": 0.9, "red fox": 1.0}),
        ('"salt, pepper:0.95",dog:0', {"salt, pepper": 0.95, "dog": 0.0}),
        ("ratio 3:4:0.5", {"ratio 3:4": 0.5}),
    ],
)
def test_classes_and_their_recalls_are_read(parameter, expected):
    """The last colon is the one before the recall."""
    assert critical_classes(parameter) == expected


@pytest.mark.parametrize("parameter", ["dog", "dog:", ":0.9", "dog:1.1", "dog:-1", "dog:nan", "dog:0.9,", "a:1,a:1"])
def test_entry_that_says_nothing_is_refused(parameter):
    """A floor that is not understood would guard nothing."""
    with pytest.raises(SettingsError, match=r"CRITICAL_CLASSES: .*expected NAME:RECALL"):
        critical_classes(parameter)
