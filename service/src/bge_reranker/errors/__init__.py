"""The tree of errors that a caller may meet, each with one code that is the same in the API, the log and the metric.

Nothing here logs or counts (one place does each), and no error holds the text of a document.

    RerankerError
    |- RequestError            the caller can mend it
    |  |- MalformedRequest, InvalidBody, InvalidField, EmptyField, AmbiguousDialect, UnsupportedMediaType, BodyTooLarge,
    |  |  TooManyDocuments, DocumentTooLong, QueryTooLong, ModelNotServed, RouteNotFound, MethodNotAllowed,
    |  |  RequestTimedOut, Unauthenticated, Forbidden, PicturesNotServed, InvalidPicture, PictureUnavailable
    |- CapacityError           the same request may pass later
    |  |- QueueFull, RateLimited, TooManyConnections, NotReady, Draining, DeadlineExceeded, CallerGone,
    |  |  TokenKeysUnavailable
    |- ScoringError            the scorer failed
    |  |- NonFiniteScore, PairTooLarge, BatchFailed, TokenizerFailed, WorkerDied
    |- ModelError              the model cannot be fetched, loaded or served
    |  |- UnknownModel, Gated, HubUnreachable, DiskFull, DigestMismatch, CorruptFile, WrongArchitecture, MissingHead,
    |  |  UnsafeFormat, OutOfMemory, GateFailed, GateInputChanged, SelfCheckFailed, ReferenceUnavailable
    |- InternalError           a bug of ours
    |- SettingsError           the settings contradict themselves or the machine
    |- InvalidJudgements       judged queries that cannot be evaluated (in `evaluation`)
"""

from __future__ import annotations

from .model import (
    CorruptFile,
    DigestMismatch,
    DiskFull,
    Gated,
    GateFailed,
    GateInputChanged,
    HubUnreachable,
    MissingHead,
    ModelError,
    OutOfMemory,
    ReferenceUnavailable,
    SelfCheckFailed,
    UnknownModel,
    UnsafeFormat,
    WrongArchitecture,
)
from .request import (
    AmbiguousDialect,
    BodyTooLarge,
    DocumentTooLong,
    EmptyField,
    Forbidden,
    InvalidBody,
    InvalidField,
    InvalidPicture,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotServed,
    PicturesNotServed,
    PictureUnavailable,
    QueryTooLong,
    RequestError,
    RequestTimedOut,
    RouteNotFound,
    TooManyDocuments,
    Unauthenticated,
    UnsupportedMediaType,
)
from .root import (
    InternalError,
    RerankerError,
    SettingsError,
)
from .service import (
    BatchFailed,
    CallerGone,
    CapacityError,
    DeadlineExceeded,
    Draining,
    NonFiniteScore,
    NotReady,
    PairTooLarge,
    QueueFull,
    RateLimited,
    ScoringError,
    TokenizerFailed,
    TokenKeysUnavailable,
    TooManyConnections,
    WorkerDied,
)

__all__ = [
    "AmbiguousDialect",
    "BatchFailed",
    "BodyTooLarge",
    "CallerGone",
    "CapacityError",
    "CorruptFile",
    "DeadlineExceeded",
    "DigestMismatch",
    "DiskFull",
    "DocumentTooLong",
    "Draining",
    "EmptyField",
    "Forbidden",
    "GateFailed",
    "GateInputChanged",
    "Gated",
    "HubUnreachable",
    "InternalError",
    "InvalidBody",
    "InvalidField",
    "InvalidPicture",
    "MalformedRequest",
    "MethodNotAllowed",
    "MissingHead",
    "ModelError",
    "ModelNotServed",
    "NonFiniteScore",
    "NotReady",
    "OutOfMemory",
    "PairTooLarge",
    "PictureUnavailable",
    "PicturesNotServed",
    "QueryTooLong",
    "QueueFull",
    "RateLimited",
    "ReferenceUnavailable",
    "RequestError",
    "RequestTimedOut",
    "RerankerError",
    "RouteNotFound",
    "ScoringError",
    "SelfCheckFailed",
    "SettingsError",
    "TokenKeysUnavailable",
    "TokenizerFailed",
    "TooManyConnections",
    "TooManyDocuments",
    "Unauthenticated",
    "UnknownModel",
    "UnsafeFormat",
    "UnsupportedMediaType",
    "WorkerDied",
    "WrongArchitecture",
    "error_codes",
]


def error_codes() -> list[str]:
    """Every code that an answer, a log line or a metric may carry."""
    waiting, codes = [RerankerError], []
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if not kind.__subclasses__() or kind is InvalidField:
            codes.append(kind.__name__)
    return sorted(codes)
