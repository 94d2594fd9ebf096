"""reports/champion.py: the model that serves, on the page about the new one."""

from collections.abc import Callable
from typing import Any

from reports.champion import champion_findings, champion_section
from reports.training_report import training_report

MakeEvaluation = Callable[..., dict[str, Any]]
_WORSE = {"class_name": "dog", "num_images": 40, "candidate_right": 20, "champion_right": 32, "p_value": 0.0007}
_SCORES: dict[str, Any] = {
    "name": "flowers-1", "problem": "", "engine": "openvino", "precision": "int8", "num_images": 400, "num_learned": 7,
    "num_new_class": 0, "candidate_right": 352, "champion_right": 380, "candidate_alone": 2, "champion_alone": 30,
    "difference": -0.07, "interval": [-0.099, -0.044], "p_value": 1e-6,
    "classes": {"added": [], "removed": ["fox"], "renamed": {"cat": "<b>"}},
    "worse_classes": [_WORSE],
    "lost": [{"path": "test/dog/7.jpg", "class_name": "dog", "candidate": "<b>"}],
}  # fmt: skip


def test_both_are_told_on_the_same_pictures() -> None:
    """A loss is a warning, a gain good news, and what proves neither a note."""
    (finding,) = champion_findings(_SCORES)

    assert finding.kind == "warn"
    assert finding.text == (
        "Of the same 400 test images 352 are classified correctly, and 380 by flowers-1, which serves: a difference of "
        "-7.0 points (95 % interval -9.9 to -4.4)."
    )
    assert champion_findings(_SCORES | {"interval": [0.01, 0.02]})[0].kind == "good"
    assert champion_findings(_SCORES | {"interval": [-0.01, 0.02]})[0].kind == "note"


def test_model_that_was_not_compared_is_told() -> None:
    """With its reason; where none serves there is nothing to say."""
    (finding,) = champion_findings({"name": "flowers-1", "problem": "its artifact is gone"})

    assert finding.text == "It was not compared with flowers-1, which serves: its artifact is gone."
    assert champion_section({"name": "flowers-1", "problem": "its artifact is gone"}) is None
    assert champion_findings(None) == []


def test_page_shows_numbers_classes_and_lost_pictures(make_evaluation: MakeEvaluation) -> None:
    """As text, whatever the classes are called."""
    page = training_report(make_evaluation() | {"champion": _SCORES}, {"test/dog/7.jpg": b"jpeg"})

    section = page[page.index('id="champion"') : page.index('id="curves"')]
    assert "30 images" in section
    assert "data:image/jpeg" in section
    assert "&lt;b&gt;" in section
    assert "<b>" not in section
    assert "Removed classes" in section
