"""What the List operations share: filters, order and pages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from embedded_account.sagemaker.shared.resources import validation_error

_DEFAULT_PAGE = 10


def page(items: Sequence[dict[str, Any]], params: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the page of `items` that MaxResults and NextToken ask for, under `key`."""
    try:
        start = int(params.get("NextToken") or 0)
    except ValueError:
        raise validation_error(f"NextToken: {params['NextToken']!r}; pass one that the last page returned") from None
    end = start + int(params.get("MaxResults") or _DEFAULT_PAGE)
    answer: dict[str, Any] = {key: items[start:end]}
    return answer | ({"NextToken": str(end)} if end < len(items) else {})


def select(
    items: list[dict[str, Any]],
    params: Mapping[str, Any],
    *,
    name_key: str,
    status_key: str = "",
    sort_by: str = "CreationTime",
    order: str = "Descending",
) -> list[dict[str, Any]]:
    """Return `items` as the filters, SortBy and SortOrder that the List operations share ask for.

    Each item has CreationTime (a datetime) and the keys named. `sort_by` and `order` are the operation's own defaults,
    which differ between operations. Source: SageMaker API reference, SortBy and SortOrder of each.
    """
    kept = [item for item in items if _passes(item, params, name_key, status_key)]
    keys = {"Name": name_key, "Status": status_key, "CreationTime": "CreationTime"}
    sort_key = keys.get(params.get("SortBy", sort_by), "CreationTime")
    return sorted(kept, key=lambda item: item[sort_key], reverse=params.get("SortOrder", order) == "Descending")


def _passes(item: Mapping[str, Any], params: Mapping[str, Any], name_key: str, status_key: str) -> bool:
    changed_at = item.get("LastModifiedTime") or item["CreationTime"]
    return (
        params.get("NameContains", "").lower() in item[name_key].lower()
        and (not params.get("StatusEquals") or item[status_key] == params["StatusEquals"])
        and (not params.get("CreationTimeAfter") or item["CreationTime"] > _utc(params["CreationTimeAfter"]))
        and (not params.get("CreationTimeBefore") or item["CreationTime"] < _utc(params["CreationTimeBefore"]))
        and (not params.get("LastModifiedTimeAfter") or changed_at > _utc(params["LastModifiedTimeAfter"]))
        and (not params.get("LastModifiedTimeBefore") or changed_at < _utc(params["LastModifiedTimeBefore"]))
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
