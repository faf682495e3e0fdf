"""Which pods are a Deployment's: those whose controller is a ReplicaSet whose controller it is, by uid; and a Job's.

Labels do not tell: whoever may create a pod may give it any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .adopt import controller_of
from .kinds import DEPLOYMENT, POD, Ref
from .pods import Pod
from .revision import REVISION, number
from .versions import Version


@dataclass(frozen=True, slots=True)
class _Kept:
    """A ReplicaSet, or a pod of one.

    Attributes:
        pod: None of a ReplicaSet.
        name: Its own.
        revision: Of a ReplicaSet: which change of the Deployment it is of.
        model: Version of a ReplicaSet's pods; None if they do not say.
    """

    uid: str
    controller_uid: str
    pod: Pod | None
    name: str = ""
    revision: int = 0
    model: Version | None = None


class OwnedPods:
    """ReplicaSets and pods by the uid of what controls them; what nothing controls is not kept."""

    def __init__(self) -> None:
        self._kept: dict[Ref, _Kept] = {}
        self._sets: dict[str, _Kept] = {}
        self._under: dict[str, dict[Ref, _Kept]] = defaultdict(dict)

    def of(self, deployment_uid: str) -> list[Pod]:
        """All pods of a Deployment."""
        return [pod for each in self._sets_of(deployment_uid) for pod in self._pods_of(each.uid) if not pod.is_of_a_job]

    def of_job(self, uid: str) -> list[Pod]:
        """All pods of a Job."""
        return [pod for pod in self._pods_of(uid) if pod.is_of_a_job]

    def newest_of(self, deployment_uid: str, revision: int) -> list[Pod]:
        """The pods of a Deployment's newest template; none as long as its ReplicaSet is not known."""
        newest = [each.uid for each in self._sets_of(deployment_uid) if each.revision == revision]
        return [pod for uid in newest for pod in self._pods_of(uid) if not pod.is_of_a_job]

    def versions_of(self, deployment_uid: str) -> list[Version]:
        """What a Deployment's ReplicaSets had, the newest first."""
        in_order = sorted(self._sets_of(deployment_uid), key=lambda each: -each.revision)
        return [each.model for each in in_order if each.model is not None]

    def refs(self) -> list[Ref]:
        """Where everything is that is kept."""
        return list(self._kept)

    def put(self, ref: Ref, body: Mapping[str, Any]) -> set[str]:
        """Remember a pod or a ReplicaSet as it is; gives the uids of what this concerns."""
        concerned, kept = self.drop(ref), _kept(ref, body)
        if kept is None:
            return concerned
        self._kept[ref] = self._under[kept.controller_uid][ref] = kept
        if kept.pod is None:
            self._sets[kept.uid] = kept
        return concerned | self._concerned(kept)

    def drop(self, ref: Ref) -> set[str]:
        """Forget one that is gone; gives the uids of what this concerns."""
        kept = self._kept.pop(ref, None)
        if kept is None:
            return set()
        concerned = self._concerned(kept)
        if kept.pod is None:
            self._sets.pop(kept.uid, None)
        del self._under[kept.controller_uid][ref]
        if not self._under[kept.controller_uid]:
            del self._under[kept.controller_uid]
        return concerned

    def set_with(self, deployment_uid: str, version: Version) -> str | None:
        """Name of the ReplicaSet that had a version last."""
        found = [each for each in self._sets_of(deployment_uid) if each.model == version]
        return max(found, key=lambda each: each.revision).name if found else None

    def _pods_of(self, uid: str) -> list[Pod]:
        return [each.pod for each in self._below(uid) if each.pod is not None]

    def _sets_of(self, deployment_uid: str) -> list[_Kept]:
        return [each for each in self._below(deployment_uid) if each.pod is None]

    def _below(self, uid: str) -> list[_Kept]:
        return list(self._under.get(uid, {}).values())

    def _concerned(self, kept: _Kept) -> set[str]:
        above = kept if kept.pod is None else self._sets.get(kept.controller_uid)
        return {kept.controller_uid if above is None else above.controller_uid}


def _kept(ref: Ref, body: Mapping[str, Any]) -> _Kept | None:
    """What is kept of it; None if nothing of ours can be its controller."""
    if ref.kind_name == POD.name:
        pod = Pod.from_body(body)
        return _Kept(pod.uid, pod.controller_uid, pod) if pod.controller_uid else None
    owner = controller_of(body)
    if owner is None or owner.get("kind") != DEPLOYMENT.name:
        return None
    metadata, template = body["metadata"], (body.get("spec") or {}).get("template") or {}
    revision = number((metadata.get("annotations") or {}).get(REVISION, ""))
    model = Version.of_template(template)
    return _Kept(metadata["uid"], owner["uid"], None, metadata["name"], revision, model)
