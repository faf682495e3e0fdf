"""The tree of errors that a caller may meet, each with one code that is the same in the API, the log and the metric.

What belongs here: classes, their codes and HTTP statuses. What must not: any logging or counting (one place does each),
and any text of a document.

    RerankerError
    |- RequestError            the caller can mend it
    |  |- MalformedRequest, InvalidBody, InvalidField, EmptyField, AmbiguousDialect, UnsupportedMediaType, BodyTooLarge,
    |  |  TooManyDocuments, DocumentTooLong, QueryTooLong, ModelNotServed, RouteNotFound, MethodNotAllowed,
    |  |  RequestTimedOut, Unauthenticated
    |- CapacityError           the same request may pass later
    |  |- QueueFull, TooManyConnections, NotReady, Draining, DeadlineExceeded, CallerGone
    |- ScoringError            the scorer failed
    |  |- NonFiniteScore, PairTooLarge, BatchFailed, WorkerDied
    |- ModelError              the model cannot be fetched, loaded or served
    |  |- UnknownModel, Gated, HubUnreachable, DiskFull, DigestMismatch, CorruptFile, WrongArchitecture, MissingHead,
    |  |  UnsafeFormat, OutOfMemory
    |- InternalError           a bug of ours
    |- SettingsError           the settings contradict themselves or the machine
    |- InvalidJudgements       judged queries that cannot be evaluated (in `evaluation`)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class RerankerError(Exception):
    """Base of everything this package raises on purpose.

    Args:
        message: What happened, naming the field and the limit.
        remedy: What the reader can do about it; empty when the message already says it.
        retry_after_s: Seconds after which the same request is expected to pass, where that is known.
        figures: Numbers and names in the message once more, for programs.
    """

    status: ClassVar[int] = 500
    """HTTP status of the native dialect; other dialects may map the code to another one."""

    exit_code: ClassVar[int] = 1
    """Exit code of a command that ends with this error."""

    usual_remedy: ClassVar[str] = ""
    """What helps where the raiser knows nothing better."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        retry_after_s: float | None = None,
        figures: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy or self.usual_remedy
        self.retry_after_s = retry_after_s
        self.figures = dict(figures or {})

    @property
    def code(self) -> str:
        """The name under which this error appears everywhere: its class name."""
        return type(self).__name__

    def sentence(self) -> str:
        """Message and remedy as one text for people."""
        return f"{self.message} {self.remedy}".strip()

    def as_keys(self) -> dict[str, str]:
        """The error under the keys that clients read; each finds its own."""
        sentence = self.sentence()
        return {
            "error": sentence,
            "error_type": self.code,
            "code": self.code,
            "message": sentence,
            "detail": sentence,
        }


class RequestError(RerankerError):
    """The request itself is wrong; sending it again unchanged will fail again."""

    status = 422


class InvalidBody(RequestError):
    """The body is not JSON, or not a JSON object."""


class InvalidField(RequestError):
    """A field is missing, has the wrong type or is out of bounds."""


class EmptyField(InvalidField):
    """A field is there and has nothing in it."""


class AmbiguousDialect(RequestError):
    """The keys of the body belong to no dialect, or to two at once."""


class MalformedRequest(RequestError):
    """What arrived is not HTTP/1.1, or its headers are too large (431)."""

    status = 400


class UnsupportedMediaType(RequestError):
    """The content type is given and is not JSON."""

    status = 415


class BodyTooLarge(RequestError):
    """The body has more bytes than the server accepts."""

    status = 413


class TooManyDocuments(RequestError):
    """More documents in one request than the server accepts."""


class DocumentTooLong(RequestError):
    """A document exceeds the model's window, and the policy is to reject it."""


class QueryTooLong(RequestError):
    """The query leaves no room for a document."""


class ModelNotServed(RequestError):
    """The request names another model than the served one, and the server is set to mind that."""

    status = 404


class RouteNotFound(RequestError):
    """No such path."""

    status = 404


class MethodNotAllowed(RequestError):
    """The path exists, with another method."""

    status = 405


class RequestTimedOut(RequestError):
    """The client took too long to send its request."""

    status = 408


class Unauthenticated(RequestError):
    """The request holds no key of this server's, which has some."""

    status = 401


class CapacityError(RerankerError):
    """The server cannot serve this request now."""

    status = 503


class QueueFull(CapacityError):
    """The backlog leaves no place for this request."""

    status = 429


class TooManyConnections(CapacityError):
    """The listener holds as many connections as it may."""


class NotReady(CapacityError):
    """The model is still loading or warming up."""


class Draining(CapacityError):
    """The server is shutting down and has closed its queue."""


class DeadlineExceeded(CapacityError):
    """The deadline passed before the request was scored."""

    status = 504


class CallerGone(CapacityError):
    """The caller hung up; nobody reads this error, but the metric counts it."""

    status = 499


class ScoringError(RerankerError):
    """The scorer failed on this pair or batch."""


class NonFiniteScore(ScoringError):
    """The model gave NaN or an infinite logit for this pair."""


class PairTooLarge(ScoringError):
    """This single pair does not fit the memory of the device."""

    status = 507


class BatchFailed(ScoringError):
    """The scorer raised while it computed the batch that held this pair."""


class WorkerDied(ScoringError):
    """The thread that runs the scorer ended; the process must be restarted."""

    status = 503


class ModelError(RerankerError):
    """The model cannot be fetched, loaded or served."""

    is_worth_a_retry: ClassVar[bool] = False
    """Whether the same command may succeed later although nobody changed what was asked for."""


class UnknownModel(ModelError):
    """The model, its revision or its folder does not exist where it was looked for."""

    exit_code = 10
    usual_remedy = "Correct the name or the revision, or fetch the model where the network is open."


class Gated(ModelError):
    """The source wants credentials, or the ones given may not read this model."""

    exit_code = 11
    usual_remedy = "Accept the model's terms with your account, and give a token that may read it as HF_TOKEN."


class HubUnreachable(ModelError):
    """The source did not answer, broke off, or asked to come back later."""

    exit_code = 12
    is_worth_a_retry = True
    usual_remedy = (
        "Check network, DNS, proxy and CA bundle, then run the same command again: it goes on where it stopped."
    )


class DiskFull(ModelError):
    """The volume has no room for the model."""

    exit_code = 13
    is_worth_a_retry = True
    usual_remedy = "Enlarge the volume, or free it with `bge-reranker model gc`, and run the same command again."


class DigestMismatch(ModelError):
    """The files are not those that a manifest, the source or the settings demand."""

    exit_code = 14
    usual_remedy = "Remove this version and fetch it again; if it happens twice, do not trust the source."


class CorruptFile(ModelError):
    """A file of the model is missing, unreadable or not what its neighbours say."""

    exit_code = 15
    usual_remedy = "Fetch the model again."


class WrongArchitecture(ModelError):
    """The checkpoint is not a sequence classifier with one logit."""

    exit_code = 16
    usual_remedy = "Serve a cross-encoder: a checkpoint for sequence classification with one label."


class MissingHead(ModelError):
    """The checkpoint has no classification head; loading it would score at random."""

    exit_code = 17
    usual_remedy = "Serve the fine-tuned reranker instead of the encoder that it was made from."


class UnsafeFormat(ModelError):
    """The checkpoint has its weights in pickles only."""

    exit_code = 18
    usual_remedy = (
        "Run `bge-reranker model convert`, or fetch with --allow-pickle, which converts; both need bge-reranker[torch]."
    )


class OutOfMemory(ModelError):
    """The device has too little memory; the engine meets it per batch, loading meets it once."""

    exit_code = 19
    usual_remedy = "Give the process more memory, a larger GPU, or a precision of half the size."


class SettingsError(RerankerError):
    """A setting is unknown, out of bounds or contradicts another."""


class InternalError(RerankerError):
    """Something failed that should not have; the log has the trace under the request's id."""


def error_codes() -> list[str]:
    """Every code that an answer, a log line or a metric may carry."""
    waiting, codes = [RerankerError], []
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if not kind.__subclasses__() or kind is InvalidField:
            codes.append(kind.__name__)
    return sorted(codes)
