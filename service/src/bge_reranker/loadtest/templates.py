"""The same question in any dialect, by the templates that `GET /dialects` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SettingsError
from .workload import Question


def template_of(dialect: str, templates: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The template of a dialect.

    Args:
        dialect: Its name.
        templates: As the server gave them.

    Raises:
        SettingsError: If there is none of that name.
    """
    for template in templates:
        if template["name"] == dialect:
            return template
    names = ", ".join(sorted(str(template["name"]) for template in templates))
    raise SettingsError(f"--dialect {dialect!r} is none of the server's.", remedy=f"Choose one of: {names}.")


def body_of(template: Any, question: Question) -> Any:
    """A template's body with a question's texts in it.

    `{query}` and `{document}` stand for texts, and a list of `{each}` and an item for as many items as documents.
    """
    if template == "{query}":
        return question.query
    if isinstance(template, dict):
        return {key: body_of(value, question) for key, value in template.items()}
    if not isinstance(template, list):
        return template
    if template[:1] == ["{each}"]:
        return [_with_document(template[1], question.query, document) for document in question.documents]
    return [body_of(value, question) for value in template]


def _with_document(template: Any, query: str, document: str) -> Any:
    if isinstance(template, str):
        return {"{query}": query, "{document}": document}.get(template, template)
    if isinstance(template, dict):
        return {key: _with_document(value, query, document) for key, value in template.items()}
    if isinstance(template, list):
        return [_with_document(value, query, document) for value in template]
    return template
