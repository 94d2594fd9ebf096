"""training/champion/scoring.py: the champion's part of evaluation.json."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from datasets.pictures import Picture
from inference.preprocessing import Preprocessing
from tests.training.champion.artifacts import write_champion
from training.champion.answers import Answers
from training.champion.scoring import champion_scores, served_otherwise
from training.config import TrainingConfig
from training.data.splits import Datasets, Split
from training.listing import Sample

_SIZES = Preprocessing(32, 32)


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    (tmp_path / "out").mkdir()
    return TrainingConfig(output_data_dir=tmp_path / "out", champion=tmp_path / "champion", champion_name="old-1")


@pytest.fixture
def split(tmp_path: Path) -> Callable[..., Split]:
    """Give a split of pictures whose bytes are what the champion answers: path and answer of each."""

    def make(name: str, **pictures: str) -> Split:
        samples, digests = [], []
        for key, answer in pictures.items():
            path = tmp_path / f"{name}-{key}.jpg"
            path.write_bytes(answer.encode())
            samples.append(Sample(path, f"{name}/{key}.jpg", key.partition("_")[0]))
            digests.append(hashlib.sha256(path.read_bytes() + key.encode()).digest())
        return Split(name, samples, torch.zeros(len(samples), dtype=torch.int64), _SIZES, None, digests=digests)

    return make


@pytest.fixture
def datasets(split: Callable[..., Split]) -> Datasets:
    test = split("test", cat_1="cat", cat_2="dog", dog_1="dog", dog_2="dog")
    return Datasets(["cat", "dog"], split("train"), split("validation"), test)


def test_champion_is_scored_on_the_same_pictures(tmp_path: Path, config: TrainingConfig, datasets: Datasets) -> None:
    """One that it learned from is left out; every pair is written beside the evaluation."""
    assert datasets.test
    digest = datasets.test.digests[2].hex()
    write_champion(tmp_path / "champion", [Picture("train/dog/0.jpg", "dog", "train", 3, "", digest)])

    scores = champion_scores(config, datasets, [0, 0, 1, 0])

    assert scores
    assert (scores["name"], scores["problem"], scores["training_job_name"]) == ("old-1", "", "old-1")
    assert (scores["engine"], scores["precision"], scores["otherwise"]) == ("openvino", "int8", "")
    assert (scores["num_images"], scores["num_learned"]) == (3, 1)
    assert (scores["candidate_right"], scores["champion_right"], scores["candidate_alone"]) == (2, 2, 1)
    rows = [json.loads(line) for line in (tmp_path / "out" / "outcomes.jsonl").read_text().splitlines()]
    assert [(row["candidate"], row["champion"]) for row in rows] == [
        ("cat", "cat"), ("cat", "dog"), ("dog", "dog"), ("cat", "dog"),
    ]  # fmt: skip


def test_where_none_serves_there_is_nothing_to_say(config: TrainingConfig, datasets: Datasets) -> None:
    """The first model of an endpoint has no champion."""
    assert champion_scores(replace(config, champion_name=""), datasets, [0, 0, 1, 1]) is None


def test_problem_that_was_known_is_handed_on(config: TrainingConfig, datasets: Datasets) -> None:
    """The artifact was gone when the job was started."""
    known = replace(config, champion_problem="its artifact is gone")

    assert champion_scores(known, datasets, [0] * 4) == {"name": "old-1", "problem": "its artifact is gone"}


def test_champion_that_cannot_be_loaded_costs_no_job(
    tmp_path: Path, config: TrainingConfig, datasets: Datasets
) -> None:
    """What is wrong with it stands in the evaluation."""
    write_champion(tmp_path / "champion", [], code="import a_package_of_the_past")

    scores = champion_scores(config, datasets, [0] * 4)

    assert scores
    assert scores["problem"].startswith("its code ended with exit code 1")
    assert scores["problem"].endswith("No module named 'a_package_of_the_past'")


def test_engine_that_is_not_the_endpoints_is_said() -> None:
    """A job without the engine's package scores by torch what is served in int8."""
    described = {"serving": {"engine": "openvino", "precision": "int8"}}

    assert served_otherwise(described, Answers("torch", "fp32", [])) == "openvino in int8"
    assert served_otherwise(described, Answers("openvino", "int8", [])) == ""
    assert served_otherwise({}, Answers("torch", "fp32", [])) == ""
