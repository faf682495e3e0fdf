"""The root of the tree, and the two branches that have no leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .printable import printable


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
        # Paths, members of archives and answers of servers are named in it, and terminals print it.
        message = printable(message, keeps_lines=True)
        super().__init__(message)
        self.message = message
        self.remedy = printable(remedy, keeps_lines=True) or self.usual_remedy
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


class InternalError(RerankerError):
    """Something failed that should not have; the log has the trace under the request's id."""


class SettingsError(RerankerError):
    """A setting is unknown, out of bounds or contradicts another."""
