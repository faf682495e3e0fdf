from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from reranker_operator.__main__ import sentences
from reranker_operator.errors import InvalidSpec
from reranker_operator.lease import LeaseLost
from reranker_operator.process import Operator
from reranker_operator.resource import Key, Reranker
from reranker_operator.settings import Settings

from .bodies import reranker
from .fakes import Bench, FakeCluster
from .rounds import in_a_loop


def known(operator: Operator) -> list[Reranker]:
    return [each.reranker for each in operator._tracked]


class OperatorAtWork:
    """A bench whose rounds the process's own worklist makes, without a Lease or kopf."""

    def __init__(self) -> None:
        self.bench = Bench()
        cluster: Any = self.bench.cluster
        self.operator = Operator(Settings(), cluster, "first")
        self.bench.restart(self.operator._tracked)
        self.operator._reconciler = self.bench.reconciler

    async def until_done(self) -> None:
        """Until nothing is left on the list."""
        async with asyncio.timeout(10):
            while self.operator._work._running or known(self.operator):  # noqa: ASYNC110 - nothing tells that the list is empty
                await asyncio.sleep(0.01)

    @property
    def counted(self) -> float:
        """Rerankers, as Prometheus reads it."""
        families = [each for each in self.bench.metrics.registry.collect() if each.name.endswith("_resources")]
        return sum(sample.value for each in families for sample in each.samples)


@asynccontextmanager
async def at_work() -> AsyncIterator[OperatorAtWork]:
    each = OperatorAtWork()
    working = asyncio.create_task(each.operator._work.run(2))
    try:
        yield each
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def test_the_late_end_of_a_former_reranker_leaves_its_namesake_served() -> None:
    cluster: Any = None
    operator = Operator(Settings(), cluster, "first")
    former, namesake = reranker(uid="uid-1"), reranker(uid="uid-2")
    operator._on_event(former, False)
    operator._on_event(namesake, False)
    operator._on_event(former, True)
    assert known(operator) == [namesake]
    operator._on_event(namesake, True)
    assert known(operator) == []


@in_a_loop
async def test_a_reranker_that_goes_while_a_round_is_at_it_is_counted_no_more() -> None:
    async with at_work() as each:
        begun, may_go_on, render = asyncio.Event(), asyncio.Event(), each.bench.chart.render

        async def slowly(key: Key, values: Mapping[str, Any]) -> list[dict[str, Any]]:
            begun.set()
            await may_go_on.wait()
            return await render(key, values)

        each.bench.chart.render = slowly  # type: ignore[method-assign] # the point is that it waits
        each.operator._on_event(reranker(), False)
        await begun.wait()
        each.operator._on_event(reranker(), True)
        may_go_on.set()
        await each.until_done()
        assert each.counted == 0
        assert known(each.operator) == []


@in_a_loop
async def test_a_reranker_of_whose_end_nobody_reported_is_not_worked_on_for_ever() -> None:
    async with at_work() as each:
        gone, stays = reranker("gone", uid="uid-gone"), reranker("stays", uid="uid-stays")
        each.bench.cluster.gone.add(gone.uid)
        for one in (gone, stays):
            each.operator._on_event(one, False)
        async with asyncio.timeout(10):
            while each.operator._tracked.get(gone.key) is not None:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert known(each.operator) == [stays]
        assert each.counted == 1
        assert next(iter(each.bench.metrics.errors.collect())).samples == []
        each.operator._on_event(gone, True)
        assert known(each.operator) == [stays]


@in_a_loop
async def test_a_namespace_that_gets_an_operator_of_its_own_is_counted_there() -> None:
    async with at_work() as each:
        each.operator._on_event(reranker(), False)
        async with asyncio.timeout(10):
            while not each.counted:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        each.operator._elsewhere.namespaces = frozenset({reranker().namespace})
        each.operator._on_event(reranker(generation=2), False)
        async with asyncio.timeout(10):
            while each.counted:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)


def test_the_late_change_of_a_former_reranker_leaves_its_namesake_served() -> None:
    cluster: Any = None
    operator = Operator(Settings(), cluster, "first")
    namesake = reranker(uid="uid-2", version=3)
    operator._on_event(reranker(uid="uid-1", version=1), False)
    operator._on_event(namesake, False)
    operator._on_event(reranker(uid="uid-1", version=2, is_being_deleted=True), False)
    operator._on_event(reranker(uid="uid-1", version=2, is_being_deleted=True), True)
    assert known(operator) == [namesake]


@pytest.mark.parametrize("state", ["refused", "suspended", "being deleted"])
def test_a_reranker_of_which_nothing_lives_and_of_whose_end_nobody_reported_is_counted_no_more(state: str) -> None:
    @in_a_loop
    async def check() -> None:
        async with at_work() as each:
            cluster, one = each.bench.cluster, reranker(lifecycle={"suspend": state == "suspended"})
            if state == "refused":
                each.bench.chart.problem = InvalidSpec("replicas: not a number")
            await each.bench.round(one)
            assert each.counted == 1
            # The watch told of what was written, so that the next round has nothing to write.
            seen = reranker(version=2, lifecycle=one.spec["lifecycle"], status=cluster.status[one.uid])
            if state == "being deleted":
                seen = reranker(version=2, is_being_deleted=True)
            cluster.gone.add(one.uid)
            each.operator._on_event(seen, False)
            await each.until_done()
            assert known(each.operator) == []
            assert each.counted == 0

    check()


@in_a_loop
async def test_what_was_listed_before_kopf_begins_is_known_and_not_worked_on_twice() -> None:
    async def request(method: str, path: str, **kwargs: Any) -> Any:
        assert (method, path) == ("get", "/apis/bge-reranker.io/v1alpha1/rerankers")
        token = kwargs.get("_continue", "")
        name = "second" if token else "first"
        metadata = {"name": name, "namespace": "search", "uid": f"uid-{name}", "resourceVersion": "7"}
        return {"items": [{"metadata": metadata}], "metadata": {"continue": "" if token else "more"}}

    cluster: Any = FakeCluster()
    cluster.request = request
    operator = Operator(Settings(), cluster, "first")
    await operator._list()
    assert [each.name for each in known(operator)] == ["first", "second"]
    (schedule, _) = operator._tracked.schedules()
    schedule.due_s = 1e12
    listed = known(operator)[0]
    operator._on_event(listed, False)
    assert schedule.due_s == 1e12
    operator._on_event(replace(listed, resource_version="8"), False)
    assert schedule.due_s < 1e12


def test_readiness_tells_missing_rights_from_waiting_for_a_lease() -> None:
    cluster: Any = None
    operator = Operator(Settings(), cluster, "first")
    operator._waits_for = "Lease"
    assert operator.unready() == ""
    operator._on_refusal(True)
    assert operator.unready() == "waiting for its rights: the log says which one is missing"


def test_the_end_of_the_process_is_reported_in_the_sentences_of_its_errors() -> None:
    lost = LeaseLost("The Lease is another's now.")
    inner = ExceptionGroup("watches", [InvalidSpec("It is refused.", remedy="Mend it.")])
    assert sentences(ExceptionGroup("tasks", [lost, inner])) == [
        "The Lease is another's now.",
        "It is refused. Mend it.",
    ]


def test_settings_that_are_wrong_are_reported_in_a_line_of_json() -> None:
    environment = {**os.environ, "BGE_RERANKER_OPERATOR_LEASE_DURATION_S": "soon"}
    command = [sys.executable, "-m", "reranker_operator"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"]) == ("settings_refused", "error")
    assert "lease_duration_s" in said["error"]
