"""A hub for one model, by the standard library: the two answers of the Hugging Face protocol that a fetch asks for.

Runs in a pod, from the text of this file; the model is a folder of the image. Argument: the folder.
"""

from __future__ import annotations

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

PORT = 8080
NAME = "search/demo"


class Hub(BaseHTTPRequestHandler):
    """Knows one repository with one commit."""

    files: ClassVar[dict[str, bytes]] = {}
    commit: ClassVar[str] = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Information, or one file or the rest of it."""
        if self.path.startswith(f"/api/models/{NAME}"):
            self._send(200, json.dumps(self._information()).encode(), "application/json")
        elif self.path.startswith(f"/{NAME}/resolve/"):
            name = self.path.partition("?")[0].removeprefix(f"/{NAME}/resolve/").partition("/")[2]
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            self._send(206 if begin else 200, self.files[name][begin:], "application/octet-stream")
        else:
            self._send(404, b"", "text/plain")

    def _information(self) -> dict[str, object]:
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            }
            for name, content in self.files.items()
        ]
        return {"id": NAME, "sha": self.commit, "siblings": siblings, "cardData": {"license": "apache-2.0"}}

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    folder = Path(sys.argv[1])
    Hub.files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    Hub.commit = hashlib.sha1(b"".join(Hub.files.values())).hexdigest()
    ThreadingHTTPServer(("", PORT), Hub).serve_forever()


if __name__ == "__main__":
    main()
