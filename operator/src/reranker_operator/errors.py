"""What can go wrong while a Reranker is made true, by whether waiting helps.

A class's name is its code: the reason in conditions, events, logs and the metric.

    OperatorError
    |- Refusal               it will not move until a person changes something
    |  |- InvalidSpec        the chart refuses the values
    |  |- NotAllowed         it asks for what a Reranker may not have
    |  |- NotOwned           an object of that name belongs to somebody else
    |  |- KindNotInstalled   the cluster does not know a kind that the spec asks for
    |  |- ServerTooOld       the cluster's Kubernetes has not yet what the spec asks for
    |  |- RefusedByCluster   the API server refuses an object: quota, admission, validation, rights
    |- Delay                 the same attempt may pass later
       |- FormerChild        a child of a former Reranker of that name is not gone yet
       |- RenderFailed       helm crashed or ran out of time
       |- ClusterUnavailable the API server is away, busy or broken
       |- Contended          somebody wrote the same object at the same moment
       |- OperatorFault      a bug of the operator
"""

from __future__ import annotations

from typing import ClassVar


def ended(text: str) -> str:
    """Text of somebody else, closed as a sentence, so that a remedy can follow."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def printable(text: str) -> str:
    """Text of somebody else without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class OperatorError(Exception):
    """Base of everything the operator raises on purpose.

    Args:
        message: What happened, naming the field or object.
        remedy: What the reader can do about it; empty when the message says it.
        retry_after_s: When the API server asked for it.
        needs_person: Whether only a person's change can help; as usual for the class if it is not said.
    """

    is_final: ClassVar[bool] = False
    """Whether only a person's change can help."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        retry_after_s: float | None = None,
        needs_person: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.needs_person = self.is_final if needs_person is None else needs_person

    @property
    def code(self) -> str:
        """The name under which this error appears everywhere: its class name."""
        return type(self).__name__

    def sentence(self) -> str:
        """Message and remedy as two sentences for people."""
        return f"{ended(self.message)} {self.remedy}".strip()


class Refusal(OperatorError):
    """Only a change by a person helps."""

    is_final = True


class InvalidSpec(Refusal):
    """The chart refuses the values that the spec is."""


class NotAllowed(Refusal):
    """The spec asks for something that its pods would only get through the operator's rights."""


class NotOwned(Refusal):
    """An object that is wanted exists and is somebody else's; it is left as it is."""


class KindNotInstalled(Refusal):
    """The spec asks for an object of a kind that the cluster does not have."""


class ServerTooOld(Refusal):
    """The spec asks for what this version of Kubernetes does not have, or drops without a word."""


class RefusedByCluster(Refusal):
    """The API server refuses an object after rendering."""


class Delay(OperatorError):
    """The same attempt may pass later."""


class FormerChild(Delay):
    """A child of a former Reranker of the same name is still being deleted."""


class RenderFailed(Delay):
    """Helm did not end well, for another reason than the values."""


class ClusterUnavailable(Delay):
    """The API server cannot be reached, is overloaded or fails."""


class Contended(Delay):
    """Another writer was there at the same moment."""


class OperatorFault(Delay):
    """An error that nobody foresaw: said of the Reranker that it stops, which would else keep its status of before."""
