"""Lets any script import torchvision beside a torch for which its compiled operators were not built.

PyPI's torchvision is built for PyPI's torch. Beside another, such as the CPU's, its operators do not load and its
import ends in "operator torchvision::nms does not exist", which AWS's images, built as one, never show. The schemas are
all that the import needs; what calls an operator then fails by its name. Where the operators load, nothing is declared.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []  # a torch.library.Library takes its schemas back when it is collected


class _BeforeTorchvision(MetaPathFinder):
    """Declares what is missing when torchvision's own code is about to run; who only looks for it changes nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == "torchvision" else None
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def declare_and_execute(module: ModuleType) -> None:
                declare_missing()
                execute(module)

            spec.loader.exec_module = declare_and_execute  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Look at torchvision when, and only when, something imports it."""
    sys.meta_path.insert(0, _BeforeTorchvision())


def declare_missing() -> bool:
    """Make `import torchvision` work; True if the schemas had to be declared here."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or importlib.util.find_spec("torch") is None:
        return False
    import torch

    if _load(torch, [Path(folder) for folder in spec.submodule_search_locations or ()]):
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _kept.append(library)
    return True


def _load(torch: Any, folders: list[Path]) -> bool:
    """Load the compiled operators; say whether they are there."""
    if hasattr(torch.ops.torchvision, "nms"):
        return True
    libraries = [library for folder in folders for library in folder.glob("_C*.so")]
    try:
        for library in libraries:
            torch.ops.load_library(str(library))
    except (OSError, RuntimeError):
        return False
    return bool(libraries)
