"""The thread that feeds the shadow, and the samples that the API offers, step by step without a thread."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from bge_reranker.evaluation.comparison import Report
from bge_reranker.evaluation.price import kendall_tau
from bge_reranker.observe.shadow_metrics import SampleOutcome
from bge_reranker.peers.asking import PeerSilent
from bge_reranker.peers.reference import PeerRefused
from bge_reranker.shadow.feeder import Feeder
from bge_reranker.shadow.sample import Sample
from bge_reranker.shadow.sample_queue import SampleQueue
from bge_reranker.shadow.servers import Reply, ShadowServer
from bge_reranker.shadow.shadowing import Shadowing

from .test_sampling import REQUEST, ranking, sample

FIRST, SECOND = ShadowServer("10.0.0.1", "a" * 64), ShadowServer("10.0.0.2", "b" * 64)


@dataclass
class FakeServers:
    """Shadows as a test says: one for each look, the last one from then on; each answer once, the last one for ever."""

    found: list[ShadowServer | Exception | None]
    answers: list[Reply | Exception] = field(default_factory=lambda: [Reply(np.array([0.0, 1.0]), 0.2)])
    asked: list[tuple[ShadowServer, Sample]] = field(default_factory=list)
    is_closed: bool = False

    def find(self) -> ShadowServer | None:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found

    def score(self, server: ShadowServer, sample: Sample) -> Reply:
        self.asked.append((server, sample))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Seen:
    """What was counted."""

    outcomes: Counter[str] = field(default_factory=Counter)
    report: Report | None = None
    seconds: tuple[float, float] = (0.0, 0.0)
    digest: str | None = None

    def sampled(self, outcome: SampleOutcome, count: int = 1) -> None:
        self.outcomes[outcome] += count

    def compared(self, report: Report, served_s: float, shadow_s: float) -> None:
        self.outcomes["compared"] += 1
        self.report, self.seconds = report, (served_s, shadow_s)

    def fed(self, digest: str | None) -> None:
        self.digest = digest


@dataclass
class Stage:
    """A feeder with all around it."""

    servers: FakeServers
    ratio: float = 0.5
    draws: list[float] = field(default_factory=lambda: [0.0])
    seen: Seen = field(default_factory=Seen)
    max_bytes: int = 10_000

    def __post_init__(self) -> None:
        self.queue = SampleQueue(self.max_bytes)
        self.feeder = Feeder(self.queue, self.servers, kendall_tau, self.seen, look_again_s=0)
        self.shadowing = Shadowing(self.ratio, self.queue, self.feeder, self.seen, self._draw)

    def _draw(self) -> float:
        return self.draws.pop(0) if len(self.draws) > 1 else self.draws[0]

    def offer(self, count: int = 1) -> None:
        for _ in range(count):
            self.shadowing.offer(REQUEST, ranking(2), 0.1)


def test_nothing_is_sampled_while_there_is_no_shadow() -> None:
    stage = Stage(FakeServers([None]))
    assert not stage.feeder.step()
    stage.offer()
    assert (len(stage.queue), stage.seen.outcomes, stage.shadowing.report) == (0, Counter(), None)


def test_a_part_of_the_requests_is_sampled() -> None:
    stage = Stage(FakeServers([FIRST]), ratio=0.5, draws=[0.49, 0.5, 0.9, 0.0, 0.99])
    assert stage.feeder.step()
    stage.offer(4)
    assert len(stage.queue) == 2


def test_a_sample_is_compared_and_both_times_are_told() -> None:
    stage = Stage(FakeServers([FIRST]))
    stage.feeder.step()
    stage.offer()
    assert stage.feeder.step()
    report = stage.shadowing.report
    assert report is not None
    assert (report.digest, report.comparisons, report.kendall_tau, report.score_drift) == (FIRST.digest, 1, 1.0, 0.0)
    assert stage.seen == Seen(Counter(compared=1), report, (0.1, 0.2), FIRST.digest)


@pytest.mark.parametrize(
    ("problem", "outcome"), [(PeerSilent("nothing"), "unanswered"), (PeerRefused("another model"), "refused")]
)
def test_a_shadow_that_fails_costs_the_sample_and_is_looked_for_anew(problem: Exception, outcome: str) -> None:
    stage = Stage(FakeServers([FIRST, None], [problem]))
    stage.feeder.step()
    stage.offer(3)
    assert stage.feeder.step()
    assert not stage.feeder.is_fed
    # It is gone: what waited goes too.
    assert not stage.feeder.step()
    assert stage.seen.outcomes == Counter({outcome: 1, "dropped": 2})
    assert stage.seen.digest is None


def test_a_shadow_that_comes_back_is_compared_on() -> None:
    good = Reply(np.array([0.0, 1.0]), 0.2)
    stage = Stage(FakeServers([FIRST, FIRST], [good, PeerSilent("busy"), good]))
    stage.feeder.step()
    stage.offer(3)
    for _ in range(4):
        stage.feeder.step()
    assert stage.seen.outcomes == Counter(compared=2, unanswered=1)
    assert stage.shadowing.report is not None
    assert stage.shadowing.report.comparisons == 2


def test_another_version_begins_at_nothing() -> None:
    stage = Stage(FakeServers([FIRST, SECOND], [Reply(np.array([0.0, 1.0]), 0.2), PeerRefused("another model")]))
    stage.feeder.step()
    stage.offer(2)
    for _ in range(3):
        stage.feeder.step()
    assert stage.shadowing.report == Report(SECOND.digest)


def test_what_does_not_fit_is_counted_and_what_cannot_be_asked_is_unfit() -> None:
    stage = Stage(FakeServers([FIRST]), max_bytes=sample().held_bytes)
    stage.feeder.step()
    stage.offer(3)
    stage.shadowing.offer(replace(REQUEST, queries=["q", "r"]), ranking(2), 0.1)
    assert stage.seen.outcomes == Counter(dropped=2, unfit=1)


def test_a_bug_ends_no_thread_and_stopping_does() -> None:
    stage = Stage(FakeServers([ValueError("a bug"), FIRST]))
    thread = threading.Thread(target=stage.feeder.run)
    thread.start()
    while not stage.feeder.is_fed:
        time.sleep(0.001)
    stage.shadowing.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert stage.servers.is_closed
