"""Checkpoints of a training job: written whole or not at all, checked when read, never another job's.

A file is one line of JSON (format, identity, number of bytes, SHA-256) and the bytes of torch.save. It is written under
another name, forced to the disk and then renamed, so a process killed at any moment leaves the last good one as it was.
The identity is what the state depends on: settings, data, starting weights. A checkpoint of another identity is left
alone, and said so.
"""

import hashlib
import io
import json
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

FORMAT = 1
KEPT = 2  # the newest, and one to fall back on
_MAX_HEADER_BYTES = 1 << 20
_NAME = re.compile(r"checkpoint-[0-9a-f]{12}-\d{9}\.pt")
_PARTIAL = ".partial"

State = dict[str, Any]  # tensors, numbers, strings, None, and lists, tuples and dicts of them: loads with weights_only
Say = Callable[[str], None]


class DamagedError(ValueError):
    """A checkpoint file is not what was written; the message says how."""


class Header(NamedTuple):
    """The first line of a checkpoint file."""

    identity: dict[str, Any]
    num_steps: int
    num_bytes: int
    sha256: str


@dataclass
class CheckpointFolder:
    """The checkpoints of one job in a folder that other jobs may use too.

    `seconds` and `steps` say how often `is_due` asks for one; 0: not for that reason.
    """

    folder: Path
    identity: Mapping[str, Any]  # JSON-ready
    say: Say
    seconds: float = 60.0
    steps: int = 0
    _last_time: float = field(default_factory=time.monotonic)
    last_step: int = 0  # of the newest checkpoint

    def is_due(self, num_steps: int) -> bool:
        """Tell whether a checkpoint after `num_steps` steps is wanted."""
        since = num_steps - self.last_step
        by_time = self.seconds > 0 and since > 0 and time.monotonic() - self._last_time >= self.seconds
        return by_time or 0 < self.steps <= since

    def save(self, num_steps: int, state: State) -> Path | None:
        """Write `state` and remove all but the last good checkpoints; a full disk is said and stops nothing."""
        self._last_time, self.last_step = time.monotonic(), num_steps
        path = self.folder / f"checkpoint-{self._key}-{num_steps:09d}.pt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, _encoded(self.identity, num_steps, state))
        except OSError as error:
            with suppress(OSError):
                path.with_name(path.name + _PARTIAL).unlink(missing_ok=True)
            self.say(f"checkpoint {path.name!r} was not written: {error.strerror or error}; training goes on")
            return None
        self._last_time = time.monotonic()
        for old in self._own()[KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def load(self) -> State | None:
        """Return the newest state of this job that is whole; what is passed over is said, with the reason."""
        self._clear_up()
        for path in self._own():
            try:
                header, payload = _read(path, self.identity)
                state: State = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            except Exception as error:  # noqa: BLE001 - torch raises anything on what it does not know
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                self.say(f"checkpoint {path.name!r} is passed over: {reason}; the one before it is tried")
                continue
            self.last_step = header.num_steps
            self.say(f"resumed from checkpoint {path.name!r} after {header.num_steps} steps")
            return state
        return None

    @property
    def _key(self) -> str:
        return hashlib.sha256(_canonical(self.identity)).hexdigest()[:12]

    def _own(self) -> list[Path]:
        """Return this job's checkpoints, the newest first."""
        return sorted(self.folder.glob(f"checkpoint-{self._key}-*.pt"), reverse=True)

    def _clear_up(self) -> None:
        """Remove what a killed process left half-written; name the checkpoints of other jobs."""
        for path in self.folder.glob(f"checkpoint-{self._key}-*.pt{_PARTIAL}"):
            path.unlink(missing_ok=True)
        own = set(self._own())
        others = [path for path in self.folder.glob("checkpoint-*.pt") if _NAME.fullmatch(path.name)]
        for path in sorted(set(others) - own):
            try:
                differences = _differences(_read_header(path).identity, self.identity)
            except (OSError, DamagedError) as error:
                differences = str(error)
            self.say(f"checkpoint {path.name!r} is of another job and not used: {differences}")


def rng_state() -> State:
    """Return the state of every global random generator that training may draw from."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_rng_state(state: State) -> None:
    """Put every global random generator back to where `rng_state` found it."""
    random.setstate(state["python"])
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


def _encoded(identity: Mapping[str, Any], num_steps: int, state: State) -> tuple[bytes, memoryview]:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    fields = {
        "format": FORMAT,
        "identity": dict(identity),
        "num_steps": num_steps,
        "num_bytes": len(payload),
        "sha256": _checksum(identity, num_steps, payload),
    }
    return _canonical(fields) + b"\n", payload


def _write_whole(path: Path, parts: tuple[bytes, memoryview]) -> None:
    partial = path.with_name(path.name + _PARTIAL)
    with open(partial, "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else the new name itself may be lost with the power
    finally:
        os.close(folder)


def _checksum(identity: Mapping[str, Any], num_steps: int, payload: bytes | memoryview) -> str:
    digest = hashlib.sha256(_canonical([identity, num_steps]))
    digest.update(payload)
    return digest.hexdigest()


def _read(path: Path, identity: Mapping[str, Any]) -> tuple[Header, bytes]:
    """Return header and payload.

    Raises:
        DamagedError: the file is cut short, was changed, or is of another identity than its name says.
    """
    header = _read_header(path)
    with open(path, "rb") as file:
        file.readline(_MAX_HEADER_BYTES)
        payload = file.read()
    if len(payload) != header.num_bytes:
        raise DamagedError(f"it holds {len(payload)} of {header.num_bytes} bytes")
    if _checksum(header.identity, header.num_steps, payload) != header.sha256:
        raise DamagedError("its checksum is wrong")
    if _canonical(header.identity) != _canonical(identity):
        raise DamagedError("its name and its content belong to different jobs")
    return header, payload


def _read_header(path: Path) -> Header:
    with open(path, "rb") as file:
        line = file.readline(_MAX_HEADER_BYTES)
    try:
        fields = json.loads(line)
        if fields["format"] != FORMAT:
            raise DamagedError(f"its format is {fields['format']!r}, known is {FORMAT}")
        return Header(fields["identity"], int(fields["num_steps"]), int(fields["num_bytes"]), str(fields["sha256"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, DamagedError):
            raise
        raise DamagedError("its first line is damaged") from error


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
    return ", ".join(f"{name} {theirs.get(name)!r} instead of {ours.get(name)!r}" for name in names) or "unknown"
