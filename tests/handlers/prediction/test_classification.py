"""Images from where a call says, one or several, each with an outcome of its own."""

import threading

import pytest

from handlers.prediction import classification
from tests.handlers.prediction.service import (
    IMAGES,
    PNG,
    PREDICTIONS,
    World,
    call,
    encoded,
)

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


@pytest.mark.parametrize(("content_type", "image"), IMAGES.items())
def test_content_type_comes_from_the_first_bytes(world: World, content_type: str, image: bytes) -> None:
    """All four formats are told apart without asking anyone."""
    status, _, _ = call({"image": encoded(image)})

    assert status == 200
    assert world.invocations[0][1]["Content-Type"] == content_type


@pytest.mark.parametrize("bucket", ["data-bucket", "other-bucket"])
def test_s3_uri_is_read_from_allowed_buckets(world: World, bucket: str) -> None:
    """The data bucket is always allowed, others by parameter."""
    world.files[f"/{bucket}/pictures/dog%20%C3%BC.png"] = PNG

    status, body, _ = call({"s3_uri": f"s3://{bucket}/pictures/dog \u00fc.png"})

    assert status == 200, body
    assert world.invocations[0][2] == PNG


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/missing.png", 404, "ImageNotFound"), ("/large.png", 413, "ImageTooLarge"), ("/page.html", 415, "NotAnImage")],
)
def test_bad_urls_have_their_own_status(world: World, path: str, status: int, error: str) -> None:
    """What is wrong with the other server's file is not a failure of this function."""
    world.files |= {"/large.png": PNG * 1000, "/page.html": b"<html>"}

    got, body, _ = call({"url": world.origin + path})

    assert (got, body["error"]) == (status, error)


def test_several_urls_have_an_answer_each(world: World) -> None:
    """In their order, each with its own status; one that cannot be had keeps no other from its answer."""
    world.files |= {"/a.png": PNG, "/page.html": b"<html>", "/b.jpg": IMAGES["image/jpeg"]}
    paths = ("/a.png", "/missing.png", "/page.html", "/b.jpg")
    urls = [*(world.origin + path for path in paths), "https://127.0.0.1/", "not a URL"]

    status, body, _ = call({"urls": urls, "top_k": 3})

    assert (status, body["request_id"]) == (200, "request-1")
    assert [result["status"] for result in body["results"]] == [200, 404, 415, 200, 403, 400]
    assert body["results"][0]["predictions"] == PREDICTIONS["predictions"]
    assert body["results"][1]["error"] == "ImageNotFound"
    assert {image for _, _, image in world.invocations} == {PNG, IMAGES["image/jpeg"]}
    ids = {sent["X-Amzn-SageMaker-Inference-Id"] for _, sent, _ in world.invocations}
    assert ids == {"request-1-0", "request-1-3"}


def test_several_urls_give_logits_too(world: World) -> None:
    """Each entry holds its rows."""
    world.files["/a.png"] = PNG
    world.body = b"[[1.0]]"

    _, body, _ = call({"urls": [f"{world.origin}/a.png"], "return": "logits"})

    assert body["results"][0]["logits"] == [[1.0]]


def test_several_urls_are_fetched_at_the_same_time(world: World) -> None:
    """Each server answers only once all of them are asked, which one after the other could never be."""
    world.gate = threading.Barrier(8)
    world.files["/a.png"] = PNG

    _, body, _ = call({"urls": [f"{world.origin}/a.png"] * 8})

    assert [result["status"] for result in body["results"]] == [200] * 8


def test_a_call_asks_the_endpoint_for_few_images_at_a_time(world: World) -> None:
    """One caller with many images leaves room for the others."""
    world.files["/a.png"] = PNG
    world.endpoint_gate = threading.Barrier(classification.MAX_AT_ENDPOINT)

    _, body, _ = call({"urls": [f"{world.origin}/a.png"] * 12})

    assert [result["status"] for result in body["results"]] == [200] * 12
    assert world.most_at_once == classification.MAX_AT_ENDPOINT


def test_throttled_images_of_several_carry_a_hint(world: World) -> None:
    """What was refused for want of capacity can be sent again, alone."""
    world.files["/a.png"] = PNG
    world.fails_with(400, "ThrottlingException")

    _, body, _ = call({"urls": [f"{world.origin}/a.png"] * 2})

    assert [(one["status"], one["retry_after_seconds"]) for one in body["results"]] == [(429, 1)] * 2


@pytest.mark.parametrize(
    "key", ["runs/x/summary.json", "pictures", "picturesx/a.png", "/pictures/a.png", "../pictures/a"]
)
def test_only_pictures_of_the_data_bucket_can_be_asked_for(world: World, key: str) -> None:
    """Outside the allowed prefixes nobody learns whether there is an object: S3 is not even asked."""
    world.files[f"/data-bucket/{key}"] = PNG

    status, body, _ = call({"s3_uri": f"s3://data-bucket/{key}"})

    assert (status, body["error"], world.num_reads) == (403, "Forbidden", 0)


def test_no_answer_tells_of_more_than_its_caller_may_see(world: World) -> None:
    """No size of a file, no kind of an address; what may not be read is answered as what is not there."""
    world.files |= {"/large.png": PNG * 1013, "/page.html": b"<html>" * 7, "/data-bucket/pictures/x.png": PNG * 1013}
    private = call({"url": "https://10.0.0.1/"})[1]["message"]

    messages = [
        call({"url": f"{world.origin}/large.png"})[1]["message"],
        call({"url": f"{world.origin}/page.html"})[1]["message"],
        call({"s3_uri": "s3://data-bucket/pictures/x.png"})[1]["message"],
        private,
    ]

    for message in messages:
        assert not any(secret in message for secret in (str(len(PNG) * 1013), "42", "private", "loopback")), message
    assert call({"url": "https://169.254.169.254/"})[1]["message"] == private.replace("10.0.0.1", "169.254.169.254")


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "KMS.DisabledException", "InvalidObjectState"])
def test_an_unreadable_object_is_as_one_that_is_not_there(world: World, code: str) -> None:
    """One status and one sentence for all of them."""
    world.files["/data-bucket/pictures/x.png"] = f"<Error><Code>{code}</Code></Error>".encode()
    world.file_status = 400 if code.startswith("KMS") else 403

    assert (
        call({"s3_uri": "s3://data-bucket/pictures/x.png"})[:2]
        == call({"s3_uri": "s3://data-bucket/pictures/none"})[:2]
    )
