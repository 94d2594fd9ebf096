"""docs/services.md says what the code does."""

import subprocess
import sys

import pytest


@pytest.mark.account
def test_the_page_of_services_lists_what_is_carried_out():
    """An operation that is added or dropped changes the page."""
    command = [sys.executable, "-m", "embedded_account.documentation", "--check"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
