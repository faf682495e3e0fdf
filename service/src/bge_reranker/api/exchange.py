"""One exchange, from a request's headers to its answer: a chain of stages, each of which holds the one before.

A stage exists once everything in it is known. The record of the request keeps the furthest; in whose style an error is
said, and what is logged and counted, follow from that.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from typing_extensions import override

from ..guard.caller import ANONYMOUS, Caller
from ..guard.guard import Admitted
from ..ranking.ranking import Ranking
from ..ranking.served_model import ServedModel
from ..settings import DialectSettings
from .call import Call
from .dialect import Dialect
from .error_table import PLAIN_STYLE, ErrorStyle, is_infinity_client

if TYPE_CHECKING:
    from .dispatch import Candidates


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is logged and counted of a request that comes no further."""

    dialect: str = "none"
    """Its dialect, once the body has settled it."""

    documents: int = 0
    """Documents in it, as far as they have been read."""

    ranking: Ranking | None = None
    """Its ranking, where it had one."""

    route: str = ""
    """The path, without a prefix; empty where no route took it."""

    top_n: int | None = None
    """Most results that were asked for; None for all."""


_NOTHING: Final = Outcome()


class Stage:
    """How far a request has come."""

    __slots__ = ()

    @property
    def style(self) -> ErrorStyle:
        """In whose style an error would be said now."""
        return PLAIN_STYLE

    @property
    def outcome(self) -> Outcome:
        """What is known of it for the log."""
        return _NOTHING


@dataclass(frozen=True, slots=True)
class Arrived(Stage):
    """Its headers are in."""

    request_id: str

    began: float
    """Monotonic second at which they were."""


@dataclass(frozen=True, slots=True)
class Addressed(Stage):
    """A route has taken it, which narrows down the dialect."""

    arrived: Arrived
    route: str
    candidates: Candidates
    settings: DialectSettings

    @property
    @override
    def style(self) -> ErrorStyle:
        return ErrorStyle(self.candidates.presumed, self.candidates.by_name, self.settings)

    @property
    @override
    def outcome(self) -> Outcome:
        return Outcome(route=self.route)


@dataclass(frozen=True, slots=True)
class Identified(Stage):
    """Its headers say who asks."""

    addressed: Addressed
    admitted: Admitted

    @property
    @override
    def style(self) -> ErrorStyle:
        return self.addressed.style

    @property
    @override
    def outcome(self) -> Outcome:
        return self.addressed.outcome


@dataclass(frozen=True, slots=True)
class Read(Stage):
    """Its body has been read, and settles the dialect."""

    identified: Identified

    deadline: float
    """Monotonic second at which the answer is worthless."""

    body: dict[str, Any]
    dialect: Dialect[Any]

    @property
    def addressed(self) -> Addressed:
        """The route, and what it tells of the dialect."""
        return self.identified.addressed

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return self.identified.admitted.caller

    @property
    @override
    def style(self) -> ErrorStyle:
        return self.style_with(max_pair_tokens=0)

    @property
    @override
    def outcome(self) -> Outcome:
        return Outcome(self.dialect.name, route=self.addressed.route)

    def style_with(self, max_pair_tokens: int) -> ErrorStyle:
        """The style with the longest pair that the served model reads."""
        addressed = self.addressed
        is_infinity = is_infinity_client(addressed.route, self.body)
        return ErrorStyle(self.dialect, addressed.candidates.by_name, addressed.settings, is_infinity, max_pair_tokens)


@dataclass(frozen=True, slots=True)
class Spoken(Stage):
    """Its dialect has read what to rank, and there is a model to rank it."""

    read: Read
    model: ServedModel

    model_name: str
    """The model's name as the caller sent it, else the served one's."""

    call: Call

    @property
    @override
    def style(self) -> ErrorStyle:
        return self.read.style_with(self.model.ranker.policy.max_pair_tokens)

    def outcome_with(self, ranking: Ranking | None) -> Outcome:
        """The outcome with a ranking, once there is one."""
        documents, route = len(self.call.request.documents), self.read.addressed.route
        return Outcome(self.read.dialect.name, documents, ranking, route, self.call.top_n)

    @property
    @override
    def outcome(self) -> Outcome:
        return self.outcome_with(None)


@dataclass(frozen=True, slots=True)
class Ranked(Stage):
    """Its documents have scores: what a dialect renders."""

    spoken: Spoken
    ranking: Ranking

    @property
    def call(self) -> Call:
        """What was asked."""
        return self.spoken.call

    @property
    def arrived(self) -> Arrived:
        """The first stage."""
        return self.spoken.read.addressed.arrived

    @property
    def route(self) -> str:
        """The path, without a prefix."""
        return self.spoken.read.addressed.route

    @property
    @override
    def style(self) -> ErrorStyle:
        return self.spoken.style

    @property
    @override
    def outcome(self) -> Outcome:
        return self.spoken.outcome_with(self.ranking)


@dataclass(frozen=True, slots=True)
class Answered(Stage):
    """It has an answer, be it an error. The one stage that lets go of the texts: an answer may be taken slowly."""

    noted: Outcome

    @property
    @override
    def outcome(self) -> Outcome:
        return self.noted


class RequestRecord:
    """What is known about one request while it lives, for its log line and its metrics; never any text of it.

    Filled in by the handler, read once by the envelope when the answer has been sent.

    Args:
        arrived: The first stage.
    """

    __slots__ = ("arrived", "bug", "caller", "code", "held", "held_bytes", "party", "stage")

    def __init__(self, arrived: Arrived) -> None:
        self.arrived = arrived

        self.stage: Stage = arrived
        """The furthest stage that the request has reached."""

        self.code = "ok"

        self.bug: dict[str, str] = {}
        """What nobody foresaw, for the log: the exception's type and its frames."""

        self.caller: Caller = ANONYMOUS
        """Who asks, once authentication has found out."""

        self.party = ""
        """Who it is counted for."""

        self.held_bytes = 0
        """What the request holds of the memory for bodies, by weight."""

        self.held = ExitStack()
        """What is given back when the answer has been taken, or as soon as it is known to be an error."""


def record_of(request: Request) -> RequestRecord:
    """The record that the envelope put beside this request."""
    record: RequestRecord = request.scope["bge_reranker.record"]
    return record
