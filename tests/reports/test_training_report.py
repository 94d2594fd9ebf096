"""The page about a training job: whole, self-contained, safe, and true to evaluation.json."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.training_report import confusions, training_report
from tests.reports.evaluations import CLASSES, epoch, untested
from tests.reports.pages import Page, assert_self_contained

ROOT = Path(__file__).resolve().parents[2]
CORPORA = next((path for parent in ROOT.parents if (path := parent / "shared" / "corpora").is_dir()), ROOT / "none")
NAUGHTY = CORPORA / "naughty-strings" / "blns.jsonl"
MakeEvaluation = Callable[..., dict[str, Any]]
SECTIONS = ["result", "curves", "confusion", "classes", "calibration", "mistakes", "speed", "data", "settings"]
JPEG = b"\xff\xd8\xff\xe0 not looked at \xff\xd9"


def test_page_has_every_section_and_asks_for_nothing(make_evaluation: MakeEvaluation) -> None:
    """It opens from a disk without a network, however odd the class names are."""
    html = training_report(make_evaluation(), {"test/0.jpg": JPEG})

    assert_self_contained(html)
    assert [attributes["id"] for attributes in Page(html).all("section")] == SECTIONS


def test_class_names_and_paths_are_text(make_evaluation: MakeEvaluation) -> None:
    """A class called <script> is shown as it is written and runs nothing, in tables, charts and data alike."""
    html = training_report(make_evaluation(), {})

    assert "<script>alert" not in html
    page = Page(html)
    assert page.text.count(CLASSES[0]) >= 4
    assert "train/<b>/x.jpg" in page.text
    assert "$5 & 'quoted'" in page.text


@pytest.mark.skipif(not NAUGHTY.exists(), reason="no corpus naughty-strings beside the checkout")
def test_no_naughty_string_becomes_markup(make_evaluation: MakeEvaluation) -> None:
    """All of the corpus as class names: the page has its own elements alone, and shows each name."""
    names = list(dict.fromkeys(json.loads(line)["s"] for line in NAUGHTY.read_text("utf-8").rstrip("\n").split("\n")))
    evaluation = make_evaluation(names, count=len(names))

    page = Page(training_report(evaluation, {}))

    expected = {"script": 1, "img": 0, "iframe": 0, "a": 1 + len(SECTIONS), "section": len(SECTIONS)}
    assert {tag: len(page.all(tag)) for tag in expected} == expected
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    shown = "".join(page.text.split())
    assert [name for name in names if "".join(name.split()) not in shown] == []


def test_numbers_are_those_of_the_evaluation(make_evaluation: MakeEvaluation) -> None:
    """What a person reads is what the gate judged."""
    evaluation = make_evaluation()

    page = Page(training_report(evaluation, {}))

    assert f"Test accuracy {100 * evaluation['test_top1']:.1f} %" in page.text
    assert f"Macro F1 {evaluation['macro_f1']:.3f}" in page.text
    assert f"Expected calibration error {evaluation['calibration']['ece']:.4f}" in page.text
    assert "Validation accuracy 75.0 % epoch 2 of 3" in page.text
    for row in evaluation["per_class"]:
        scores = f"{row['precision']:.3f} {row['recall']:.3f} {row['f1']:.3f}"
        assert f"{row['class_name']} {row['num_images']} {scores}" in page.text
    for row in evaluation["mistakes"]:
        assert f"{row['predicted']} {100 * row['probability']:.0f} %" in page.text
    (cells,) = [attributes["data-cells"] for attributes in page.all("figure") if "data-cells" in attributes]
    assert json.loads(cells)["classes"] == CLASSES
    assert json.loads(cells)["cells"] == evaluation["confusions"]


def test_ids_of_the_charts_do_not_meet(make_evaluation: MakeEvaluation) -> None:
    """An id that two charts shared would clip one by the other's frame."""
    ids = [one for one in Page(training_report(make_evaluation(), {})).ids() if re.fullmatch(r"[pm][0-9a-f]{10}", one)]

    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("num_classes", [2, 41, 133, 350])
def test_page_of_many_classes_stays_small_and_whole(make_evaluation: MakeEvaluation, num_classes: int) -> None:
    """Every class has its row; the heat map names up to 160 at both sides; the page stays far below 3 MB."""
    names = [f"class {index:03}" for index in range(num_classes)]

    html = training_report(make_evaluation(names, count=4 * num_classes), {})

    assert len(html) < 1_500_000
    page = Page(html)
    assert all(f"{name} 4 " in page.text for name in names)
    chart = re.search(r'<figure class="card heat".*?</svg>', html, re.DOTALL)
    assert chart
    assert sorted(re.findall(r">(class \d{3})<", chart[0])) == sorted(names * (2 if num_classes <= 160 else 0))
    assert ("stand together" in page.text) == (num_classes > 40)
    assert ("The 300 of 350 classes with the most errors are shown." in page.text) == (num_classes == 350)


def test_page_without_a_test_split_says_so(make_evaluation: MakeEvaluation) -> None:
    """The sections on test images are left out; the rest is there."""
    html = training_report(untested(make_evaluation()), {})

    assert_self_contained(html)
    page = Page(html)
    assert "There was no test split" in page.text
    assert [attributes["id"] for attributes in page.all("section")] == ["result", "curves", "speed", "data", "settings"]


def test_numbers_that_are_none_leave_gaps(make_evaluation: MakeEvaluation) -> None:
    """evaluation.json has null where a loss was no number, and old ones have no learning rate."""
    broken = epoch(3, 0.1) | {"train_loss": None, "validation_loss": None, "learning_rate": None}

    page = Page(training_report(make_evaluation(epochs=[epoch(1, 0.5), epoch(2, 0.75), broken]), {}))

    assert "Learning rate" not in page.text


def test_thumbnails_are_inside_of_the_page(make_evaluation: MakeEvaluation) -> None:
    """A mistake whose picture is gone still has its row."""
    evaluation = make_evaluation()
    first = evaluation["mistakes"][0]["path"]

    page = Page(training_report(evaluation, {first: JPEG}))

    (image,) = page.all("img")
    assert image["src"].startswith("data:image/jpeg;base64,/9j/4")
    assert image["alt"] == f"test image labelled {evaluation['mistakes'][0]['class_name']}"
    assert page.text.count("no picture") == len(evaluation["mistakes"]) - 1


def test_serving_engine_and_its_reason_are_shown(make_evaluation: MakeEvaluation) -> None:
    """Why int8 was taken or refused is what a person asks next."""
    text = Page(training_report(make_evaluation(), {})).text

    assert "engine openvino" in text
    assert "reason int8 lost 1.2 points" in text
    assert "top1 agreement 0.981" in text


def test_speed_on_features_is_not_called_that_of_images(make_evaluation: MakeEvaluation) -> None:
    """A head takes 20,000 rows a second; a person would think that of the network."""
    text = Page(training_report(make_evaluation(trained_on="features"), {})).text

    assert "617 feature rows a second" in text
    assert "images a second" not in text.lower()


def test_confusions_are_sorted_by_their_number() -> None:
    """Right answers are none; the share is of the true class."""
    cells = [[0, 0, 8], [0, 1, 2], [1, 1, 5], [1, 2, 5], [2, 0, 1], [2, 2, 1]]

    pairs = confusions(np.array(cells), ["a", "b", "c"])

    assert [(pair["class_name"], pair["predicted"], pair["count"], pair["share"]) for pair in pairs] == [
        ("b", "c", 5, 0.5),
        ("a", "b", 2, 0.2),
        ("c", "a", 1, 0.5),
    ]
