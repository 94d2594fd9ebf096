"""The sentence of a failed job on a disk that is full."""

from pathlib import Path

import pytest

from training.failure_file import FailureFile

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


def _folders(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    output, model = tmp_path / "output", tmp_path / "model"
    for folder in (output, model):
        folder.mkdir()
    (model / "model.pt").write_bytes(b"x")
    return output / "failure", {"SM_OUTPUT_DIR": str(output), "SM_MODEL_DIR": str(model)}


def test_reserve_holds_the_sentence_on_a_full_disk(tmp_path: Path) -> None:
    """What was set aside at the start is enough, and nothing else is given up."""
    failure, environ = _folders(tmp_path)
    file = FailureFile(environ)
    failure.symlink_to("/dev/full")

    file.write("the learning rate is too high")
    file.close()

    assert failure.read_text() == "the learning rate is too high"
    assert (tmp_path / "model" / "model.pt").exists()
    assert list(failure.parent.iterdir()) == [failure]


def test_artifact_makes_room_where_there_was_none(tmp_path: Path) -> None:
    """On a disk that was full at the start the artifact, which a failed job does not need, gives way."""
    failure, environ = _folders(tmp_path)
    file = FailureFile(environ)
    file.close()
    failure.symlink_to("/dev/full")

    file.write("the learning rate is too high")

    assert failure.read_text() == "the learning rate is too high"
    assert not (tmp_path / "model").exists()


def test_without_an_output_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a plain machine the sentence is on standard error alone."""
    monkeypatch.chdir(tmp_path)

    file = FailureFile({})
    file.write("anything")
    file.close()

    assert list(tmp_path.iterdir()) == []
