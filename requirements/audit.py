"""Check every locked package against the known vulnerabilities that PyPI publishes:

    .venv/bin/python requirements/audit.py

pip-audit reports nothing where it gets no answer, which looks like a clean result. So a version whose vulnerabilities
have long been published is asked for first; unless they are reported, the check fails and says that it knows nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = [*sorted((ROOT / "requirements").glob("*.txt")), ROOT / "embedded_account" / "requirements.txt"]
NOT_A_LOCK = "cuda.txt"
KNOWN = "jinja2==2.4.1"  # CVE-2014-1402 and later ones


def main() -> int:
    """Print what is known of each lock; return 0 if no package is known to be vulnerable, and the data was there."""
    if not has_data():
        print(f"audit: {KNOWN} passes, so there is no data; run it where PyPI's can be reached", file=sys.stderr)
        return 2
    results = [_audit(lock) for lock in LOCKS if lock.name != NOT_A_LOCK]
    return 1 if any(result.returncode for result in results) else 0


def has_data() -> bool:
    """Return whether a vulnerable version is reported as one."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(f"{KNOWN}\n")
        return "CVE-2014-1402" in _audit(probe, capture=True).stdout


def _audit(lock: Path, *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps", "--disable-pip", "--aliases"]
    return subprocess.run(command, capture_output=capture, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
