"""What moto's modules import beside what the account carries out: it would be half a second of each start.

moto's engine of CloudFormation imports thirty services, and other services come with two of those that are carried
out. Their names stand for nothing here; what uses one says so. IAM's certificates are read when one is put.
"""

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import Any

# Module -> the names that moto's others import from it.
_UNUSED = {
    "moto.cloudformation.parsing": ("Export", "OutputMap", "ResourceMap"),
    "moto.ecs": ("ecs_backends",),  # where Application Auto Scaling looks for a service's tasks
}
_WITHOUT_MODELS = "moto.batch"  # of which Step Functions reads the names of a job's states
_WHEN_USED = "cryptography.x509"


class _Unused:
    """A part of moto that the account does without."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, _key: object) -> "_Unused":
        return self

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"{self._name}.{name}: the embedded account does not load it; see moto_core/unneeded")


def install() -> None:
    """Leave out what is not needed; called before moto's services are imported."""
    for module, names in _UNUSED.items():
        _stand_in(module, {name: _Unused(f"{module}.{name}") for name in names})
    spec = find_spec(_WITHOUT_MODELS) if _WITHOUT_MODELS not in sys.modules else None
    if spec is not None:
        _stand_in(_WITHOUT_MODELS, {"__path__": spec.submodule_search_locations, "__spec__": spec})
    _load_when_used(_WHEN_USED)


def _stand_in(name: str, members: dict[str, Any]) -> None:
    if name not in sys.modules:
        module = ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module


def _load_when_used(name: str) -> None:
    spec = find_spec(name) if name not in sys.modules else None
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    setattr(import_module(parent), child, module)  # as an import does: SNS signs by the attribute
