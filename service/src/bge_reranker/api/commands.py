"""The same request in every dialect, as templates: each dialect's example with its texts taken out.

In a template `{query}` stands for the query and `{document}` for a document; a list of `{each}` and an item stands for
as many such items as there are documents.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from ..settings import DialectSettings
from .addresses import PREFIX
from .call import Call, RequestContext
from .dialect import Dialect
from .dispatch import DIALECTS, candidates

_QUERY: Final = "{query}"
_DOCUMENT: Final = "{document}"
_EACH: Final = "{each}"

_CONTEXT: Final = RequestContext(by_name=True, settings=DialectSettings(), long_documents="cut")
_MAX_DOCUMENTS: Final = 100
"""As many as an example may have."""


def commands() -> list[dict[str, Any]]:
    """What a page needs to say a request in each dialect.

    Of each its `name` and `title`, the `path` to post to, the `body` as a template, and what it has in addition to be
    answered in `logits`.
    """
    return [
        {
            "name": name,
            "title": dialect.title,
            "path": _path(dialect),
            "body": _template(dialect),
            "logits": dialect.logits,
        }
        for name, dialect in DIALECTS.items()
    ]


def read_example(dialect: Dialect[Any]) -> Call:
    """A dialect's example as the dialect reads it."""
    return dialect.read(dialect.example, _MAX_DOCUMENTS, _CONTEXT)


def _path(dialect: Dialect[Any]) -> str:
    """Where the example is understood, named only where nothing else tells the dialect."""
    route = dialect.routes[0]
    is_told = candidates(route, None).settle(dialect.example) is dialect
    return route.removeprefix("/") if is_told else f"{PREFIX}{dialect.name}{route}".removeprefix("/")


def _template(dialect: Dialect[Any]) -> Any:
    request = read_example(dialect).request
    return _without_texts(dialect.example, {request.query, *(request.queries or ())}, set(request.documents))


def _without_texts(value: Any, queries: Collection[str], documents: Collection[str]) -> Any:
    """An example, or a part of it, with marks for its texts."""
    if isinstance(value, str):
        return _QUERY if value in queries else _DOCUMENT if value in documents else value
    if isinstance(value, dict):
        return {key: _without_texts(item, queries, documents) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_without_texts(item, queries, documents) for item in value]
    is_repeated = bool(items) and all(_DOCUMENT in _texts(item) and _EACH not in _texts(item) for item in items)
    return [_EACH, items[0]] if is_repeated else items


def _texts(value: Any) -> list[str]:
    """Every text in a value."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]
