"""The model artifact: weights, graphs, model.json, and the code that answers requests."""

import shutil
from pathlib import Path
from typing import Any

import torch

import inference
from inference.formats import HAS_HEIF
from training.config import TrainingConfig
from training.data.splits import Datasets
from training.export.json_files import write_json
from training.export.serving import Serving, export_serving
from training.model.trained import TrainedModel
from training.versions import versions

INFERENCE = Path(inference.__file__).resolve().parent
WEIGHTS_FILE = "model.pt"
WHEELS_FOLDER = "wheels"
# In the source archive; ops/packaging/wheels.py puts them there.
WHEELS = INFERENCE.parent / WHEELS_FOLDER / "inference"
REQUIREMENTS_FILE = "requirements.txt"
DECODERS_FILE = "requirements-decoders.txt"
NOT_SERVED = shutil.ignore_patterns("__pycache__", REQUIREMENTS_FILE, DECODERS_FILE)


def save_model(trained: TrainedModel, config: TrainingConfig, datasets: Datasets | None = None) -> Serving:
    """Write weights, graphs, model.json and code/ to the model folder; a half-written artifact has no weights file.

    The graph is brought to int8 on the images of `datasets`, where it then answers as the network does.
    """
    folder = config.model_dir
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in trained.network.state_dict().items()}
    torch.save(state, folder / f"{WEIGHTS_FILE}.partial")
    shutil.copytree(INFERENCE, folder / "code", ignore=NOT_SERVED, dirs_exist_ok=True)
    serving = export_serving(trained, datasets, folder)
    write_requirements(folder / "code", with_engine=serving.engine != "torch")
    write_json(folder / "model.json", model_description(trained, config, serving))
    (folder / f"{WEIGHTS_FILE}.partial").replace(folder / WEIGHTS_FILE)
    return serving


def write_requirements(code: Path, *, with_engine: bool = True) -> None:
    """Write what the container is to install; where the source archive carries its wheels, with them and no index.

    A container that cannot install what is asked of it does not start, so nothing is asked for that this job could not
    have: without the engine's packages it may be that no index is reached.
    """
    wheels = sorted(WHEELS.glob("*.whl"))
    has_decoder = any(wheel.name.startswith("pi_heif-") for wheel in wheels) if wheels else with_engine or HAS_HEIF
    files = [REQUIREMENTS_FILE] * with_engine + [DECODERS_FILE] * has_decoder
    lines = "".join((INFERENCE / name).read_text(encoding="utf-8") for name in files)
    if not lines:
        return
    if wheels:
        (code / WHEELS_FOLDER).mkdir(exist_ok=True)
        for wheel in wheels:
            shutil.copyfile(wheel, code / WHEELS_FOLDER / wheel.name)
        lines = f"--no-index\n--find-links {WHEELS_FOLDER}\n{lines}"  # relative to this file, by pip's rule
    (code / REQUIREMENTS_FILE).write_text(lines, encoding="utf-8")


def model_description(trained: TrainedModel, config: TrainingConfig, serving: Serving) -> dict[str, Any]:
    """Return the content of model.json."""
    return {
        "format_version": 1,
        "weights_file": WEIGHTS_FILE,
        "class_names": trained.class_names,
        **trained.spec.to_dict(),
        "preprocessing": trained.preprocessing.to_dict(),
        "serving": serving.to_dict(),
        "dataset_fingerprint": config.dataset_fingerprint,
        "training_job_name": config.training_job_name,
        "versions": versions(),
    }
