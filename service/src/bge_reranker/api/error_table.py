"""What each dialect says when something is wrong: statuses and bodies of errors, from what the dialects declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import (
    AmbiguousDialect,
    DocumentTooLong,
    Draining,
    EmptyField,
    InvalidBody,
    InvalidField,
    NotReady,
    QueryTooLong,
    QueueFull,
    RateLimited,
    RerankerError,
    ScoringError,
    TooManyDocuments,
    Unauthenticated,
    WorkerDied,
)
from ..settings import DialectSettings
from .error_form import Case, ErrorForm

_CASE_OF: Final[Mapping[type[RerankerError], Case]] = {
    EmptyField: "empty",
    TooManyDocuments: "too_many",
    DocumentTooLong: "too_long",
    QueryTooLong: "too_long",
    InvalidField: "bad_type",
    AmbiguousDialect: "bad_type",
    InvalidBody: "bad_json",
    QueueFull: "overloaded",
    RateLimited: "overloaded",
    NotReady: "not_ready",
    Draining: "not_ready",
    WorkerDied: "not_ready",
    Unauthenticated: "wrong_key",
}
"""The case of each error; those that are not here have their own status in every dialect."""


@dataclass(frozen=True, slots=True)
class ErrorStyle:
    """In whose style an error is said."""

    dialect: ErrorForm = ErrorForm()  # noqa: RUF009 - holds nothing that changes

    by_name: bool = False
    """Whether prefix, header or setting named the dialect."""

    settings: DialectSettings = DialectSettings()  # noqa: RUF009 - frozen

    is_infinity_client: bool = False
    """Whether the body looks like that of infinity's client library, though its dialect is Jina's."""

    max_pair_tokens: int = 0
    """Longest pair that the served model reads; 0 where that is not known yet."""

    @property
    def has_error_object(self) -> bool:
        """Whether `error` is an object."""
        kind = self.dialect.error_object
        return kind == "always" or (kind == "by_name" and self.by_name)


PLAIN_STYLE: Final = ErrorStyle()
"""The style of errors where no dialect is known."""


def is_infinity_client(route: str, body: Mapping[str, Any]) -> bool:
    """Whether a body on Jina's terms comes from infinity's own client library, which always sends both keys."""
    return route == "/rerank" and {"documents", "raw_scores", "return_documents"} <= body.keys()


def case_of(error: RerankerError) -> Case | None:
    """The case that an error belongs to, where dialects disagree about it."""
    for kind in type(error).__mro__:
        if kind in _CASE_OF:
            return _CASE_OF[kind]
    return "unscored" if isinstance(error, ScoringError) and error.status == ScoringError.status else None


def status_of(error: RerankerError, style: ErrorStyle) -> int:
    """The HTTP status of an error in some style."""
    case = case_of(error)
    if case is None:
        return error.status
    if style.settings.tei_validation_413 and case in style.dialect.old_statuses:
        return style.dialect.old_statuses[case]
    return style.dialect.statuses.of(case)


def body_of(error: RerankerError, style: ErrorStyle) -> dict[str, Any]:
    """The body of an error: every client finds the key that it reads, and our code is always under `code`."""
    sentence = sentence_of(error, style)
    case = case_of(error)
    kind = error.code if case is None else style.dialect.error_kinds.get(case, error.code)
    body: dict[str, Any] = {"error": sentence, "error_type": kind, "code": error.code}
    if style.has_error_object:
        status = status_of(error, style)
        body["error"] = {"message": sentence, "type": kind, "param": None, "code": status}
    body |= {"message": sentence, "detail": sentence}
    if style.dialect.lists_problems or style.is_infinity_client:
        # infinity's client library crashes on anything but its framework's list of problems.
        body["detail"] = [{"loc": ["body"], "msg": sentence, "type": error.code}]
    return body


def sentence_of(error: RerankerError, style: ErrorStyle) -> str:
    """An error with its remedy as one text for people, which names no other dialect's fields."""
    if not isinstance(error, DocumentTooLong | QueryTooLong):
        return error.sentence()
    remedies = style.dialect.remedies
    remedy = remedies.long_document if isinstance(error, DocumentTooLong) else remedies.long_query
    sentence = f"{error.message} {remedy}"
    if remedies.names_context_length:
        return f"This model's maximum context length is {style.max_pair_tokens} tokens: {sentence}"
    return sentence
