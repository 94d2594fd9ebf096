"""Which parameters of template.yaml fit together: the one table, for deploy.py before a change and for every start.

CloudFormation's own Rules compare for equality only, so what is a comparison of numbers can stand nowhere but here.
Source: CloudFormation template reference, "Rule functions". Standard library only, as the settings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from datasets.networks import family_of, network_problem

_LITE = "efficientnet_lite0"  # torchvision lacks the network, so it has no weights of it


@dataclass(frozen=True)
class AtMost:
    """The number of one parameter is at most that of another; one whose 0 means "no limit" may be passed over."""

    smaller: str
    larger: str
    zero_is_no_limit: bool = False

    @property
    def parameters(self) -> tuple[str, str]:
        """Return both names."""
        return self.smaller, self.larger

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is or a parameter is not there."""
        if not {self.smaller, self.larger} <= values.keys():
            return ""
        small, large = float(str(values[self.smaller])), float(str(values[self.larger]))
        if small <= large or (self.zero_is_no_limit and large == 0):
            return ""
        return f"{self.smaller}={small:g} and {self.larger}={large:g}: the first must be at most the second"


@dataclass(frozen=True)
class With:
    """With a certain value of one parameter, the value of another must be such that `fits` holds."""

    name: str
    value: str
    partner: str
    fits: Callable[[object], bool]
    otherwise: str

    @property
    def parameters(self) -> tuple[str, str]:
        """Return both names."""
        return self.name, self.partner

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is or the partner is not there."""
        if values.get(self.name) != self.value or self.partner not in values or self.fits(values[self.partner]):
            return ""
        partner = values[self.partner] or "''"
        return f"{self.name}={self.value} and {self.partner}={partner}: {self.otherwise}"


@dataclass(frozen=True)
class NeedsImages:
    """A setting that the features of a frozen backbone leave no room for has its value of "off"."""

    name: str
    off: float

    @property
    def parameters(self) -> tuple[str, str]:
        """Return both names."""
        return "Trainable", self.name

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is or a parameter is not there."""
        if values.get("Trainable") != "head" or float(str(values.get(self.name, self.off))) == self.off:
            return ""
        return (
            f"Trainable=head and {self.name}={values[self.name]}: the second needs Trainable=full, or be {self.off:g}"
        )


@dataclass(frozen=True)
class OneSide:
    """A network that takes pictures of one side is not shown growing ones."""

    parameters: tuple[str, str] = ("ModelName", "ProgressiveResize")

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is or a parameter is not there."""
        family = family_of(str(values.get("ModelName", "")))
        share = float(str(values.get("ProgressiveResize", 1)))
        if family is None or not family.has_fixed_side or share == 1:
            return ""
        return f"ModelName={values['ModelName']} and ProgressiveResize={share:g}: it takes one side only; use 1"


@dataclass(frozen=True)
class Network:
    """The network is known, and takes pictures of the side that is asked for."""

    parameters: tuple[str, str] = ("ModelName", "ImageSize")

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is or a parameter is not there."""
        if not set(self.parameters) <= values.keys():
            return ""
        name, side = (str(values[parameter]) for parameter in self.parameters)
        problem = network_problem(name, int(float(side)))
        return f"ModelName={name} and ImageSize={side}: {problem}" if problem else ""


COMBINATIONS = (
    AtMost("ScalingMinInstances", "ScalingMaxInstances"),
    AtMost("EndpointInstanceCount", "ScalingMaxInstances"),
    AtMost("MaxParallelTuningJobs", "MaxTuningJobs"),
    AtMost("PredictProvisionedConcurrency", "PredictReservedConcurrency", zero_is_no_limit=True),
    Network(),
    OneSide(),
    NeedsImages("Cutmix", 0),
    NeedsImages("ProgressiveResize", 1),
    # What follows is no comparison of numbers: template.yaml has it as Rules too.
    With("TuningMode", "one_job", "Trainable", lambda part: part == "head", "the second must be head"),
    With("Weights", "channel", "WeightsS3Uri", bool, "the second must be given"),
    With("Weights", "packaged", "ModelName", lambda model: model == _LITE, f"the second must be {_LITE}"),
    With("Weights", "imagenet", "ModelName", lambda model: model != _LITE, "there is no such thing; change one"),
)


def problems(values: Mapping[str, object]) -> list[str]:
    """Return what contradicts itself among `values`, by parameter; those that are not there are not judged."""
    return [problem for each in COMBINATIONS if (problem := each.problem(values))]


def parameter_name(variable: str) -> str:
    """Return the parameter of template.yaml that a setting or environment variable is named after."""
    return "".join(part.capitalize() for part in variable.lower().split("_"))
