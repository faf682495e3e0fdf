"""The operator's settings: from environment variables, validated once, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .spec_limits import AllowedNames

PREFIX = "BGE_RERANKER_OPERATOR_"
"""Each setting is the variable of this prefix and its name in capitals."""


def _separated(given: Any) -> Any:
    return [each.strip() for each in given.split(",") if each.strip()] if isinstance(given, str) else given


LONGEST_LEASE_S = 600
"""Longest duration that an operator's Lease can have, and that is believed of another's. A shorter bound on the latter,
such as our own duration, would take the Lease from an operator that has a longer one and is well."""

Pattern = Annotated[str, Field(pattern="^[a-z0-9.*-]+$", max_length=253)]
"""A name in which `*` stands for any part."""

Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_separated)]


class UnknownSetting(ValueError):
    """An environment variable with our prefix that no setting has."""


class Settings(BaseModel):
    """What a deployment of the operator can choose."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    watch_namespace: Annotated[str, Field(min_length=1)] = ""
    """Namespace whose Rerankers are served; unset for all of them. A variable that is left empty is refused: it would
    widen what the operator rules."""

    lease_namespace: str = "default"
    """Where a cluster-wide operator keeps its Lease; one that serves a namespace keeps it in there."""

    identity: str = ""
    """Name under which this process holds its Lease: the pod's name; empty for the host's."""

    chart: Path = Path("/opt/charts/bge-reranker")
    """Folder of the chart that is rendered."""

    helm: Path = Path("/usr/local/bin/helm")
    """The helm program."""

    helm_limit_s: Annotated[float, Field(gt=0, le=60)] = 20.0
    """Longest time a rendering may take; an idle core needs a small part of a second."""

    max_concurrent_rollouts: Annotated[int, Field(ge=1, le=1000)] = 2
    """Existing pod templates that may be in change at a time, each of which can need a spare GPU."""

    rollout_stall_s: Annotated[float, Field(ge=10, le=86400)] = 300.0
    """Time without progress after which a change of pods gives its slot back to those that wait."""

    max_concurrent_reconciles: Annotated[int, Field(ge=1, le=64)] = 8
    """Rerankers that are worked on at a time."""

    resync_interval_s: Annotated[float, Field(ge=5, le=3600)] = 60.0
    """Pause after which a Reranker is looked at again though nothing was heard of it."""

    lease_duration_s: Annotated[float, Field(ge=3, le=LONGEST_LEASE_S)] = 15.0
    """Time without a renewal after which another operator may take the Lease over."""

    watch_inactivity_s: Annotated[float, Field(ge=5, le=3600)] = 90.0
    """Silence after which a watch of children is held for dead; API servers send a bookmark about every minute. The
    watch of Rerankers is begun anew after so long in any case."""

    work_age_limit_s: Annotated[float, Field(ge=10, le=3600)] = 180.0
    """Age of the oldest work at which liveness fails; longer than any single attempt can last."""

    allowed_secrets: Patterns = ("bge-reranker-*",)
    """Patterns of the names of Secrets that a Reranker may name, separated by commas; empty: none."""

    allowed_claims: Patterns = ("bge-reranker-*",)
    """The same of PersistentVolumeClaims."""

    allowed_config_maps: Patterns = ("bge-reranker-*",)
    """The same of ConfigMaps."""

    health_port: Annotated[int, Field(ge=0, le=65535)] = 8081
    """Port of liveness, readiness and metrics; 0 lets the system choose."""

    log_level: Annotated[str, BeforeValidator(str.lower), Field(pattern="^(debug|info|warning|error)$")] = "info"
    """Least level that is logged."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables with our prefix.

        Raises:
            UnknownSetting: A variable has our prefix and names no setting.
            pydantic.ValidationError: A value is out of bounds.
        """
        given = {
            key.removeprefix(PREFIX).lower(): value.strip()
            for key, value in environment.items()
            if key.startswith(PREFIX)
        }
        unknown = sorted(given.keys() - cls.model_fields.keys())
        if unknown:
            names = ", ".join(PREFIX + name.upper() for name in unknown)
            raise UnknownSetting(f"{names}: no such setting; there are {', '.join(sorted(cls.model_fields))}.")
        return cls.model_validate(given)

    @property
    def allowed_names(self) -> AllowedNames:
        """What Rerankers may name."""
        return AllowedNames(self.allowed_secrets, self.allowed_claims, self.allowed_config_maps)

    @property
    def is_cluster_wide(self) -> bool:
        """Whether Rerankers of all namespaces are served."""
        return not self.watch_namespace
