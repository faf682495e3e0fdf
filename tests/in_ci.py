"""What a test does where something that it needs is missing: elsewhere it is skipped, in the gate it fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"
"""`.ci/run` says so."""


def lacking(what: str) -> NoReturn:
    """End the test that cannot run here: skipped on a developer's machine, failed in the gate.

    Args:
        what: What is missing, and how to get it.
    """
    if IN_CI:
        pytest.fail(what)
    pytest.skip(what)
