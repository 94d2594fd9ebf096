"""Money as a person reads it."""

from __future__ import annotations


def money(dollars: float | None) -> str:
    """Return dollars rounded: cents below ten dollars, whole dollars above; "unknown" for None."""
    if dollars is None:
        return "unknown"
    if dollars and dollars < 0.005:
        return "less than $0.01"
    return f"${dollars:,.2f}" if dollars < 10 else f"${dollars:,.0f}"
