"""What is compared, and what its rows say; the command that does it, end to end."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import cli
from ops.scaling import comparison
from ops.scaling.fleet import Service
from ops.scaling.policies import Policy
from ops.scaling.recommendation import Recommendation
from ops.scaling.run import template_values
from ops.scaling.traces import of_counts, pattern
from tests.reports.pages import assert_self_contained

SERVICE = Service((0.1,), workers=2)


def test_guesses_and_no_scaling_are_always_there() -> None:
    """Beside the stack's own policy and the recommended one, whose target is half of what one instance takes."""
    recommended = Recommendation(SERVICE.per_minute, SERVICE.start_seconds)

    policies = comparison.candidates(pattern("spike", 300), recommended, template_values(local=False))

    names = [policy.name for policy in policies]
    assert set(comparison.GUESSES) < set(policies)
    assert "no scaling, 1 instance" in names
    assert "the stack's: 1-4, target 600, 60 and 300 s" in names
    assert "recommended: 1-6, target 600, 360 and 720 s" in names


def test_scaling_comes_too_late_for_a_spike() -> None:
    """What holds twenty minutes of ten times the load are instances that were there before; a row has their price."""
    trace = pattern("spike", 300)
    policies = comparison.candidates(trace, Recommendation(1200, 240), template_values(local=False))

    rows = {row.outcome.policy.name: row for row in comparison.compare(trace, policies, SERVICE, 0.115)}

    assert rows["no scaling, 6 instances"].outcome.num_failed == 0
    assert rows["1-3, target 30, 30 s"].outcome.num_failed == 0  # three instances all day, whatever comes
    assert rows["recommended: 1-6, target 600, 360 and 720 s"].outcome.num_refused > 1000
    assert rows["no scaling, 6 instances"].monthly == pytest.approx(6 * 730 * 0.115)


def test_an_unknown_price_is_said() -> None:
    """Hours are told all the same."""
    [row] = comparison.compare(of_counts("t", [5] * 60), [Policy("one", 1, 1)], SERVICE, None)

    assert row.cells() == ["one", "100", "100", "0", "0", "1", "1.0", "?", "?"]


@pytest.mark.parametrize(("capacity", "start", "expected"), [(1200, 240, (600, 360, 720)), (1, 5, (1, 150, 300))])
def test_recommended_cooldowns_outlast_the_start(capacity: float, start: float, expected: tuple[int, ...]) -> None:
    """And two minutes of metrics after it; half of the capacity is aimed at, one invocation at the least."""
    one = Recommendation(capacity, start)

    assert (one.target, one.out_cooldown, one.in_cooldown) == expected


def test_the_command_prints_rows_and_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No account and no credentials are needed for a made-up traffic."""
    page = tmp_path / "page.html"
    monkeypatch.setattr("ops.scaling.measured.REPOSITORY", tmp_path)  # where nothing was measured

    done = CliRunner().invoke(
        cli, ["simulate", "--pattern", "steady", "--rate", "30", "--hours", "1", "--no-open", "--out", str(page)]
    )

    assert done.exit_code == 0, done.output
    assert "no scaling, 1 instance\t100\t" in done.stdout
    assert "assumed: 100 ms a request, 2 at a time, 240 s to start an instance" in done.stderr
    assert "\n0\t" in done.stdout  # provisioned concurrency, from none on
    assert "PredictReservedConcurrency=" in done.stderr
    text = page.read_text()
    assert text.count("<svg") == text.count("</h3>") == sum(line.count("\t") == 8 for line in done.stdout.splitlines())
    assert_self_contained(text)


@pytest.mark.parametrize("arguments", [["simulate", "--from-cloudwatch"], ["costs", "--days"]])
def test_no_number_of_days_is_a_misuse(arguments: list[str]) -> None:
    """Said before the account is asked."""
    done = CliRunner().invoke(cli, [*arguments, "nan"])

    assert done.exit_code == 2
    assert "'nan'; give a number of days" in done.stderr


def test_the_command_takes_one_traffic() -> None:
    """None, or two, is a misuse."""
    for arguments in ([], ["--pattern", "steady", "--from-cloudwatch", "1"]):
        done = CliRunner().invoke(cli, ["simulate", *arguments])
        assert done.exit_code == 2
        assert "give one of --trace, --from-cloudwatch and --pattern" in done.stderr
