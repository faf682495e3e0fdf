"""The OpenAPI document: every route with what it takes and gives, made of the dialects' own schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from ..guard.credentials import KEY_HEADERS
from ..settings import HttpSettings
from .dialect import Dialect
from .dispatch import DIALECTS, DOCUMENT_KEYS, HOSTED_NIM_ROUTE, KEY_RULES, ROUTES
from .documented_headers import HEADERS, PARAMETERS, dialect_parameter, headers_of, parameters
from .error_table import CASES, STATUSES
from .prefix import PREFIX
from .routes import GetRoute
from .schema import TEXT, Schema, fields_of, list_of
from .token_routes import TOKEN_ROUTES

_ERROR: Final[Schema] = fields_of(
    {
        "error": {"anyOf": [TEXT, {"type": "object"}]},
        "error_type": TEXT,
        "code": TEXT,
        "message": TEXT,
        "detail": {"anyOf": [TEXT, list_of({"type": "object"})]},
    }
)
_NAME: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "Name of a model.",
    "schema": {"type": "string", "minLength": 1},
}
_WRONG_METHOD: Final = {405: "Another method is meant"}
_SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "As most clients send their key."},
    **{name: {"type": "apiKey", "in": "header", "name": name} for name in KEY_HEADERS},
}
"""The ways to send a key that OpenAPI can name."""

_EVERYWHERE: Final = {
    400: "Not understood, in the words of some dialects",
    401: "No key, or none of this server's",
    403: "The same, in the words of some dialects",
    404: "Another model is served",
    **_WRONG_METHOD,
    408: "The request took too long to arrive",
    413: "Too many bytes",
    415: "Not JSON",
    422: "A field is missing, wrong or out of bounds",
    429: "The backlog, or the room for all bodies together, is full; Retry-After says when to come back",
    500: "The scorer failed",
    503: "Not ready, or shutting down",
    504: "The deadline passed",
    507: "A pair does not fit the memory",
}
"""Statuses of errors that a ranking route may answer."""

_OF_SOME: Final = (400, 401, 403)
"""Those of them that only some dialects use."""

_BY_KEYS: Final = [
    name for name in DIALECTS if name in {*DOCUMENT_KEYS.values(), *(rule.dialect for rule in KEY_RULES)}
]
"""Dialects that the keys of a body can tell."""

_RANK, _ONE_DIALECT, _TOKENS = "Rank", "Rank, the dialect in the path", "Tokens"
_TAGS: Final = {
    _RANK: "The route and the keys of the body settle the dialect.",
    "Health and metrics": "For probes, scrapers and people.",
    "What clients ask first": "Routes of other servers that their clients look at before they rank.",
    _TOKENS: "Tokens of single texts.",
    _ONE_DIALECT: "For clients whose base address can be chosen.",
}
"""Groups of operations with their descriptions, in the order in which they are shown."""


def specification(title: str, routes: Iterable[GetRoute], http: HttpSettings) -> dict[str, Any]:
    """Describe a listener's routes.

    Args:
        title: Name of the listener.
        routes: Its routes that answer GET.
        http: Limits that the texts mention.
    """
    return _document(title, _get_paths(routes), http)


def full_specification(
    title: str, routes: Iterable[GetRoute], http: HttpSettings, *, needs_key: bool
) -> dict[str, Any]:
    """Describe the API's routes: probes, ranking, tokens, and every dialect under its prefix.

    Args:
        title: Name of the listener.
        routes: Its routes that answer GET.
        http: Limits that the texts mention.
        needs_key: Whether the others want a key.
    """
    paths = _get_paths(routes)
    for route, names in ROUTES.items():
        spoken = [DIALECTS[name] for name in names]
        shown = [DIALECTS[name] for name in _BY_KEYS] if len(names) == len(DIALECTS) else spoken
        named = [dialect_parameter(route), *parameters("Deadline", "RequestId")]
        paths.setdefault(route, {})["post"] = _ranking(route, spoken, shown, _RANK, named)
    headers = parameters("Deadline", "RequestId")
    nim, hosted = [DIALECTS["nim"]], HOSTED_NIM_ROUTE.replace(":path", "")
    paths[hosted] = {"post": _ranking("/v1/retrieval/reranking", nim, nim, _RANK, [_NAME, *headers])}
    for name, dialect in DIALECTS.items():
        route = f"{PREFIX}{name}{dialect.route}"
        paths[route] = {"post": _ranking(route, [dialect], [dialect], _ONE_DIALECT, headers)}
    for route, (summary, body, answer, example) in TOKEN_ROUTES.items():
        errors = {status: text for status, text in _EVERYWHERE.items() if status != 403}  # noqa: PLR2004 - the status
        operation = _post(route, summary, _TOKENS, body, answer, {"a text": example}, errors)
        paths[route] = {"post": operation | {"parameters": parameters("RequestId")}}
    for path in paths.values():
        if "post" in path:
            _guard(path["post"], needs_key=needs_key)
    document = _document(title, paths, http)
    if needs_key:
        document["components"]["securitySchemes"] = _SECURITY_SCHEMES
    return document


def _guard(operation: dict[str, Any], *, needs_key: bool) -> None:
    if needs_key:
        operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
        return
    for status in ("401", "403"):
        operation["responses"].pop(status, None)


def _get_paths(routes: Iterable[GetRoute]) -> dict[str, dict[str, Any]]:
    return {route.shown_path: {"get": _get(route)} for route in routes}


def _document(title: str, paths: Mapping[str, Any], http: HttpSettings) -> dict[str, Any]:
    text = (
        "A reranking server. The key that holds the documents settles the dialect; the header X-Rerank-Dialect or the "
        f"prefix {PREFIX}NAME overrides it. At most {http.max_documents} documents and {http.max_body_bytes} bytes a "
        "request. Null counts as absent, unknown keys are ignored."
    )
    used = {tag for path in paths.values() for operation in path.values() for tag in operation["tags"]}
    tags = [{"name": name, "description": words} for name, words in _TAGS.items() if name in used]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("bge-reranker"), "description": text},
        "tags": tags,
        "paths": dict(paths),
        "components": {"schemas": {"Error": _ERROR}, "parameters": PARAMETERS, "headers": HEADERS},
    }


def _ranking(
    route: str, spoken: list[Dialect], shown: list[Dialect], tag: str, headers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Describe one route that ranks.

    Args:
        route: Its path.
        spoken: Dialects that it may speak.
        shown: Those of them that need no name, for the texts and examples.
        tag: Its group.
        headers: The request's headers.
    """
    examples = {dialect.name: dialect.example for dialect in shown}
    statuses = {status for dialect in spoken for status in STATUSES[dialect.name][: len(CASES)]}
    errors = {status: text for status, text in _EVERYWHERE.items() if status in statuses or status not in _OF_SOME}
    if 424 in statuses:  # noqa: PLR2004 - the status
        errors[424] = "No document could be scored, in TEI's words"
    summary = "Rank documents for a query"
    if len(spoken) == 1:
        summary += f" ({spoken[0].title})"
    description = "\n\n".join(f"{dialect.title}: {(dialect.__doc__ or '').splitlines()[0]}" for dialect in shown)
    body = _any_of([dialect.body for dialect in spoken])
    answer = _any_of([dialect.answer for dialect in spoken])
    operation = _post(route, summary, tag, body, answer, examples, errors)
    operation["responses"]["200"]["headers"] = headers_of(200, ranked=True)
    return operation | {"description": description, "parameters": headers}


def _post(
    route: str,
    summary: str,
    tag: str,
    body: Schema,
    answer: Schema,
    examples: Mapping[str, Any],
    errors: Mapping[int, str],
) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    responses: dict[str, Any] = {"200": {"description": "Done", "headers": headers_of(200), "content": _json(answer)}}
    responses |= {str(status): _refusal(status, text) for status, text in sorted(errors.items())}
    return {
        "operationId": "post" + route.replace("/", "_").replace("-", "_"),
        "summary": summary,
        "tags": [tag],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": shown}}},
        "responses": responses,
    }


def _get(route: GetRoute) -> dict[str, Any]:
    kinds = {kind: {"schema": {"type": "object"} if kind == "application/json" else TEXT} for kind in route.kinds}
    responses: dict[str, Any] = {"200": {"description": "Yes", "headers": headers_of(200), "content": kinds}}
    responses |= {str(status): _refusal(status, "No") for status in route.refusals}
    responses |= {str(status): _refusal(status, text) for status, text in _WRONG_METHOD.items()}
    operation: dict[str, Any] = {
        "operationId": "get" + route.shown_path.translate(str.maketrans("/-.{}", "_____")),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters("RequestId"),
        "responses": responses,
    }
    if "{name}" in route.shown_path:
        operation["parameters"].append(_NAME)
    return operation


def _refusal(status: int, text: str) -> dict[str, Any]:
    content = _json({"$ref": "#/components/schemas/Error"})
    return {"description": text, "headers": headers_of(status), "content": content}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _any_of(schemas: list[Schema]) -> Schema:
    distinct: list[Schema] = []
    for schema in schemas:
        if schema not in distinct:
            distinct.append(schema)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
