"""What `make image` and `make image-search-pod` call their images."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("bge-reranker")
IMAGE = f"localhost/bge-reranker:{VERSION}-cpu"
OPERATOR_IMAGE = f"localhost/bge-reranker-operator:{VERSION}"
SEARCH_IMAGE = f"localhost/bge-reranker-search-pod:{VERSION}"
TUNING_IMAGE = f"localhost/bge-reranker:{VERSION}-tuning"
OTHER_IMAGE = f"{IMAGE}-next"
"""The scorer's image by a second tag, for upgrades."""
