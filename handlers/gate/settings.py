"""The gate's own parameters, which few other functions have."""

from dataclasses import dataclass

from handlers.contract.settings import FromEnv, number, text


@dataclass(frozen=True, kw_only=True)
class ClassSettings(FromEnv):
    """What ValidateDataset is told of it: what can be judged before anything is trained."""

    critical_classes: str = text(default="")
    allow_removed_classes: str = text("true", "false")


@dataclass(frozen=True, kw_only=True)
class GateSettings(ClassSettings):
    """What template.yaml tells EvaluateModel beside what all functions are told."""

    champion_margin: float = number(0, 1)
    champion_class_margin: float = number(0, 1)
    when_undecided: str = text("keep", "measured", "deploy")
    min_class_recall: float = number(0, 1)
    min_macro_f1: float = number(0, 1)
    max_calibration_error: float = number(0, 1)
    min_group_accuracy: float = number(0, 1)
