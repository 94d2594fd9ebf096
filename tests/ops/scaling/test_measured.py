"""A measurement is kept, and carried by parameters that the template takes."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.image import imread

from deploy import cli
from handlers.contract.measurement import Measurement
from ops.scaling import measured
from ops.scaling.measuring import Measured
from ops.scaling.ramp import Capacity, Step
from ops.stack import parameters

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Give a measurement whose file is in a folder of the test's own."""
    monkeypatch.setattr(measured, "REPOSITORY", tmp_path)
    steps = tuple(
        Step(rate, tuple(100.0 + at for at in range(20)), p95, p95 - 5, high, 0.0)
        for rate, p95, high in ((5.0, 119.0, 130.0), (10.0, 180.0, 190.0), (12.0, 260.0, math.inf))
    )
    measurement = Measurement(
        at="2026-11-30T09:12Z", run="flowers-1", network="resnet50", side=224, type="ml.m5.large", p95_ms=200.0,
        per_minute=600, low=600, high=720, start_seconds=200.0, work_ms=50.0, workers=2, factor=0.5,
    )  # fmt: skip
    return Measured(measurement, Capacity(steps, 200.0, steps[1], 10.0, 12.0))


def test_parameters_are_ones_that_the_template_takes(one: Measured) -> None:
    """Half of what an instance takes, cooldowns that outlast its start, and where they come from."""
    values = measured.parameters(one.measurement)

    template = (ROOT / "template.yaml").read_text()
    parameters.check_numbers(template, values)
    assert values.keys() < parameters.template_defaults(template).keys()
    cooldowns = values["ScaleOutCooldownSeconds"], values["ScaleInCooldownSeconds"]
    assert (values["ScalingTargetInvocations"], *cooldowns) == ("300", "330", "660")
    assert Measurement.parse(values["ScalingMeasurement"]) == one.measurement


def test_it_is_kept_with_its_curve(one: Measured) -> None:
    """`simulate` reads it; the file is JSON though a bound is infinite."""
    path, picture = measured.write(one, "flowers", local=False)

    assert measured.kept("flowers", local=False) == one.measurement.text()
    assert [step["rate"] for step in json.loads(path.read_text())["steps"]] == [5.0, 10.0, 12.0]
    assert imread(picture).shape[:2] == (550, 1100)
    assert measured.kept("other", local=False) == ""
    assert measured.kept("flowers", local=True) == ""  # what a laptop takes is no instance's


def test_the_simulation_takes_what_was_measured(one: Measured, tmp_path: Path) -> None:
    """Its capacity, so its target; nothing is assumed any more."""
    measured.write(one, "flowers", local=False)

    asked = [
        "simulate",
        "--pattern",
        "steady",
        "--rate",
        "400",
        "--hours",
        "0.5",
        "--no-open",
        "--stack-name",
        "flowers",
    ]
    done = CliRunner().invoke(cli, [*asked, "--out", str(tmp_path / "page.html")])

    assert done.exit_code == 0, done.output
    assert "recommended: 1-2, target 300, 330 and 660 s\t50\t" in done.stdout
    assert "assumed" not in done.stderr
    assert "measured 2026-11-30T09:12Z on ml.m5.large" in done.stderr
