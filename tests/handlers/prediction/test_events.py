"""Events of all kinds, over whole corpora that others collected: readable answers, and logs that say nothing of it."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers import predict
from handlers.prediction import fetch
from tests.handlers.prediction.service import (
    CORPORA,
    FAILURE,
    Context,
    Log,
    World,
    encoded,
)

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


def corpus_events() -> Iterator[Any]:
    """Every event, JSON text and string of the corpora, in each place where a caller could put it."""
    for file in sorted((CORPORA / "lambda-events").rglob("*.json")):
        text = file.read_text(encoding="utf-8")
        try:
            yield json.loads(text)
        except ValueError:  # one file of the corpus is broken itself
            yield text
    for file in sorted((CORPORA / "json-fuzz").rglob("*")):
        if file.is_file() and file.suffix != ".md":
            data = file.read_bytes()
            yield {"body": data.decode("utf-8", "surrogateescape")}
            yield {"body": base64.b64encode(data).decode(), "isBase64Encoded": True}
    for line in (CORPORA / "naughty-strings" / "blns.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
        text = json.loads(line)["s"]
        yield from (text, {"body": text}, {"url": text}, {"s3_uri": text}, {"image": text})
        yield from ({"s3_uri": f"s3://data-bucket/pictures/{text}"}, {"url": f"http://127.0.0.1:1/{text}"})
        yield {"image": encoded(), "return": text, "top_k": text}


def corpus_texts() -> Iterator[str]:
    """The strings of the corpora that are too long to be in a log by chance, and the headers of the events."""
    lines = (CORPORA / "naughty-strings" / "blns.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")
    yield from (text for text in (json.loads(line)["s"] for line in lines) if len(text) > 12 and "://" not in text)
    for file in sorted((CORPORA / "lambda-events").rglob("*.json")):
        yield from re.findall(
            r'"(?:Authorization|authorization|x-api-key|cookie|Cookie)": "([^"]{8,})"', file.read_text()
        )


@pytest.mark.slow
@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not in this checkout")
def test_any_event_gets_a_well_formed_answer(world: World, log: Log) -> None:
    """Real events of other services, fuzzed JSON and naughty strings all end in a 4xx that a client can read.

    And nothing of what they hold comes into the log: no header, no query string, no text of theirs but a host's name.
    """
    count = 0
    for event in corpus_events():
        answer = predict.handler(event, Context())  # type: ignore[arg-type]
        body = json.loads(json.dumps(answer).encode("ascii"))["body"]
        assert answer["statusCode"] == 204 or 400 <= answer["statusCode"] < 500, (event, answer)
        assert answer["statusCode"] == 204 or set(json.loads(body)) == FAILURE
        count += 1

    assert count >= 3874  # of 106 events, 864 texts and 255 strings
    assert world.invocations == []
    written = log.getvalue()
    assert written.count('"_aws"') >= count - 100  # a preflight writes none
    for text in corpus_texts():
        assert json.dumps(text)[1:-1] not in written
    assert "AWS4-HMAC" not in written


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not in this checkout")
def test_no_query_string_or_user_of_a_url_is_logged(world: World, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each URL of the corpus, with a query and a user's name added: refused, and the log names the host at most."""
    monkeypatch.setattr(fetch, "lookup", lambda _host, _port: ["10.0.0.1"])
    rows = (CORPORA / "ssrf-urls" / "urls.jsonl").read_text(encoding="utf-8").splitlines()
    urls = [json.loads(row)["url"] for row in rows]

    for url in urls:
        host_on = url.partition("://")[2] or url
        for asked in (url, f"https://{host_on}?token=s3cr3t-query", f"https://s3cr3t-user:s3cr3t-word@{host_on}"):
            answer = predict.handler({"url": asked}, Context())  # type: ignore[arg-type]
            assert 400 <= answer["statusCode"] < 500, (asked, answer)

    written = log.getvalue()
    assert len(urls) >= 123
    assert written.count('"_aws"') == 3 * len(urls)
    assert "s3cr3t" not in written
    assert [query for query in map(_query, urls) if len(query) > 3 and query in written] == []


def _query(url: str) -> str:
    try:
        return urlsplit(url).query
    except ValueError:  # some of them are no URLs at all
        return ""
