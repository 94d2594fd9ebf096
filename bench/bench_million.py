"""What a listing of a million objects takes, in the functions that read it: peak memory and processor time.

python bench/bench_million.py [--counts 10000,100000,1000000] [--shape folders|table|notes]

The pictures are keys alone, which a process of its own lists as S3 does, a thousand a page; each function reads them
through boto3 in a fresh process, whose memory and time are measured, and what it writes is taken and dropped.

    start       start_execution: the fingerprint of what lies there
    drop        start_execution after files came one by one: the same from the listing of versions
    validate    ValidateDataset: listing, fingerprint, layout, checks, splits, record, manifests and report
"""

import argparse
import http.server
import json
import os
import re
import resource
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[1]
FUNCTIONS = ("start", "drop", "validate")
BUCKET, PREFIX, PAGE = "retriever-data", "datasets/million/", 1000
NUM_CLASSES = 100
PLACE = "runs/million/dataset/"
SETTINGS = SimpleNamespace(
    bucket_name=BUCKET, min_images_per_class=2, max_unreadable=0.5, group_by="", validation_fraction=0.1, seed=17
)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Listing:
    """Keys of `count` pictures, in S3's order, each with a size and an ETag of its own but for a few equal ones."""

    def __init__(self, count: int, shape: str) -> None:
        self.count, self.shape = count, shape
        self.a_class = -(-count // NUM_CLASSES)

    def path(self, number: int) -> str:
        """Return the path of a picture: 16 to 40 letters, as photographs have."""
        if self.shape == "table":
            return f"images/IMG_{number:08d}.jpg"
        kind, place = divmod(number, self.a_class)
        return f"class_{kind:04d}/photograph_{place:08d}.jpg"

    def paths(self, number: int) -> list[str]:
        """Return what lies there of one picture: itself, and a note in the shape that has notes."""
        path = self.path(number)
        return [path, f"{path[:-4]}.txt"] if self.shape == "notes" else [path]

    def rows(self, first: int) -> str:
        """Return a page of the listing as S3 writes it."""
        rows = []
        for number in range(first, min(first + PAGE, self.count)):
            etag = (number - number % 50 * (number % 1000 == 51)) * 2654435761 % 2**128
            for path in self.paths(number):
                rows.append(
                    f"<Key>{PREFIX}{path}</Key><LastModified>2026-11-30T08:00:00.000Z</LastModified>"
                    f"<ETag>&quot;{etag:032x}&quot;</ETag><Size>{20_000 + number % 7919}</Size>"
                    "<StorageClass>STANDARD</StorageClass>"
                )
        return "\n".join(rows)

    def table(self) -> bytes:
        """Return the table of labels of a dataset that has one."""
        rows = (f"{self.path(number).removeprefix('images/')},c{number % NUM_CLASSES}" for number in range(self.count))
        return "\n".join(["file_name,label", *rows]).encode()


class Bucket(http.server.BaseHTTPRequestHandler):
    """Lists what a Listing says, gives its table, and takes what is put."""

    listing: Listing
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer ListObjectsV2, ListObjectVersions or GetObject of the table."""
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()
        }
        if "versions" in query:
            first = int(query.get("version-id-marker") or 0)
            rows = re.sub("^(.+)$", r"<Version>\1<VersionId>v</VersionId><IsLatest>true</IsLatest></Version>",
                          self.listing.rows(first), flags=re.M)  # fmt: skip
            self._page("ListVersionsResult", first, rows, "<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>{}"
                       "</NextVersionIdMarker>")  # fmt: skip
        elif "list-type" in query:
            first = int(query.get("continuation-token", 0))
            rows = re.sub("^(.+)$", r"<Contents>\1</Contents>", self.listing.rows(first), flags=re.M)
            is_last = first + PAGE >= self.listing.count
            rows += self._table_row() if is_last and self.listing.shape == "table" else ""
            self._page("ListBucketResult", first, rows, "<NextContinuationToken>{}</NextContinuationToken>")
        else:
            self._answer(self.listing.table(), 206)

    def _table_row(self) -> str:
        size = len(self.listing.table())
        return (
            f"<Contents><Key>{PREFIX}metadata.csv</Key><LastModified>2026-11-30T08:00:00.000Z</LastModified><ETag>"
            f"&quot;{0:032x}&quot;</ETag><Size>{size}</Size></Contents>"
        )

    def _page(self, kind: str, first: int, rows: str, following: str) -> None:
        after = first + PAGE
        is_cut = after < self.listing.count
        more = following.format(after) if is_cut else ""
        body = (
            f'{HEAD}<{kind} xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name><MaxKeys>1000</MaxKeys>'
            f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{more}{rows}</{kind}>"
        )
        self._answer(body.encode())

    def do_PUT(self) -> None:
        """Take an object and forget it, whether it comes in one piece or in chunks."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            remaining = int(self.headers.get("Content-Length", 0))
            while remaining > 0:
                remaining -= len(self.rfile.read(min(remaining, 1 << 20)))
        self._answer(b"")

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line a request would be the most of the output."""


def serve(listing: Listing) -> None:
    """List until the process is ended, on the port that the first line of output names."""
    Bucket.listing = listing
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Bucket) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


def start() -> str:
    """Do what start_execution does, and return the fingerprint."""
    from handlers.datasets.fingerprint import fingerprint_of

    return fingerprint_of(f"s3://{BUCKET}/{PREFIX}")


def drop() -> str:
    """Do what start_execution does with a folder that has settled, and return the fingerprint."""
    from handlers.datasets.drops import look_at

    return look_at(BUCKET, "million").fingerprint


def validate() -> None:
    """Do what ValidateDataset does between its input and what it writes."""
    from handlers.aws.objects import write_json
    from handlers.contract.states import DatasetRequest, ValidateDatasetInput
    from handlers.datasets import opening, pictures, reading
    from handlers.datasets.manifests import report, write_labels, write_manifest

    dataset = DatasetRequest(
        name="million", s3_uri=f"s3://{BUCKET}/{PREFIX}", fingerprint=os.environ["MILLION_FINGERPRINT"]
    )
    step = ValidateDatasetInput(execution_name="million", dataset=dataset)
    folder, files, aside = opening.open_dataset(step)
    read = reading.read_dataset(step, cast(Any, SETTINGS), folder, files, aside)
    pictures.write_record(BUCKET, PLACE, folder, read.images, files, read.layout.top)
    for split in ("train", "validation", "test"):
        write_manifest(BUCKET, PLACE, folder, read.images, split)
    write_json(BUCKET, f"{PLACE}report.json", report(step, read.class_names, read.images, read.made, read.layout))
    if read.layout.needs_labels():
        write_labels(BUCKET, PLACE, read.images)


def measure(function: Callable[[], str | None]) -> None:
    """Print what a function took in this process, as JSON."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    before, cpu, began = usage.ru_maxrss, usage.ru_utime + usage.ru_stime, time.monotonic()
    fingerprint = function()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    values = {
        "peak_mb": usage.ru_maxrss / 1024,
        "before_mb": before / 1024,
        "seconds": time.monotonic() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime - cpu,
        "fingerprint": fingerprint or "",
    }
    print(json.dumps(values))


def measured(function: str, port: int, fingerprint: str) -> dict[str, Any]:
    """Return what a function takes in a process of its own."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "MILLION_FINGERPRINT": fingerprint,
    }
    command = [sys.executable, __file__, "--measure", function]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    return cast(dict[str, Any], json.loads(done.stdout.splitlines()[-1]))


def rows_of(count: int, shape: str) -> Iterator[str]:
    """Yield a row of the table for each function."""
    command = [sys.executable, __file__, "--serve", str(count), "--shape", shape]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        port, fingerprint = int(cast(Any, server.stdout).readline()), ""
        try:
            for function in FUNCTIONS:
                row = measured(function, port, fingerprint)
                fingerprint = fingerprint or row["fingerprint"]
                yield (
                    f"| {count:,} | {shape} | {function} | {row['peak_mb']:.0f} | {row['cpu_seconds']:.1f} | "
                    f"{row['seconds']:.1f} |"
                )
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--shape", default="folders", choices=("folders", "table", "notes"))
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=FUNCTIONS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        return measure(globals()[arguments.measure])
    if arguments.serve:
        return serve(Listing(arguments.serve, arguments.shape))
    print("| pictures | shape | function | peak MB | CPU s | s |\n|---|---|---|---|---|---|")
    for count in map(int, arguments.counts.split(",")):
        for row in rows_of(count, arguments.shape):
            print(row, flush=True)
    return None


if __name__ == "__main__":
    main()
