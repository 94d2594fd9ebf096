"""The model that serves beside the new one: what the training report shows of it."""

from collections.abc import Mapping
from typing import Any

from reports.findings import Finding
from reports.pages import percent

_SHOWN = 5  # classes
_MODELS = (("new", "candidate"), ("old", "champion"))


def champion_findings(scores: Mapping[str, Any] | None) -> list[Finding]:
    """Return how the new model did against the one that serves; nothing where none serves."""
    if not scores:
        return []
    if scores["problem"]:
        return [Finding("warn", f"It was not compared with {scores['name']}, which serves: {scores['problem']}.")]
    low, high = scores["interval"]
    kind = "warn" if high < 0 else "good" if low > 0 else "note"
    text = (
        f"Of the same {scores['num_images']:,} test images {scores['candidate_right']:,} are classified correctly, "
        f"and {scores['champion_right']:,} by {scores['name']}, which serves: a difference of "
        f"{100 * scores['difference']:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f})."
    )
    return [Finding(kind, text)]


def champion_section(scores: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return numbers, the classes that the serving model knows better, and pictures that it alone gets right."""
    if not scores or scores["problem"]:
        return None
    classes = scores["classes"]
    numbers = {
        "New model alone is right": f"{scores['candidate_alone']:,} images",
        "Serving model alone is right": f"{scores['champion_alone']:,} images",
        "Exact McNemar p": f"{scores['p_value']:.2g}",
        "Answered by": f"{scores['engine']}, {scores['precision']}",
        "Not counted: it learned from them": f"{scores['num_learned']:,} images",
        "Not counted: of a new class": f"{scores['num_new_class']:,} images",
        "New classes": ", ".join(classes["added"]),
        "Removed classes": ", ".join(classes["removed"]),
        "Renamed classes": ", ".join(f"{old} to {new}" for old, new in classes["renamed"].items()),
    }
    rows = [
        row | {name: percent(row[f"{model}_right"] / row["num_images"], 0) for name, model in _MODELS}
        for row in scores["worse_classes"][:_SHOWN]
    ]
    told = {name: value for name, value in numbers.items() if value}
    return {"numbers": told, "classes": rows, "lost": scores["lost"]}
