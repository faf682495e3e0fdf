"""What a spec asks of the cluster that an older Kubernetes does not have. Pure.

Helm's templates know no version, so for a release the same stands beside the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .errors import ServerTooOld

TOLERANCE_SINCE = (1, 35)
"""HPAConfigurableTolerance is on by default; with the gate off the API server drops the field without a word."""

SCALE_TO_ZERO_SINCE = (1, 37)
"""HPAScaleToZero is on by default."""


@dataclass(frozen=True)
class ServerVersion:
    """Version of the API server.

    Attributes:
        minor: Major and minor number.
        text: As the server says it.
    """

    minor: tuple[int, int]
    text: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Read one such as `v1.34.4` or `v1.33.1-gke.1`; what cannot be read is taken for new enough."""
        found = re.match(r"v?(\d{1,4})\.(\d{1,4})", text)
        return cls((int(found[1]), int(found[2])) if found else (999, 0), text)

    def check(self, spec: Mapping[str, Any]) -> None:
        """Look whether the cluster can do what is asked.

        Raises:
            ServerTooOld: It cannot.
        """
        for key, since, instead in _asked(spec):
            if self.minor < since:
                raise ServerTooOld(
                    f"{key} needs Kubernetes {since[0]}.{since[1]} and this cluster has {self.text}.",
                    remedy=f"{instead}, or upgrade the cluster.",
                )


def _asked(spec: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, int], str]]:
    """Keys with the version that they need, and what to do without it."""
    scaling = spec.get("autoscaling") or {}
    if not scaling.get("enabled"):
        return
    behavior = scaling.get("behavior") or {}
    for direction in ("scaleUp", "scaleDown"):
        if (behavior.get(direction) or {}).get("tolerance") is not None:
            yield f"autoscaling.behavior.{direction}.tolerance", TOLERANCE_SINCE, "Leave it out"
    is_keda = (scaling.get("keda") or {}).get("enabled", False)
    if scaling.get("minReplicas", 1) == 0 and not is_keda:
        yield "autoscaling.minReplicas 0", SCALE_TO_ZERO_SINCE, "Set it to 1, or use autoscaling.keda"
