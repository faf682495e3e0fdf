from __future__ import annotations

from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from bge_reranker.observe.exposition import Exposition
from bge_reranker.observe.start import create_metrics
from bge_reranker.settings import ObserveSettings
from tests.engine.fakes import FakeClock

TEXT, OPENMETRICS = "text/plain", "application/openmetrics-text; version=1.0.0"
PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
"""What Prometheus sends."""


class Counted:
    """A metric that counts how often it is rendered."""

    def __init__(self) -> None:
        self.times = 0

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily("counted", "How often.")]

    def collect(self) -> Iterable[Metric]:
        self.times += 1
        return [GaugeMetricFamily("counted", "How often.", float(self.times))]


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def exposition(counted: Counted, clock: FakeClock) -> Exposition:
    registry = CollectorRegistry()
    registry.register(counted)
    return Exposition(registry, clock)


def test_a_hundred_scrapes_a_second_are_rendered_once(
    exposition: Exposition, counted: Counted, clock: FakeClock
) -> None:
    texts = set()
    for _ in range(100):
        texts.add((exposition.fresh(TEXT) or exposition.render(TEXT)).content)
        clock.now += 0.0099
    assert counted.times == len(texts) == 1
    clock.now += 0.02
    assert exposition.fresh(TEXT) is None
    assert b"counted 2.0" in exposition.render(TEXT).content


def test_who_waited_for_somebody_elses_rendering_gets_that(exposition: Exposition, counted: Counted) -> None:
    assert exposition.render(TEXT) is exposition.render(TEXT)
    assert counted.times == 1


def test_a_clock_that_goes_back_serves_nothing_old(exposition: Exposition, clock: FakeClock) -> None:
    exposition.render(TEXT)
    clock.now -= 100
    assert exposition.fresh(TEXT) is None
    assert b"counted 2.0" in exposition.render(TEXT).content


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4, application/openmetrics-text", TEXT),
        (OPENMETRICS, "application/openmetrics-text"),
        (PROMETHEUS, "application/openmetrics-text"),
    ],
)
def test_each_scraper_gets_the_format_that_it_names_first(
    exposition: Exposition, accept: str | None, media_type: str
) -> None:
    rendered = exposition.render(accept)
    assert rendered.media_type.split(";")[0] == media_type
    assert rendered.content.endswith(b"# EOF\n") == (media_type != TEXT)
    assert exposition.fresh(accept) is rendered


def test_all_names_are_written_as_scrapers_that_know_old_names_only_want_them() -> None:
    registry = create_metrics(ObserveSettings(tei_metric_names=True)).registry
    ours = Exposition(registry).render(OPENMETRICS).content
    assert _without_values(ours) == _without_values(openmetrics.generate_latest(registry, openmetrics.UNDERSCORES))


def _without_values(text: bytes) -> list[bytes]:
    return [line if line.startswith(b"#") else line.rpartition(b" ")[0] for line in text.splitlines()]
