"""A hub for models, by the standard library: the two answers of the Hugging Face protocol that a fetch asks for.

Runs in a pod, from the text of this file; the model is a folder of the image, which is the argument. All repositories
have the same model, those of `slow/` a quarter of a megabyte a second, and editions of it as revisions:

| revision | what it is |
| --- | --- |
| `better` | all scores are a little higher |
| `scrambled` | words mean other words |
| `flipped` | one byte of the weights is another one on its way |
| `headless` | without the tensors of its head |
| `generative` | its configuration names another architecture |
| `pickled` | its weights are called a pickle |
| `gated` | for whoever has a token, which nobody has |
| `missing` | there is none |

Any other revision is the model itself. Each request for a file is a line of the log.
"""

from __future__ import annotations

import array
import hashlib
import json
import re
import struct
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

PORT = 8080
NAME = "search/demo"
WEIGHTS = "model.safetensors"
EDITIONS = ("better", "scrambled", "flipped", "headless", "generative", "pickled")
MISSING, GATED = "missing", "gated"

SLOW = "slow/"
SLOW_CHUNK_BYTES, SLOW_PAUSE_S = 64 * 1024, 0.25
"""So that a fetch takes a minute, and one sees how far it is."""

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
    elif name == "headless":
        weights = _without_head(weights)
    elif name == "generative":
        config = json.loads(files["config.json"]) | {"architectures": ["XLMRobertaForCausalLM"]}
        return {**files, "config.json": json.dumps(config).encode()}
    elif name == "pickled":
        return {"pytorch_model.bin" if each == WEIGHTS else each: content for each, content in files.items()}
    return {**files, WEIGHTS: bytes(weights)}


def _without_head(weights: bytearray) -> bytearray:
    (length,) = struct.unpack_from("<Q", weights)
    header, body, kept = json.loads(bytes(weights[8 : 8 + length])), bytearray(), {}
    for name, tensor in header.items():
        if name != "__metadata__" and not name.startswith("classifier."):
            begin, end = (8 + length + offset for offset in tensor["data_offsets"])
            kept[name] = {**tensor, "data_offsets": [len(body), len(body) + end - begin]}
            body += weights[begin:end]
    text = json.dumps(kept).encode()
    return bytearray(struct.pack("<Q", len(text)) + text) + body


def _place(weights: bytearray, tensor: str) -> tuple[int, int]:
    """Where a tensor lies in a safetensors file."""
    (length,) = struct.unpack_from("<Q", weights)
    begin, end = json.loads(bytes(weights[8 : 8 + length]))[tensor]["data_offsets"]
    return 8 + length + begin, 8 + length + end


class Hub(BaseHTTPRequestHandler):
    """Knows one commit for each edition.

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
        asked = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if asked and asked[2] == GATED:
            self._send(401, b"", "text/plain")
        elif asked and asked[2] != MISSING:
            information = self._information(asked[1], self._commit(asked[2] or ""))
            self._send(200, json.dumps(information).encode(), "application/json")
        elif file:
            sys.stdout.write(f"FILE {file[2]} {file[3]}\n")
            sys.stdout.flush()
            self._send_file(self.served[self._commit(file[2])][file[3]], SLOW_PAUSE_S * file[1].startswith(SLOW))
        else:
            self._send(404, b"", "text/plain")

    def _commit(self, revision: str) -> str:
        return revision if revision in self.told else self.commits.get(revision, self.commits[""])

    def _information(self, name: str, commit: str) -> dict[str, object]:
        siblings = [
            {
                "rfilename": file,
                "size": len(content),
                "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            }
            for file, content in self.told[commit].items()
        ]
        return {"id": name, "sha": commit, "siblings": siblings, "cardData": {"license": "apache-2.0"}}

    def _send_file(self, content: bytes, pause_s: float) -> None:
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self._send(206 if begin else 200, content[begin:], "application/octet-stream", pause_s)

    def _send(self, status: int, body: bytes, kind: str, pause_s: float = 0.0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        chunk_bytes = SLOW_CHUNK_BYTES if pause_s else len(body) or 1
        for begin in range(0, len(body), chunk_bytes):
            self.wfile.write(body[begin : begin + chunk_bytes])
            time.sleep(pause_s)


def main() -> None:
    folder = Path(sys.argv[1])
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    for revision in ("", *EDITIONS):
        served = edition(files, revision)
        commit = hashlib.sha1(b"".join([revision.encode(), *served.values()])).hexdigest()
        Hub.commits[revision], Hub.served[commit] = commit, served
        # What is flipped on its way is told as it was.
        Hub.told[commit] = files if revision == "flipped" else served
    ThreadingHTTPServer(("", PORT), Hub).serve_forever()


if __name__ == "__main__":
    main()
