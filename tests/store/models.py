"""Small folders that look like models to the store, and what fetches them in a test."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bge_reranker.store.fetch import Fetched, Fetcher
from bge_reranker.store.listing import FetchOptions
from bge_reranker.store.paths import Store
from bge_reranker.store.progress import Meter
from bge_reranker.store.sources.registry import require_source

SEGMENT_BYTES = 65_536
"""Small, so that small files have several."""


def model_files(weights_bytes: int = 300_000, seed: int = 1) -> dict[str, bytes]:
    """Files of a model that nobody can load, and some that no model needs."""
    source = random.Random(seed)
    return {
        "config.json": json.dumps({"architectures": ["XLMRobertaForSequenceClassification"], "seed": seed}).encode(),
        "model.safetensors": weights_of(source, weights_bytes),
        "tokenizer.json": b'{"model": {}}',
        "README.md": b"a card",
        "onnx/model.onnx": b"another format",
        "pytorch_model.bin": b"a pickle",
    }


def weights_of(source: random.Random, size_bytes: int) -> bytes:
    """A safetensors file of so many bytes, of one tensor of noise."""
    header_bytes = 96
    data = source.randbytes(size_bytes - 8 - header_bytes)
    header = json.dumps({"noise": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}})
    return header_bytes.to_bytes(8, "little") + header.ljust(header_bytes).encode() + data


NEEDED = ("config.json", "model.safetensors", "tokenizer.json")


def fetch(
    directory: Path,
    source: str,
    environment: Mapping[str, str] | None = None,
    revision: str | None = None,
    waits: list[float] | None = None,
    **options: Any,
) -> Fetched:
    """Fetch in this process, without waiting between tries."""
    return fetcher(directory, source, environment, revision, waits, **options).fetch()


def fetcher(
    directory: Path,
    source: str,
    environment: Mapping[str, str] | None = None,
    revision: str | None = None,
    waits: list[float] | None = None,
    **options: Any,
) -> Fetcher:
    waited = waits if waits is not None else []
    return Fetcher(
        Store(directory),
        require_source(source, revision),
        FetchOptions(environment=dict(environment or {}), **options),
        Meter(),
        _no_conversion,
        pause=waited.append,
        segment_bytes=SEGMENT_BYTES,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """A version's files but for its manifest."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def _no_conversion(folder: Path) -> None:
    raise AssertionError(f"{folder} has pickles")
