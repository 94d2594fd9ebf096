"""Writes the shapes of the account's answers down, to be corrected by hand: see test_operations.py.

cd embedded_account/tests && python -m conformance.write
"""

import json
import tempfile
from pathlib import Path

from conformance.calls import SERVICES, prepare
from conformance.shapes import record
from embedded_account.pytest_plugin import RunningAccount

import embedded_account


def main() -> None:
    """Write a file for each service."""
    with tempfile.TemporaryDirectory() as name:
        account = RunningAccount(embedded_account.start(Path(name)), Path(name))
        try:
            account.role("tester")
            prepare(account)
            for service, calls in SERVICES.items():
                text = json.dumps(record(account.client(service), calls()), indent=1)
                (Path(__file__).with_name("shapes") / f"{service}.json").write_text(f"{text}\n", encoding="utf-8")
        finally:
            embedded_account.stop(Path(name))


if __name__ == "__main__":
    main()
