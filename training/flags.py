"""Settings that are declared once, as fields of a dataclass: flags, environment and bounds are derived from them."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, NoReturn, get_args

from training.errors import ConfigError

Environ = Mapping[str, str]
_DECLARATION = "setting"


@dataclass(frozen=True)
class Setting:
    """What one setting is: all that a flag, a template parameter or a page of help is made of."""

    default: Any
    group: str
    help: str
    bounds: tuple[float, float] | None = None  # both included
    choices: tuple[str, ...] = ()
    read: Callable[[str], Any] | None = None  # the flag's text, where its type alone does not say how
    from_environ: Callable[[Environ], Any] | None = None  # None where the environment says nothing
    without_value: Any = None  # what the flag alone means; None: it needs a value


def setting(default: Any, group: str, text: str, **more: Any) -> Any:
    """Return the field of a dataclass that holds a setting; `more` are further fields of `Setting`."""
    return field(default=default, metadata={_DECLARATION: Setting(default, group, text, **more)})


def declared_settings(config: type) -> dict[str, Setting]:
    """Return the settings of the dataclass `config`, by name and in their order."""
    return {item.name: item.metadata[_DECLARATION] for item in fields(config) if _DECLARATION in item.metadata}


def parse_flags(config: type, arguments: Sequence[str], environ: Environ, program: str) -> dict[str, Any]:
    """Return the value of every setting of `config`: of its flag, else of the environment, else its default.

    Raises:
        ConfigError: an unknown flag, or a value that cannot be read.
    """
    parser = _parser(config, environ, program)
    values, unknown = parser.parse_known_args([_with_dashes(argument) for argument in arguments])
    if unknown:
        known = ", ".join(sorted(declared_settings(config)))
        raise ConfigError(f"unknown hyperparameter {unknown[0]!r}; the known ones are {known}")
    return vars(values)


def check_bounds(config: object) -> None:
    """Refuse a value out of its range.

    Raises:
        ConfigError: naming setting, value and range.
    """
    for name, declared in declared_settings(type(config)).items():
        value = getattr(config, name)
        if declared.bounds is not None and not declared.bounds[0] <= value <= declared.bounds[1]:  # also true for nan
            low, high = declared.bounds
            raise ConfigError(f"{name}={value!r} is out of range; use {low:g} to {high:g}")


def variable(name: str) -> Callable[[Environ], Path | None]:
    """Return what reads a folder from the environment variable `name`."""
    return lambda environ: Path(environ[name]) if environ.get(name) else None


class _Parser(argparse.ArgumentParser):
    """Raises one sentence instead of printing a usage page and exiting, since the sentence goes to FailureReason."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def _parser(config: type, environ: Environ, program: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=program, allow_abbrev=False, description=config.__doc__)
    groups: dict[str, Any] = {}
    types = {item.name: item.type for item in fields(config)}
    for name, declared in declared_settings(config).items():
        if declared.group not in groups:
            groups[declared.group] = parser.add_argument_group(declared.group)
        announced = declared.from_environ(environ) if declared.from_environ else None
        options: dict[str, Any] = {
            "default": declared.default if announced is None else announced,
            "type": declared.read or _reader(types[name]),
            "help": _help(declared),
        }
        if declared.choices:
            options["choices"] = declared.choices
        if declared.without_value is not None:
            options |= {"nargs": "?", "const": declared.without_value}
        groups[declared.group].add_argument(f"--{name.replace('_', '-')}", **options)
    return parser


def _reader(kind: Any) -> Callable[[str], Any]:
    """Return what reads a value of type `kind`, or of the type beside None."""
    if isinstance(kind, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    return _truth if kind is bool else kind


def _help(declared: Setting) -> str:
    bounds = "" if declared.bounds is None else f" ({declared.bounds[0]:g} to {declared.bounds[1]:g})"
    default = "" if declared.default in (None, "") else f"; default: {declared.default}"
    return f"{declared.help}{bounds}{default}"


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _with_dashes(argument: str) -> str:
    """SageMaker passes --model_name, people type --model-name."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value
