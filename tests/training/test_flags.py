"""A setting is declared once; its flag, its place in the environment and its check are derived."""

import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from training.config import TrainingConfig
from training.errors import ConfigError
from training.flags import Setting, check_bounds, declared_settings, parse_flags, setting, variable

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Example:
    """Settings of an example."""

    count: int = setting(3, "numbers", "of things", bounds=(1, 9), without_value=5)
    colour: str = setting("red", "looks", "of all", choices=("red", "blue"))
    is_large: bool = setting(False, "looks", "in size")
    folder: Path | None = setting(  # noqa: RUF009 - a dataclass field
        None, "places", "to look in", from_environ=variable("EXAMPLE_FOLDER")
    )


def test_every_field_of_a_job_is_a_declared_setting() -> None:
    """None is left to be listed a second time elsewhere, and each says what it means."""
    declared = declared_settings(TrainingConfig)

    assert list(declared) == [item.name for item in fields(TrainingConfig)]
    assert [name for name, one in declared.items() if not (one.help and one.group)] == []


def test_defaults_are_within_their_own_bounds() -> None:
    """A default that nobody could give as a flag would be a mistake in the declaration."""
    declared = declared_settings(TrainingConfig).values()

    assert [one for one in declared if one.bounds and one.default is not None and not _is_within(one)] == []
    assert [one for one in declared if one.choices and one.default not in one.choices] == []


def _is_within(one: Setting) -> bool:
    return one.bounds is None or one.bounds[0] <= one.default <= one.bounds[1]


def test_values_have_the_type_of_their_field() -> None:
    """Read from text, whichever way it is given."""
    values = parse_flags(Example, ["--count", "4", "--is_large=true", "--folder", "a"], {}, "example")

    assert values == {"count": 4, "colour": "red", "is_large": True, "folder": Path("a")}


def test_flag_alone_means_what_is_declared_for_it() -> None:
    """As --profile does without a number."""
    assert parse_flags(Example, ["--count"], {}, "example")["count"] == 5


def test_environment_counts_where_no_flag_is_given() -> None:
    """A flag wins, and an empty variable says nothing."""
    environ = {"EXAMPLE_FOLDER": "/channel"}

    assert parse_flags(Example, [], environ, "example")["folder"] == Path("/channel")
    assert parse_flags(Example, ["--folder", "a"], environ, "example")["folder"] == Path("a")
    assert parse_flags(Example, [], {"EXAMPLE_FOLDER": ""}, "example")["folder"] is None


@pytest.mark.parametrize("count", [0, 10, float("nan")])
def test_value_out_of_bounds_is_refused(count: float) -> None:
    """Both ends are included; nan is within no bounds."""
    with pytest.raises(ConfigError, match=f"count={count!r} is out of range; use 1 to 9"):
        check_bounds(Example(count=count))  # type: ignore[arg-type]  # nan is no int, and a command line may carry it


def test_settings_are_read_as_data_without_torch() -> None:
    """A template or a handler that is made from them needs the standard library alone."""
    program = (
        "import sys; from training.config import TrainingConfig; from training.flags import declared_settings; "
        "print(declared_settings(TrainingConfig)['lr'].bounds); sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "(1e-08, 10)\n"), done.stderr


def test_help_tells_bounds_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person needs to choose a value is on the page of help."""
    with pytest.raises(SystemExit, match="0"):
        parse_flags(Example, ["--help"], {}, "example")

    assert "of things (1 to 9); default: 3" in capsys.readouterr().out
