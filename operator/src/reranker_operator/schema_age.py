"""Whether the CRD that the cluster serves is the one that came with this operator.

The digest in the published OpenAPI, which any account may read, is compared with the one in the chart's CRD.
"""

from __future__ import annotations

import re
from pathlib import Path

_MARK = re.compile(r"Schema\s+([0-9a-f]{12})\.")
"""How `crd.py` writes the digest into the schema's description."""

CRD_FILE = Path("crds") / "rerankers.yaml"
"""Place of the CRD in the chart."""


def mark(digest: str) -> str:
    """The words that carry a schema's digest."""
    return f"Schema {digest[:12]}."


def warning(published: str, chart: Path) -> str:
    """A sentence with the remedy if the two differ; empty if they agree."""
    ours = _MARK.search((chart / CRD_FILE).read_text(encoding="utf-8"))
    theirs = _MARK.search(published)
    if ours is None or (theirs is not None and ours[1] == theirs[1]):
        return ""
    return (
        "The CRD in this cluster is not the one of this operator, so fields that it does not know are lost. "
        "Run `kubectl apply --server-side -f` with the chart's crds/rerankers.yaml, or with manifests/crd.yaml."
    )
