"""`python -m tests.bench.frontend.alone TOKENIZER BODIES SECONDS`: the tokenizer's own time for the same requests.

As the server calls it: the query by itself, then the documents of a request together.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bge_reranker.text.tokenizer_folder import TokenizerFolder


def main(tokenizer: Path, bodies: Path, seconds: float) -> None:
    """Print CPU seconds and requests as JSON."""
    encode = TokenizerFolder.read(tokenizer).tokenizer.encode_whole
    requests = [json.loads(line) for line in bodies.read_text(encoding="utf-8").splitlines()]
    done, began, ends = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < ends:
        body = requests[done % len(requests)]
        encode([body["query"]])
        encode(body["candidates"])
        done += 1
    sys.stdout.write(json.dumps({"requests": done, "cpu_s": time.process_time() - began}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
