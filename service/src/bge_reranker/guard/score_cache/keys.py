"""Under which key a score is kept: by all that it depends on, and never by a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import blake2b
from importlib.metadata import version
from typing import Final

import orjson

from ...ranking.request import RankRequest
from ...ranking.served_model import ServedModel
from ...text.policy import TextPolicy

KEY_BYTES: Final = 20
"""Length of a key: two of 2**50 pairs share one with a probability of less than one in 2**60."""

_RELEASE: Final = version("bge-reranker")


def pair_keys(model: ServedModel, policy: TextPolicy, request: RankRequest, tenant: str) -> list[bytes]:
    """The key of each document of a request.

    Args:
        model: What scores: its files, its numbers, and the library that computes.
        policy: How texts become tokens.
        request: Queries and documents.
        tenant: Who shares scores; the same for all where everybody does.
    """
    described = orjson.dumps(
        {
            "release": _RELEASE,
            "model": model.digest,
            "precision": model.description.precision,
            "runtime": model.description.runtime,
            "device": model.description.device.partition(":")[0],
            "notes": [str(note) for note in model.description.notes],
            "policy": asdict(policy),
            "tenant": tenant,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    start = blake2b(described).digest()
    if request.queries is None:
        return _keys(start, request.query, request.documents)
    keys = [b""] * len(request.documents)
    for query, indices in request.by_query():
        found = _keys(start, query, [request.documents[index] for index in indices])
        for index, key in zip(indices, found, strict=True):
            keys[index] = key
    return keys


def _keys(start: bytes, query: str, documents: Sequence[str]) -> list[bytes]:
    encoded = _encoded(query)
    head = blake2b(key=start, digest_size=KEY_BYTES)
    # The length first, so that no query and document together are as another query and another document.
    head.update(len(encoded).to_bytes(8, "little"))
    head.update(encoded)
    keys = []
    for document in documents:
        hashed = head.copy()
        hashed.update(_encoded(document))
        keys.append(hashed.digest())
    return keys


def _encoded(text: str) -> bytes:
    # JSON can name half of a character.
    return text.encode("utf-8", "surrogatepass")
