"""Traffic: patterns have the rate that was asked for, files are read or refused in a sentence."""

import math
from pathlib import Path

import numpy as np
import pytest

from ops.errors import LoadError
from ops.scaling import traces


def test_a_days_mean_is_what_was_asked() -> None:
    """A day of 100 a minute has 144,000 requests, few at four in the morning and most at four in the afternoon."""
    trace = traces.pattern("daily", 100)

    assert len(trace.seconds) == pytest.approx(144_000, rel=0.01)
    by_hour = [sum(trace.per_minute[hour * 60 : hour * 60 + 60]) for hour in range(24)]
    assert np.argmin(by_hour) in {3, 4}
    assert np.argmax(by_hour) in {15, 16}


def test_a_spike_is_ten_times_the_rate() -> None:
    """For twenty minutes after the first hour."""
    counts = traces.pattern("spike", 100).per_minute

    assert np.mean(counts[60:80]) == pytest.approx(1000, rel=0.05)
    assert np.mean(counts[:60] + counts[80:]) == pytest.approx(100, rel=0.05)


def test_counts_of_minutes_are_kept() -> None:
    """Requests are at random times, as many in each minute as were counted, in order."""
    trace = traces.of_counts("counted", [3, 0, 5])

    assert trace.per_minute == [3, 0, 5]
    assert (np.diff(trace.seconds) >= 0).all()


def test_parts_of_a_request_add_up() -> None:
    """Five minutes that CloudWatch counted together are a fifth each: two requests are two, not none."""
    assert sum(traces.of_counts("counted", [0.4] * 5).per_minute) == 2
    assert sum(traces.of_counts("counted", [0.2] * 5000).per_minute) == 1000


@pytest.mark.parametrize(
    ("name", "text", "counts", "hour"),
    [
        ("a.csv", "2026-11-30T07:00,4\n2026-11-30T07:03,2\n2026-11-30T07:04,1\n", [4, 0, 0, 2, 1], 7),
        ("a.csv", "2026-11-30T07:00Z,10\n2026-11-30T07:05Z,0\n2026-11-30T07:10Z,5\n", [2] * 5 + [0] * 5 + [1] * 5, 7),
        ("a.csv", "time,invocations\n2026-11-30T07:00,4\n2026-11-30T07:01,2\n", [4, 2], 7),
        ("a.csv", "4\n2\n", [4, 2], 0),
        ("a.json", '[{"samples": [[61.0, 61.1, 61.2, "ok"], [2.0, 2.0, 2.1, "ok"]]}]', [1, 1], 0),
    ],
)
def test_files_are_read(tmp_path: Path, name: str, text: str, counts: list[int], hour: int) -> None:
    """Minutes as they were counted, with or without a time, and what `deploy.py load --out` wrote."""
    (tmp_path / name).write_text(text)

    trace = traces.from_file(tmp_path / name)

    assert (trace.per_minute, trace.hour_of_day(0)) == (counts, hour)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "no line"),
        ("a.csv", "1\nmany\n", r"\['many'\]; expected lines such as"),
        ("a.csv", "1\n-2\n", r"\['-2'\]"),
        ("a.json", "{}", "not what `deploy.py load --out` writes"),
        ("a.json", '[{"samples": []}]', "0 requests"),
        ("a.csv", "1e12\n", "at most"),
        ("a.csv", "2026-11-30T07:01,1\n2026-11-30T07:00,1\n", "07:01:00 and then .*07:00:00; expected lines whole"),
        ("a.csv", "2026-11-30T07:00:00,1\n2026-11-30T07:00:10,1\n", "whole minutes apart"),
        ("a.csv", "2026-11-30T07:00,1\n2026-11-30T07:01Z,1\n", "some times have a zone"),
        ("a.csv", "2026-11-30T07:00,1\n2036-11-30T07:01,1\n", "hours; at most"),
    ],
)
def test_what_is_no_traffic_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    """The sentence shows what was there."""
    (tmp_path / name).write_text(text)

    with pytest.raises(LoadError, match=words):
        traces.from_file(tmp_path / name)


@pytest.mark.parametrize(
    ("rate", "hours"),
    [(0, 1), (-1, 1), (math.nan, 1), (1e9, 24), (1, -1), (1, math.nan), (1, math.inf), (1e-9, 1e9)],
)
def test_an_impossible_pattern_is_refused(rate: float, hours: float) -> None:
    """No traffic, and more than can be gone through."""
    with pytest.raises(LoadError, match="pattern 'steady'"):
        traces.pattern("steady", rate, hours)
