"""No JSON of 32 MB takes more memory than the gate's function has, and what an honest one needs is read."""

import subprocess
import sys
from pathlib import Path

import pytest

from handlers.contract.json_bounds import bounded_json
from handlers.training_jobs.evaluations import MAX_EVALUATION_BYTES, MAX_MEMORY_BYTES

_ROOT = Path(__file__).parents[3]
_READER = """
import resource, sys
from handlers.contract.json_bounds import bounded_json
start, unit, end, size, limit = sys.argv[1:]
count = (int(size) - len(start) - len(end)) // len(unit.encode())
data = (start + unit * count + end).encode() if "%" not in unit else (
    start + ",".join(unit % number for number in range(int(size) // (len(unit) + 6))) + end).encode()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + int(limit), resource.RLIM_INFINITY))
try:
    bounded_json(data, int(limit))
    print("read")
except ValueError as error:
    print("refused", str(error)[:200])
"""
# Name: how it begins, what is repeated, how it ends.
_HOSTILE = {
    "empty lists": ("[", "[],", "[]]"),
    "empty objects": ("[", "{},", "{}]"),
    "objects of one member": ("[", '{"a":0},', "0]"),
    "numbers": ("[", "0,", "0]"),
    "floats": ("[", "0.1,", "0]"),
    "short strings": ("[", '"\u4e00",', '""]'),
    "own names": ("{", '"k%07d":0', "}"),
    "objects of own names": ("[", '{"k%07d":0}', "]"),
    "one long string": ('"', "a", '"'),
    "one wide string": ('"\U0001f600', "a", '"'),
    "one string that an escape widens": ('"\\ud83d\\ude00', "a", '"'),
    "many wide strings": ("[", '"\U0001f600aaaaaaaaaaaaaaaaaaaaaaaaaaaa",', '""]'),
    "nested lists": ("", "[", ""),
    "nested objects": ("", '{"a":', ""),
    "white space": ("[", " ", "0]"),
    "a number of many digits": ("", "9", ""),
}


@pytest.mark.parametrize("size", [MAX_EVALUATION_BYTES, 2 << 20], ids=["largest", "small"])
@pytest.mark.parametrize("name", _HOSTILE)
def test_no_json_takes_more_than_its_bound(name: str, size: int) -> None:
    """A process that may have the bound more than it began with reads each, or refuses it in words."""
    start, unit, end = _HOSTILE[name]

    done = subprocess.run(
        [sys.executable, "-c", _READER, start, unit, end, str(size), str(MAX_MEMORY_BYTES)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("read", "refused"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"NaN", "NaN is not JSON"),
        (b'{"a":1,"a":2}', "a name that comes twice"),
        (b"[" * 100_000, "nested too deep"),
        (b"1e999", "a number beyond a double"),
        (b'"\x00"', "Invalid control character"),
        (b"\xff", "can't decode byte 0xff"),
    ],
)
def test_what_is_no_strict_json_is_refused(data: bytes, words: str) -> None:
    """Every fault is a ValueError, which a handler words."""
    with pytest.raises(ValueError, match=words):
        bounded_json(data, MAX_MEMORY_BYTES)


def test_small_budget_is_named() -> None:
    """The sentence holds what it would take and what may be taken."""
    with pytest.raises(ValueError, match=r"it takes \d+ MB to read; at most 1 MB are taken"):
        bounded_json(b"[" + b"{}," * 10_000 + b"{}]", 1_000_000)
