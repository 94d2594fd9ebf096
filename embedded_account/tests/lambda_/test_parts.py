"""The parts that need no account: archives, names, log frames, the Runtime API's protocol, metrics."""

import socket
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.logs import FrameReader, LineReader
from embedded_account.lambda_.metrics import Metrics
from embedded_account.lambda_.packages import Packages
from embedded_account.lambda_.runtime_api import RuntimeApi
from embedded_account.lambda_.targets import parse_name
from support.functions import archive

ARN = "arn:aws:lambda:us-east-1:123456789012:function:predict"


@pytest.mark.parametrize(
    ("name", "qualifier", "expected"),
    [
        ("predict", None, ("predict", "")),
        ("predict:live", None, ("predict", "live")),
        (ARN, "live", ("predict", "live")),
        (f"{ARN}:$LATEST", None, ("predict", "$LATEST")),
        ("123456789012:function:predict:7", "7", ("predict", "7")),
    ],
)
def test_function_has_many_names(name: str, qualifier: str | None, expected: tuple[str, str]) -> None:
    """A bare name, a partial and a full ARN, each with its qualifier inside or beside it.

    Source: Lambda API reference, Invoke.
    """
    assert parse_name(name, qualifier) == expected


@pytest.mark.parametrize(("name", "qualifier"), [("a b", None), ("", None), ("predict:live", "test"), ("a:b:c", None)])
def test_name_that_stands_for_no_function_is_refused(name: str, qualifier: str | None) -> None:
    """Neither nonsense nor two qualifiers that disagree.

    Source: Lambda API reference, Invoke.
    """
    with pytest.raises(ServiceError, match="name"):
        parse_name(name, qualifier)


def test_archive_is_unpacked_once(bare_account: Account) -> None:
    """The same content is in the same folder, whichever function or layer it came with."""
    packages = Packages(bare_account)

    first = packages.unpack(archive({"a/b.py": "x = 1"}), "11")

    assert (first / "a" / "b.py").read_text() == "x = 1"
    assert packages.unpack(archive({"a/b.py": "x = 1"}), "11").samefile(first)
    assert not packages.unpack(archive({"a/b.py": "x = 2"}), "22").samefile(first)


def test_archive_stays_in_its_folder(bare_account: Account, tmp_path: Path) -> None:
    """A member that climbs out of the archive lands inside the folder, or nowhere."""
    folder = Packages(bare_account).unpack(archive({"../../escaped.py": "x = 1", "/etc/escaped.py": "y"}), "11")

    assert [path for path in tmp_path.rglob("escaped.py") if folder not in path.parents] == []


def test_archive_above_the_unzipped_limit_is_refused(bare_account: Account) -> None:
    """It is refused by what its directory says, before anything is written.

    Source: Lambda developer guide, "Lambda quotas".
    """
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("big", b"\0" * 262_144_001)

    with pytest.raises(ServiceError, match="Unzipped size must be smaller than 262144000 bytes"):
        Packages(bare_account).unpack(buffer.getvalue(), "11")


def test_runtime_folder_holds_the_runtime_and_nothing_else(bare_account: Account) -> None:
    """boto3 and the runtime client are there; what else is installed here is not."""
    names = {path.name for path in Packages(bare_account).runtime().iterdir()}

    assert {"boto3", "botocore", "awslambdaric", "six.py"} <= names
    assert not {"moto", "torch", "pydantic", "aws_lambda_powertools"} & names


def test_log_frames_are_put_together_from_any_pieces() -> None:
    """A frame may arrive in pieces, and several at once."""
    frame = bytes.fromhex("a55a0003") + (5).to_bytes(4, "big") + (1_500_000).to_bytes(8, "big") + b"l\nne\xff"
    reader = FrameReader()

    pieces = [reader.feed(bytes([byte])) for byte in frame]

    assert [message for piece in pieces for message in piece] == [(1.5, "l\nne\ufffd")]
    assert reader.feed(frame * 2) == [(1.5, "l\nne\ufffd")] * 2


def test_lines_are_cut_and_the_rest_is_kept() -> None:
    """A line without an end is there when the process has ended."""
    reader = LineReader()

    assert [text for _, text in reader.feed(b"one\ntw")] == ["one\n"]
    assert [text for _, text in reader.feed(b"o\nthree")] == ["two\n"]
    assert [text for _, text in reader.rest()] == ["three"]


@pytest.mark.account
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 11\r\n", b"hello world"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    ],
)
def test_runtime_request_is_read_in_both_framings(headers: bytes, body: bytes) -> None:
    """The native client sends a length, a streaming one chunks; either may come byte by byte, and be answered.

    Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
    """
    api = RuntimeApi()
    address, _, secret = api.address.partition("/")
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as client:
        line = f"POST /{secret}/2018-06-01/runtime/invocation/7/response HTTP/1.1\r\n".encode()
        for byte in line + headers + b"\r\n" + body:
            client.sendall(bytes([byte]))
        request = None
        while request is None:
            request = api.receive(1.0)
        request.answer("202 Accepted", {"X-Test": "1"}, b"ok")
        answer = client.recv(1000)
    api.close()

    assert (request.line, request.body) == ("POST /2018-06-01/runtime/invocation/7/response", b"hello world")
    assert answer == b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nX-Test: 1\r\n\r\nok"


class RecordingAccount(Account):
    """Keeps what it is told to record."""

    def put_metric(
        self, namespace: str, name: str, value: float, unit: str, dimensions: Mapping[str, str], *, count: int = 1
    ) -> None:
        """Keep one sample."""
        self.samples: list[tuple[Any, ...]] = [
            *getattr(self, "samples", []),
            (namespace, name, value, unit, dict(dimensions), count),
        ]


def test_invocations_are_counted_by_function_and_alias(tmp_path: Path, bare_account: Account) -> None:
    """Equal samples are sent on as one with a count, for the function and for the qualifier it was called by.

    Source: Lambda developer guide, "Types of metrics for Lambda functions".
    """
    account = RecordingAccount(tmp_path / "other", "http://127.0.0.1:9", "us-east-1", bare_account.clock)
    account.stopping.set()
    metrics = Metrics(account)

    metrics.add("predict", "live", Invocations=1.0, Duration=2.5)
    metrics.add("predict", "live", Invocations=1.0, Duration=4.0)
    metrics.flush()

    function, alias = {"FunctionName": "predict"}, {"FunctionName": "predict", "Resource": "predict:live"}
    assert account.samples == [
        ("AWS/Lambda", "Invocations", 1.0, "Count", function, 2),
        ("AWS/Lambda", "Invocations", 1.0, "Count", alias, 2),
        ("AWS/Lambda", "Duration", 2.5, "Milliseconds", function, 1),
        ("AWS/Lambda", "Duration", 2.5, "Milliseconds", alias, 1),
        ("AWS/Lambda", "Duration", 4.0, "Milliseconds", function, 1),
        ("AWS/Lambda", "Duration", 4.0, "Milliseconds", alias, 1),
    ]
