"""Takes samples of answered requests, if the settings name a shadow: what the API calls after each answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ..errors import SettingsError
from ..evaluation.comparison import Report
from ..guard.api_keys import load_internal_token
from ..peers.service import ServicePeers
from ..ranking.ranking import Ranking
from ..ranking.request import RankRequest
from ..settings import Settings
from .feeder import Feeder
from .observer import ShadowObserver
from .sample import Sample
from .sample_queue import SampleQueue
from .servers import HttpShadowServers


class Shadowing:
    """Samples requests and has them scored by another version. For the event loop's thread.

    Args:
        sample_ratio: Part of the requests that is sampled.
        queue: Where samples wait.
        feeder: Feeds the shadow, in a thread of its own from `start` on.
        observer: Where it is counted what becomes of samples.
        draw: A number from 0 to below 1, for each request.
    """

    def __init__(
        self,
        sample_ratio: float,
        queue: SampleQueue,
        feeder: Feeder,
        observer: ShadowObserver,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sample_ratio = sample_ratio
        self._queue = queue
        self._feeder = feeder
        self._observer = observer
        self._draw = draw

    def offer(self, request: RankRequest, ranking: Ranking, seconds: float) -> None:
        """Sample a request that was answered, now and then; never waits, never raises.

        Args:
            request: What was asked.
            ranking: What was answered.
            seconds: From its headers to its answer.
        """
        if not self._feeder.is_fed or self._draw() >= self._sample_ratio:
            return
        sample = Sample.of(request, ranking, seconds)
        if sample is None:
            self._observer.sampled("unfit")
        elif not self._queue.offer(sample):
            self._observer.sampled("dropped")

    @property
    def report(self) -> Report | None:
        """What the comparison found so far; None where there was no shadow."""
        return self._feeder.report

    def start(self) -> None:
        """Look for the shadow, and feed it, from now on."""
        threading.Thread(target=self._feeder.run, name="shadow", daemon=True).start()

    def stop(self) -> None:
        """Take no more samples; does not wait for the one that is being scored."""
        self._feeder.stop()


def create_shadowing(settings: Settings, observer: ShadowObserver) -> Shadowing | None:
    """What the settings ask for; None where they name no shadow.

    Args:
        settings: The effective settings.
        observer: Where it is counted what becomes of samples.

    Raises:
        SettingsError: If the token of the servers' own cannot be read, ports are not fixed, or a package is missing.
    """
    shadow, http = settings.shadow, settings.http
    if shadow.hosts is None:
        return None
    if not (http.port and http.management_port):
        raise SettingsError(
            "shadow.hosts needs fixed ports, which are the shadow's as well.",
            remedy="Set port and managementPort, or unset shadow.hosts.",
        )
    for package in ("ir_measures", "scipy"):
        if find_spec(package) is None:
            raise SettingsError(
                f"Comparing with a shadow needs the package {package}.", remedy="Install bge-reranker[gate]."
            )
    # Imported before anybody is served: its libraries take seconds, and most servers never compare.
    from ..evaluation.price import kendall_tau  # noqa: PLC0415 - see above

    token = load_internal_token(settings.guard)
    certificates = None if http.tls_cert_file is None else Path(http.tls_cert_file)
    peers = ServicePeers(shadow.hosts, http.port, http.management_port, token, certificates=certificates)
    queue = SampleQueue(shadow.max_waiting_bytes)
    servers = HttpShadowServers(peers, http.port, token, certificates)
    return Shadowing(shadow.sample_ratio, queue, Feeder(queue, servers, kendall_tau, observer), observer)
