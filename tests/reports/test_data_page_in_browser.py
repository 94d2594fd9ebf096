"""The page about a dataset in a real browser: what is ticked is saved as a CSV that `data fix` carries out."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.datasets.fixing import Folder, Move, carry_out, planned, read_actions
from reports.data_page import data_page
from tests.browser import CHROMIUM, Browser
from tests.waiting import wait_for

ODD = 'train/cat/a, "b" <i>.jpg'


def finding(path: str, kind: str, action: str, value: str = "") -> dict[str, Any]:
    """Return a finding about a picture whose content is its path."""
    split, name, _ = path.split("/")
    digest = hashlib.sha256(path.encode()).hexdigest()
    return {
        "kind": kind, "path": path, "split": split, "class_name": name, "score": 0.9, "reason": "so", "other": "",
        "other_class": "", "action": action, "value": value, "done": "", "sha256": digest,
    }  # fmt: skip


FINDINGS = [
    finding("test/dog/1.jpg", "leak", "drop"),
    finding(ODD, "wrong label", "relabel", "dog"),
    finding("train/cat/3.jpg", "outlier", "drop"),
    finding("train/dog/4.jpg", "set aside", ""),
]
EXAMINATION = {
    "num_pictures": 4,
    "summary": ["4 pictures of 2 classes"],
    "counts": {"leak": 1, "wrong label": 1, "outlier": 1, "set aside": 1},
    "classes": [{"class_name": name, "train": 1, "validation": 0, "test": 1} for name in ("cat", "dog")],
    "findings": FINDINGS,
}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    """The page, opened from the disk as a person does."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    (tmp_path / "data.html").write_text(data_page(EXAMINATION, {}, "photos", 10), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.open((tmp_path / "data.html").as_uri())
        yield browser


def test_ticks_are_saved_and_carried_out(page: Browser, tmp_path: Path) -> None:
    """What is shown is ticked by one button, one is unticked, one alone is chosen of its kind; the rest stays."""
    for row in FINDINGS:
        (tmp_path / "photos" / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / row["path"]).write_text(row["path"])
    assert page.evaluate("document.getElementById('save').disabled")
    page.evaluate("document.getElementById('all').click()")
    assert page.evaluate("document.getElementById('count').textContent") == "3 ticked"
    page.evaluate("document.querySelectorAll('tr[data-row] input')[2].click()")
    assert page.evaluate("document.getElementById('count').textContent") == "2 ticked"
    page.evaluate("document.getElementById('save').click()")
    table = tmp_path / "ticked.csv"
    wait_for(table.is_file, 20, "the download", pause_seconds=0.05)

    photos = Folder(tmp_path / "photos")
    plan = planned(read_actions(table), photos)

    aside, relabelled = plan.moves
    assert aside.target.endswith("/test/dog/1.jpg")
    assert relabelled == Move(ODD, ODD.replace("/cat/", "/dog/"))
    assert not plan.remarks()
    carry_out(plan.moves, photos, tmp_path / "journal.csv")
    assert (tmp_path / "photos" / relabelled.target).read_text() == ODD


def test_one_kind_is_shown_and_ticked_alone(page: Browser) -> None:
    """The button ticks what is shown, and what is hidden keeps its ticks."""
    page.evaluate("kind.value = 'outlier'; kind.dispatchEvent(new Event('change', {bubbles: true}))")

    assert page.evaluate("[...document.querySelectorAll('tr[data-row]')].filter((row) => !row.hidden).length") == 1
    page.evaluate("document.getElementById('all').click()")
    assert page.evaluate("document.getElementById('count').textContent") == "1 ticked"
