"""A hub for one model, by the standard library: the two answers of the Hugging Face protocol that a fetch asks for.

Runs in a pod, from the text of this file; the model is a folder of the image. Argument: the folder. Beside the model it
has editions of it as revisions: `better` (all scores a little higher), `scrambled` (words mean other words), `flipped`
(one byte of the weights is another one on its way). Any other revision is the model itself, but for `missing`,
which there is not. Each request for a file is a line of the log.
"""

from __future__ import annotations

import array
import hashlib
import json
import re
import struct
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

PORT = 8080
NAME = "search/demo"
WEIGHTS = "model.safetensors"
EDITIONS = ("better", "scrambled", "flipped")
MISSING = "missing"

Files = Mapping[str, bytes]


def edition(files: Files, name: str) -> dict[str, bytes]:
    """The model's files as one of its editions has them."""
    weights = bytearray(files[WEIGHTS])
    if name == "better":
        begin, _ = _place(weights, "classifier.out_proj.bias")
        (bias,) = struct.unpack_from("<e", weights, begin)
        struct.pack_into("<e", weights, begin, bias + 0.25)
    elif name == "scrambled":
        begin, end = _place(weights, "roberta.embeddings.word_embeddings.weight")
        words = array.array("H", bytes(weights[begin:end]))
        words.reverse()
        weights[begin:end] = words.tobytes()
    elif name == "flipped":
        weights[-1000] ^= 1
    return {**files, WEIGHTS: bytes(weights)}


def _place(weights: bytearray, tensor: str) -> tuple[int, int]:
    """Where a tensor lies in a safetensors file."""
    (length,) = struct.unpack_from("<Q", weights)
    begin, end = json.loads(bytes(weights[8 : 8 + length]))[tensor]["data_offsets"]
    return 8 + length + begin, 8 + length + end


class Hub(BaseHTTPRequestHandler):
    """Knows one repository with one commit for each edition.

    Attributes:
        told: What it says of its files, by commit.
        served: What it serves, by commit.
        commits: By revision; empty is the model itself.
    """

    told: ClassVar[dict[str, Files]] = {}
    served: ClassVar[dict[str, Files]] = {}
    commits: ClassVar[dict[str, str]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Information, or one file or the rest of it."""
        path = self.path.partition("?")[0]
        if path.startswith(f"/api/models/{NAME}") and not path.endswith(f"/{MISSING}"):
            asked = re.sub(f"^/api/models/{NAME}(/revision/)?", "", path)
            self._send(200, json.dumps(self._information(self._commit(asked))).encode(), "application/json")
        elif path.startswith(f"/{NAME}/resolve/"):
            revision, _, name = path.removeprefix(f"/{NAME}/resolve/").partition("/")
            sys.stdout.write(f"FILE {revision} {name}\n")
            sys.stdout.flush()
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            content = self.served[self._commit(revision)][name]
            self._send(206 if begin else 200, content[begin:], "application/octet-stream")
        else:
            self._send(404, b"", "text/plain")

    def _commit(self, revision: str) -> str:
        return revision if revision in self.told else self.commits.get(revision, self.commits[""])

    def _information(self, commit: str) -> dict[str, object]:
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            }
            for name, content in self.told[commit].items()
        ]
        return {"id": NAME, "sha": commit, "siblings": siblings, "cardData": {"license": "apache-2.0"}}

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    folder = Path(sys.argv[1])
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    for revision in ("", *EDITIONS):
        served = edition(files, revision)
        commit = hashlib.sha1(b"".join(served.values())).hexdigest()
        Hub.commits[revision], Hub.served[commit] = commit, served
        # What is flipped on its way is told as it was.
        Hub.told[commit] = files if revision == "flipped" else served
    ThreadingHTTPServer(("", PORT), Hub).serve_forever()


if __name__ == "__main__":
    main()
