"""What others have added to our objects, by the managed fields that the API server keeps. Pure.

A field of ours that was changed is put back by the next application; one that we never set stays, and is reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .adopt import MANAGER

HANDOVER_MANAGER = "reranker-operator-handover"
"""Field manager that holds a Deployment's count while it passes to an autoscaler."""

_OF_THE_CLUSTER = frozenset({MANAGER, HANDOVER_MANAGER, "kube-controller-manager", "cloud-controller-manager"})
"""Managers that fill in what is theirs to decide."""

_NO_DRIFT = (
    "spec.replicas",
    "spec.volumeName",
    "spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]",
)
"""The count, which an autoscaler or we decide; a claim's volume, which k3s and others bind under their own names; the
mark of `kubectl rollout restart`."""


def additions(managed_fields: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Who added which fields of the spec, one text for each manager; empty for an object that is as we applied it.

    Changes by admission have no manager of their own, and what writes a subresource is a controller's business.
    """
    entries = [entry for entry in managed_fields if not entry.get("subresource")]
    ours = {path for entry in entries if entry.get("manager") == MANAGER for path in _paths(entry)}
    found: dict[str, set[str]] = {}
    for entry in entries:
        manager = str(entry.get("manager") or "somebody")
        if manager not in _OF_THE_CLUSTER:
            found.setdefault(manager, set()).update(set(_paths(entry)) - ours - set(_NO_DRIFT))
    return tuple(f"{manager} set {', '.join(_highest(paths))}" for manager, paths in sorted(found.items()) if paths)


def _paths(entry: Mapping[str, Any]) -> Iterator[str]:
    fields = (entry.get("fieldsV1") or {}).get("f:spec")
    return _below(fields, "spec", is_member=False) if fields else iter(())


def _below(fields: Mapping[str, Any], path: str, *, is_member: bool) -> Iterator[str]:
    """Each field or list member without fields of its own, and each member that was added whole.

    The dot stands for the thing itself; of a list or a map that was begun, what was put into it says more.
    """
    inner = {key: inside or {} for key, inside in fields.items() if key != "."}
    if not inner or (is_member and "." in fields):
        yield path
    for key, inside in inner.items():
        yield from _below(inside, _joined(path, key), is_member=not key.startswith("f:"))


def _joined(path: str, key: str) -> str:
    """As people write it: `f:image` behind a dot, `k:{"name":"x"}` and keys with dots in brackets."""
    kind, _, rest = key.partition(":")
    if kind == "f":
        return f"{path}[{rest}]" if "." in rest or "/" in rest else f"{path}.{rest}"
    if kind == "k":
        try:
            return f"{path}[{','.join(str(value) for value in json.loads(rest).values())}]"
        except (ValueError, AttributeError):
            pass
    return f"{path}[{rest}]"


def _highest(paths: Iterable[str]) -> list[str]:
    """Without what lies in another one of them."""
    kept: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{other}.", f"{other}[")) for other in kept):
            kept.append(path)
    return kept
