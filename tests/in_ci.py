"""Whether this is the gate, where a missing tool fails a test that elsewhere is skipped."""

from __future__ import annotations

import os

IN_CI = os.environ.get("CI") == "true"
"""`.ci/run` says so."""
