"""What servers and containers can answer to do harm: an item fails alone, typed, and says nothing of theirs."""

import json
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.contract import strict_json
from handlers.prediction import classification, fetch
from handlers.prediction.errors import PredictionError
from handlers.prediction.urls import parse_url, redirected
from tests.handlers.prediction.image_server import Server, redirect_to
from tests.handlers.prediction.service import PNG, PREDICTIONS, Log, World, call, encoded

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/opt/conda/lib/python3.12/site-packages/sagemaker_inference/transformer.py", line 150, in transform\n'
    '  File "/opt/ml/model/code/inference.py", line 130, in predict_fn\n'
    f"PIL.UnidentifiedImageError: cannot identify image file {PNG!r}\n"
)
WRAPPED = json.dumps({"code": 400, "type": "InternalServerException", "message": TRACEBACK})
SECRETS = ("Traceback", "/opt", "transform", "inference.py", "pixels", "PIL", "\\x89")
LOCATIONS = [
    "https://[::1", "https://[", "//[::1", "https://]/", "https://a.example:99999999999/", "https://[v1.x]/", "http://[:",
    "https://\udcff.example/".encode("utf-8", "surrogateescape").decode("latin-1"), "https://" + "a." * 4000, "\t//[x",
]  # fmt: skip
HUGE = "9" * 400
ANSWERS = [
    f"[[{HUGE}]]", "[[1e400]]", "[[NaN]]", "[[Infinity, -Infinity]]", "[[-1e999, 1]]", f"[[-{HUGE}.5]]",
]  # fmt: skip
PREDICTED = [
    '{"predictions": [NaN], "model": null}', '{"predictions": [{"probability": NaN}], "model": null}',
    '{"predictions": [{"class_name": "a", "class_index": 0, "probability": NaN}], "model": null}',
    f'{{"predictions": [{{"class_name": "a", "class_index": {HUGE}, "probability": 1}}], "model": null}}',
    '{"predictions": [{"class_name": "a", "class_index": 0, "probability": 1e400}], "model": null}',
    '{"predictions": [{"class_name": "a", "class_index": 0, "probability": 2}], "model": null}',
    '{"predictions": [{"class_name": 5, "class_index": 0, "probability": 1}], "model": null}',
    '{"predictions": [{"class_name": "a", "class_index": -1, "probability": 1}], "model": null}',
    '{"predictions": [{"class_name": "a", "class_index": true, "probability": 1}], "model": null}',
    '{"predictions": [], "model": NaN}', '{"predictions": [], "model": {"model_name": [NaN]}}',
    '{"predictions": [], "predictions": [], "model": null}', '{"predictions": [], "model": "x"}',
]  # fmt: skip
NO_FAULT_OF_OURS = "Prediction"  # the class of what was not foreseen


@pytest.mark.parametrize("message", [TRACEBACK, WRAPPED, json.dumps({"error": TRACEBACK}), repr(PNG)])
@pytest.mark.parametrize("status", [400, 404, 408, 413, 415, 418, 422, 429, 499, 500, 502, 503, 507, 599, 0, 10**400])
def test_nothing_that_the_container_says_is_passed_on(world: World, log: Log, status: int, message: str) -> None:
    """On every status callers and logs get one sentence of ours: no traceback, no path, no byte of the picture."""
    world.fails_with(424, "ModelError", OriginalStatusCode=status, OriginalMessage=message, Message=message)

    got, body, _ = call({"image": encoded()})

    assert 400 <= got < 600
    assert body["error"] != NO_FAULT_OF_OURS
    assert "\n" not in body["message"]
    for secret in SECRETS:
        assert secret not in json.dumps(body) + log.getvalue()


@pytest.mark.parametrize("code", [TRACEBACK.replace("\n", " "), "x" * 5000, f"a {PNG!r}"])
@pytest.mark.parametrize("status", [400, 403, 424, 500])
def test_a_code_that_is_none_is_not_repeated(world: World, log: Log, status: int, code: str) -> None:
    """Only what has the form of an AWS error code stands in a sentence."""
    world.fails_with(status, code)

    _, body, _ = call({"image": encoded()})

    for secret in (*SECRETS, "xxx"):
        assert secret not in json.dumps(body) + log.getvalue()


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_hostile_redirect_fails_its_own_item_alone(
    world: World, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """The other addresses of the call get their answers."""
    monkeypatch.setattr(fetch, "lookup", lambda host, _: [host if host == "127.0.0.1" else "10.0.0.1"])
    server = serve(redirect_to(location))
    world.allow(monkeypatch, server.origin)
    world.files["/a.png"] = PNG

    status, body, _ = call({"urls": [f"{world.origin}/a.png", f"{server.origin}/b.png"]})

    assert (status, body["results"][0]["status"]) == (200, 200)
    assert body["results"][1]["status"] in (400, 403, 422)
    assert body["results"][1]["error"] != NO_FAULT_OF_OURS


@pytest.mark.parametrize("answer", ANSWERS)
def test_logits_that_no_double_holds_are_the_models_failure(world: World, answer: str) -> None:
    """For one image and for each of several: 502, never a crash, never NaN."""
    world.files["/a.png"] = PNG
    world.body = answer.encode()

    one, single, _ = call({"image": encoded(), "return": "logits"})
    several, body, _ = call({"urls": [f"{world.origin}/a.png"] * 2, "return": "logits"})

    assert (one, single["error"], several) == (502, "ModelFailed", 200)
    assert [item["error"] for item in body["results"]] == ["ModelFailed"] * 2


@pytest.mark.parametrize("answer", PREDICTED)
def test_predictions_of_another_form_are_the_models_failure(world: World, answer: str) -> None:
    """Names are texts, numbers are finite and in range, and the answer is strict JSON."""
    world.body = answer.encode()

    status, body, _ = call({"image": encoded()})

    assert (status, body["error"]) == (502, "ModelFailed")


def test_a_defect_in_one_item_leaves_the_others_their_answers(
    world: World, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is that item's 500, and its class and place are in the log, without its values."""
    world.files["/a.png"] = PNG
    load = classification.load_image

    def explode(source: str, value: str, limits: Any) -> bytes:
        if value.endswith("b.png"):
            raise KeyError(value)
        return load(source, value, limits)

    monkeypatch.setattr(classification, "load_image", explode)

    status, body, _ = call({"urls": [f"{world.origin}/a.png", f"{world.origin}/s3cr3t-b.png"]})

    assert (status, [one["status"] for one in body["results"]]) == (200, [200, 500])
    assert "KeyError" in log.getvalue()
    assert "s3cr3t" not in log.getvalue() + json.dumps(body)


HOSTILE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
URLISH = st.text(alphabet=string.printable + "\x80\xffü", max_size=30)
LOCATION = st.builds(
    "{}{}".format, st.sampled_from(["https://", "http://", "//", "/", "?", "[", "", "https://["]), URLISH
)
NUMBER = st.sampled_from(
    ["NaN", "Infinity", "-0.0", "1e999", HUGE, f"-{HUGE}", "1", "0.5", "true", "null", '"x"', "{}"]
)
FIELD = st.sampled_from(["class_name", "class_index", "probability", "latency_ms", "model", "x"])
MEMBERS = st.lists(st.tuples(FIELD, NUMBER), max_size=4).map(
    lambda pairs: "{" + ",".join(f'"{name}": {value}' for name, value in pairs) + "}"
)
OBJECT = MEMBERS | NUMBER
ANSWER = st.one_of(
    st.lists(NUMBER, max_size=4).map(lambda row: f"[[{','.join(row)}]]"),
    st.builds('{{"predictions": [{}], "model": {}, "latency_ms": {}}}'.format, MEMBERS, OBJECT, OBJECT),
    st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")),
)  # fmt: skip


@HOSTILE
@given(location=LOCATION)
def test_any_redirect_ends_in_a_typed_answer(location: str) -> None:
    """Whatever a server may put into Location: an image of its own item, or a 4xx that we foresaw."""
    here = parse_url("https://a.example/dog.png?x=1")
    refused = None
    try:
        parse_url(redirected(here, location))
    except PredictionError as error:
        refused = error
    assert refused is None or (400 <= refused.status < 500 and str(refused).startswith("url: "))


@HOSTILE
@given(answer=ANSWER, logits=st.booleans())
def test_any_answer_of_a_container_ends_in_strict_json(world: World, answer: str, logits: bool) -> None:
    """An answer that any reader takes, or the model's failure."""
    world.body, world.headers, world.status = answer.encode("utf-8", "replace"), {}, 200

    status, body, _ = call({"image": encoded(), "return": "logits" if logits else "predictions"})

    assert status in (200, 502)
    strict_json.written(body)


@pytest.mark.parametrize("body", ['{"image": "QUJD", "top_k": NaN}', '{"url": 1e999}', '{"urls": [], "urls": []}'])
def test_a_request_that_is_no_strict_json_is_refused(world: World, body: str) -> None:
    """What other readers would refuse or read in another way is no request."""
    status, answer, _ = call({"body": body})

    assert (status, answer["error"]) == (400, "BadRequest")
    assert answer["message"].startswith("body: not JSON")


def test_the_answers_that_are_right_stay_as_they_are(world: World) -> None:
    """Names, numbers and the model's own words for itself."""
    world.body = json.dumps(PREDICTIONS).encode()

    _, body, _ = call({"image": encoded()})

    assert (body["predictions"], body["model"]) == (PREDICTIONS["predictions"], PREDICTIONS["model"])
