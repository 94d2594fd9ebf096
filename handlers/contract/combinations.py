"""Which parameters of template.yaml fit together: the one table, for deploy.py before a change and for every start.

CloudFormation's own Rules compare for equality only, so what is a comparison of numbers can stand nowhere but here.
Source: CloudFormation template reference, "Rule functions". Standard library only, as the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass


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
class Needs:
    """With a certain value of one parameter, another must not be empty."""

    name: str
    value: str
    needed: str

    @property
    def parameters(self) -> tuple[str, str]:
        """Return both names."""
        return self.name, self.needed

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is."""
        if values.get(self.name) != self.value or values.get(self.needed, "not there"):
            return ""
        return f"{self.name}={self.value} and {self.needed}='': the second must be given"


@dataclass(frozen=True)
class OnlyTogether:
    """A certain value of one parameter goes with a certain value of another, and with no other one."""

    name: str
    value: str
    partner: str
    only: str

    @property
    def parameters(self) -> tuple[str, str]:
        """Return both names."""
        return self.name, self.partner

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is or the partner is not there."""
        partner = values.get(self.partner, self.only)
        if values.get(self.name) != self.value or partner == self.only:
            return ""
        return f"{self.name}={self.value} and {self.partner}={partner}: the second must be {self.only}"


@dataclass(frozen=True)
class NeverTogether:
    """A certain value of one parameter excludes a certain value of another."""

    name: str
    value: str
    partner: str
    excluded: str

    @property
    def parameters(self) -> tuple[str, str]:
        """Return both names."""
        return self.name, self.partner

    def problem(self, values: Mapping[str, object]) -> str:
        """Return what is wrong, "" when nothing is."""
        if values.get(self.name) != self.value or values.get(self.partner) != self.excluded:
            return ""
        return f"{self.name}={self.value} and {self.partner}={self.excluded}: there is no such thing; change one"


COMBINATIONS = (
    AtMost("ScalingMinInstances", "ScalingMaxInstances"),
    AtMost("EndpointInstanceCount", "ScalingMaxInstances"),
    AtMost("MaxParallelTuningJobs", "MaxTuningJobs"),
    AtMost("PredictProvisionedConcurrency", "PredictReservedConcurrency", zero_is_no_limit=True),
    # What follows is no comparison of numbers: template.yaml has it as Rules too.
    Needs("Weights", "channel", "WeightsS3Uri"),
    OnlyTogether("Weights", "packaged", "ModelName", "efficientnet_lite0"),
    NeverTogether("Weights", "imagenet", "ModelName", "efficientnet_lite0"),  # torchvision lacks the network
)


def problems(values: Mapping[str, object]) -> list[str]:
    """Return what contradicts itself among `values`, by parameter; those that are not there are not judged."""
    return [problem for each in COMBINATIONS if (problem := each.problem(values))]


def parameter_name(variable: str) -> str:
    """Return the parameter of template.yaml that a setting or environment variable is named after."""
    return "".join(part.capitalize() for part in variable.lower().split("_"))
