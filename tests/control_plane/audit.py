"""What an account wrote, by the API server's own record."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ["system:serviceaccounts"]
    verbs: [create, update, patch, delete]
  - level: None
"""
"""Writes of service accounts; the tests and the controllers have other accounts."""


def writes(log: Path) -> Counter[str]:
    """Writes that were answered, dry runs apart: how many, by verb and resource."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return Counter(_name(each) for line in lines if "dryRun=" not in (each := json.loads(line))["requestURI"])


def refusals(log: Path) -> Counter[str]:
    """Requests for which the account lacks the right."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    events = [json.loads(line) for line in lines]
    return Counter(_name(each) for each in events if each["annotations"].get(_DECISION) == "forbid")


_DECISION = "authorization.k8s.io/decision"


def _name(event: dict[str, Any]) -> str:
    target = event["objectRef"]
    return f"{event['verb']} {target['resource']}" + (f"/{target['subresource']}" if "subresource" in target else "")
