"""Whether this is the gate, where a missing tool fails a test that elsewhere is skipped."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"
"""`.ci/run` says so."""


def missing(what: str) -> NoReturn:
    """Skip a test for want of something; in the gate, where everything is installed, fail it."""
    if IN_CI:
        pytest.fail(what)
    pytest.skip(what)
