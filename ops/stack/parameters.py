"""The stack's parameters, merged from five places; a later one wins:

the template's defaults < ops/stack/local_parameters.json (with --local) < what the stack has now < what deploy.py works
out (image URIs, the training source, the embedded account's origin, the digest of it all) < --parameter.

So a value once given stays until another is given. An empty `--parameter TrainingImageUri=` goes back to the one that
is worked out.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.groups import pattern_problem
from handlers.contract import combinations
from handlers.contract.errors import SettingsError
from handlers.contract.settings import Settings
from handlers.contract.spending import hourly
from ops.errors import StackError
from ops.packaging import container_images
from ops.prices import book, items
from ops.prices.book import Prices
from ops.prices.items import Item
from ops.session import REPOSITORY, Session

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

PROFILE = "ops/stack/local_parameters.json"
_SOURCE = "TrainingSourceS3Uri"
_DIGEST = "SettingsDigest"
_PRICES = "InstancePrices"
_CPU_TYPE = "ml.m5.large"
_OTHER_ARCHITECTURE = re.compile(r"ml\.((?P<graviton>[a-z]+\d+g[a-z]*)|(inf|trn)\d+[a-z]*)\.")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Parameters:
    """The merged values; `kept` are those that the stack has now and nobody gave anew."""

    values: Mapping[str, str]
    kept: frozenset[str] = frozenset()
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def request(self) -> list[ParameterTypeDef]:
        """Return them as CreateChangeSet takes them; a kept value is named, not repeated (it may be masked)."""
        return [
            {"ParameterKey": name, "UsePreviousValue": True}
            if name in self.kept
            else {"ParameterKey": name, "ParameterValue": value}
            for name, value in sorted(self.values.items())
        ]


def parse(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return {name: value} of "Name=Value" strings.

    Raises:
        ValueError: one has no "=" or no name.
    """
    values = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise ValueError(f"parameter {pair!r}: not of the form Name=Value")
        values[name.strip()] = value
    return values


def template_defaults(template: str) -> dict[str, str | None]:
    """Return {name: default} of the template's parameters; None where a value must be given."""
    declared = _load_yaml(template).get("Parameters", {})
    return {name: _text(entry["Default"]) if "Default" in entry else None for name, entry in declared.items()}


def check_numbers(template: str, values: Mapping[str, str]) -> None:
    """Refuse a number that is none, or outside its bounds, before anything is packaged or asked of AWS.

    Raises:
        StackError: with the parameter, its value, and what is expected.
    """
    declared = _load_yaml(template).get("Parameters", {})
    for name in sorted(values.keys() & declared.keys()):
        entry = declared[name]
        if entry.get("Type") != "Number":
            continue
        low, high = float(entry.get("MinValue", -sys.float_info.max)), float(entry.get("MaxValue", sys.float_info.max))
        if not _NUMBER.fullmatch(values[name]) or not low <= float(values[name]) <= high:
            raise StackError(f"parameter {name!r}: {values[name]!r:.80}; expected a number within {low:g}..{high:g}")


def local_profile(root: Path = REPOSITORY) -> dict[str, str]:
    """Return the values with which the stack fits a laptop."""
    path = root / PROFILE
    return {name: _text(value) for name, value in json.loads(path.read_text()).items()} if path.exists() else {}


def merge(
    session: Session,
    defaults: Mapping[str, str | None],
    previous: Mapping[str, str],
    given: Mapping[str, str],
    source_s3_uri: str,
    *,
    reset: bool = False,
) -> Parameters:
    """Return the parameters for the next change set; `previous` is empty for a new stack, and `reset` forgets it.

    Raises:
        StackError: a given name is not the template's, or a needed value is missing.
    """
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise StackError(f"parameter {unknown[0]!r}: not in the template; it has {', '.join(sorted(defaults))}")
    profile = local_profile() if session.is_local else {}
    older = {name: value for name, value in previous.items() if name in defaults}
    known = {name: value for name, value in defaults.items() if value is not None}
    values = {**known, **{name: value for name, value in profile.items() if name in defaults}}
    values |= given if reset else {**older, **given}
    computed = _computed(session, set(defaults), values, source_s3_uri)
    values |= {name: value for name, value in computed.items() if not given.get(name)}
    missing = sorted(set(defaults) - set(values) - {_DIGEST})
    if missing:
        raise StackError(f"parameter {missing[0]!r}: has no value; give one with --parameter {missing[0]}=...")
    _check_architectures(values)
    if _DIGEST in defaults:
        values[_DIGEST] = _digest(values)
    kept = frozenset() if reset else frozenset(older) - set(given) - set(computed) - {_DIGEST}
    spoken_of = sorted(set(older) - kept - {_DIGEST, _SOURCE})
    changed = {name: (older[name], values[name]) for name in spoken_of if values[name] != older[name]}
    return Parameters(values, kept, changed)


def check_settings(values: Mapping[str, str]) -> None:
    """Refuse what the functions would refuse at every start: a value out of their range, or two that contradict.

    Raises:
        StackError: with the parameters and their values.
    """
    from handlers.gate.critical import critical_classes
    from handlers.gate.settings import GateSettings
    from handlers.prediction.settings import PredictSettings

    for kind in (Settings, GateSettings, PredictSettings):
        variables = {each.name.upper(): combinations.parameter_name(each.name) for each in fields(kind)}
        try:
            kind.check({variable: values[name] for variable, name in variables.items() if name in values})
            if kind is GateSettings:
                critical_classes(values.get("CriticalClasses", ""))
        except SettingsError as error:
            variable = str(error).removeprefix("environment variable ").partition(":")[0]
            message = str(error).replace(f"environment variable {variable}", f"parameter {variables[variable]!r}")
            raise StackError(message) from error
    if problem := pattern_problem(values.get("GroupBy", "")):
        raise StackError(f"parameter 'GroupBy': {problem}")
    if problems := combinations.problems(values):
        raise StackError(f"parameters that do not fit together: {'; '.join(problems)}; give both with --parameter")


def _check_architectures(values: Mapping[str, str]) -> None:
    """Refuse instance types that the images, which are for x86-64 CPUs and NVIDIA GPUs, do not run on.

    Source: Amazon EC2 user guide, "Instance type naming conventions": a g after the generation is Graviton.
    """
    for name in ("TuningInstanceType", "TrainingInstanceType", "EndpointInstanceType"):
        match = _OTHER_ARCHITECTURE.match(values.get(name, ""))
        if match:
            kind = "Graviton (arm64)" if match["graviton"] else "Inferentia or Trainium"
            raise StackError(
                f"parameter {name!r}: {values[name]!r} has {kind}, and the images are for x86-64 and NVIDIA GPUs;"
                " take one such as ml.m5.large, ml.c6i.xlarge or ml.g4dn.xlarge"
            )


def _computed(session: Session, declared: set[str], values: Mapping[str, str], source_s3_uri: str) -> dict[str, str]:
    computed = {_SOURCE: source_s3_uri}
    if session.is_local:
        computed["FetchAllowedOrigins"] = session.url
    if _PRICES in declared:
        computed[_PRICES] = _instance_prices(session, values)
    ours = sorted(declared & {"TrainingImageUri", "InferenceImageUri"})
    wanted = [name for name in ours if container_images.is_from_sdk(values.get(name, ""))]
    if wanted:
        images = container_images.image_uris(session.region, *instance_types(values))
        uris = {"TrainingImageUri": images.training, "InferenceImageUri": images.inference}
        computed |= {name: uris[name] for name in wanted}
    return {name: value for name, value in computed.items() if name in declared}


def _instance_prices(session: Session, values: Mapping[str, str]) -> str:
    """Return what an hour of the jobs' instances costs, by AWS's list, as the stack has it, or by the table."""
    prices, earlier = book.prices(session, items.of_stack(values)), hourly(values.get(_PRICES, "").split(","))
    types = sorted({values["TrainingInstanceType"], values["TuningInstanceType"]})
    known = {kind: _price(prices, items.training(kind), earlier.get(kind)) for kind in types}
    return ",".join(f"{kind}={price:.9f}".rstrip("0").rstrip(".") for kind, price in known.items() if price)


def _price(prices: Prices, item: Item, earlier: float | None) -> float | None:
    """Return what AWS's list says; whoever may not ask it changes nothing that the stack knows."""
    return prices.dollars(item) if prices.is_listed(item) or not earlier else earlier


def _digest(values: Mapping[str, str]) -> str:
    """Return what changes when any other parameter does: the live alias follows it to a version with the new values."""
    others = {name: value for name, value in values.items() if name != _DIGEST}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()[:32]


def instance_types(values: Mapping[str, str]) -> tuple[str, str]:
    """Return the instance types that decide between CPU and GPU images: the jobs' one, and the endpoint's."""
    training = [values.get(name, "") for name in ("TrainingInstanceType", "TuningInstanceType")]
    with_gpu = [name for name in training if name.startswith(("ml.g", "ml.p"))]
    is_serverless = values.get("EndpointKind") == "serverless"  # which has no GPU
    return (with_gpu or training)[0], _CPU_TYPE if is_serverless else values.get("EndpointInstanceType", "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _load_yaml(template: str) -> dict[str, Any]:
    """Parse a CloudFormation template; the values of its short tags (!Ref, !Sub, ...) do not matter here."""
    import yaml

    class Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
        """Reads any tag as None."""

    Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
    loaded = yaml.load(template, Loader=Loader)  # noqa: S506 (a safe loader)
    if not isinstance(loaded, dict):
        raise StackError("template.yaml: not a mapping; restore the file from the repository")
    return loaded
