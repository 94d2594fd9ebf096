"""An evaluation as a training job writes it, with names that no page may run, and ways to read a page back."""

import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from training.export.metrics import split_scores

CLASSES = ["<script>alert(1)</script>", "$5 & 'quoted'", "\N{CJK UNIFIED IDEOGRAPH-8C93}", "dog"]


class Page(HTMLParser):
    """A page's elements, with the text below each."""

    VOID = frozenset({"meta", "link", "img", "br", "input", "use", "path", "rect", "image"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += f" {data.strip()}" if data.strip() else ""

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every `tag`."""
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        """Return every id of the page."""
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def assert_self_contained(html: str) -> None:
    """Nothing in `html` is fetched from anywhere, and no script runs but the page's own."""
    page = Page(html)
    assert not re.search(r"https?://|//[a-z]+\.", html), "the page names an address"
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), attributes
        assert not [name for name in attributes if name.startswith("on")], attributes
    assert not page.all("link")
    assert not page.all("iframe")
    assert len(page.all("script")) == 1
    assert "url(" not in re.sub(r"url\(#", "", html)
    assert "default-src 'none'" in page.all("meta")[3]["content"]


@pytest.fixture
def make_evaluation() -> Callable[..., dict[str, Any]]:
    """Return a maker of evaluations with scores from `count` seeded predictions."""

    def make(class_names: list[str] = CLASSES, count: int = 80, **changes: Any) -> dict[str, Any]:
        random = np.random.default_rng(0)
        labels = np.arange(count) % len(class_names)
        logits = random.normal(size=(count, len(class_names)))
        logits[np.arange(count), labels] += 2.0
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        scores = split_scores([f"test/{i}.jpg" for i in range(count)], labels, probabilities, class_names)
        hits = int(np.trace(np.array(scores["confusion_matrix"])))
        return {
            "training_job_name": "pets-1",
            "dataset_fingerprint": "abc123",
            "seed": 7,
            "hyperparameters": {"model_name": "resnet18", "lr": 0.001, "epochs": 3},
            "class_names": class_names,
            "num_train_images": 1234,
            "num_validation_images": 200,
            "num_test_images": count,
            "test_top1": hits / count,
            "test_loss": 0.5,
            "best_epoch": 2,
            "best_validation_top1": 0.75,
            "best_validation_loss": 0.6,
            "golden": [],
            "data_problems": [{"path": "train/<b>/x.jpg", "reason": "empty file", "kind": "set aside"}],
            "serving": {
                "engine": "openvino",
                "precision": "fp32",
                "reason": "int8 lost 1.2 points",
                "top1_agreement": 0.981,
            },
            "epochs": [epoch(1, 0.5), epoch(2, 0.75), epoch(3, 0.7)],
            "versions": {"torch": "2.13.0"},
            **scores,
            **changes,
        }

    return make


def epoch(number: int, top1: float) -> dict[str, Any]:
    """Return one row of `epochs`."""
    return {
        "epoch": number,
        "train_loss": math.exp(-number),
        "train_top1": top1,
        "validation_loss": 1.2 * math.exp(-number),
        "validation_top1": top1,
        "seconds": 2.0,
        "images_per_second": 617.0,
        "learning_rate": 0.001 / number,
    }


def untested(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return `evaluation` as it is written where there was no test split."""
    gone = ("test_top1_interval", "test_top5", "macro_f1", "calibration", "mistakes")
    kept = {name: value for name, value in evaluation.items() if name not in gone}
    return kept | {"num_test_images": 0, "test_top1": None, "test_loss": None, "per_class": [], "confusion_matrix": []}
