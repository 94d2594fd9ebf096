"""Requests and answers of inference.py, alone and under AWS's own serving toolkit."""

import base64
import copy
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sagemaker_inference.errors import BaseInferenceToolkitError

from inference import inference
from inference.errors import NoAnswerError, RequestError
from inference.inference import Classifier
from training.config import TrainingConfig
from training.data.inputs import all_logits
from training.data.splits import Split
from training.export.artifact import save_model
from training.listing import Sample
from training.model.trained import TrainedModel


@pytest.fixture(scope="session")
def classifier(model_dir: Path) -> Classifier:
    """The artifact as an endpoint instance loads it."""
    return inference.model_fn(str(model_dir))


def answer(classifier: Classifier, photo: bytes, accept: str) -> Any:
    body, content_type = inference.output_fn(inference.predict_fn(photo, classifier), accept)
    assert content_type == "application/json"
    return json.loads(body)


@pytest.fixture
def evaluated(trained: TrainedModel, photo: bytes, tmp_path: Path) -> Any:
    """The logits that a training job's evaluation gives for the JPEG file."""
    (tmp_path / "photo.jpg").write_bytes(photo)
    sample = Sample(tmp_path / "photo.jpg", "test/daisy/photo.jpg", "daisy")
    split = Split("test", [sample], torch.tensor([0]), trained.preprocessing, cache=None)
    return all_logits(trained.network, split, trained.preprocessing).numpy()


def test_logits_equal_those_of_evaluation(classifier: Classifier, photo: bytes, evaluated: Any) -> None:
    """Another engine adds up in another order: to within a ten-thousandth of the largest."""
    served = np.array(answer(classifier, photo, "application/json;return=logits"))

    assert classifier.predictor.engine == "openvino"
    assert np.abs(served - evaluated).max() < 1e-4 * np.abs(evaluated).max()


def test_torch_repeats_the_evaluation_to_the_last_bit(
    model_dir: Path, photo: bytes, evaluated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where OpenVINO is not installed, the endpoint runs the code of the evaluation."""
    monkeypatch.setitem(sys.modules, "openvino", None)

    served = answer(inference.model_fn(str(model_dir)), photo, "application/json;return=logits")

    assert served == evaluated.tolist()


def test_answer_names_every_class_best_first(classifier: Classifier, photo: bytes) -> None:
    """Probabilities add up to one, and the model tells which job trained it."""
    result = answer(classifier, photo, "application/json")

    probabilities = [item["probability"] for item in result["predictions"]]
    assert sum(probabilities) == pytest.approx(1)
    assert probabilities == sorted(probabilities, reverse=True)
    assert {item["class_name"] for item in result["predictions"]} == {"daisy", "rose", "tulip", "Gänseblümchen"}
    assert all(classifier.class_names[item["class_index"]] == item["class_name"] for item in result["predictions"])
    assert result["model"] == {"model_name": "resnet18", "training_job_name": "flowers-7"}
    assert set(result["latency_ms"]) == {"decode", "wait", "model"}
    assert result["latency_ms"]["wait"] == 0  # nobody else asks
    assert min(result["latency_ms"]["decode"], result["latency_ms"]["model"]) > 0


@pytest.mark.parametrize(("accept", "count"), [("application/json;top_k=2", 2), ("*/*; top_k=99", 4), ("", 4)])
def test_top_k_limits_the_answer(classifier: Classifier, photo: bytes, accept: str, count: int) -> None:
    """As many classes as asked for, at most all of them."""
    assert len(answer(classifier, photo, accept)["predictions"]) == count


def test_json_request_equals_the_bytes_request(classifier: Classifier, photo: bytes) -> None:
    """Base64 in JSON is the same picture."""
    body = json.dumps({"image": base64.b64encode(photo).decode()})

    assert inference.input_fn(body, "application/json; charset=utf-8") == photo
    assert inference.input_fn(body.encode(), "application/json") == photo
    assert inference.input_fn(photo, "image/jpeg") == photo


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"x", "text/csv", 415, "content type 'text/csv' is not served; use application/json or image/jpeg"),
        (b"x", None, 415, "content type None is not served"),
        ("{", "application/json", 400, "the body is not JSON"),
        ("[]", "application/json", 400, 'the JSON body has no "image"'),
        ('{"image": 3}', "application/json", 400, 'the JSON body has no "image"'),
        ('{"image": "%%%"}', "application/json", 400, '"image" is not base64'),
        ('{"image": "é"}', "application/json", 400, '"image" is not base64'),
    ],
)
def test_bad_request_is_the_callers_mistake(
    body: bytes | str, content_type: str | None, status: int, message: str
) -> None:
    """Each is an error of the serving toolkit with a 4xx status, and a ValueError where there is no toolkit."""
    with pytest.raises(RequestError, match=message) as caught:
        inference.input_fn(body, content_type)

    assert caught.value.status_code == status
    assert isinstance(caught.value, BaseInferenceToolkitError)
    assert isinstance(caught.value, ValueError)


def test_unreadable_image_is_the_callers_mistake(classifier: Classifier) -> None:
    """Bytes that are no picture are answered with 400."""
    with pytest.raises(RequestError, match="not a JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC image") as caught:
        inference.predict_fn(b"not a picture", classifier)

    assert caught.value.status_code == 400


@pytest.mark.parametrize("accept", ["text/html", "application/json;top_k=0", "application/json;return=everything"])
def test_accept_that_is_not_served_is_refused(classifier: Classifier, photo: bytes, accept: str) -> None:
    """An answer of another kind than asked for would be misread."""
    with pytest.raises(RequestError, match=r"is not served|is not a number|is not known"):
        inference.output_fn(inference.predict_fn(photo, classifier), accept)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"OMP_NUM_THREADS": "3"}, 3), ({"SAGEMAKER_MODEL_SERVER_WORKERS": "10000"}, 1), ({}, 1)],
)
def test_threads_are_shared_out_among_workers(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: int
) -> None:
    """Workers that each used all cores would slow each other down."""
    for name in ("OMP_NUM_THREADS", "SAGEMAKER_MODEL_SERVER_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert inference.thread_count() == expected


class Context:
    """What TorchServe hands to the toolkit: the request's headers, and where the answer's status goes."""

    def __init__(self, model_dir: Path, content_type: str, accept: str) -> None:
        self.system_properties = {"model_dir": str(model_dir)}
        self.model_name = "model"
        headers = {"Content-Type": content_type, "Accept": accept}
        self.request_processor = [SimpleNamespace(get_request_properties=lambda: headers)]
        self.status, self.phrase, self.content_type = 200, "", ""

    def set_response_status(self, code: int, phrase: str) -> None:
        self.status, self.phrase = code, phrase

    def set_response_content_type(self, _: int, content_type: str) -> None:
        self.content_type = content_type


@pytest.fixture
def service(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The handler service of SageMaker's PyTorch container, set up as the container sets it up."""
    from sagemaker_inference.transformer import Transformer
    from sagemaker_pytorch_serving_container.handler_service import HandlerService

    monkeypatch.setattr(Transformer, "handle_error", Transformer.__dict__["handle_error"])  # put back afterwards
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    monkeypatch.syspath_prepend(str(model_dir / "code"))
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "inference"}
    yield HandlerService()
    for name in [name for name in sys.modules if name.split(".")[0] == "inference"]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.mark.filterwarnings("ignore")
def test_serving_toolkit_answers_with_the_artifacts_own_code(service: Any, model_dir: Path, photo: bytes) -> None:
    """AWS's handler loads code/inference.py out of the artifact; good requests get 200, bad ones their status."""
    good = Context(model_dir, "image/jpeg", "application/json;top_k=1")
    (body,) = service.handle([{"body": bytearray(photo)}], good)

    loaded = sys.modules["inference"].__file__
    assert loaded == str(model_dir / "code" / "inference.py")
    assert (good.status, good.content_type) == (200, "application/json")
    assert len(json.loads(body)["predictions"]) == 1

    unreadable = Context(model_dir, "image/png", "*/*")
    (message,) = service.handle([{"body": bytearray(b"x" * 100)}], unreadable)
    unknown = Context(model_dir, "text/csv", "*/*")
    service.handle([{"body": bytearray(b"1,2")}], unknown)

    assert (unreadable.status, message) == (400, "not a JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC image")
    assert unknown.status == 415


PICTURE_BYTES = b"SECRET-BYTES"
GIF_HEADER = b"GIF89a\x10\0\x10\0\0\0\0,\0\0\0\0\x10\0\x10\0\0\x08\x0b"  # 16 x 16, then a block of LZW codes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "sentence"),
    [
        (PICTURE_BYTES, "image/png", "*/*", 400, "not a JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC image"),
        (b"", "image/png", "*/*", 400, "empty file"),
        (GIF_HEADER + PICTURE_BYTES, "image/gif", "*/*", 400, "damaged image: "),
        (PICTURE_BYTES, "text/csv", "*/*", 415, "content type 'text/csv' is not served; "),
        (b'{"image": "\xff' + PICTURE_BYTES, "application/json", "*/*", 400, "the body is not UTF-8"),
        (b'{"image": NaN, "x": "SECRET-BYTES"}', "application/json", "*/*", 400, "the body is not JSON"),
        (b'{"image": SECRET-BYTES', "application/json", "*/*", 400, "the body is not JSON: Expecting value"),
        (b'{"image": "SECRET-BYTES"}', "application/json", "*/*", 400, '"image" is not base64'),
        (b"photo", "image/jpeg", "text/html", 400, "accept 'text/html' is not served; "),
    ],
)
def test_failed_request_is_answered_with_one_sentence(
    service: Any,
    model_dir: Path,
    photo: bytes,
    caplog: Any,
    body: bytes,
    content_type: str,
    accept: str,
    status: int,
    sentence: str,
) -> None:
    """No traceback, no path and no byte of the picture, neither in the answer nor in the log."""
    caplog.set_level("DEBUG")
    context = Context(model_dir, content_type, accept)

    (answer,) = service.handle([{"body": bytearray(photo if body == b"photo" else body)}], context)

    assert context.status == status
    assert answer.startswith(sentence)
    for text in (answer, context.phrase, caplog.text):
        assert "SECRET" not in text
        assert "Traceback" not in text
        assert str(Path(__file__).parents[2]) not in text
        assert str(model_dir) not in text
    assert "\n" not in answer


@pytest.mark.filterwarnings("ignore")
def test_model_that_cannot_be_loaded_names_no_path(service: Any, model_dir: Path, tmp_path: Path, caplog: Any) -> None:
    """What the operating system says of a missing file stays within; the log has the lines of the code."""
    context = Context(tmp_path, "image/jpeg", "*/*")

    (answer,) = service.handle([{"body": bytearray(b"x")}], context)

    assert (context.status, answer) == (500, "the model failed with FileNotFoundError; the endpoint's log says where")
    assert str(tmp_path) not in caplog.text
    assert "model_fn:" in caplog.text


@pytest.fixture
def broken_dir(config: TrainingConfig, trained: TrainedModel, tmp_path: Path) -> Path:
    """An artifact whose network gives NaN for every picture."""
    network = copy.deepcopy(trained.network)
    with torch.no_grad():
        network.get_submodule("fc")[1].bias.fill_(math.nan)  # type: ignore[index]
    save_model(replace(trained, network=network), replace(config, model_dir=tmp_path / "broken"))
    return tmp_path / "broken"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("accept", ["application/json", "application/json;return=logits"])
def test_logits_that_are_no_numbers_are_a_typed_failure(
    service: Any, broken_dir: Path, photo: bytes, accept: str
) -> None:
    """JSON has neither NaN nor infinity: the caller gets 500 and a sentence instead of an answer nobody can read."""
    with pytest.raises(NoAnswerError, match="no finite numbers") as caught:
        inference.predict_fn(photo, inference.model_fn(str(broken_dir)))
    context = Context(broken_dir, "image/jpeg", accept)
    (answer,) = service.handle([{"body": bytearray(photo)}], context)

    assert (context.status, answer) == (500, str(caught.value))


@pytest.mark.slow
def test_artifact_serves_without_the_repository_or_the_toolkit(model_dir: Path, photo: bytes, tmp_path: Path) -> None:
    """With code/ alone on the path and AWS's packages hidden, the artifact answers, and loads no torch."""
    (tmp_path / "photo.jpg").write_bytes(photo)
    (tmp_path / "sagemaker_inference.py").write_text("raise ImportError('not installed')")
    program = (
        "import sys, inference; m = inference.model_fn(sys.argv[1]);"
        "d = inference.input_fn(open(sys.argv[2], 'rb').read(), 'image/jpeg');"
        "print(inference.output_fn(inference.predict_fn(d, m), 'application/json;return=logits')[0]);"
        "sys.exit('torch is loaded' if 'torch' in sys.modules else 0)"
    )
    command = [sys.executable, "-c", program, str(model_dir), str(tmp_path / "photo.jpg")]
    environ = {"PYTHONPATH": f"{model_dir / 'code'}:{tmp_path}", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}

    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)[0]) == 4
