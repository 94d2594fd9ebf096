"""One of engines.py behind the standard library's HTTP server: python bench/peers/minimal.py ENGINE ARTIFACT PORT."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:] = [str(ROOT), *sys.path[1:]]

from bench.peers.engines import Classify, classifier  # noqa: E402


def serve(classify: Classify, port: int) -> None:
    """Answer each POST with the classes of the photograph in its body, until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            answer = json.dumps(classify(self.rfile.read(int(self.headers["Content-Length"])))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(classifier(sys.argv[1], Path(sys.argv[2])), int(sys.argv[3]))
