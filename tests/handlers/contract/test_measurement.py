"""What was measured travels as a parameter, and a run says where its scaling comes from."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from handlers.contract.measurement import Measurement, origin

MEASURED = Measurement(
    at="2026-11-30T09:12Z", run="flowers-5f219e7d0e7c-1", network="resnet50", side=224, type="ml.m5.large",
    p95_ms=200.0, per_minute=1200, low=1100, high=1310, start_seconds=95.5, work_ms=31.5, workers=2, factor=0.5,
)  # fmt: skip


def test_the_text_tells_all_of_it() -> None:
    """As template.yaml takes it."""
    template = (Path(__file__).resolve().parents[3] / "template.yaml").read_text()
    pattern = re.search(r"ScalingMeasurement:\n(?:.*\n){2}    AllowedPattern: (.*)\n", template)

    assert Measurement.parse(MEASURED.text()) == MEASURED
    assert pattern is not None
    assert re.fullmatch(str(yaml.safe_load(pattern[1])), MEASURED.text())


@pytest.mark.parametrize("text", ["", "by hand", MEASURED.text().replace("low=1100", "low=few"), "at=today run=x"])
def test_what_nobody_measured_is_none(text: str) -> None:
    """The run says nothing of it then."""
    assert Measurement.parse(text) is None
    assert origin(text, "ml.m5.large", "resnet50", 224, 600) == ""


def test_a_run_says_when_and_on_what_it_was_measured() -> None:
    """Without a warning as long as nothing has changed."""
    words = origin(MEASURED.text(), "ml.m5.large", "resnet50", 224, 600)

    assert words == (
        "the scaling target of 600 was measured 2026-11-30T09:12Z on ml.m5.large with resnet50 at 224 pixels (run "
        "flowers-5f219e7d0e7c-1): 1200 invocations a minute (1100 to 1310) with p95 below 200 ms, of which 0.5 is "
        "aimed at"
    )


@pytest.mark.parametrize(
    ("now", "warning"),
    [
        (("ml.m5.xlarge", "resnet50", 224, 600), "the instance type is ml.m5.xlarge, was ml.m5.large: measure again"),
        (("ml.m5.large", "resnet18", 224, 600), "the network is resnet18, was resnet50: measure again"),
        (("ml.m5.large", "resnet50", 64, 600), "the side of pictures is 64, was 224: measure again"),
        (("ml.m5.large", "resnet50", 224, 30), "the target is 30, was 600: measure again"),
    ],
)
def test_what_has_changed_since_is_a_warning(now: tuple[str, str, int, float], warning: str) -> None:
    """Another type, another network, larger pictures; and a target that was set by hand after all."""
    assert origin(MEASURED.text(), *now).endswith(f"; warning: {warning}")


def test_a_target_is_one_at_the_least() -> None:
    """Application Auto Scaling takes none of 0."""
    assert replace(MEASURED, per_minute=1).target == 1
