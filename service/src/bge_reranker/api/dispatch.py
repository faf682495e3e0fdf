"""Which dialect a request speaks, settled once, in one order.

1. The prefix `/dialects/NAME/...` or the header `X-Rerank-Dialect`.
2. The listener's `defaultDialect`, for clients that can send neither.
3. The route, where it belongs to one family.
4. The key that holds the documents; among `documents`, the keys beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, get_args

from ..errors import AmbiguousDialect
from ..settings import DialectName
from .dialect import Dialect

DIALECT_HEADER: Final = "x-rerank-dialect"
"""Request header that names a dialect, for clients whose body does not."""


def _load(name: str) -> Dialect[Any]:
    """The dialect that a module of its name declares."""
    dialect = import_module(f".dialects.{name.replace('-', '_')}", __package__).DIALECT
    assert isinstance(dialect, Dialect)  # noqa: S101 - tells mypy so
    return dialect


DIALECTS: Final[Mapping[str, Dialect[Any]]] = {dialect.name: dialect for dialect in map(_load, get_args(DialectName))}
"""Every dialect by name; the names in the settings are the registry."""


def _families() -> dict[str, tuple[str, ...]]:
    families: dict[str, tuple[str, ...]] = {}
    for name, dialect in DIALECTS.items():
        if dialect.family:
            families[dialect.family] = (*families.get(dialect.family, ()), name)
    return families


FAMILIES: Final[Mapping[str, tuple[str, ...]]] = _families()
"""Names that stand for several dialects."""

SHARED_ROUTES: Final = ("/rerank", "/v1/rerank", "/reranking", "/v1/reranking", "/", "/invocations")
"""Paths that rank in any dialect, by the keys of the body."""

_BY_KEYS: Final = tuple(DIALECTS)


def _routes() -> dict[str, tuple[str, ...]]:
    routes = dict.fromkeys(SHARED_ROUTES, _BY_KEYS)
    for name, dialect in DIALECTS.items():
        for route in dialect.routes:
            if route not in SHARED_ROUTES:
                routes[route] = (*routes.get(route, ()), name)
    return routes


ROUTES: Final[Mapping[str, tuple[str, ...]]] = _routes()
"""Every path that ranks, with the dialects that it may speak; the first where the keys say nothing."""

DOCUMENT_KEYS: Final[Mapping[str, str]] = {
    key: name for name, dialect in DIALECTS.items() for key in dialect.document_keys
}
"""The key that holds the documents, with its dialect."""

KEY_RULES: Final = sorted(
    ((rule, name) for name, dialect in DIALECTS.items() for rule in dialect.key_rules),
    key=lambda ruled: ruled[0].order,
)
"""Tried in this order; where none fits, the dialect of `documents` is spoken."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The dialects that a request may speak before its body is known."""

    names: tuple[str, ...]

    by_name: bool
    """Whether the request, or a setting, named the family."""

    @property
    def presumed(self) -> Dialect[Any]:
        """In whose style an error is said that comes before the body is known."""
        return DIALECTS[self.names[0]]

    def settle(self, body: Mapping[str, Any]) -> Dialect[Any]:
        """Take the one dialect that a body speaks.

        Raises:
            AmbiguousDialect: If nothing but the body could tell, and it does not.
        """
        if len(self.names) == 1:
            return DIALECTS[self.names[0]]
        if self.names == _BY_KEYS:
            return DIALECTS[_dialect_of_keys(body)]
        fitting = _dialect_of_rules(body)
        return DIALECTS[fitting if fitting in self.names else self.names[0]]


_UNNAMED: Final = {route: Candidates(names, by_name=False) for route, names in ROUTES.items()}


def candidates(route: str, asked: str | None) -> Candidates:
    """The dialects that a request may speak, from what is known before its body.

    Args:
        route: Its path, without a dialect's prefix; one of `ROUTES`.
        asked: Name of a dialect or family, from prefix, header or setting.

    Raises:
        AmbiguousDialect: If the name is none of ours.
    """
    if asked is None:
        return _UNNAMED[route]
    members = members_of(asked)
    if not members:
        raise AmbiguousDialect("X-Rerank-Dialect names no known dialect.", remedy=f"Known: {known_names()}.")
    on_route = tuple(name for name in members if name in ROUTES[route] and ROUTES[route] != _BY_KEYS)
    return Candidates((on_route or members)[:1], by_name=True)


def members_of(name: str) -> tuple[str, ...]:
    """The dialects behind a name; none where it is unknown."""
    name = name.strip().lower()
    return FAMILIES.get(name) or ((name,) if name in DIALECTS else ())


def known_names() -> str:
    """Every name that prefix and header understand."""
    return ", ".join(sorted({*DIALECTS, *FAMILIES}))


def _dialect_of_keys(body: Mapping[str, Any]) -> str:
    keys = [key for key in DOCUMENT_KEYS if body.get(key) is not None]
    choices = ", ".join(f"`{key}`" for key in DOCUMENT_KEYS)
    if not keys:
        raise AmbiguousDialect("The body holds no documents.", remedy=f"Send `query` and one of: {choices}.")
    if len(keys) > 1:
        found = " and ".join(f"`{key}`" for key in keys)
        raise AmbiguousDialect(f"The body holds {found}; send one of them only.", remedy=f"Choices: {choices}.")
    if keys == ["documents"]:
        return _dialect_of_rules(body) or DOCUMENT_KEYS["documents"]
    return DOCUMENT_KEYS[keys[0]]


def _dialect_of_rules(body: Mapping[str, Any]) -> str | None:
    return next((name for rule, name in KEY_RULES if rule.fits(body)), None)
