"""docs/services.md says what the code does."""

import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import boto3
import pytest


@pytest.mark.account
def test_the_page_of_services_lists_what_is_carried_out():
    """An operation that is added or dropped changes the page."""
    command = [sys.executable, "-m", "embedded_account.documentation", "--check"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


def test_the_page_of_services_names_operations_of_aws_alone() -> None:
    """What moto adds to AWS's models is no operation that a client has, so nobody misses it."""
    page = (Path(__file__).parents[1] / "docs" / "services.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| s3 \| ([\w, ]+) \| ", page, flags=re.MULTILINE)
    of_aws = boto3.client("s3", region_name="us-east-1").meta.service_model.operation_names

    assert set(chain.from_iterable(row.split(", ") for row in rows)) == set(of_aws)


def test_each_difference_is_held_by_a_test_that_exists() -> None:
    """docs/differences.md names no test that is gone, and each line names one."""
    tests = Path(__file__).parent
    page = (tests.parent / "docs" / "differences.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| on AWS")]
    named = [re.findall(r"`([\w/]+\.py)::(test_\w+)`", line) for line in lines]
    absent = [
        f"{file}::{test}"
        for file, test in chain.from_iterable(named)
        if f"def {test}(" not in ((tests / file).read_text(encoding="utf-8") if (tests / file).is_file() else "")
    ]

    assert absent == []
    assert [line for line, tests_of_line in zip(lines, named, strict=True) if not tests_of_line] == []
