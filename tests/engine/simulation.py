"""The real dispatcher in simulated time: what becomes of Poisson arrivals beyond what the scorer can do."""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from bge_reranker.engine.origin import ANYBODY, Origin
from bge_reranker.engine.plan import Plan
from bge_reranker.engine.reservations import Asked as Asking
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import CapacityError
from bge_reranker.planning.calendar import Calendar
from bge_reranker.planning.replica import Replica
from bge_reranker.planning.sizes import pair_of
from bge_reranker.settings import EngineSettings

PAIR_TOKENS = 48
LARGEST_DOCUMENTS = 1_000
TOKENS_PER_SECOND = 50_000.0
"""What the dispatcher expects at the start."""

BATCH_TOKENS = EngineSettings().max_batch_tokens
LONG_BATCHES = 4
"""Times of a batch from which on a deadline counts as a long one."""

_PAIRS = [pair_of(PAIR_TOKENS)] * LARGEST_DOCUMENTS


@dataclass(frozen=True)
class Scenario:
    """What is simulated. Sizes and deadlines are log-uniform between their bounds."""

    load: float
    """Tokens that arrive over tokens that the scorer can do."""
    deadlines_s: tuple[float, float]
    documents: tuple[int, int] = (1, LARGEST_DOCUMENTS)
    rate_factor: float = 1.0
    """True rate over the expected one, from `step_at_s` on."""
    step_at_s: float = 10.0
    """When the true rate steps; before, it is as expected."""
    uncounted_s: float = 10.0
    """Seconds after the step before anything counts."""
    counted_s: float = 60.0
    returning: float = 0.1
    """Share of the refused that come back once, when they were told to."""
    batch_overhead_s: float = 0.0
    """Seconds that every batch takes besides its tokens."""
    noise: float = 0.0
    """Standard deviation of the logarithm of each batch's time."""
    seed: int = 1
    origins: tuple[tuple[Origin, float], ...] = ((ANYBODY, 1.0),)
    """Who asks, each with its part of all arrivals; the parts sum to 1."""
    is_partial: bool = False
    """Whether everybody takes what can be scored in time; what was scored counts."""

    @property
    def true_tokens_per_second(self) -> float:
        return TOKENS_PER_SECOND * self.rate_factor

    @property
    def long_s(self) -> float:
        """Deadline from which on it counts as a long one."""
        return LONG_BATCHES * BATCH_TOKENS / self.true_tokens_per_second


@dataclass(frozen=True)
class Asked:
    """One request."""

    serial: int
    at: float
    documents: int
    deadline_s: float
    origin: Origin = ANYBODY
    returns: bool = False

    @property
    def tokens(self) -> int:
        return self.documents * PAIR_TOKENS

    @property
    def size_class(self) -> int:
        """Half decades of documents: 1 to 3, 4 to 9, 10 to 31, 32 to 99, 100 to 316, and more."""
        return min(5, int(2 * math.log10(self.documents)))


@dataclass
class Result:
    """What was counted, and what could have been."""

    scenario: Scenario
    possible_tokens: float = 0.0
    """See `possible_tokens`."""
    possible_long_tokens: float = 0.0
    """The same of the requests with long deadlines alone."""
    in_order_tokens: int = 0
    """See `in_order_tokens`."""
    delivered_tokens: int = 0
    delivered_long_tokens: int = 0
    computed_tokens: int = 0
    wasted_tokens: int = 0
    """Of the computed ones, those whose request was not answered in time."""
    asked: Counter[int] = field(default_factory=Counter)
    """Requests that could have been done, by class of size."""
    answered: Counter[int] = field(default_factory=Counter)
    returned: int = 0
    taken_back: int = 0
    """Of those who returned, accepted."""
    waits_s: list[float] = field(default_factory=list)
    """What the refused were told."""
    late: int = 0
    """Requests that were accepted behind others and not answered in time, since counting began."""
    asked_tokens: Counter[Origin] = field(default_factory=Counter)
    """Tokens that could have been done, by origin."""
    answered_tokens: Counter[Origin] = field(default_factory=Counter)
    answers: list[tuple[Asked, float]] = field(default_factory=list)
    """What was answered in time, and after how many seconds."""

    @property
    def goodput(self) -> float:
        return self.delivered_tokens / self.possible_tokens

    @property
    def long_goodput(self) -> float:
        return self.delivered_long_tokens / self.possible_long_tokens

    @property
    def waste(self) -> float:
        """Part of the computed tokens whose request was not answered in time."""
        return self.wasted_tokens / self.computed_tokens

    def answered_part(self, origin: Origin) -> float:
        """Tokens of an origin that were answered in time over those that it asked for."""
        return self.answered_tokens[origin] / self.asked_tokens[origin]

    def answer_s(self, origin: Origin, quantile: float) -> float:
        """Seconds until an answer, by origin."""
        times_s = [seconds for asked, seconds in self.answers if asked.origin == origin]
        return float(np.quantile(times_s, quantile)) if times_s else math.inf

    @property
    def shares(self) -> list[float]:
        """Answered part of each class of size, at once or when it came back."""
        return [self.answered[key] / asked for key, asked in sorted(self.asked.items())]

    @property
    def in_order(self) -> float:
        """Part of what was possible in any order that a server which answers in order of arrival could do."""
        return self.in_order_tokens / self.possible_tokens

    def row(self) -> str:
        """One line for people."""
        scenario = self.scenario
        low, high = scenario.deadlines_s
        sizes = " ".join(f"{share:.2f}" for share in self.shares)
        returned = f"{self.taken_back / self.returned:.2f}" if self.returned else "-"
        return (
            f"load {scenario.load:4}, deadlines {low:g} to {high:g} s, rate x {scenario.rate_factor}: goodput "
            f"{self.goodput:.3f} (in order {self.in_order:.3f}), waste {self.waste:.3f}, "
            f"taken back {returned} of {self.returned}, answered by size {sizes}, late {self.late}"
            + "".join(
                f"\n  {origin.caller} {origin.priority}: answered {self.answered_part(origin):.3f}, "
                f"p50 {self.answer_s(origin, 0.5):.3f} s, p95 {self.answer_s(origin, 0.95):.3f} s"
                for origin, _ in scenario.origins
                if len(scenario.origins) > 1
            )
        )


class Simulation:
    """One dispatcher, one scorer, and time."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.result = Result(scenario)
        self._random = random.Random(scenario.seed)
        self._calendar = Calendar()
        self._replica = Replica(
            self._calendar, EngineSettings(), TOKENS_PER_SECOND, self._batch_s, self._random, self._count_batch
        )
        self._begins_at = scenario.step_at_s + scenario.uncounted_s
        self._ends_at = self._begins_at + scenario.counted_s
        self._arrived: list[Asked] = []
        self._counted: set[int] = set()

    def run(self) -> Result:
        self._calendar.at(0.0, self._arrive)
        self._calendar.run()
        could_be = [asked for asked in self._arrived if self._could_be_done(asked)]
        self.result.possible_tokens = self._possible_tokens(could_be)
        long = (asked for asked in could_be if asked.deadline_s >= self.scenario.long_s)
        self.result.possible_long_tokens = self._possible_tokens(long)
        self.result.in_order_tokens = self._in_order_tokens(could_be)
        return self.result

    def replay(self, requests: Iterable[Asked]) -> Result:
        """Run through these requests and no others; nobody comes back."""
        for asked in requests:
            self._arrived.append(asked)
            self._calendar.at(asked.at, partial(self._ask, asked))
        self._calendar.run()
        return self.result

    def _rate(self, now: float) -> float:
        return self.scenario.true_tokens_per_second if now >= self.scenario.step_at_s else TOKENS_PER_SECOND

    def _counts(self, now: float) -> bool:
        return self._begins_at <= now < self._ends_at

    def _could_be_done(self, asked: Asked) -> bool:
        return asked.tokens / self._rate(asked.at) < asked.deadline_s

    def _arrive(self) -> None:
        scenario, now = self.scenario, self._calendar.now
        documents = max(1, round(self._between(scenario.documents)))
        asked = Asked(len(self._arrived), now, documents, self._between(scenario.deadlines_s), self._origin())
        self._arrived.append(asked)
        self._ask(asked)
        mean_tokens = _mean(scenario.documents) * PAIR_TOKENS
        after = now + self._random.expovariate(scenario.load * self._rate(now) / mean_tokens)
        if after < self._ends_at:
            self._calendar.at(after, self._arrive)

    def _origin(self) -> Origin:
        origins = self.scenario.origins
        if len(origins) == 1:
            return origins[0][0]
        return self._random.choices([origin for origin, _ in origins], [part for _, part in origins])[0]

    def _between(self, bounds: tuple[float, float]) -> float:
        return math.exp(self._random.uniform(*map(math.log, bounds)))

    def _ask(self, asked: Asked) -> None:
        now, result, counts = asked.at, self.result, self._counts(asked.at)
        result.returned += counts and asked.returns
        if counts and not asked.returns and self._could_be_done(asked):
            result.asked[asked.size_class] += 1
            self._counted.add(asked.serial)
            result.asked_tokens[asked.origin] += asked.tokens
        is_alone = not self._replica.backlog_tokens
        is_partial = self.scenario.is_partial
        asking = Asking(asked.tokens, now + asked.deadline_s, asked.serial, asked.origin, is_partial=is_partial)
        try:
            self._replica.ask(
                asking, _PAIRS[: asked.documents], lambda outcome: self._hear(asked, outcome, was_alone=is_alone)
            )
        except CapacityError as error:
            if error.retry_after_s is not None and not asked.returns:
                self._come_back(asked, error.retry_after_s)
            return
        result.taken_back += counts and asked.returns

    def _come_back(self, asked: Asked, wait_s: float) -> None:
        if self._counts(asked.at):
            self.result.waits_s.append(wait_s)
        if self._random.random() < self.scenario.returning and asked.at + wait_s < self._ends_at:
            again = replace(asked, at=asked.at + wait_s, returns=True)
            self._calendar.at(again.at, partial(self._ask, again))

    def _hear(self, asked: Asked, outcome: Outcome, *, was_alone: bool) -> None:
        scored_tokens = (asked.documents - len(outcome.errors)) * PAIR_TOKENS
        counts = self._counts(self._calendar.now)
        if outcome.errors and not (self.scenario.is_partial and scored_tokens):
            self.result.late += counts and not was_alone
            self.result.wasted_tokens += scored_tokens * counts
            return
        if counts:
            self.result.delivered_tokens += scored_tokens
            self.result.delivered_long_tokens += scored_tokens * (asked.deadline_s >= self.scenario.long_s)
        if asked.serial in self._counted:
            self.result.answered[asked.size_class] += 1
            self.result.answered_tokens[asked.origin] += scored_tokens
            self.result.answers.append((asked, self._calendar.now - asked.at))

    def _batch_s(self, plan: Plan) -> float:
        scenario = self.scenario
        noise = math.exp(self._random.gauss(0, scenario.noise))
        return plan.tokens / self._rate(self._calendar.now) * noise + scenario.batch_overhead_s

    def _count_batch(self, plan: Plan) -> None:
        if self._counts(self._calendar.now):
            self.result.computed_tokens += plan.tokens
            self.result.wasted_tokens += sum(slice_.tokens for slice_ in plan.slices if slice_.ticket.has_ended)

    def _possible_tokens(self, could_be: Iterable[Asked]) -> float:
        """Tokens that any order, knowing the future, could at most have computed in the counted time.

        Every request may be interrupted, the earliest deadline is served first, and what is done of a request by its
        deadline counts even when the rest is missing: nothing can deliver more.
        """
        waiting: list[tuple[float, float]] = []
        now = done = 0.0
        for at, deadline, tokens in [(a.at, a.at + a.deadline_s, a.tokens) for a in could_be] + [
            (self._ends_at, 0.0, 0)
        ]:
            while now < at and waiting:
                due, left = heapq.heappop(waiting)
                rate = self._rate(now)
                then = max(now, min(at, due, now + left / rate))
                done += (then - now) * rate if now >= self._begins_at else 0.0
                if then == at < due:
                    heapq.heappush(waiting, (due, left - (then - now) * rate))
                now = then
            now = at
            heapq.heappush(waiting, (deadline, tokens))
        return done

    def _in_order_tokens(self, could_be: Iterable[Asked]) -> int:
        """Tokens of a server that knows its rate, serves in order of arrival, and takes whatever ends in time."""
        free_at, done = 0.0, 0
        for asked in could_be:
            ends_at = max(free_at, asked.at) + asked.tokens / self._rate(max(free_at, asked.at))
            if ends_at < asked.at + asked.deadline_s:
                free_at = ends_at
                done += asked.tokens if self._counts(ends_at) else 0
        return done


def _mean(bounds: tuple[float, float]) -> float:
    low, high = bounds
    return (high - low) / math.log(high / low) if high > low else low
