from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.pods import Pod

from .bodies import pod

SCHEDULED = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"}
READY_ONCE = {"type": "ContainersReady", "status": "False", "lastTransitionTime": "2026-01-01T00:00:09Z"}


def container(state: dict[str, Any], restarts: int = 0) -> dict[str, Any]:
    return {"name": "scorer", "state": state, "restartCount": restarts}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([], "2026-01-01T00:00:01Z"),
        ([container({"running": {"startedAt": "2026-01-01T00:00:05Z"}})], "2026-01-01T00:00:05Z"),
        ([container({"running": {"startedAt": "2026-01-01T00:00:05Z"}}, restarts=1)], "2026-01-01T00:00:01Z"),
        (
            [container({"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:00:06Z"}}, restarts=1)],
            "2026-01-01T00:00:06Z",
        ),
        ([container({"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:06Z"}})], "2026-01-01T00:00:01Z"),
        ([container({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=7)], "2026-01-01T00:00:01Z"),
    ],
)
def test_a_pod_tells_when_it_got_further_and_a_container_that_begins_anew_does_not(
    containers: list[dict[str, Any]], expected: str
) -> None:
    found = Pod.from_body(pod(conditions=[SCHEDULED, READY_ONCE], containers=containers))
    assert found.progressed_at == expected
