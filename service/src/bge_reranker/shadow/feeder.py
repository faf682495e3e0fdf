"""The one thread that feeds the shadow: it takes samples, has them scored again, and compares."""

from __future__ import annotations

import threading

import structlog

from ..evaluation.comparison import KendallTau, Report, compare
from ..peers.asking import PeerSilent
from ..peers.reference import PeerRefused
from .observer import ShadowObserver
from .sample import Sample
from .sample_queue import SampleQueue
from .servers import ShadowServer, ShadowServers

LOOK_AGAIN_S = 10.0
"""Between two looks for a shadow where there is none."""

_log = structlog.get_logger("bge_reranker.shadow")


class Feeder:
    """Feeds whatever shadow there is, one sample after the other.

    Args:
        queue: Where samples wait.
        servers: Where the shadow is.
        kendall_tau: Computes tau-b.
        observer: Where it is counted what becomes of samples.
        look_again_s: Between two looks where there is no shadow.
    """

    def __init__(
        self,
        queue: SampleQueue,
        servers: ShadowServers,
        kendall_tau: KendallTau,
        observer: ShadowObserver,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._queue = queue
        self._servers = servers
        self._kendall_tau = kendall_tau
        self._observer = observer
        self._look_again_s = look_again_s
        self._stop = threading.Event()
        self._server: ShadowServer | None = None
        self._report: Report | None = None

    @property
    def is_fed(self) -> bool:
        """Whether there is a shadow, so that it makes sense to take samples."""
        return self._server is not None

    @property
    def report(self) -> Report | None:
        """What the comparison with the latest version found so far; None where there was none."""
        return self._report

    def run(self) -> None:
        """Feed until `stop`."""
        while not self._stop.is_set():
            try:
                is_there = self.step()
            except Exception:  # noqa: BLE001 - whatever it is, the next sample may be compared
                _log.exception("shadow_feeder_broke")
                self._server, is_there = None, False
            if not is_there:
                self._stop.wait(self._look_again_s)
        self._servers.close()

    def stop(self) -> None:
        """End `run` after what it is at."""
        self._stop.set()
        self._queue.close()

    def step(self) -> bool:
        """Look for the shadow, or feed it one sample.

        Returns:
            False where there is none.
        """
        if self._server is None:
            return self._find()
        sample = self._queue.take(self._look_again_s)
        if sample is not None:
            self._feed(self._server, sample)
        return True

    def _find(self) -> bool:
        server = self._servers.find()
        if server is not None and (self._report is None or self._report.digest != server.digest):
            self._report = Report(server.digest)
            _log.info("shadow_found", digest=server.digest)
        self._server = server
        self._observer.fed(server.digest if server else None)
        if server is None and (dropped := self._queue.clear()):
            self._observer.sampled("dropped", dropped)
        return server is not None

    def _feed(self, server: ShadowServer, sample: Sample) -> None:
        try:
            reply = self._servers.score(server, sample)
        except (PeerSilent, PeerRefused) as problem:
            self._lose(problem)
            return
        found = compare(sample.logits, reply.logits, self._kendall_tau)
        self._report = (self._report or Report(server.digest)).having(found)
        self._observer.compared(self._report, sample.seconds, reply.seconds)

    def _lose(self, problem: PeerSilent | PeerRefused) -> None:
        """A sample was lost: the shadow is looked for anew, since it may have gone."""
        self._server = None
        self._observer.sampled("refused" if isinstance(problem, PeerRefused) else "unanswered")
        _log.debug("shadow_lost_sample", reason=str(problem))
