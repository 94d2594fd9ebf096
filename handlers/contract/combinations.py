"""Which parameters of template.yaml fit together: the one table, for deploy.py before a change and for every start.

CloudFormation's own Rules compare for equality only, so what is a comparison of numbers can stand nowhere but here.
Source: CloudFormation template reference, "Rule functions". Standard library only, as the settings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from datasets.networks import network_problem

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
    # What follows is no comparison of numbers: template.yaml has it as Rules too.
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
