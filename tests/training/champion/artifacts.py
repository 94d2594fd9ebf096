"""A champion of a few lines: its artifact answers what the picture's bytes say, by code of its own."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from datasets.pictures import Picture, record_lines

CODE = """
import errors_of_this_artifact, json

class Predictor: engine, precision = "openvino", "int8"
class Classifier: predictor = Predictor()

def model_fn(folder): return Classifier()
def input_fn(body, content_type): return body
def predict_fn(data, model):
    if data == b"refuse": raise errors_of_this_artifact.Refused
    if data == b"crash": raise KeyError("no such layer")
    return data.decode()
def output_fn(prediction, accept):
    assert accept == "application/json;top_k=1"
    return json.dumps({"predictions": [{"class_name": prediction}]}), "application/json"
"""
REFUSED = "class Refused(Exception): status_code = 400"
SERVING = {"engine": "openvino", "precision": "int8"}
MODEL = {"class_names": ["cat", "dog"], "training_job_name": "old-1", "serving": SERVING}


def pack(path: Path, files: Mapping[str, str]) -> None:
    """Write a .tar.gz of `files`."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def write_champion(channel: Path, pictures: list[Picture], code: str = CODE, model: object = MODEL) -> Path:
    """Write the output of a training job to `channel`, as SageMaker hands it to the next one; return it."""
    channel.mkdir()
    files = {"model.json": json.dumps(model), "code/inference.py": code, "code/errors_of_this_artifact.py": REFUSED}
    pack(channel / "model.tar.gz", files)
    pack(channel / "output.tar.gz", {"pictures.jsonl": "\n".join(record_lines("", pictures)), "report.html": ""})
    return channel
