"""`python -m reranker_operator.crd_upgrade`: make the cluster's CRD the one of this image's chart.

The Job of the chart's pre-upgrade hook runs it; it may patch that CRD alone.
"""

from __future__ import annotations

import asyncio
import sys

import yaml

from .adopt import MANAGER
from .cluster import connected
from .errors import OperatorError
from .schema_age import CRD_FILE
from .settings import Settings


async def upgrade() -> str:
    """Apply it; gives its name."""
    body = yaml.safe_load((Settings().chart / CRD_FILE).read_text(encoding="utf-8"))
    name = body["metadata"]["name"]
    async with connected() as cluster:
        await cluster.request(
            "patch",
            f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}",
            body=body,
            content_type="application/apply-patch+yaml",
            field_manager=MANAGER,
            force_conflicts=True,
        )
    return str(name)


if __name__ == "__main__":
    try:
        print(f"{asyncio.run(upgrade())} is up to date.")  # noqa: T201 - the Job's log
    except OperatorError as error:
        sys.exit(error.sentence())
