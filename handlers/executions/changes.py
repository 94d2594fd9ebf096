"""Which settings a model was judged and deployed by, as its run's record says, and what is otherwise now."""

from collections.abc import Iterable, Mapping
from typing import Any

from handlers.contract.bearing import BEARING, of_endpoint
from handlers.contract.combinations import parameter_name
from handlers.contract.settings import Settings
from handlers.executions.redeployments import serving_config
from handlers.gate.settings import GateSettings
from handlers.ledger import Ledger, Run

_GATE = BEARING["EvaluateModel"]
_SHADOW = ("shadow_percent", "shadow_seconds", "shadow_min_agreement", "shadow_max_latency_ratio")
# By the error of a run: what refuses its model, and by which settings.
_REFUSED = {
    "ModelRejectedError": ("the gate has refused", _GATE),
    "ShadowRefusedError": ("the judgement on copies of live requests has refused", _SHADOW),
}


def judged_by(settings: Settings) -> dict[str, Any]:
    """Return what the gate and a shadow judge by, under the names of the parameters."""
    return _values((*_GATE, *_SHADOW), settings, GateSettings.from_env())


def deployed_by(settings: Settings) -> dict[str, Any]:
    """Return what an endpoint of this name is deployed and scaled by, under the names of the parameters."""
    return _values(of_endpoint(), settings)


def _values(names: Iterable[str], *sources: object) -> dict[str, Any]:
    return {
        parameter_name(name): getattr(source, name) for name in names for source in sources if hasattr(source, name)
    }


def changes(noted: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    """Return in words what is otherwise now; "" for nothing, or where a record of an older version does not say."""
    others = {name: value for name, value in now.items() if noted and name in noted and noted[name] != value}
    return ", ".join(
        f"{name} is {_word(value)}, not {_word((noted or {})[name])}" for name, value in sorted(others.items())
    )


def _word(value: object) -> str:
    """Return a value as a person gives it: 416 for 416.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def deployed_otherwise(run_name: str, config: str, ledger: Ledger, settings: Settings) -> str:
    """Return which parameters of the endpoint have changed since the run's model was deployed, if that serves."""
    run = Run.get(ledger, run_name) if run_name == config else None
    return changes(run.deployed_by, deployed_by(settings)) if run else ""


def is_refused_again(last: Run, ledger: Ledger, settings: Settings) -> bool:
    """Tell whether a run's model was refused by the same parameters, and beside the same champion, as now."""
    if last.error not in _REFUSED or last.champion is None or _judged_otherwise(last, settings):
        return False
    return last.champion == serving_config(ledger, settings)


def _judged_otherwise(last: Run, settings: Settings) -> str:
    """Return in words which parameters, of those by which a run's model was refused, are others now."""
    names = _REFUSED[last.error][1] if last.error in _REFUSED else ()
    return changes(last.judged_by, _values(names, settings, GateSettings.from_env()))


def refusal(dataset_name: str, last: Run) -> str:
    """Return why a dataset is not run again, in words."""
    who = _REFUSED[last.error or ""][0]
    return (
        f"dataset {dataset_name!r}: {who} the model of {last.execution_name!r}, and data, code, settings "
        "and what serves are the same; add or correct images, or change the parameter that the refusal names"
    )


def rejudgement(last: Run | None, settings: Settings) -> str | None:
    """Return why a model that was refused is judged again, in words; None where nothing says that it would differ."""
    others = _judged_otherwise(last, settings) if last else ""
    return f"{others} since the model of {last.execution_name!r} was refused" if last and others else None
