"""What a caller can mend: the request itself is wrong."""

from __future__ import annotations

from .root import RerankerError


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
    """The request holds no credential that opens, and this server wants one."""

    status = 401


class Forbidden(RequestError):
    """Whoever asks is known, and may not do this."""

    status = 403


class PicturesNotServed(RequestError):
    """The request holds pictures, and the served model reads texts alone."""


class InvalidPicture(RequestError):
    """A picture is too large, animated, damaged, or nothing that is read here."""


class PictureUnavailable(RequestError):
    """A picture cannot be fetched from its address, or may not be."""
