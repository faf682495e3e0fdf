"""Changes of a model on a volume that both nodes share: plotted, undone, interrupted, and in the way of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.e2e.kubernetes import Cluster
from tests.e2e.proofs import version_changes, version_failures, version_places, version_reboots, version_shadows
from tests.e2e.proofs.version_bench import Bench, version_bench

ADDITIONS = ("crds",)
SCENES: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "better": version_changes.better,
    "back": version_changes.back,
    "pinned": version_changes.pinned,
    "two-changes": version_changes.two_changes,
    "suspended": version_changes.suspended,
    "deleted": version_changes.deleted,
    "operator-killed": version_changes.operator_killed,
    "unknown-revision": version_failures.unknown_revision,
    "hub-down": version_failures.hub_down,
    "no-image": version_failures.no_image,
    **{name: version_failures.final_failure(name) for name in version_failures.FINAL},
    "silent-reference": version_failures.silent_reference,
    "shadow": version_shadows.shadow,
    "shadow-fails": version_shadows.shadow_fails,
    "no-place": version_places.no_place,
    "claim-too-small": version_places.claim_too_small,
    "one-node-reboots": version_reboots.one_node,
    "both-nodes-reboot": version_reboots.both_nodes,
}
"""In this order; each begins with the model itself served, so that any of them can be played alone."""


def prove(cluster: Cluster, image: str, search_image: str, scenes: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """One scene after the other; its name and its figures."""
    with version_bench(cluster, image, search_image) as bench:
        for name in scenes:
            bench.begin()
            yield name, SCENES[name](bench)
