"""What the OpenAPI document says of each route, from what the dialects and the tables of routes declare.

FastAPI assembles the document: each of these goes into it as `openapi_extra` of its route.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from ..guard.credentials import KEY_HEADERS
from ..settings import HttpSettings
from .addresses import PREFIX
from .dialect import Dialect
from .dispatch import DIALECTS, DOCUMENT_KEYS, KEY_RULES, ROUTES
from .documented_headers import HEADERS, PARAMETERS, dialect_parameter, headers_of, parameters
from .error_form import Case
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
    401: "No key or token, or none that opens",
    403: "A key or token without the scope for it; in the words of some dialects, none that opens",
    404: "Another model is served",
    **_WRONG_METHOD,
    408: "The request took too long to arrive",
    413: "Too many bytes",
    415: "Not JSON",
    422: "A field is missing, wrong or out of bounds",
    429: "The backlog, the room for all bodies, or the caller's share is used up; Retry-After says when to come back",
    500: "The scorer failed",
    503: "Not ready, or shutting down",
    504: "The deadline passed",
    507: "A pair does not fit the memory",
}
"""Statuses of errors that a ranking route may answer."""

_OF_SOME: Final = (400, 401)
"""Those of them that only some dialects use."""

_CASES: Final[Mapping[Case, str]] = {
    "empty": "A text or a list is empty, in the words of some dialects",
    "too_many": "Too many documents, in the words of some dialects",
    "too_long": "A text does not fit, in the words of some dialects",
    "bad_type": "A field is wrong, in the words of some dialects",
    "bad_json": "Not JSON, in the words of some dialects",
    "overloaded": "The backlog is full, in the words of some dialects",
    "not_ready": "Not ready, in the words of some dialects",
    "unscored": "No document could be scored, in the words of some dialects",
    "wrong_key": "No key, or none of this server's, in the words of some dialects",
}
"""What statuses mean that only some dialects have."""

_BY_KEYS: Final = [name for name in DIALECTS if name in {*DOCUMENT_KEYS.values(), *(name for _, name in KEY_RULES)}]
"""Dialects that the keys of a body can tell."""

_RANK, _ONE_DIALECT, _TOKENS = "Rank", "Rank, the dialect in the path", "Tokens"
RANKING_TAGS: Final = (_RANK, _TOKENS, _ONE_DIALECT)
"""Groups of what wants a key, where there are keys."""

_TAGS: Final = {
    _RANK: "The route and the keys of the body settle the dialect.",
    "Health and metrics": "For probes, scrapers and people.",
    "What clients ask first": "Routes of other servers that their clients look at before they rank.",
    _TOKENS: "Tokens of single texts.",
    _ONE_DIALECT: "For clients whose base address can be chosen.",
}
"""Groups of operations with their descriptions, in the order in which they are shown."""


def info_of(title: str, tags: Iterable[str], http: HttpSettings) -> dict[str, Any]:
    """What FastAPI is told about an application for the head of its document.

    Args:
        title: Name of the listener.
        tags: Groups of its operations.
        http: Limits that the texts mention.
    """
    text = (
        "A reranking server. The key that holds the documents settles the dialect; the header X-Rerank-Dialect or the "
        f"prefix {PREFIX}NAME overrides it. At most {http.max_documents} documents and {http.max_body_bytes} bytes a "
        "request. Null counts as absent, unknown keys are ignored."
    )
    shown = [{"name": name, "description": words} for name, words in _TAGS.items() if name in set(tags)]
    return {"title": title, "version": version("bge-reranker"), "description": text, "openapi_tags": shown}


def components(*, needs_key: bool) -> dict[str, Any]:
    """What several operations refer to."""
    schemas = {"Error": _ERROR}
    for name, dialect in DIALECTS.items():
        schemas |= {f"{name}-request": dialect.body.schema(), f"{name}-answer": dialect.answer}
    shared: dict[str, Any] = {"schemas": schemas, "parameters": PARAMETERS, "headers": HEADERS}
    return shared | ({"securitySchemes": _SECURITY_SCHEMES} if needs_key else {})


def get_operation(route: GetRoute, *, needs_key: bool) -> dict[str, Any]:
    """Describe a route that answers GET.

    Args:
        route: The route.
        needs_key: Whether callers must say who they are, where the route has a scope.
    """
    kinds = {kind: {"schema": {"type": "object"} if kind == "application/json" else TEXT} for kind in route.kinds}
    responses: dict[str, Any] = {"200": {"description": "Yes", "headers": headers_of(200), "content": kinds}}
    responses |= {str(status): _refusal(status, text) for status, text in _WRONG_METHOD.items()}
    if route.scope is not None:
        responses |= {str(status): _refusal(status, _EVERYWHERE[status]) for status in (401, 403)}
    operation: dict[str, Any] = {
        "operationId": "get" + route.path.replace(":path", "").translate(str.maketrans("/-.{}", "_____")),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*parameters("RequestId"), *_path_parameters(route.path)],
        "responses": responses,
    }
    operation = _guarded(operation, needs_key=needs_key and route.scope is not None)
    # Whether or not callers must say who they are.
    operation["responses"] |= {str(status): _refusal(status, "No") for status in route.refusals}
    return operation


def ranking_operation(route: str, *, needs_key: bool) -> dict[str, Any]:
    """Describe a route that ranks.

    Args:
        route: One of `ROUTES`.
        needs_key: Whether it wants a key.
    """
    spoken = [DIALECTS[name] for name in ROUTES[route]]
    shown = [DIALECTS[name] for name in _BY_KEYS] if len(spoken) == len(DIALECTS) else spoken
    named = _path_parameters(route) or [dialect_parameter(route)]
    known = parameters("Deadline", "CacheControl", "RequestId", "TraceParent")
    operation = _ranking(route, spoken, shown, _RANK, [*named, *known])
    return _guarded(operation, needs_key=needs_key)


def prefixed_operations(*, needs_key: bool) -> dict[str, Any]:
    """Describe the route of each dialect under its prefix, which is an address of a route that ranks."""
    headers = parameters("Deadline", "RequestId", "TraceParent")
    operations = {
        f"{PREFIX}{name}{dialect.routes[0]}": _ranking(
            f"{PREFIX}{name}{dialect.routes[0]}", [dialect], [dialect], _ONE_DIALECT, headers
        )
        for name, dialect in DIALECTS.items()
    }
    return {path: {"post": _guarded(operation, needs_key=needs_key)} for path, operation in operations.items()}


def token_operation(path: str, *, needs_key: bool) -> dict[str, Any]:
    """Describe a route about tokens.

    Args:
        path: One of `TOKEN_ROUTES`.
        needs_key: Whether it wants a key.
    """
    route = TOKEN_ROUTES[path]
    operation = _post(
        path, route.summary, _TOKENS, route.body.schema(), route.answer, {"a text": route.example}, _EVERYWHERE
    )
    return _guarded(operation | {"parameters": parameters("RequestId", "TraceParent")}, needs_key=needs_key)


def _guarded(operation: dict[str, Any], *, needs_key: bool) -> dict[str, Any]:
    if needs_key:
        return operation | {"security": [{name: []} for name in _SECURITY_SCHEMES]}
    for status in ("401", "403"):
        operation["responses"].pop(status, None)
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [_NAME] if "{name" in path else []


def _ranking(
    route: str, spoken: list[Dialect[Any]], shown: list[Dialect[Any]], tag: str, headers: list[dict[str, Any]]
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
    declared = {dialect.statuses.of(case): text for dialect in spoken for case, text in _CASES.items()}
    known = {status: text for status, text in _EVERYWHERE.items() if status in declared or status not in _OF_SOME}
    errors = declared | known
    summary = "Rank documents for a query"
    if len(spoken) == 1:
        summary += f" ({spoken[0].title})"
    description = "\n\n".join(f"{dialect.title}: {dialect.summary}" for dialect in shown)
    body, answer = _any_of("request", spoken), _any_of("answer", spoken)
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
        "operationId": "post" + route.replace(":path", "").translate(str.maketrans("/-{}", "____")),
        "summary": summary,
        "tags": [tag],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": shown}}},
        "responses": responses,
    }


def _refusal(status: int, text: str) -> dict[str, Any]:
    content = _json({"$ref": "#/components/schemas/Error"})
    return {"description": text, "headers": headers_of(status), "content": content}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _any_of(part: str, dialects: list[Dialect[Any]]) -> Schema:
    """Refer to the requests or answers of some dialects."""
    schemas = [{"$ref": f"#/components/schemas/{dialect.name}-{part}"} for dialect in dialects]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
