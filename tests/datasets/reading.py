"""Reads each archive of a folder as one part of the product does, under limits, and prints a line of JSON for each:

    python tests/datasets/reading.py functions|upload|training|output FOLDER MEBIBYTES SECONDS

MEBIBYTES more than this program has once it has begun are refused by the system, and an archive that takes more
SECONDS of processor time is given up.
"""

import json
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from datasets.archives import Archive, members  # noqa: E402 - after the path is set
from datasets.errors import ArchiveError  # noqa: E402
from datasets.paths import file_problem  # noqa: E402

PAGE_BYTES = resource.getpagesize()


def functions(path: Path) -> None:
    """As ValidateDataset stages it: images are read one by one, other files are passed over."""
    with path.open("rb", buffering=0) as stream:
        for member in members(Archive(stream, path.name, path.stat().st_size)):
            if not file_problem(member.path, member.size):
                assert len(member.read()) == member.size


def reader(name: str) -> tuple[Callable[[Path], object], type[Exception]]:
    """Return what reads an archive, and what it may raise."""
    if name == "upload":
        from ops.datasets.on_disk import check_archive
        from ops.errors import UploadError

        return check_archive, UploadError
    if name == "training":
        from training.errors import DatasetError
        from training.sources import local_folder

        return lambda path: local_folder(str(path), None, lambda _: None).__enter__(), DatasetError
    if name == "output":
        from ops.errors import ReportError
        from ops.runs.fetched_reports import unpack

        return lambda path: unpack(path.read_bytes(), path.name), ReportError
    return functions, ArchiveError


def peak_bytes() -> int:
    """Return the most memory that this process has had since `forget_peak`, 0 where nothing tells that."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def forget_peak() -> None:
    """Begin to measure the peak from what is held now."""
    if (switch := Path("/proc/self/clear_refs")).exists():
        switch.write_text("5")


def limit_memory(more: int) -> None:
    """Let the system refuse `more` bytes beyond what is mapped now; where nothing tells that, nothing is limited."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        mapped = int(sizes.read_text().split()[0]) * PAGE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (mapped + more, mapped + more))


def give_up(*_: object) -> None:
    raise TimeoutError("took too long")


def main(name: str, folder: str, mebibytes: str, seconds: str) -> None:
    read, refusal = reader(name)
    signal.signal(signal.SIGPROF, give_up)
    limit_memory(int(mebibytes) << 20)
    for path in sorted(Path(folder).iterdir()):
        outcome, message = "read", ""
        forget_peak()
        before, began = peak_bytes(), time.process_time()
        signal.setitimer(signal.ITIMER_PROF, float(seconds))
        try:
            read(path)
        except refusal as error:
            outcome, message = "refused", str(error)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            outcome, message = "failed", traceback.format_exc()
        signal.setitimer(signal.ITIMER_PROF, 0)
        took, grown = time.process_time() - began, peak_bytes() - before
        sys.stdout.write(json.dumps([path.name, outcome, message, took, grown]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
