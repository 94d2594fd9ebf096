"""Dataset in, prediction out: what holds once an execution has succeeded."""

import base64
import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from datasets.pictures import read_record
from handlers.ledger import Dataset
from tests.flow.load import PICTURE_EVENT, call_once
from tests.flow.pictures import BROKEN, picture
from tests.inference import heic

pytestmark = [pytest.mark.slow, pytest.mark.account]


def test_the_execution_succeeds_with_a_readable_record(stack, production):
    """The run record holds the accuracy, the threshold, and what each state's jobs have cost."""
    record = stack.record(production)

    assert record["Status"] == "SUCCEEDED"
    assert float(record["Accuracy"]) >= float(record["Threshold"]) == 0.6
    assert set(record["Bills"]) == {"ComputeFeatures", "StartTuningJob", "StartTrainingJob"}
    assert float(record["Dollars"]) > 0


def test_the_endpoint_is_in_service_and_scales(stack, production):
    """The endpoint has its instance, and its scalable target the template's limits."""
    name = stack.outputs["EndpointName"]

    endpoint = stack.client("sagemaker").describe_endpoint(EndpointName=name)
    targets = stack.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")

    assert endpoint["EndpointStatus"] == "InService"
    target = next(t for t in targets["ScalableTargets"] if t["ResourceId"] == f"endpoint/{name}/variant/AllTraffic")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)


def test_status_shows_the_run_on_one_page(stack, production):
    """A person sees the outcome, the accuracy, the engine that answers and why it does, and the endpoint."""
    page = stack.run("status").stdout

    assert "SUCCEEDED" in page
    assert "InService" in page
    assert " for its jobs, by AWS's prices: examination " in page
    assert "read by the folders" in page
    assert re.search(r"^served in +(int8|fp32) by openvino: int8 ", page, re.MULTILINE)
    assert re.search(r"^class +train +validation +test$", page, re.MULTILINE)


def test_costs_are_those_that_aws_would_bill(stack, production):
    """The run's bill is in the table, which has the endpoint and the functions too; nothing is billed here."""
    shown = stack.run("costs", "--days", "1")

    rows = {cells[0]: cells[1:] for cells in (line.split("\t") for line in shown.stdout.splitlines())}
    assert re.match(r"\d+ runs?, .* of instances", rows["runs"][0])
    assert re.match(r"[\d,]+ invocations, [\d,]+ GB-seconds", rows["other functions"][0])
    assert rows["total"][1].startswith(("$", "less than $"))
    assert "the table has what AWS would bill" in shown.stderr


def test_reports_are_fetched_and_show_what_the_gate_judged(stack, production, tmp_path):
    """All pages, true to the run record; the page about tuning is kept beside the run."""
    printed = stack.run("report", "--no-open", "--out", str(tmp_path)).stdout.split()

    assert printed == [str(tmp_path / f"{name}.html") for name in ("run", "training-report", "tuning-report", "data")]
    page = (tmp_path / "run.html").read_text()
    assert 'href="training-report.html"' in page
    assert page.count("StartTrainingJob")
    assert "lowest recall" in page
    assert (tmp_path / "findings.csv").read_text().startswith("action,value,path,")
    accuracy = f"{100 * float(stack.record(production)['Accuracy']):.1f} %"
    assert f"<dt>Test accuracy</dt><dd>{accuracy}" in (tmp_path / "training-report.html").read_text()
    assert "What became of it" in (tmp_path / "training-report.html").read_text()
    tuning = (tmp_path / "tuning-report.html").read_bytes()
    assert b"Parallel coordinates" in tuning
    key = f"runs/{production.rpartition(':')[2]}/tuning-report.html"
    kept = stack.client("s3").get_object(Bucket=stack.outputs["DataBucketName"], Key=key)
    assert kept["Body"].read() == tuning


def test_the_pictures_of_a_run_are_known_and_kept(stack, production, dataset, tmp_path):
    """Every one with its SHA-256, held to the folder they came from, and brought back."""
    name, record = production.rpartition(":")[2], tmp_path / "run.jsonl"

    stack.run("data", "list", name, "--out", str(record))
    verified = stack.run("data", "verify", str(record), str(dataset)).stdout.split()
    stack.run("data", "restore", name, "test/colour-0/001.png", "--to", str(tmp_path / "back"))
    same = stack.run("data", "diff", name, name, "--no-open", "--out", str(tmp_path / "page.html")).stdout

    pictures = list(read_record(record.read_text().splitlines())[1])
    assert verified[1] == str(len(pictures)) == str(stack.record(production)["NumPictures"])
    assert all(picture.sha256 for picture in pictures)
    assert (tmp_path / "back/test/colour-0/001.png").read_bytes() == (dataset / "test/colour-0/001.png").read_bytes()
    assert [line.split()[-1] for line in same.splitlines()[:-1]] == ["0"] * 6


def test_a_presigned_url_of_the_bucket_is_answered(stack, production):
    """The account's own origin is let through; the class is right."""
    bucket = stack.outputs["DataBucketName"]
    url = stack.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "datasets/colours/test/colour-1/000.png"}
    )

    answer = stack.predict({"url": url})

    assert answer["statusCode"] == 200
    assert answer["body"]["predictions"][0]["class_name"] == "colour-1"
    assert list(answer["body"]["latency_ms"]) == ["fetch", "endpoint", "queue", "decode", "model", "total"]


def test_logits_come_bare_on_request(stack, production):
    """Clients of older prediction functions get the list of lists they expect."""
    answer = stack.predict(
        {"s3_uri": f"s3://{stack.outputs['DataBucketName']}/datasets/colours/test/colour-2/000.png", "return": "logits"}
    )

    assert len(answer["body"]) == 1
    assert max(range(3), key=answer["body"][0].__getitem__) == 2


def test_an_address_inside_the_network_is_refused(stack, production):
    """The prediction function connects to no private address but the allowed origin."""
    answer = stack.predict({"url": "https://169.254.169.254/latest/meta-data/"})

    assert 400 <= answer["statusCode"] < 500


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "])
def test_nothing_of_a_broken_picture_is_told_or_logged(stack, production, start):
    """The toolkit answers with a traceback and the picture's bytes; callers and the function's log get neither."""
    image = start + b"s3cr3t-pixels" * 9
    query = f"https://169.254.169.254/a.png?X-Amz-Signature=s3cr3t-{len(start)}"

    answers = [stack.predict({"image": base64.b64encode(image).decode()}), stack.predict({"url": query})]

    groups = stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{stack.name}-predict")["events"]
    logged = "\n".join(event["message"] for event in groups)
    assert answers[0]["body"]["message"].startswith("the model cannot read the image; send a JPEG, PNG, GIF or WebP")
    assert [answer["body"]["error"] for answer in answers] == ["ModelRefused", "Forbidden"]
    assert logged.count('"reason"') >= 2
    for secret in ("s3cr3t", "Traceback", "/opt/", "inference.py", "AWS4-HMAC", base64.b64encode(image).decode()[8:40]):
        assert secret not in json.dumps(answers) + logged


def test_the_command_line_predicts_a_file(stack, production, tmp_path):
    """`deploy.py predict FILE` prints the class."""
    path = tmp_path / "picture.png"
    path.write_bytes(picture(0, 3, seed="never seen"))

    assert "colour-0" in stack.run("predict", str(path)).stdout


def test_a_phone_s_picture_is_answered(stack, production):
    """The endpoint's own process decodes HEIC, as it came off a phone."""
    answer = stack.predict({"image": base64.b64encode(heic.TURNED).decode()})

    assert answer["statusCode"] == 200
    assert answer["body"]["predictions"][0]["class_name"].startswith("colour-")


def test_the_readme_snippet_of_an_app_runs_as_it_stands(stack, production, tmp_path):
    """The boto3 client in the README gets an answer from the alias."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    marked = readme.split("<!-- app-snippet -->")[1]
    snippet = marked.split("```python\n")[1].split("```")[0]
    url = stack.client("s3").generate_presigned_url(
        "get_object",
        Params={"Bucket": stack.outputs["DataBucketName"], "Key": "datasets/colours/test/colour-0/001.png"},
    )
    script = tmp_path / "app.py"
    script.write_text(snippet)
    environment = stack.account.environment() | {
        "PREDICT_FUNCTION": stack.outputs["PredictAliasArn"],
        "PICTURE_URL": url,
    }

    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "colour-0" in done.stdout


def test_the_same_upload_event_three_times_starts_one_run(stack, production):
    """A duplicate of an event that S3 sent already starts nothing."""
    before = len(stack.executions())
    latest = stack.client("dynamodb").get_item(
        TableName=stack.outputs["TableName"], Key={"Id": {"S": Dataset.key_of("colours")}}
    )["Item"]
    event = {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": stack.outputs["DataBucketName"]},
            "object": {"key": "datasets/colours/_SUCCESS", "size": 0, "sequencer": latest["Sequencer"]["S"]},
            "reason": "PutObject",
        },
    }

    def deliver(_: int) -> Any:
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["StartExecutionFunctionName"], Payload=json.dumps(event).encode()
        )
        return json.load(answer["Payload"])

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(deliver, range(3)))

    assert [answer["Started"] for answer in answers] == [False, False, False]
    assert len(stack.executions()) == before


def test_an_unchanged_dataset_is_skipped_in_words(stack, production, dataset):
    """Uploading the same content again starts no execution and says why."""
    before = len(stack.executions())

    done = stack.run("upload", str(dataset), "--dataset", "colours")

    assert "nothing to do" in done.stderr
    assert len(stack.executions()) == before


def test_more_callers_than_reserved_concurrency_get_429(stack, production):
    """Two at a time are served; a burst of twelve sees throttling, and service again after it."""
    lambda_client = stack.client("lambda")
    body = json.dumps(
        {"s3_uri": f"s3://{stack.outputs['DataBucketName']}/datasets/colours/test/colour-0/002.png"}
    ).encode()
    start = threading.Barrier(12)

    def call(_: int) -> str:
        start.wait()
        try:
            answer = lambda_client.invoke(FunctionName=stack.outputs["PredictAliasArn"], Payload=body)
            return str(json.load(answer["Payload"])["statusCode"])
        except lambda_client.exceptions.TooManyRequestsException as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(call, range(12)))

    assert set(outcomes) == {"200", "TooManyRequestsException"}
    assert outcomes.count("200") >= 2
    assert call_once(stack, body) == 200


def test_a_changed_dataset_updates_without_a_failed_prediction(stack, production, update):
    """While the second execution runs every prediction is answered, and afterwards by the new model."""
    arn, outcomes = update
    name = arn.rpartition(":")[2]

    answer = stack.predict(json.loads(PICTURE_EVENT))

    assert set(outcomes) == {200}
    assert len(outcomes) > 20
    assert arn != production
    assert answer["body"]["model"]["training_job_name"] == name
    assert f"of {production.rpartition(':')[2]!r}, which serves" in stack.record(arn)["Reason"]


def test_a_new_model_had_copies_of_the_requests_first(stack, update):
    """It was judged by them before it served, callers saw nothing of it, and no shadow is left."""
    name = update[0].rpartition(":")[2]
    reason = stack.record(update[0])["Reason"]

    pages = stack.client("s3").list_objects_v2(
        Bucket=stack.outputs["DataBucketName"], Prefix=f"captured/{name}/{stack.outputs['EndpointName']}/"
    )["Contents"]

    told = re.search(r"the shadow named the class of the model that serves for (\d+) of (\d+) requests", reason)
    assert told, reason
    assert int(told[1]) == int(told[2]) >= 30
    assert re.search(r"; 0 of [1-9]\d* copies failed, 0 of [1-9]\d* requests", reason)
    assert {page["Key"].split("/")[3] for page in pages} == {"AllTraffic", "Candidate"}
    endpoint = stack.client("sagemaker").describe_endpoint(EndpointName=stack.outputs["EndpointName"])
    assert "ShadowProductionVariants" not in endpoint


def test_an_update_keeps_the_model_it_replaced(stack, production, update):
    """The way back needs it; of the last KeepDeployments nothing is removed."""
    configs = stack.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    models = stack.client("sagemaker").list_models()["Models"]

    names = {arn.rpartition(":")[2] for arn in (production, update[0])}
    assert {config["EndpointConfigName"] for config in configs} == names
    assert {model["ModelName"] for model in models} == names


def test_an_unreadable_picture_is_set_aside_and_reported(stack, update):
    """One broken file of many neither fails the job nor passes in silence."""
    key = f"runs/{update[0].rpartition(':')[2]}/evaluation.json"

    report = stack.client("s3").get_object(Bucket=stack.outputs["DataBucketName"], Key=key)["Body"].read()

    assert [problem["path"] for problem in json.loads(report)["data_problems"]] == [BROKEN]
