"""No archive of a mebibyte takes more than 150 MB or a second, whoever reads it, and each refusal is a sentence."""

import re
from pathlib import Path

import pytest

from tests.datasets.hostile import MEBIBYTE, corpus
from tests.datasets.mutations import mutated
from tests.datasets.readings import READERS, SECONDS, Reading, read_all

_CORPUS = {f"{hostile.name}{hostile.suffix}": hostile for hostile in corpus()}
_ANY_ARCHIVE = tuple(reader for reader in READERS if reader != "output")  # outputs are tars, and links are passed over


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Reading]]:
    """Give how each reader of the product reads each hostile archive."""
    archives = {name: hostile.make() for name, hostile in _CORPUS.items()}
    assert max(map(len, archives.values())) <= MEBIBYTE
    return {reader: read_all(reader, archives, tmp_path_factory.mktemp(reader)) for reader in READERS}


@pytest.mark.parametrize("reader", READERS)
def test_hostile_archives_are_bounded(readings: dict[str, dict[str, Reading]], reader: str) -> None:
    """Each ends in a typed refusal or is read, within the memory that the system grants and within a second."""
    by_name = readings[reader]

    assert set(by_name) == set(_CORPUS)
    assert {name: one.message for name, one in by_name.items() if one.outcome == "failed"} == {}
    assert {name: one.seconds for name, one in by_name.items() if one.seconds >= SECONDS} == {}


@pytest.mark.parametrize("reader", _ANY_ARCHIVE)
def test_refusals_are_one_sentence_each(readings: dict[str, dict[str, Reading]], reader: str) -> None:
    """Each names the archive and says what is wrong, whoever reads it."""
    messages = {name: readings[reader][name].message for name, hostile in _CORPUS.items() if hostile.refusal}

    assert {name: text for name, text in messages.items() if not re.search(_CORPUS[name].refusal, text)} == {}
    assert {name: text for name, text in messages.items() if name not in text} == {}
    assert {name: text for name, text in messages.items() if len(text) > 500 or not text.isprintable()} == {}


def test_strange_archives_are_read(readings: dict[str, dict[str, Reading]]) -> None:
    """What is only unusual is no reason to refuse it."""
    strange = [name for name, hostile in _CORPUS.items() if not hostile.refusal]

    assert {name: readings["functions"][name].outcome for name in strange} == dict.fromkeys(strange, "read")


@pytest.mark.parametrize("reader", ["functions", "output"])
@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_damage_of_any_kind_is_bounded(tmp_path: Path, reader: str, suffix: str) -> None:
    """Sound archives with bytes changed, numbers set to extremes, parts left out or doubled: 150 of each kind."""
    archives = {f"{seed:03}{suffix}": mutated(suffix, seed) for seed in range(150)}

    readings = read_all(reader, archives, tmp_path / "archives")

    assert len(readings) == len(archives)
    assert [reading for reading in readings.values() if reading.outcome == "failed"] == []
    assert max(reading.seconds for reading in readings.values()) < SECONDS
    assert {reading.outcome for reading in readings.values()} == {"read", "refused"}
