"""report.html beside evaluation.json, from real pictures of a real test split."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.config import TrainingConfig
from training.data.splits import find_images
from training.export.metrics import split_scores
from training.export.report_html import THUMBNAIL_PIXELS, thumbnails, try_report
from training.listing import Sample


@pytest.fixture
def samples(image_folder: Path, make_config: Callable[..., TrainingConfig]) -> list[Sample]:
    """The test split of the image folder."""
    return find_images(make_config())["test"].samples


def evaluation_of(samples: list[Sample]) -> dict[str, object]:
    """Return an evaluation in which every second image is taken for the next class."""
    names = ["blue", "green", "red"]
    labels = np.array([names.index(sample.class_name) for sample in samples])
    predicted = (labels + np.arange(len(labels)) % 2) % 3
    probabilities = np.full((len(labels), 3), 0.1)
    probabilities[np.arange(len(labels)), predicted] = 0.8
    epoch = {"epoch": 1, "seconds": 1.0, "images_per_second": 5.0, "learning_rate": 0.1}
    metrics = dict.fromkeys(("train_loss", "train_top1", "validation_loss", "validation_top1"), 0.5)
    return {
        **split_scores([sample.relative_path for sample in samples], labels, probabilities, names),
        **{"training_job_name": "j", "dataset_fingerprint": "f", "seed": 0, "hyperparameters": {"model_name": "m"}},
        **{"class_names": names, "num_train_images": 1, "num_validation_images": 1, "num_test_images": len(samples)},
        **{"best_epoch": 1, "best_validation_top1": 0.5, "test_top1": 0.5, "test_loss": 1.0, "versions": {}},
        **{"serving": {"engine": "torch", "reason": "no graph"}, "data_problems": [], "epochs": [epoch | metrics]},
    }


def test_mistakes_are_shown_as_the_network_sees_them(
    samples: list[Sample], make_config: Callable[..., TrainingConfig]
) -> None:
    """Each mistake's picture is in the page: upright, RGB and small."""
    config = make_config()
    config.output_data_dir.mkdir()

    line = try_report(evaluation_of(samples), samples, config)

    assert line == f"report: {config.output_data_dir / 'report.html'}"
    html = (config.output_data_dir / "report.html").read_text()
    assert "<dt>reason</dt><dd>no graph</dd>" in html
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", html)
    assert len(pictures) == len(samples) // 2
    colours = [Image.open(io.BytesIO(base64.b64decode(one))).resize((1, 1)).getpixel((0, 0)) for one in pictures]
    assert {int(np.argmax(np.asarray(colour))) for colour in colours} == {0, 1, 2}  # red, green and blue ones


def test_picture_that_is_gone_is_left_out(samples: list[Sample]) -> None:
    """A file that vanished or broke since it was read costs its thumbnail only."""
    samples[0].path.unlink()
    samples[1].path.write_bytes(b"no image")

    pictures = thumbnails(samples[:3])

    assert list(pictures) == [samples[2].relative_path]
    assert Image.open(io.BytesIO(pictures[samples[2].relative_path])).size == (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)


def test_page_that_fails_costs_no_job(samples: list[Sample], make_config: Callable[..., TrainingConfig]) -> None:
    """The model is saved by then; the line says what is missing and where the numbers are."""
    line = try_report({"epochs": []}, samples, make_config())

    assert line == "report.html was not written: KeyError: 'best_epoch'; evaluation.json holds every number"
