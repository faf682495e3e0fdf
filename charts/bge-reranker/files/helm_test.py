"""`helm test`: ask the release as a client would, by the standard library alone.

Arguments: address of the API, address of the management port, and a file of API keys where callers need one.
Prints what it found; any other ending than 0 says why.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

QUERY = "What do cats eat?"
CANDIDATES = [
    "The stock market fell by three percent.",
    "Cats eat meat, above all mice, birds and fish.",
    "An index makes a database query faster.",
]
BEST = 1
TIME_LIMIT_S = 60
PATIENCE_S = 12
"""How long no answer is forgiven: network plugins let a new pod through their policies a moment after it started."""
UNVERIFIED = ssl._create_unverified_context()  # noqa: S323, SLF001 - the certificate is for the names that clients use
NO_ANSWER = "Is a pod there at all? Its events, or those of the ReplicaSet, say what is wrong."


def answer(address: str, body: object = None, key: str = "") -> tuple[int, str]:
    """The status and text of one answer, whatever the status."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return asked(address, body, key)
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"{address} does not answer: {error}\n{NO_ANSWER}")
        time.sleep(1)


def asked(address: str, body: object, key: str) -> tuple[int, str]:
    """One attempt."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=TIME_LIMIT_S, context=UNVERIFIED) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def expect(sentence: str, text: str, *, holds: bool) -> None:
    """Say that a sentence holds, or end with the answer that shows it does not."""
    if not holds:
        sys.exit(f"FAILED: {sentence}. The answer was:\n{text[:2000]}")
    print(f"ok: {sentence}")


def plain_key(lines: str) -> str:
    """The first key of a file that stands there itself; none where there are digests only."""
    for line in lines.splitlines():
        key = line.replace(",", " ").split()[:1]
        if key and not key[0].startswith(("#", "sha256:")):
            return key[0]
    return ""


def main(api: str, management: str, keys_file: str = "") -> None:
    """Ask for readiness, a ranking and the metrics."""
    status, text = answer(f"{management}/health/ready")
    expect("a pod is ready", text, holds=status == 200)
    key = plain_key(Path(keys_file).read_text()) if keys_file else ""
    if keys_file and not key:
        status, text = answer(f"{api}/rerank", {"query": QUERY, "candidates": CANDIDATES})
        expect("the Service asks for a key, of which it holds digests only", text, holds=status == 401)
        return
    status, text = answer(f"{api}/rerank", {"query": QUERY, "candidates": CANDIDATES}, key)
    expect("the Service answers a ranking", text, holds=status == 200)
    results = json.loads(text)["results"]
    indices, scores = [each["index"] for each in results], [each["score"] for each in results]
    expect("every candidate came back once", text, holds=sorted(indices) == list(range(len(CANDIDATES))))
    expect("the best score stands first", text, holds=scores == sorted(scores, reverse=True))
    expect("the right candidate is the best", text, holds=indices[0] == BEST)
    status, text = answer(f"{management}/metrics")
    expect("/metrics has the backlog", text, holds=status == 200 and "bge_reranker_backlog_seconds" in text)


if __name__ == "__main__":
    main(*sys.argv[1:])
