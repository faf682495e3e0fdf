"""Random requests: mostly wrong in one place, sometimes right, sometimes not HTTP's idea of JSON at all."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_KEYS = (
    "query candidates texts documents top_n raw_scores return_text return_documents truncate truncation "
    "truncation_direction long_documents model nonsense requests passages input text_1 text_2 text_pairs inputs top_k "
    "property rank_fields max_chunks_per_doc max_tokens_per_doc truncate_prompt_tokens use_activation parameters "
    "instances priority normalize"
).split()
_TEXTS = ("", "good", "bad nan", "好", "\x00", "😀" * 50, "a" * 5_000, "\u202e", "é" * 200, "good " * 300, "true")
_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"X-Request-Deadline-Ms": "1e400"},
    {"X-Request-Deadline-Ms": "1"},
    {"X-Rerank-Dialect": "tei"},
    {"X-Rerank-Dialect": "JINA"},
    {"X-Rerank-Dialect": ""},
    {"X-Request-Id": "x" * 500},
    {"Content-Encoding": "gzip"},
)
_PATHS = (
    "/rerank",
    "/rerank",
    "/rerank",
    "/v1/rerank",
    "/v1/rerank",
    "/v2/rerank",
    "/v3/rerank",
    "/v1/ranking",
    "/v1/reranking",
    "/score",
    "/predict",
    "/invocations",
    "/",
    "/tokenize",
    "/decode",
    "/vertex",
    "/v1//rerank/",
    "/dialects/pinecone/rerank",
    "/dialects/llamacpp/rerank",
    "/dialects/nobody/rerank",
    "/rerank/",
    "/RERANK",
    "/rerank?x=%00",
    "/%ff",
    "//",
)


@dataclass(frozen=True)
class FuzzRequest:
    """One request to send."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


def random_request(source: random.Random) -> FuzzRequest:
    """Make a request from a seeded source."""
    method = source.choices(["POST", "GET", "PUT", "DELETE", "OPTIONS"], [20, 1, 1, 1, 1])[0]
    headers = dict(source.choice(_HEADERS)) if source.random() < 0.2 else {}
    path = source.choice(_PATHS) if source.random() < 0.2 else "/rerank"
    if method == "POST":
        headers.setdefault("Content-Type", "application/json")
    return FuzzRequest(method, path, headers, _content(source))


def _content(source: random.Random) -> bytes:
    content = json.dumps(_body(source), ensure_ascii=source.random() < 0.5).encode("utf-8", "surrogatepass")
    if source.random() < 0.1:
        content = _mutated(source, bytearray(content))
    return content


def _body(source: random.Random) -> Any:
    if source.random() < 0.05:
        return _value(source, 3)
    body: dict[str, Any] = {
        "query": source.choice(_TEXTS),
        source.choice(["candidates", "texts", "documents", "passages", "input"]): _list(source),
    }
    for _ in range(source.randrange(3)):
        body[source.choice(_KEYS)] = _value(source, 2)
    for _ in range(source.randrange(2)):
        body.pop(source.choice(list(body)), None)
    return body


def _list(source: random.Random) -> list[Any]:
    texts: list[Any] = [source.choice(_TEXTS) for _ in range(source.randrange(8))]
    if texts and source.random() < 0.2:
        texts[source.randrange(len(texts))] = _value(source, 2)
    return texts


def _value(source: random.Random, depth: int) -> Any:
    plain: list[Callable[[], Any]] = [
        lambda: None,
        lambda: source.random() < 0.5,
        lambda: source.choice([0, -1, 1, 3, 2**31, -(2**63), 10**30]),
        lambda: source.choice([0.5, -0.0, 1e308, 3.0]),
        lambda: source.choice(_TEXTS),
        lambda: source.choice(["left", "Right", "cut", "windows_max", "windows_mean", "reject", "only_second"]),
        lambda: "\ud800 lone",
    ]
    if depth and source.random() < 0.3:
        if source.random() < 0.5:
            return [_value(source, depth - 1) for _ in range(source.randrange(4))]
        return {source.choice([*_KEYS, "text"]): _value(source, depth - 1) for _ in range(source.randrange(3))}
    return source.choice(plain)()


def _mutated(source: random.Random, content: bytearray) -> bytes:
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(content) + 1)
        kind = source.randrange(3)
        if kind == 0:
            content[place:place] = bytes([source.randrange(256)])
        elif kind == 1:
            del content[place : place + source.randrange(1, 6)]
        else:
            content = content[:place] or bytearray(b" ")
    return bytes(content)
