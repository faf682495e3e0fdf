"""How far the rollouts of all Rerankers are, as the slots want to know."""

from __future__ import annotations

from .children import Children
from .clock import Clock, seconds_between
from .pod_answers import Downloads
from .pods import Pod
from .resource import Key
from .slots import Rollout, Slots, progress_of
from .snapshots import Child, DeploymentState
from .tracked import Tracked, TrackedRerankers


class Fleet:
    """Shows the slots what the watches and the pods say.

    Args:
        tracked: All Rerankers.
        children: What lives there.
        downloads: How far the models are that pods fetch.
        slots: Who may change its pods now.
        clock: Time.
    """

    def __init__(
        self, tracked: TrackedRerankers, children: Children, downloads: Downloads, slots: Slots, clock: Clock
    ) -> None:
        self._tracked = tracked
        self._children = children
        self._downloads = downloads
        self._slots = slots
        self._clock = clock

    def look(self) -> None:
        """See how far each rollout is that is under way, or was when the process began."""
        for tracked in self._tracked:
            if tracked.slot.furthest is not None or not tracked.slot.is_seen:
                self.look_at(tracked)

    def look_at(self, tracked: Tracked) -> None:
        """What a controller has not looked at yet may be a count alone: what was known of it stays until then."""
        if all(DeploymentState.of(child).is_observed for child in self._deployments(tracked.key)):
            self._slots.see(tracked.slot, self.rollout_of(tracked))

    def rollout_of(self, tracked: Tracked) -> Rollout | None:
        """The change of an existing pod template that is under way."""
        for child in self._deployments(tracked.key):
            state = DeploymentState.of(child)
            if state.is_changing:
                pods = self._children.pods(child.uid)
                progress = progress_of(state, pods, self._downloads.steps(tracked.answers, pods))
                return Rollout(state.revision, progress, self._quiet_s(state, pods))
        return None

    def _quiet_s(self, state: DeploymentState, pods: list[Pod]) -> float:
        """For how long nothing got further; nothing in the cluster tells when a download last grew."""
        if any(pod.is_fetching for pod in pods):
            return 0.0
        last = max([state.progressed_at, *(pod.progressed_at for pod in pods if pod.is_on_its_way)])
        return max(0.0, seconds_between(last, self._clock.stamp()))

    def _deployments(self, key: Key) -> list[Child]:
        """Those that a Reranker controls: one that only bears its labels takes no slot from anybody."""
        return [child for child in self._children.of(key) if child.is_workload and child.owner_uid]
