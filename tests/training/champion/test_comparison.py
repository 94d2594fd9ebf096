"""training/champion/comparison.py: which pictures count, and what the pairs prove."""

import json
from pathlib import Path

import pytest

from training.champion.classes import ClassChanges
from training.champion.comparison import (
    COUNTS,
    LEARNED,
    NEW_CLASS,
    Outcome,
    compared,
    outcomes,
    worse_classes,
    write_outcomes,
)


def _rows(class_name: str, both: int = 0, won: int = 0, lost: int = 0, neither: int = 0) -> list[Outcome]:
    """Return so many outcomes of a class; the wrong answer is "other"."""
    answers = [(class_name, class_name)] * both + [(class_name, "other")] * won
    answers += [("other", class_name)] * lost + [("other", "other")] * neither
    return [
        Outcome(f"test/{class_name}/{index}.jpg", class_name, own, champion, COUNTS)
        for index, (own, champion) in enumerate(answers)
    ]


def test_pictures_that_the_champion_learned_from_do_not_count() -> None:
    """Nor do those of a class that it never had; each is said so in its row."""
    test = [("a.jpg", "cat", b"a"), ("b.jpg", "cat", b"b"), ("c.jpg", "bird", b"c")]

    rows = list(outcomes(test, ["cat"] * 3, ["cat", "dog", "cat"], ClassChanges(added=["bird"]), {b"a"}))

    assert [row.counts for row in rows] == [LEARNED, COUNTS, NEW_CLASS]
    result = compared(rows)
    assert (result["num_images"], result["num_learned"], result["num_new_class"]) == (1, 1, 1)
    assert (result["candidate_right"], result["champion_right"]) == (1, 0)


def test_answer_under_the_old_name_is_right() -> None:
    """A class that was renamed is the same class."""
    (row,) = outcomes([("a.jpg", "hund", b"a")], ["hund"], ["dog"], ClassChanges(renamed={"dog": "hund"}), set())

    assert (row.champion, row.is_lost, row.is_won) == ("hund", False, False)


def test_picture_that_the_champion_refuses_is_a_wrong_answer() -> None:
    """Its endpoint answers with an error, which is of no more use than another class."""
    (row,) = outcomes([("a.heic", "cat", b"a")], ["cat"], [None], ClassChanges(), set())

    assert row.is_won


def test_worse_candidate_is_proven_worse() -> None:
    """20 pictures that only the champion gets right, 2 that only the candidate does, of 200."""
    result = compared(_rows("cat", both=170, won=2, lost=20, neither=8))

    assert result["difference"] == pytest.approx(-0.09)
    assert result["interval"][1] < 0
    assert result["p_value"] < 0.001
    assert len(result["lost"]) == 8
    assert result["lost"][0]["path"] == "test/cat/172.jpg"


def test_better_on_average_is_worse_on_one_class() -> None:
    """The class is named with its pictures, by a p-value that holds for all classes together."""
    rows = _rows("cat", both=100, won=40) + _rows("dog", both=20, lost=12) + _rows("bird", both=10, lost=1)

    first, second = worse_classes(rows)

    assert compared(rows)["difference"] > 0
    assert (first["class_name"], first["candidate_right"], first["champion_right"]) == ("dog", 20, 32)
    assert first["p_value"] == pytest.approx(3 / 2**12)
    assert first["lost"][0] == "test/dog/20.jpg"
    assert second["p_value"] == 1.0


def test_outcomes_are_one_object_a_line(tmp_path: Path) -> None:
    """For whoever wants to look at each picture."""
    write_outcomes(_rows("cat", won=1, lost=1), tmp_path)

    first, _ = (json.loads(line) for line in (tmp_path / "outcomes.jsonl").read_text().splitlines())
    assert first == {
        "path": "test/cat/0.jpg", "class_name": "cat", "candidate": "cat", "champion": "other", "counts": "yes",
    }  # fmt: skip
