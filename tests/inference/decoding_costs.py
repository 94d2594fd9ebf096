"""What decoding files takes: in a process of its own, whose peak memory is that of decoding."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# Times are of the processor, not of the clock. The peak is set back before each file, where the kernel can do that.
_DECODE_ALL = """
import json, sys, time, warnings
from contextlib import suppress
from pathlib import Path
from inference.decoding import ImageError, Preprocessing, decode_pixels

warnings.simplefilter("ignore")
preprocessing = Preprocessing.for_image_size(224)

def peak_kb():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

def start_anew():
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")

warm = Path(sys.argv[1]).read_bytes()  # imports the decoders
with suppress(ImageError):
    decode_pixels(warm, preprocessing)
del warm
start_anew()
before_kb = peak_kb()
for line in sys.stdin:
    path = Path(line.rstrip(chr(10)))
    data, refusal, crash = path.read_bytes(), "", ""
    start_anew()
    started, file_kb = time.thread_time(), len(data) / 1024
    try:
        decode_pixels(data, preprocessing)
    except ImageError as error:
        refusal = str(error)
    except BaseException as error:
        crash = repr(error)
    cost = [path.name, not (refusal or crash), refusal, crash, time.thread_time() - started]
    print(json.dumps([*cost, (peak_kb() - before_kb - file_kb) / 1024]))
"""


class Cost(NamedTuple):
    """What became of one file, in how much of a core's time and memory; the file itself is left out."""

    name: str
    is_picture: bool
    refusal: str
    crash: str
    seconds: float
    peak_mb: float


def decoding_costs(files: Sequence[Path]) -> list[Cost]:
    """Decode each of `files`, the first one twice, and return what each took."""
    done = subprocess.run(
        [sys.executable, "-c", _DECODE_ALL, str(files[0])],
        cwd=ROOT,
        input="".join(f"{path}\n" for path in files),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Cost(*json.loads(line)) for line in done.stdout.splitlines()]
