"""Where an artefact comes from: a predicate of SLSA's provenance, version 1.

Source: https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BUILD_TYPE = "https://bge-reranker.io/builds/make-release/v1"
BUILDER = "https://bge-reranker.io/builders/maintainer"
"""A maintainer's machine: nobody but the holder of the key vouches for it."""

_INPUTS = ("Dockerfile", "Makefile", "requirements/*.txt", "tests/cluster/tools/helm/go.sum")
"""Files that pin what comes from elsewhere."""


def provenance(
    tree: Path,
    commit: str,
    parameters: Mapping[str, str],
    began: dt.datetime,
    ended: dt.datetime,
    base: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The predicate.

    Args:
        tree: A checkout of the commit.
        commit: The release's.
        parameters: What `make release` was told.
        began: When the artefact was begun.
        ended: When it was there.
        base: Name and digest of the image that another is built on.
    """
    dependencies: list[dict[str, Any]] = [{"name": "source", "digest": {"gitCommit": commit}}]
    if base is not None:
        dependencies.append({"name": base["name"], "digest": {"sha256": base["digest"].removeprefix("sha256:")}})
    for path in sorted(file for pattern in _INPUTS for file in tree.glob(pattern)):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        dependencies.append({"name": str(path.relative_to(tree)), "digest": {"sha256": digest}})
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": dict(parameters),
            "internalParameters": {},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {"startedOn": _seconds(began), "finishedOn": _seconds(ended)},
        },
    }


def _seconds(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
