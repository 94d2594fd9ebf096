"""What no request passes: foreign hosts, web pages, moto's own doors."""

import http.client
import json
import os
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount

_RULES = {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://shop.example"]}]}
_FOREIGN = ["attacker.example", "127.0.0.1.attacker.example", "localhost.example:80", "", "[::2]"]
_DOORS = ["/moto-api/recorder/start-recording", "/moto-api/reset", "//moto-api/data.json", "/MOTO-API/", "/latest/meta"]
_NOTHINGS = ["/", "/no-such-bucket/key", "/2015-03-31/functions", "/silent", "/silent/key?list-type=2"]
_QUESTION = {"Origin": "https://shop.example", "Access-Control-Request-Method": "PUT"}


def _ask(account: RunningAccount, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Return the answer to a request as no SDK sends it, its body read."""
    connection = http.client.HTTPConnection("127.0.0.1", account.info.port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{account.info.port}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.text = answer.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.fixture(scope="module")
def buckets(account: RunningAccount) -> tuple[str, str]:
    """Give a bucket that answers a page's questions, and one that does not."""
    s3 = account.client("s3")
    for name in ("asked-by-pages", "silent"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_cors(Bucket="asked-by-pages", CORSConfiguration=_RULES)
    return "asked-by-pages", "silent"


@pytest.mark.parametrize("path", ["/", "/_embedded-account/health", "/silent/key"])
@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example", "localhost.example:80", "", "[::2]"]
)
def test_a_foreign_host_is_refused(account: RunningAccount, host: str, path: str) -> None:
    """A name that was made to mean this machine gets nothing, not even whether the account runs."""
    answer: Any = _ask(account, "GET", path, {"Host": host})

    assert answer.status == 403
    assert "answers as 127.0.0.1 and localhost only" in json.loads(answer.text)["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4566", "LOCALHOST", "a.bucket.localhost:1", "[::1]:80"])
def test_names_of_this_machine_pass(account: RunningAccount, host: str) -> None:
    """Whichever port a client was told."""
    assert _ask(account, "GET", "/_embedded-account/health", {"Host": host}).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    "path",
    ["/moto-api/recorder/start-recording", "/moto-api/reset", "//moto-api/data.json", "/MOTO-API/", "/latest/meta"],
)
def test_motos_own_paths_are_closed(account: RunningAccount, method: str, path: str) -> None:
    """With a web page's headers or without; no recorder starts and nothing is reset."""
    for headers in ({}, _QUESTION):
        answer: Any = _ask(account, method, path, headers)

        assert answer.status == 403
        assert method == "HEAD" or "it is closed" in answer.text
    assert not os.path.exists("moto_recording")


def test_motos_own_paths_are_closed_to_root_too(account: RunningAccount, buckets: tuple[str, str]) -> None:
    """A signature opens them to nobody."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(
        "POST", f"{account.info.url}/moto-api/reset", headers={"Host": f"127.0.0.1:{account.info.port}"}
    )
    keys = Credentials(account.info.access_key_id, account.info.secret_access_key)
    S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)

    assert _ask(account, "POST", "/moto-api/reset", dict(request.headers.items())).status == 403
    names = [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]
    assert set(buckets) <= set(names)


@pytest.mark.parametrize(
    "path", ["/", "/no-such-bucket/key", "/2015-03-31/functions", "/silent", "/silent/key?list-type=2"]
)
def test_a_question_about_nothing_is_not_answered(account: RunningAccount, buckets: tuple[str, str], path: str) -> None:
    """An unsigned OPTIONS lists no bucket and reaches no service."""
    answer: Any = _ask(account, "OPTIONS", path, _QUESTION)

    assert answer.status == 403
    assert "<Code>AccessForbidden</Code>" in answer.text
    assert "asked-by-pages" not in answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_bucket_with_rules_answers_its_question(account: RunningAccount, buckets: tuple[str, str]) -> None:
    """A preflight of a bucket with CORS rules gets them; an OPTIONS that is none gets nothing."""
    asked: Any = _ask(account, "OPTIONS", f"/{buckets[0]}/key", _QUESTION)
    plain: Any = _ask(account, "OPTIONS", f"/{buckets[0]}", {})

    assert asked.status == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert (plain.status, "Insufficient information" in plain.text) == (403, True)


def test_a_web_page_must_sign(account: RunningAccount, buckets: tuple[str, str]) -> None:
    """A page of another site is refused before any service; one of this machine is asked to sign like everybody."""
    foreign: Any = _ask(account, "POST", "/", {"Origin": "https://attacker.example", "Content-Type": "text/plain"})
    own: Any = _ask(account, "GET", "/silent", {"Origin": "http://localhost:8000"})

    assert (foreign.status, "must sign its requests" in foreign.text) == (403, True)
    assert (own.status, "AccessDenied" in own.text) == (403, True)


def test_a_signed_request_of_a_page_is_carried_out(account: RunningAccount, buckets: tuple[str, str]) -> None:
    """A presigned upload from a web page works, as on S3."""
    s3 = account.client("s3")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": buckets[0], "Key": "k"})
    s3.put_object(Bucket=buckets[0], Key="k", Body=b"content")

    answer: Any = _ask(account, "GET", url.removeprefix(account.info.url), {"Origin": "https://shop.example"})

    assert (answer.status, answer.text) == (200, "content")


@pytest.mark.parametrize("path", ["clock", "faults", "permissions"])
def test_control_paths_are_not_for_pages(account: RunningAccount, path: str) -> None:
    """Even a page of this machine that knew the key is refused."""
    headers = {"Origin": "http://localhost:8000", "X-Embedded-Account-Key": account.info.secret_access_key}

    answer: Any = _ask(account, "GET", f"/_embedded-account/{path}", headers)

    assert answer.status == 403
    assert "for programs, not for web pages" in answer.text
