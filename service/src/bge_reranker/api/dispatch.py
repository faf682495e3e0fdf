"""Which dialect a request speaks, settled once, in one order: the header, then the keys of the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import AmbiguousDialect
from .dialect import Dialect
from .jina import JinaDialect
from .native import NativeDialect
from .tei import TeiDialect

DIALECT_HEADER = "x-rerank-dialect"
"""Request header that names a dialect, for clients whose body does not."""

DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect for dialect in (NativeDialect(), TeiDialect(), JinaDialect())
}
"""Every dialect by name; Cohere's first version is the same as jina."""

_ALIASES: Final = {"cohere": "jina", "cohere-v1": "jina"}

_DIALECT_OF_KEY: Final = {"candidates": "native", "texts": "tei", "documents": "jina"}
"""The key that holds the documents settles the dialect."""


def named_dialect(header: str | None) -> Dialect | None:
    """The dialect that a header asks for, or None without one.

    Raises:
        AmbiguousDialect: If the header names none of ours.
    """
    if header is None:
        return None
    name = header.strip().lower()
    dialect = DIALECTS.get(_ALIASES.get(name, name))
    if dialect is None:
        known = ", ".join([*DIALECTS, *_ALIASES])
        raise AmbiguousDialect("X-Rerank-Dialect names no known dialect.", remedy=f"Known: {known}.")
    return dialect


def dialect_of_body(body: Mapping[str, Any]) -> Dialect:
    """The dialect that the keys of a body belong to.

    Raises:
        AmbiguousDialect: If no key or more than one names the documents.
    """
    keys = [key for key in _DIALECT_OF_KEY if body.get(key) is not None]
    if len(keys) == 1:
        return DIALECTS[_DIALECT_OF_KEY[keys[0]]]
    choices = ", ".join(f"`{key}`" for key in _DIALECT_OF_KEY)
    if keys:
        found = " and ".join(f"`{key}`" for key in keys)
        raise AmbiguousDialect(f"The body holds {found}; send one of them only.", remedy=f"Choices: {choices}.")
    raise AmbiguousDialect("The body holds no documents.", remedy=f"Send `query` and one of: {choices}.")
