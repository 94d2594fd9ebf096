"""What the endpoint's container answers, once it has the form that was asked for; none of it is taken on trust."""

import math
from typing import Any

from handlers.contract import strict_json
from handlers.prediction.errors import ModelFailedError

_REMEDY = "deploy a model trained by this pipeline"
_PARTS = ("queue", "wait", "decode", "model")  # the times that a container may tell; wait: for a busy engine


def checked(answer: bytes, logits: bool) -> tuple[dict[str, Any], dict[str, float]]:
    """Return {"predictions", "model"} or {"logits"}, once the answer has the form that was asked for, and its times.

    Raises:
        ModelFailedError: it has another.
    """
    try:
        parsed = strict_json.parse(answer)
    except ValueError as error:
        raise ModelFailedError(f"the model's answer is not JSON; {_REMEDY}") from error
    if logits and _is_logits(parsed):
        return {"logits": parsed}, {}
    if not logits and _is_predictions(parsed):
        return {"predictions": parsed["predictions"], "model": parsed.get("model")}, times(parsed.get("latency_ms"))
    raise ModelFailedError(f"the model's answer has another form; {_REMEDY}")


def latency_split(attributes: str) -> dict[str, float]:
    """Return the times in the container's CustomAttributes, such as `queue-ms=1.5; model-ms=20.25`, by their names."""
    pairs = (pair.partition("=") for pair in attributes.replace(",", ";").split(";"))
    named = {name.strip().lower().replace("_", "-"): value for name, _, value in pairs}
    return times({name.removesuffix("-ms"): value for name, value in named.items() if name.endswith("-ms")})


def joined(server: dict[str, float], model: dict[str, float]) -> dict[str, float]:
    """Return the times that the container's server and its model tell, as one split.

    Waiting for the engine is waiting in the queue, but no more than a part of it: where the server keeps its own part
    to itself, as TorchServe does, the split has no queue.
    """
    both = {**server, **model}
    waited = both.pop("wait", 0.0)
    return {**both, "queue": both["queue"] + waited} if "queue" in both else both


def times(given: Any) -> dict[str, float]:
    """Return the milliseconds in `given` that are some."""
    told: dict[str, float] = {}
    for name in _PARTS:
        try:
            milliseconds = float(given[name])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if 0 <= milliseconds < 1e7:
            told[name] = milliseconds
    return told


def _is_logits(parsed: Any) -> bool:
    return (
        isinstance(parsed, list)
        and bool(parsed)
        and all(isinstance(row, list) and all(_is_number(value) for value in row) for row in parsed)
    )


def _is_predictions(parsed: Any) -> bool:
    return (
        isinstance(parsed, dict)
        and isinstance(parsed.get("predictions"), list)
        and all(_is_prediction(one) for one in parsed["predictions"])
        and _is_model(parsed.get("model"))
    )


def _is_prediction(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("class_name"), str):
        return False
    index: Any = one.get("class_index")
    probability: Any = one.get("probability")
    is_index = isinstance(index, int) and _is_number(index) and index >= 0
    return is_index and _is_number(probability) and 0 <= probability <= 1


def _is_model(model: Any) -> bool:
    return model is None or (isinstance(model, dict) and all(isinstance(value, str) for value in model.values()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
