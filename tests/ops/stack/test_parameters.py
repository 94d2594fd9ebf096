"""Which value a parameter of the template gets."""

from dataclasses import fields

import pytest

from handlers.contract.combinations import parameter_name
from handlers.contract.settings import Settings
from ops.errors import StackError
from ops.packaging import container_images
from ops.packaging.container_images import ImageUris
from ops.prices import book
from ops.prices.book import Prices
from ops.prices.kept import Price
from ops.session import REPOSITORY, Session
from ops.stack import parameters

TEMPLATE = (REPOSITORY / "template.yaml").read_text()

SOURCE = "s3://code/source.tar.gz"
FOUND = ImageUris("registry/pytorch-training:2.8-cpu", "registry/pytorch-inference:2.6-cpu")


@pytest.fixture(autouse=True)
def _images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_images, "image_uris", lambda *_: FOUND)


def _request(merged: parameters.Parameters) -> dict[str, str | None]:
    return {entry["ParameterKey"]: entry.get("ParameterValue") for entry in merged.request()}


def test_given_wins_over_previous_over_default(session: Session) -> None:
    """What the stack has stays (unnamed, it may be masked) until another value is given."""
    defaults = {"A": "default", "B": "default", "C": "default"}

    merged = parameters.merge(session, defaults, {"B": "previous", "C": "previous"}, {"C": "given"}, SOURCE)

    assert _request(merged) == {"A": "default", "B": None, "C": "given"}
    assert merged.changed == {"C": ("previous", "given")}


def test_previous_values_of_removed_parameters_are_dropped(session: Session) -> None:
    """A parameter that the template no longer has is not sent."""
    assert _request(parameters.merge(session, {"A": "1"}, {"Old": "x"}, {}, SOURCE)) == {"A": "1"}


def test_worked_out_values_follow_the_code(session: Session) -> None:
    """The training source is always this checkout's, and images follow it; an image from elsewhere stays."""
    defaults = dict.fromkeys(("TrainingSourceS3Uri", "TrainingImageUri", "InferenceImageUri"), "")
    previous = {
        "TrainingSourceS3Uri": "s3://code/old.tar.gz",
        "TrainingImageUri": "registry/pytorch-training:2.0-cpu",
        "InferenceImageUri": "registry/own:1",
    }

    merged = parameters.merge(session, defaults, previous, {}, SOURCE)

    assert _request(merged) == {
        "TrainingSourceS3Uri": SOURCE,
        "TrainingImageUri": FOUND.training,
        "InferenceImageUri": None,
    }


def test_empty_image_asks_for_the_worked_out_one(session: Session) -> None:
    """An empty value is how one goes back from an image of one's own."""
    previous = {"TrainingImageUri": "registry/own:1"}

    merged = parameters.merge(session, {"TrainingImageUri": ""}, previous, {"TrainingImageUri": ""}, SOURCE)

    assert _request(merged) == {"TrainingImageUri": FOUND.training}


def test_unknown_and_missing_parameters_are_named(session: Session) -> None:
    """A typing error is told with the names there are."""
    with pytest.raises(StackError, match="parameter 'Epoch': not in the template; it has Epochs"):
        parameters.merge(session, {"Epochs": "1"}, {}, {"Epoch": "2"}, SOURCE)
    with pytest.raises(StackError, match="parameter 'Email': has no value"):
        parameters.merge(session, {"Email": None}, {}, {}, SOURCE)


@pytest.mark.parametrize("pair", ["Epochs", "=3", ""])
def test_parse_refuses_what_is_no_pair(pair: str) -> None:
    """A value needs a name and an equals sign."""
    with pytest.raises(ValueError, match="not of the form Name=Value"):
        parameters.parse((pair,))


def test_parse_keeps_everything_after_the_first_equals_sign() -> None:
    """A URI with a query is a value like any other."""
    assert parameters.parse(("A=b=c", "D=")) == {"A": "b=c", "D": ""}


_NUMBERS = [name for name, entry in parameters._load_yaml(TEMPLATE)["Parameters"].items() if entry["Type"] == "Number"]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "9" * 400, "1_0", "", "high"])
@pytest.mark.parametrize("name", _NUMBERS)
def test_no_numeric_parameter_takes_what_is_no_number(name: str, value: str) -> None:
    """Of NaN no comparison holds, so a threshold that is none would let every model through, or none."""
    with pytest.raises(StackError, match=f"^parameter '{name}': .*; expected a number within "):
        parameters.check_numbers(TEMPLATE, {name: value})


def test_defaults_and_profile_are_numbers_within_bounds() -> None:
    """What the repository itself gives passes."""
    given = {name: value for name, value in parameters.template_defaults(TEMPLATE).items() if value is not None}

    parameters.check_numbers(TEMPLATE, given | parameters.local_profile())


def test_template_defaults_reads_short_tags() -> None:
    """!Ref and the like do not stop it; numbers become the text that CloudFormation takes."""
    template = "Parameters:\n  A: {Type: Number, Default: 0.5}\n  B: {Type: String}\nResources:\n  X: !Ref A\n"

    assert parameters.template_defaults(template) == {"A": "0.5", "B": None}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"TrainingInstanceType": "ml.m5.large", "EndpointInstanceType": "ml.c5.large"},
            ("ml.m5.large", "ml.c5.large"),
        ),
        ({"TrainingInstanceType": "ml.m5.large", "TuningInstanceType": "ml.g5.xlarge"}, ("ml.g5.xlarge", "")),
    ],
)
def test_a_gpu_in_either_job_decides_the_training_image(values: dict[str, str], expected: tuple[str, str]) -> None:
    """Tuning and training share one image, and the GPU image also runs without one."""
    assert parameters.instance_types(values) == expected


def test_digest_changes_with_every_other_value(session: Session) -> None:
    """Lambda publishes a version only when the function changes, and its description carries this digest."""
    defaults: dict[str, str | None] = {"Colour": "red", "SettingsDigest": ""}

    first = parameters.merge(session, defaults, {}, {}, SOURCE)
    same = parameters.merge(session, defaults, dict(first.values), {}, SOURCE)
    other = parameters.merge(session, defaults, dict(first.values), {"Colour": "blue"}, SOURCE)

    assert _request(same)["SettingsDigest"] == _request(first)["SettingsDigest"] != _request(other)["SettingsDigest"]
    assert other.changed == {"Colour": ("red", "blue")}


@pytest.mark.parametrize(("reserved", "provisioned"), [("5", "5"), ("0", "5"), ("5", "0")])
def test_provisioned_concurrency_within_the_reserved_is_taken(
    session: Session, reserved: str, provisioned: str
) -> None:
    """0 reserves nothing, so anything may be kept warm."""
    defaults = {"PredictReservedConcurrency": reserved, "PredictProvisionedConcurrency": provisioned}

    assert _request(parameters.merge(session, defaults, {}, {}, SOURCE)) == defaults


@pytest.mark.parametrize("name", ["TuningInstanceType", "TrainingInstanceType", "EndpointInstanceType"])
@pytest.mark.parametrize(
    "instance_type",
    ["ml.m6g.large", "ml.m6gd.xlarge", "ml.c7g.large", "ml.c7gn.large", "ml.r8g.xlarge", "ml.g5g.xlarge",
     "ml.inf1.xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge", "ml.trn1n.32xlarge"],
)  # fmt: skip
def test_another_architecture_is_refused(session: Session, name: str, instance_type: str) -> None:
    """The images are for x86-64 and NVIDIA GPUs; on another instance nothing of them starts.

    Source: Amazon EC2 user guide, "Instance type naming conventions".
    """
    with pytest.raises(StackError, match=f"parameter '{name}': '{instance_type}' has .*take one such as"):
        parameters.merge(session, {name: "ml.m5.large"}, {}, {name: instance_type}, "s3://b/s")


@pytest.mark.parametrize(
    "instance_type",
    ["ml.m5.large", "ml.m5dn.large", "ml.c6i.xlarge", "ml.m7a.large", "ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6e.xlarge",
     "ml.p3.2xlarge", "ml.p4d.24xlarge", "ml.t3.medium", "ml.r5.large"],
)  # fmt: skip
def test_x86_and_nvidia_are_taken(session: Session, instance_type: str) -> None:
    """A g as the family is a GPU, after the generation it is Graviton."""
    given = {"EndpointInstanceType": instance_type}

    assert parameters.merge(session, {"EndpointInstanceType": "x"}, {}, given, "s3://b/s").values == given


def test_parameters_that_contradict_are_refused(session: Session) -> None:
    """Before anything is uploaded, with both values: every start would fail on them, where nobody looks."""
    with pytest.raises(
        StackError, match="ScalingMinInstances=5 and ScalingMaxInstances=4: the first must be at most the second"
    ):
        parameters.check_settings({"ScalingMinInstances": "5", "ScalingMaxInstances": "4"})


@pytest.mark.parametrize(
    ("pattern", "reason"), [("(patient", "no regular expression: missing"), ("x" * 201, "takes at most 200")]
)
def test_a_pattern_that_is_none_is_refused(pattern: str, reason: str) -> None:
    """Before anything is packaged or paid, not by the first execution."""
    with pytest.raises(StackError, match=f"^parameter 'GroupBy': .*{reason}"):
        parameters.check_settings({"GroupBy": pattern})
    parameters.check_settings({"GroupBy": r"(patient\d+)"})


_DECLARED = parameters._load_yaml(TEMPLATE)["Parameters"]
_WHOLE = [name for name in _NUMBERS if name in {parameter_name(f.name) for f in fields(Settings) if f.type is int}]


@pytest.mark.parametrize("name", [*_WHOLE, "MaxImageBytes"])
def test_half_of_something_whole_is_refused(name: str) -> None:
    """To CloudFormation 2.5 is a number like any other; the functions take whole ones only."""
    with pytest.raises(StackError, match=f"^parameter '{name}': '2.5'; expected a whole number"):
        parameters.check_settings({name: "2.5"})


def test_whatever_the_template_allows_the_functions_take() -> None:
    """Bounds, choices and defaults of every parameter, one by one."""
    for name, declared in _DECLARED.items():
        allowed = [declared.get(key) for key in ("MinValue", "MaxValue", "Default")] + declared.get("AllowedValues", [])
        for value in allowed:
            if value is not None:
                parameters.check_settings({name: parameters._text(value)})


@pytest.mark.parametrize(
    ("tuning", "listed", "previous", "expected"),
    [
        ("ml.m5.xlarge", 0.24, "ml.m5.xlarge=9", "ml.g5.xlarge=1.408,ml.m5.xlarge=0.24"),
        ("ml.m5.xlarge", None, "ml.m5.xlarge=0.24", "ml.g5.xlarge=1.408,ml.m5.xlarge=0.24"),
        ("ml.m5.xlarge", None, "", "ml.g5.xlarge=1.408,ml.m5.xlarge=0.23"),
        ("ml.x9.huge", None, "ml.x9.huge=1.5", "ml.g5.xlarge=1.408,ml.x9.huge=1.5"),
        ("ml.x9.huge", None, "", "ml.g5.xlarge=1.408"),
    ],
)
def test_prices_of_the_jobs_instances_are_filled_in(
    session: Session, monkeypatch: pytest.MonkeyPatch, tuning: str, listed: float | None, previous: str, expected: str
) -> None:
    """AWS's list comes first, then what the stack has, which a person may have said, and the table last."""
    known = {f"training {tuning}": Price(listed, "2026-11-30")} if listed else {}
    monkeypatch.setattr(book, "prices", lambda *_: Prices("us-east-1", known))
    types = {
        "TrainingInstanceType": "ml.g5.xlarge",
        "TuningInstanceType": tuning,
        "EndpointInstanceType": "ml.m5.large",
    }

    merged = parameters.merge(session, {"InstancePrices": "", **types}, {"InstancePrices": previous}, {}, SOURCE)

    assert merged.values["InstancePrices"] == expected
