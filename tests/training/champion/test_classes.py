"""training/champion/classes.py: added, removed, renamed."""

import pytest

from training.champion.classes import ClassChanges, class_changes


def _pictures(**classes: str) -> dict[bytes, str]:
    """Return the class of each picture by its digest; "abc" under a name are three pictures."""
    return {letter.encode(): name for name, letters in classes.items() for letter in letters}


def test_same_classes_have_not_changed() -> None:
    """Their order is nobody's concern."""
    assert class_changes(["cat", "dog"], ["dog", "cat"], {}, {}) == ClassChanges()


def test_class_whose_pictures_bear_a_new_name_was_renamed() -> None:
    """The same pictures under another name; one of them may have gone."""
    changes = class_changes(["cat", "dog"], ["cat", "hund"], _pictures(dog="abcd"), _pictures(hund="abcx", cat="d"))

    assert changes == ClassChanges(renamed={"dog": "hund"})
    assert changes.translated("dog") == "hund"


def test_class_without_its_pictures_was_removed() -> None:
    """A new class beside it is no new name for it."""
    changes = class_changes(["cat", "dog"], ["cat", "bird"], _pictures(dog="abc"), _pictures(bird="xyz"))

    assert changes == ClassChanges(added=["bird"], removed=["dog"])
    assert changes.translated("dog") is None


def test_two_classes_that_became_one_were_removed() -> None:
    """What they were put together to counts as their answer, and yet nobody gets their names any more."""
    learned = _pictures(poodle="abc", beagle="def")

    changes = class_changes(["cat", "poodle", "beagle"], ["cat", "dog"], learned, _pictures(dog="abcdef"))

    assert changes.removed == ["poodle", "beagle"]
    assert changes.added == ["dog"]
    assert changes.translated("beagle") == "dog"


def test_class_moved_into_one_that_was_there_was_removed() -> None:
    """A picture of the wolf that is a dog's now makes no wolf of the dog."""
    changes = class_changes(["dog", "wolf"], ["dog", "cat"], _pictures(wolf="abc"), _pictures(dog="abc"))

    assert (changes.removed, changes.renamed, changes.merged) == (["wolf"], {}, {"wolf": "dog"})


@pytest.mark.parametrize("learned", [None, {}])
def test_without_a_record_nothing_was_renamed(learned: dict[bytes, str] | None) -> None:
    """What cannot be known is a removal, which asks for a yes."""
    assert class_changes(["dog", "cat"], ["hund", "cat"], learned, _pictures(hund="abc")).removed == ["dog"]


def test_a_refused_picture_has_no_answer() -> None:
    """None is no class of anybody's."""
    assert ClassChanges().translated(None) is None
