"""What the champion answers: its artifact unpacked, and its own code asked about each picture, in another process."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.errors import DatasetError
from datasets.pictures import read_record
from training.errors import TrainingError
from training.export.pictures import PICTURES_FILE

ARTIFACT, OUTPUT = "model.tar.gz", "output.tar.gz"  # as SageMaker leaves them, side by side
PROGRAM = Path(__file__).with_name("answering.py")
LEARNED_FROM = ("train", "validation")  # the validation split chose the epoch, the temperature and the precision
_START_SECONDS, _PICTURE_SECONDS = 300.0, 2.0  # it must not hang a job that is all but done
_LAST_CHARACTERS = 400


class ChampionError(TrainingError):
    """The champion cannot be asked; its message says why."""


@dataclass(frozen=True)
class Answers:
    """What answered, and the class of each picture; None where an endpoint would refuse the picture."""

    engine: str
    precision: str
    class_names: list[str | None]


@contextmanager
def unpacked(channel: Path) -> Iterator[Path]:
    """Give a folder with the champion's model artifact.

    Raises:
        ChampionError: the channel holds none, or it is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="champion-") as folder:
        try:
            with tarfile.open(channel / ARTIFACT, "r:gz") as archive:
                archive.extractall(folder, filter="data")
        except (OSError, EOFError, tarfile.TarError) as error:
            raise ChampionError(f"its artifact cannot be unpacked: {error}") from error
        yield Path(folder)


def described(model_folder: Path) -> dict[str, Any]:
    """Return the artifact's model.json.

    Raises:
        ChampionError: there is none, or it names no classes.
    """
    try:
        description = dict(json.loads((model_folder / "model.json").read_text(encoding="utf-8")))
        is_complete = all(isinstance(name, str) for name in description["class_names"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ChampionError(f"its model.json cannot be read: {type(error).__name__}: {error}") from error
    if not is_complete:
        raise ChampionError(f"its model.json cannot be read: class_names {description['class_names']!r:.80}")
    return description


def ask(model_folder: Path, pictures: Sequence[Path]) -> Answers:
    """Return what the artifact's code answers for each of `pictures`, on a CPU as its endpoint does.

    Raises:
        ChampionError: it does not load, fails, or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="champion-") as folder:
        questions, answers = Path(folder) / "questions", Path(folder) / "answers"
        questions.write_text("".join(json.dumps(str(path.absolute())) + "\n" for path in pictures), encoding="utf-8")
        _run([str(model_folder), str(questions), str(answers)], _START_SECONDS + _PICTURE_SECONDS * len(pictures))
        told, *class_names = (json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines())
    return Answers(str(told["engine"]), str(told["precision"]), class_names)


def learned_from(channel: Path) -> dict[bytes, str] | None:
    """Return SHA-256 and class of every picture that the champion learned from; None where its job left no record."""
    try:
        with tarfile.open(channel / OUTPUT, "r:gz") as archive:
            for member in archive:
                if member.isfile() and Path(member.name) == Path(PICTURES_FILE):
                    file = archive.extractfile(member)
                    return _learned(io.TextIOWrapper(file, "utf-8", "surrogateescape")) if file else None
    except (OSError, EOFError, tarfile.TarError, DatasetError, ValueError):
        return None
    return None


def _learned(record: Iterable[str]) -> dict[bytes, str]:
    _, pictures = read_record(record)
    return {bytes.fromhex(one.sha256): one.class_name for one in pictures if one.split in LEARNED_FROM}


def _run(arguments: list[str], seconds: float) -> None:
    threads = {"OMP_NUM_THREADS": str(os.cpu_count() or 1), "CUDA_VISIBLE_DEVICES": ""}  # a GPU would answer in halves
    command = [sys.executable, str(PROGRAM), *arguments]
    try:
        done = subprocess.run(
            command,
            env=os.environ | threads,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChampionError(f"its code did not answer within {seconds:.0f} s") from None
    if done.returncode:
        last = " ".join(done.stderr.split())[-_LAST_CHARACTERS:]
        raise ChampionError(f"its code ended with exit code {done.returncode}: {last or 'it said nothing'}")
