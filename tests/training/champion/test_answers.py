"""training/champion/answers.py: an artifact is asked by its own code, and what it learned from is known."""

from pathlib import Path

import pytest

from datasets.pictures import Picture
from tests.training.champion.artifacts import CODE, write_champion
from training.champion import answers
from training.champion.answers import ChampionError, ask, described, learned_from, unpacked

_PICTURES = [
    Picture("train/cat/0.jpg", "cat", "train", 3, "", "aa"),
    Picture("valid/dog/0.jpg", "dog", "validation", 3, "", "bb"),
    Picture("test/dog/1.jpg", "dog", "test", 3, "", "cc"),
]


def _written(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{index}.jpg" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_artifact_answers_by_its_own_code(tmp_path: Path) -> None:
    """Its inference.py, its neighbours, its engine; a picture that it refuses has no answer."""
    channel = write_champion(tmp_path / "champion", [])

    with unpacked(channel) as folder:
        told = ask(folder, _written(tmp_path, b"dog", b"refuse", b"cat"))

        assert described(folder)["class_names"] == ["cat", "dog"]
    assert (told.engine, told.precision, told.class_names) == ("openvino", "int8", ["dog", None, "cat"])


def test_code_that_fails_is_quoted(tmp_path: Path) -> None:
    """An artifact that cannot be loaded any more says why."""
    with (
        unpacked(write_champion(tmp_path / "champion", [])) as folder,
        pytest.raises(ChampionError, match=r"its code ended with exit code 1: .*KeyError: 'no such layer'"),
    ):
        ask(folder, _written(tmp_path, b"crash"))


def test_code_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is all but done, and ends."""
    monkeypatch.setattr(answers, "_START_SECONDS", 0.2)
    monkeypatch.setattr(answers, "_PICTURE_SECONDS", 0.0)
    with (
        unpacked(write_champion(tmp_path / "champion", [], "import time; time.sleep(60)" + CODE)) as folder,
        pytest.raises(ChampionError, match="its code did not answer within 0 s"),
    ):
        ask(folder, [])


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_artifact_that_is_damaged_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    """Or not there at all."""
    if content is not None:
        (tmp_path / "model.tar.gz").write_bytes(content)

    with pytest.raises(ChampionError, match="its artifact cannot be unpacked"), unpacked(tmp_path):
        pass


def test_what_was_learned_from_is_train_and_validation(tmp_path: Path) -> None:
    """The validation split chose the epoch, so its pictures are no test of the champion either."""
    assert learned_from(write_champion(tmp_path / "champion", _PICTURES)) == {b"\xaa": "cat", b"\xbb": "dog"}


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_without_a_record_it_is_not_known(tmp_path: Path, content: bytes | None) -> None:
    """Which is something else than nothing."""
    if content is not None:
        (tmp_path / "output.tar.gz").write_bytes(content)

    assert learned_from(tmp_path) is None


@pytest.mark.parametrize("model", [{}, [], {"class_names": [1]}])
def test_model_json_without_classes_is_refused(tmp_path: Path, model: object) -> None:
    """By that file's name."""
    with (
        unpacked(write_champion(tmp_path / "champion", [], model=model)) as folder,
        pytest.raises(ChampionError, match=r"its model\.json cannot be read"),
    ):
        described(folder)
