"""`helm test`: ask the release as a client would, by the standard library alone.

Arguments: address of the API, address of the management port. Prints what it found; any other ending than 0 says why.
"""

import json
import sys
import urllib.error
import urllib.request

QUERY = "What do cats eat?"
CANDIDATES = [
    "The stock market fell by three percent.",
    "Cats eat meat, above all mice, birds and fish.",
    "An index makes a database query faster.",
]
BEST = 1
TIME_LIMIT_S = 60


def answer(address, body=None):
    """The status and text of one answer, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIME_LIMIT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        sys.exit(f"{address} does not answer: {error}")


def expect(holds, sentence, text):
    if not holds:
        sys.exit(f"FAILED: {sentence}. The answer was:\n{text[:2000]}")
    print(f"ok: {sentence}")


def main(api, management):
    status, text = answer(f"{management}/health/ready")
    expect(status == 200, "a pod is ready", text)
    status, text = answer(f"{api}/rerank", {"query": QUERY, "candidates": CANDIDATES})
    expect(status == 200, "the Service answers a ranking", text)
    results = json.loads(text)["results"]
    expect(sorted(result["index"] for result in results) == [0, 1, 2], "every candidate came back once", text)
    scores = [result["score"] for result in results]
    expect(scores == sorted(scores, reverse=True), "the best score stands first", text)
    expect(results[0]["index"] == BEST, "the right candidate is the best", text)
    status, text = answer(f"{management}/metrics")
    expect(status == 200 and "bge_reranker_backlog_seconds" in text, "/metrics has the backlog", text)


main(*sys.argv[1:])
