"""Floors: every class, the critical ones, and the groups of the data must be known, not only the pictures on average.

a class or group    is below its floor if so few right were rarer than 5 % at it, for all of them together (Bonferroni)
a class not known   has none right, which would be as rare if it were known as the others are
a critical class    is held to its recall as it was measured, as are macro F1 and calibration
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handlers.contract.states import JobEvaluation
from handlers.gate.binomial import at_most
from handlers.gate.critical import critical_classes
from handlers.gate.opinion import ALPHA, Opinion, all_of, listed
from handlers.gate.settings import GateSettings


@dataclass(frozen=True)
class Part:
    """A class or group: how many of its test pictures are right, and some that are not."""

    name: str
    num_right: int
    num_images: int
    wrong: Sequence[str]

    @property
    def share(self) -> float:
        return self.num_right / self.num_images

    def told(self, kind: str) -> str:
        """Return its numbers and its worst pictures, in words."""
        such = f", wrong on {listed(self.wrong, 3)}" if self.wrong else ""
        return f"{kind} {self.name!r}: {self.num_right} of {self.num_images} test pictures right{such}"


def floors(evaluation: JobEvaluation, settings: GateSettings) -> Opinion:
    """Return what the floors say of an evaluation; a floor whose figure is missing is not reached."""
    rows = evaluation.per_class or []
    classes = [
        Part(row.class_name, round(row.recall * row.num_images), row.num_images, row.mistakes)
        for row in rows
        if row.num_images
    ]
    groups = [Part(row.group, row.num_right, row.num_images, row.mistakes) for row in evaluation.groups or []]
    return all_of(
        [
            _untested([row.class_name for row in rows if not row.num_images]),
            _every_class(classes, evaluation.test_top1, settings.min_class_recall),
            _critical(classes, settings.critical_classes),
            _macro_f1(evaluation.macro_f1, settings.min_macro_f1),
            _calibration(evaluation.calibration.ece if evaluation.calibration else None, settings),
            _every_group(groups, settings.min_group_accuracy),
        ]
    )


def _untested(names: Sequence[str]) -> Opinion:
    return Opinion(evidence=[f"no test picture of {listed(names)}"] if names else [])


def _every_class(classes: Sequence[Part], accuracy: float, floor: float) -> Opinion:
    if not classes:
        return _missing("per_class", "MinClassRecall") if floor else Opinion()
    reasons = [f"{one.told('class')}, too few for MinClassRecall {floor:g}" for one in _below(classes, floor)]
    if floor:
        reasons += [
            f"{one.told('class')}, as if the model did not know it (MinClassRecall=0 asks for no class)"
            for one in classes
            if one.num_right == 0
            and _is_unknown(one, accuracy, len(classes))
            and one not in list(_below(classes, floor))
        ]
    return Opinion(reasons, [_lowest(classes, "class", "recall")])


def _is_unknown(one: Part, accuracy: float, num_classes: int) -> bool:
    return at_most(0, one.num_images, accuracy) * num_classes < ALPHA


def _below(parts: Sequence[Part], floor: float) -> Iterable[Part]:
    """Yield those that the evidence puts below the floor."""
    for one in parts:
        if one.share < floor and at_most(one.num_right, one.num_images, floor) * len(parts) < ALPHA:
            yield one


def _critical(classes: Sequence[Part], parameter: str) -> Opinion:
    by_name = {one.name: one for one in classes}
    reasons = []
    for name, floor in critical_classes(parameter).items():
        if name not in by_name:
            reasons.append(f"CriticalClasses names {name!r}, of which there is no test picture")
        elif by_name[name].share < floor:
            reasons.append(f"{by_name[name].told('class')}, below the {floor:g} of CriticalClasses")
    return Opinion(reasons)


def _macro_f1(value: float | None, floor: float) -> Opinion:
    if value is None:
        return _missing("macro_f1", "MinMacroF1") if floor else Opinion()
    return Opinion([f"macro F1 {value:.4f} is below MinMacroF1 {floor:g}"] if value < floor else [])


def _calibration(value: float | None, settings: GateSettings) -> Opinion:
    most = settings.max_calibration_error
    if value is None:
        return _missing("calibration", "MaxCalibrationError") if most < 1 else Opinion()
    return Opinion([f"calibration error {value:.4f} is above MaxCalibrationError {most:g}"] if value > most else [])


def _every_group(groups: Sequence[Part], floor: float) -> Opinion:
    if not groups:
        return _missing("groups (set GroupBy)", "MinGroupAccuracy") if floor else Opinion()
    reasons = [f"{one.told('group')}, too few for MinGroupAccuracy {floor:g}" for one in _below(groups, floor)]
    return Opinion(reasons, [_lowest(groups, "group", "accuracy")])


def _lowest(parts: Sequence[Part], kind: str, what: str) -> str:
    worst = min(parts, key=lambda one: (one.share, -one.num_images))
    return f"lowest {what} {worst.share:.2f}, of {kind} {worst.name!r} ({worst.num_right} of {worst.num_images})"


def _missing(figure: str, parameter: str) -> Opinion:
    return Opinion([f"evaluation.json has no {figure}, which {parameter} asks for"])
