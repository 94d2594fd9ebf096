"""The strategy Grid: every combination of the values once."""

import itertools
from collections.abc import Iterator
from typing import Any


def num_combinations(config: dict[str, Any]) -> int:
    """Return how many jobs the strategy Grid runs."""
    return sum(1 for _ in combinations(config))


def combinations(config: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the hyperparameters of each of them."""
    categorical = config["ParameterRanges"]["CategoricalParameterRanges"]
    names = [item["Name"] for item in categorical]
    for values in itertools.product(*(item["Values"] for item in categorical)):
        yield dict(zip(names, values, strict=True))
