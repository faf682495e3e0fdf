"""What tests of conditions and of the status find in a round."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from reranker_operator.conditions import verdicts
from reranker_operator.errors import InvalidSpec, RenderFailed
from reranker_operator.rollout import Stage
from reranker_operator.situation import Situation
from reranker_operator.snapshots import DeploymentState
from reranker_operator.trouble import Trouble

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"

DONE = DeploymentState(2, 2, 2, 2, 2, 2, 2, "NewReplicaSetAvailable", "")

SITUATIONS = st.builds(
    Situation,
    stage=st.sampled_from(Stage),
    count=st.integers(0, 3),
    deployment=st.sampled_from([None, DONE, replace(DONE, ready=0, available=0)]),
    trouble=st.sampled_from([None, Trouble("ImagePull", "no such image", "p"), Trouble("Gated", "401", "p", "c", 11)]),
    error=st.sampled_from([None, InvalidSpec("bad"), RenderFailed("hung")]),
    autoscaler=st.sampled_from([None, {}]),
    unreached=st.integers(0, 2),
    additions=st.sampled_from([(), ("kubectl-edit set spec.paused of Deployment products",)]),
    is_suspended=st.booleans(),
)

PULL = Trouble("ImagePull", "No such image. Correct image.tag.", "p")

UNREAD = {"conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric"}]}


def condition(found: Situation, kind: str) -> tuple[str, str, str]:
    verdict = next(each for each in verdicts(found) if each.type == kind)
    return verdict.status, verdict.reason, verdict.message
