"""The order of SageMaker's lists, as each operation's model has it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from embedded_account.sagemaker.shared.listing import select

ITEMS = [
    {"JobName": name, "JobStatus": "Completed", "CreationTime": datetime(2026, 1, day, tzinfo=UTC)}
    for name, day in (("b", 1), ("c", 2), ("a", 3))
]


@pytest.mark.parametrize(
    ("asked", "own", "names"),
    [
        ({}, {}, "acb"),
        ({}, {"order": "Ascending"}, "bca"),
        ({}, {"sort_by": "Name", "order": "Ascending"}, "abc"),
        ({"SortBy": "Name"}, {}, "cba"),
        ({"SortBy": "Name", "SortOrder": "Ascending"}, {}, "abc"),
        ({"SortOrder": "Descending"}, {"sort_by": "Name", "order": "Ascending"}, "cba"),
    ],
)
def test_list_has_its_operations_own_order(asked: dict[str, Any], own: dict[str, str], names: str) -> None:
    """What is asked for comes before the defaults. Source: SageMaker API reference, SortBy and SortOrder."""
    chosen = select(ITEMS, asked, name_key="JobName", status_key="JobStatus", **own)

    assert "".join(item["JobName"] for item in chosen) == names
