"""How a search in one job goes: the settings that tune.py takes beside those of any training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.errors import ConfigError
from training.flags import check_bounds, declared_settings, parse_flags, setting

TUNING = "tuning"


@dataclass(frozen=True)
class TuningSettings:
    """Search for the hyperparameters of a head; see the head of training/tune.py."""

    search_space: str = setting("", TUNING, "JSON of what is tuned: ParameterRanges as SageMaker's tuning jobs take it")
    tuning_strategy: str = setting(
        "Bayesian", TUNING, "how values are chosen", choices=("Bayesian", "Random", "Grid", "Hyperband")
    )
    max_trials: int = setting(8, TUNING, "heads that are trained; Grid tries its combinations", bounds=(1, 750))
    early_stopping: str = setting(
        "Auto", TUNING, "Auto: a trial that is unlikely to beat the others is stopped", choices=("Auto", "Off")
    )


def divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the flags of TuningSettings, each with its value, and all others."""
    own: list[str] = []
    others: list[str] = []
    names = declared_settings(TuningSettings)
    target = others
    for argument in arguments:
        if argument.startswith("--"):
            name = argument.removeprefix("--").partition("=")[0].replace("-", "_")
            target = own if name in names else others
        target.append(argument)
    return own, others


def parse_tuning(arguments: Sequence[str], environ: Mapping[str, str]) -> TuningSettings:
    """Return the settings of the search.

    Raises:
        ConfigError: a value cannot be read, is out of range, or nothing is to be tuned.
    """
    settings = TuningSettings(**parse_flags(TuningSettings, arguments, environ, "tune.py"))
    check_bounds(settings)
    if not settings.search_space:
        raise ConfigError("search_space is empty; give the ParameterRanges of what is to be tuned, as JSON")
    return settings
