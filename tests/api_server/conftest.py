from __future__ import annotations

import re
from collections.abc import Generator, Iterator

import pytest

from tests.control_plane.faulty_proxy import FaultyProxy, faulty_proxy
from tests.control_plane.operators import OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane
from tests.control_plane.stage import stage, what_is_missing
from tests.e2e.kubernetes import Cluster, Namespace
from tests.e2e.operated import Operated
from tests.in_ci import lacking

SILENCE_S = 5
"""Silence after which the operator holds a watch for dead, in these tests."""

SHOWN_LOG = 20_000
"""Characters of an operator's log that a failed test shows, from the end."""

LEASE_S = 30
"""Twice the usual: other tests keep the machine busy, and nothing restarts an operator that lost its Lease."""

RESYNC_S = 5
"""Pause after which a refused Reranker is tried again, in these tests."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the operator said, beside a test that failed."""
    report = yield
    for process in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(process, OperatorProcess):
            report.sections.append((f"operator, {process.state}", process.said[-SHOWN_LOG:]))
    return report


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the CRD and two played nodes, which kubectl of this process asks."""
    if said := what_is_missing():
        lacking(said)
    with stage(tmp_path_factory.mktemp("plane"), 2) as running:
        yield running


@pytest.fixture
def namespace(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of the test's own."""
    del plane
    name = "rr-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:50].strip("-")
    with Cluster("tests").namespace(name) as namespace:
        yield namespace


@pytest.fixture
def products(namespace: Namespace) -> Operated:
    """A Reranker that is not there yet; played nodes pull no image."""
    return Operated(namespace, "localhost/played:1")


@pytest.fixture
def proxy(plane: ControlPlane) -> Iterator[FaultyProxy]:
    with faulty_proxy(plane.url) as running:
        yield running


@pytest.fixture
def idle(plane: ControlPlane, namespace: Namespace, proxy: FaultyProxy) -> Iterator[OperatorProcess]:
    """The namespace's operator behind the proxy, not started yet."""
    token = account(plane, namespace.name)
    settings = {"watch_namespace": namespace.name, "identity": "first", "watch_inactivity_s": SILENCE_S}
    settings["resync_interval_s"] = RESYNC_S
    settings["lease_duration_s"] = LEASE_S
    with operator(plane, token, proxy.url, **settings) as process:
        yield process


@pytest.fixture
def working(idle: OperatorProcess) -> OperatorProcess:
    """The same, at work."""
    idle.start_and_await_work()
    return idle
