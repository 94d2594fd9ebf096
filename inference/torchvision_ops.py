"""Declare the two torchvision operators without which `import torchvision` fails beside a CPU build of torch.

PyPI's torchvision is built for CUDA. Beside a CPU torch its compiled operators cannot be loaded, and the import ends in
"operator torchvision::nms does not exist". No model used here calls them: their schemas are all the import needs.
Where the real operators load, as in SageMaker's containers, nothing is declared.
"""

import importlib.util
from pathlib import Path

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def declare_missing_ops() -> bool:
    """Make `import torchvision` work; True if the schemas had to be declared here."""
    if _compiled_ops_load():
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _kept.append(library)
    return True


def _compiled_ops_load() -> bool:
    """Load torchvision's compiled operators without importing the package; False where they cannot be loaded."""
    if hasattr(torch.ops.torchvision, "nms"):
        return True
    spec = importlib.util.find_spec("torchvision")
    folders = spec.submodule_search_locations if spec is not None else None
    libraries = [library for folder in folders or [] for library in Path(folder).glob("_C*.so")]
    try:
        for library in libraries:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError):
        return False
    return bool(libraries)


_kept: list[torch.library.Library] = []  # a Library takes its schemas back when it is collected
DECLARED = declare_missing_ops()
