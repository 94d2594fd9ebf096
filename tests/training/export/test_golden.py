"""What is written beside the model: which images become golden predictions."""

from pathlib import Path

from training.export.golden import MAX_CANDIDATES, golden_candidates
from training.listing import Sample


def _samples(*paths: str) -> list[Sample]:
    return [Sample(Path(path), path, Path(path).parent.name) for path in paths]


def test_golden_candidates_take_turns_by_class() -> None:
    """The first image of each class comes before any second, so that few predictions show many classes."""
    samples = _samples("test/a/0.jpg", "test/a/1.jpg", "test/a/2.jpg", "test/b/0.jpg", "test/c/0.jpg", "test/c/1.jpg")

    chosen = [samples[index].relative_path for index in golden_candidates(samples)]

    assert chosen == [
        "test/a/0.jpg",
        "test/b/0.jpg",
        "test/c/0.jpg",
        "test/a/1.jpg",
        "test/c/1.jpg",
        "test/a/2.jpg",
    ]


def test_golden_candidates_are_few() -> None:
    """Of a large split no more are looked at than a job can answer at once."""
    samples = _samples(*(f"test/class-{index}/0.jpg" for index in range(100)))

    assert len(golden_candidates(samples)) == MAX_CANDIDATES
