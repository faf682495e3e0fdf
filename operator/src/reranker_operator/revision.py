"""The number that a Deployment's controller gives each of its pod templates."""

from __future__ import annotations

import re

REVISION = "deployment.kubernetes.io/revision"


def number(text: str) -> int:
    """A number that anybody may have written as they like; 0 if it is none."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0
