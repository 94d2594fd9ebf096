"""Virtual environments of the peers under build/peers, each with its own pinned packages and with torch of ours.

torch is shared by a .pth file, so that all of them compute with the same build; what a peer pins comes first.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "peers"
REQUIREMENTS = ROOT / "bench" / "peers" / "requirements"
# torchvision beside a CPU build of torch: see inference/torchvision_ops.py. TorchServe's handler imports it by itself.
SITE = """
import importlib.abc, sys
class DeclareFirst(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import inference.torchvision_ops
        return None
sys.path.append({root!r})
sys.meta_path.insert(0, DeclareFirst())
"""
_UNFINISHED = "it cannot be installed here; left out"


def environment(name: str) -> Path:
    """Return the bin folder of the environment of requirements/NAME.txt, made at the first call.

    Raises:
        RuntimeError: its packages cannot be installed.
    """
    folder = FOLDER / name
    binaries, installed = folder / "bin", folder / "installed"
    pins = REQUIREMENTS / f"{name}.txt"
    if installed.is_file() and installed.read_text() == pins.read_text():
        return binaries
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*pip, "-r", str(pins)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip().splitlines()[-1:] or ['no output']}; {_UNFINISHED}")
    packages = next((folder / "lib").glob("python*/site-packages"))
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "shared.pth").write_text(ours + "\n")
    (packages / "sitecustomize.py").write_text(SITE.format(root=str(ROOT)))
    installed.write_text(pins.read_text())
    return binaries
