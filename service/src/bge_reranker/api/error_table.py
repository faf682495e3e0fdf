"""What each dialect says when something is wrong: one table, which the server, its OpenAPI and the tests read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

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
    RerankerError,
    ScoringError,
    TooManyDocuments,
    Unauthenticated,
    WorkerDied,
)
from ..settings import DialectSettings
from .remedies import sentence_in

Case = Literal[
    "empty", "too_many", "too_long", "bad_type", "bad_json", "overloaded", "not_ready", "unscored", "wrong_key"
]
"""What can be wrong, as far as dialects disagree about it."""

CASES: Final[tuple[Case, ...]] = get_args(Case)

_CASE_OF: Final[Mapping[type[RerankerError], Case]] = {
    EmptyField: "empty",
    TooManyDocuments: "too_many",
    DocumentTooLong: "too_long",
    QueryTooLong: "too_long",
    InvalidField: "bad_type",
    AmbiguousDialect: "bad_type",
    InvalidBody: "bad_json",
    QueueFull: "overloaded",
    NotReady: "not_ready",
    Draining: "not_ready",
    WorkerDied: "not_ready",
    Unauthenticated: "wrong_key",
}
"""The case of each error; those that are not here have their own status in every dialect."""

STATUSES: Final[Mapping[str, tuple[int, ...]]] = {
    #               empty  many  long  type  json  full  not ready  unscored  wrong key
    "native":      (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "tei":         (400,   422,  422,  422,  400,  429,  503,       424,      401),
    "tei-predict": (400,   422,  422,  422,  400,  429,  503,       424,      401),
    "tei-vertex":  (400,   422,  422,  422,  400,  429,  503,       424,      401),
    "cohere-v1":   (422,   422,  422,  422,  400,  429,  503,       500,      401),
    "cohere-v2":   (422,   422,  422,  422,  400,  429,  503,       500,      401),
    "jina":        (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "vllm":        (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "vllm-score":  (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "nim":         (422,   422,  400,  422,  422,  429,  503,       500,      403),
    "voyage":      (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "mixedbread":  (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "weaviate":    (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "ovms":        (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "llamacpp":    (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "infinity":    (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "sglang":      (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "pinecone":    (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "sagemaker":   (400,   400,  400,  400,  400,  429,  503,       500,      403),
}  # fmt: skip
"""HTTP status of each case in each dialect. NVIDIA's and Amazon's own services refuse a wrong key with 403."""

_TEI_KINDS: Final[Mapping[Case, str]] = {
    "empty": "Empty",
    "overloaded": "Overloaded",
    "not_ready": "Unhealthy",
    "unscored": "Backend",
    "wrong_key": "Unauthorized",
}
"""TEI's kinds of errors; everything else that the caller can mend is `Validation`."""

_NESTED: Final = frozenset({"vllm", "vllm-score", "llamacpp", "infinity"})
"""Dialects whose own servers put an object under `error`."""

_SCORE_ROUTES: Final = frozenset({"/score", "/v1/score"})
"""Routes that no client with a text under `error` calls."""

_OLD_TEI_STATUS = 413
_OLD_TEI_CASES: Final = frozenset({"too_many", "too_long"})
"""What TEI said before 1.9, and of what; a wrong type was 422 then too."""


@dataclass(frozen=True, slots=True)
class ErrorStyle:
    """In whose words an error is said."""

    dialect: str = "native"
    route: str = ""
    by_name: bool = False
    settings: DialectSettings = field(default_factory=DialectSettings)

    is_infinity_client: bool = False
    """Whether the body looks like that of infinity's client library, though its dialect is Jina's."""

    max_pair_tokens: int = 0
    """Longest pair that the served model reads; 0 where that is not known yet."""

    @property
    def nests(self) -> bool:
        """Whether `error` is an object: where only such clients call, or the family was asked for by name."""
        return self.dialect in _NESTED and (self.by_name or self.route in _SCORE_ROUTES)


def case_of(error: RerankerError) -> Case | None:
    """The case that an error belongs to, where dialects disagree about it."""
    for kind in type(error).__mro__:
        if kind in _CASE_OF:
            return _CASE_OF[kind]
    return "unscored" if isinstance(error, ScoringError) and error.status == ScoringError.status else None


def status_of(error: RerankerError, style: ErrorStyle) -> int:
    """The HTTP status of an error in some words."""
    case = case_of(error)
    if case is None:
        return error.status
    status = STATUSES[style.dialect][CASES.index(case)]
    is_old_tei = style.settings.tei_validation_413 and style.dialect.startswith("tei") and case in _OLD_TEI_CASES
    return _OLD_TEI_STATUS if is_old_tei else status


def body_of(error: RerankerError, style: ErrorStyle) -> dict[str, Any]:
    """The body of an error: every client finds the key that it reads, and our code is always under `code`."""
    sentence = sentence_in(error, style.dialect, style.max_pair_tokens)
    kind = _kind(error, style)
    body: dict[str, Any] = {"error": sentence, "error_type": kind, "code": error.code}
    if style.nests:
        status = status_of(error, style)
        body["error"] = {"message": sentence, "type": kind, "param": None, "code": status}
    body |= {"message": sentence, "detail": sentence}
    if style.dialect == "infinity" or style.is_infinity_client:
        # infinity's client library crashes on anything but its framework's list of problems.
        body["detail"] = [{"loc": ["body"], "msg": sentence, "type": error.code}]
    return body


def _kind(error: RerankerError, style: ErrorStyle) -> str:
    case = case_of(error)
    if not style.dialect.startswith("tei") or case is None:
        return error.code
    return _TEI_KINDS.get(case, "Validation")
