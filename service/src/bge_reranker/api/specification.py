"""The OpenAPI document: every route with what it takes and gives, made of the dialects' own schemas.

What belongs here: putting schemas together. What must not: the schemas of any one dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from ..settings import HttpSettings
from .dialect import Dialect
from .dispatch import DIALECTS, DOCUMENT_KEYS, KEY_RULES, ROUTES
from .error_table import CASES, STATUSES
from .prefix import PREFIX
from .probes import Probe
from .schema import FLAG, INDEX, TEXT, TEXTS, Schema, fields_of, list_of

_ERROR: Final[Schema] = fields_of(
    {
        "error": {"anyOf": [TEXT, {"type": "object"}]},
        "error_type": TEXT,
        "code": TEXT,
        "message": TEXT,
        "detail": {"anyOf": [TEXT, list_of({"type": "object"})]},
    }
)
_EVERYWHERE: Final = {
    400: "Not understood, in the words of some dialects",
    404: "Another model is served",
    408: "The request took too long to arrive",
    413: "Too many bytes",
    415: "Not JSON",
    422: "A field is missing, wrong or out of bounds",
    429: "The backlog is full; Retry-After says when to come back",
    500: "The scorer failed",
    503: "Not ready, or shutting down",
    504: "The deadline passed",
    507: "A pair does not fit the memory",
}
"""Statuses of errors that any ranking route may answer."""

_BY_KEYS: Final = [
    name for name in DIALECTS if name in {*DOCUMENT_KEYS.values(), *(rule.dialect for rule in KEY_RULES)}
]
"""Dialects that the keys of a body can tell."""

_TOKEN_LIST: Final = list_of(INDEX)
_ID_LIST: Final[Schema] = {"type": "array", "items": {**INDEX, "maximum": 2**31 - 1}, "minItems": 1}


def specification(title: str, probes: Iterable[Probe], http: HttpSettings) -> dict[str, Any]:
    """Describe a listener's routes.

    Args:
        title: Name of the listener.
        probes: Its routes that answer GET.
        http: Limits that the texts mention.
    """
    paths: dict[str, dict[str, Any]] = {}
    for probe in probes:
        paths.setdefault(probe.shown_path, {})["get"] = _probe(probe)
    return _document(title, paths, http)


def full_specification(title: str, probes: Iterable[Probe], http: HttpSettings) -> dict[str, Any]:
    """Describe the API's routes: probes, ranking, tokens, and every dialect under its prefix."""
    document = specification(title, probes, http)
    paths = document["paths"]
    for route, names in ROUTES.items():
        chosen = _BY_KEYS if len(names) == len(DIALECTS) else names
        paths.setdefault(route, {})["post"] = _ranking(route, [DIALECTS[name] for name in chosen])
    for name, dialect in DIALECTS.items():
        route = f"{PREFIX}{name}{dialect.route}"
        paths[route] = {"post": _ranking(route, [dialect])}
    for route, (summary, body, answer, example) in _TOKENS.items():
        paths[route] = {"post": _post(route, summary, "", body, answer, {"a text": example}, _EVERYWHERE)}
    return document


def _document(title: str, paths: Mapping[str, Any], http: HttpSettings) -> dict[str, Any]:
    text = (
        "A reranking server. The key that holds the documents settles the dialect; the header X-Rerank-Dialect or the "
        f"prefix {PREFIX}NAME overrides it. At most {http.max_documents} documents and {http.max_body_bytes} bytes a "
        "request. Null counts as absent, unknown keys are ignored."
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("bge-reranker"), "description": text},
        "paths": dict(paths),
        "components": {"schemas": {"Error": _ERROR}},
    }


def _ranking(route: str, dialects: list[Dialect]) -> dict[str, Any]:
    examples = {dialect.name: dialect.example for dialect in dialects}
    statuses = {status for dialect in dialects for status in STATUSES[dialect.name][: len(CASES)]}
    errors = {status: text for status, text in _EVERYWHERE.items() if status in statuses or status != 400}  # noqa: PLR2004 - the status
    if 424 in statuses:  # noqa: PLR2004 - the status
        errors[424] = "No document could be scored, in TEI's words"
    summary = "Rank documents for a query"
    if len(dialects) == 1:
        summary += f" ({dialects[0].title})"
    description = "\n\n".join(f"{dialect.title}: {(dialect.__doc__ or '').splitlines()[0]}" for dialect in dialects)
    body = _any_of([dialect.body for dialect in dialects])
    answer = _any_of([dialect.answer for dialect in dialects])
    return _post(route, summary, description, body, answer, examples, errors)


def _post(
    route: str,
    summary: str,
    description: str,
    body: Schema,
    answer: Schema,
    examples: Mapping[str, Any],
    errors: Mapping[int, str],
) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    responses: dict[str, Any] = {"200": {"description": "Done", "content": _json(answer)}}
    responses |= {str(status): _refusal(text) for status, text in sorted(errors.items())}
    return {
        "operationId": "post" + route.replace("/", "_").replace("-", "_"),
        "summary": summary,
        "description": description,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": shown}}},
        "responses": responses,
    }


def _probe(probe: Probe) -> dict[str, Any]:
    kinds = {kind: {"schema": {"type": "object"} if kind == "application/json" else TEXT} for kind in probe.kinds}
    responses: dict[str, Any] = {"200": {"description": "Yes", "content": kinds}}
    responses |= {str(status): {"description": "No", "content": _json({"type": "object"})} for status in probe.refusals}
    operation: dict[str, Any] = {
        "operationId": "get" + probe.shown_path.translate(str.maketrans("/-.{}", "_____")),
        "summary": probe.summary,
        "responses": responses,
    }
    if "{name}" in probe.shown_path:
        name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z0-9]+$"}}
        operation["parameters"] = [name]
    return operation


def _refusal(text: str) -> dict[str, Any]:
    return {"description": text, "content": _json({"$ref": "#/components/schemas/Error"})}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _any_of(schemas: list[Schema]) -> Schema:
    distinct: list[Schema] = []
    for schema in schemas:
        if schema not in distinct:
            distinct.append(schema)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


_ONE_OR_MANY: Final[Schema] = {"anyOf": [TEXT, TEXTS]}
_TOKENS: Final[Mapping[str, tuple[str, Schema, Schema, dict[str, Any]]]] = {
    "/tokenize": (
        "Tokens of texts (TEI)",
        fields_of({"inputs": _ONE_OR_MANY}, {"add_special_tokens": FLAG}),
        list_of(list_of(fields_of({"id": INDEX, "text": TEXT, "special": {"type": "boolean"}}))),
        {"inputs": "What is Deep Learning?"},
    ),
    "/decode": (
        "Texts of tokens (TEI)",
        fields_of(
            {"ids": {"anyOf": [_ID_LIST, {"type": "array", "items": {**_ID_LIST, "minItems": 0}, "minItems": 1}]}},
            {"skip_special_tokens": FLAG},
        ),
        list_of(TEXT),
        {"ids": [0, 4, 2]},
    ),
    "/v3/tokenize": (
        "Tokens of texts (OpenVINO Model Server)",
        fields_of({"text": _ONE_OR_MANY}, {"add_special_tokens": FLAG}),
        fields_of({"tokens": {"anyOf": [_TOKEN_LIST, list_of(_TOKEN_LIST)]}}),
        {"text": "What is Deep Learning?"},
    ),
}
"""Routes about tokens: summary, what they take, what they give, an example."""
