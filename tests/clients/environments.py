"""The environments of the client libraries, each described by its lock to the hash, and running drivers in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..locked_environment import python_of
from .client_row import ClientRow
from .drivers.driving import KEY
from .table import DOCUMENTS, QUERY, TOP_N

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""

CACHE = Path.home() / ".cache" / "bge-reranker" / "clients"
"""Where environments stay between runs."""

DRIVER_S = 240
"""Longest run of a driver in seconds, for a machine that is busy with other things."""

_QUIET = {
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "*",
}
"""Nothing but the server under test is called: no telemetry, no hub, no price list, no proxy."""


def lock_of(environment: str) -> Path:
    """The lock that describes an environment."""
    return ROOT / "requirements" / f"client-{environment}.txt"


def locked_version(environment: str, package: str) -> str:
    """The version of a package in a lock, without asking any index.

    Raises:
        LookupError: If the lock does not hold the package once.
    """
    pins = re.findall(
        rf"^{re.escape(package)}==([^\s;]+)", lock_of(environment).read_text(encoding="utf-8"), re.MULTILINE
    )
    if len(pins) != 1:
        raise LookupError(f"{lock_of(environment).name} holds {package} {len(pins)} times; it must hold it once")
    version: str = pins[0]
    return version


def environment_python(environment: str, cache: Path = CACHE) -> Path:
    """Return the interpreter of an environment, making the environment if its lock is new.

    Raises:
        subprocess.CalledProcessError: If a package cannot be installed, or its hash is not the lock's.
    """
    return python_of(environment, lock_of(environment), cache)


def ask(python: Path, rows: Sequence[ClientRow], server: str, full_server: str) -> dict[str, Any]:
    """Ask rows of one environment and the same variables their questions; the driver's answers by row.

    Args:
        python: The environment's interpreter.
        rows: The rows.
        server: Address of the server.
        full_server: Address of one whose queue is full.

    Raises:
        subprocess.CalledProcessError: If the driver itself fails; its words are on standard error.
    """
    (environment,) = {row.environment for row in rows}
    questions = {
        row.key: {
            "query": QUERY,
            "documents": DOCUMENTS,
            "top_n": TOP_N,
            "options": row.options_for(server, KEY),
            "full_options": row.options_for(full_server, KEY) if row.asked_when_full else None,
        }
        for row in rows
    }
    ran = subprocess.run(
        [python, "-W", "ignore", "-m", f"tests.clients.drivers.{environment.replace('-', '_')}"],
        input=json.dumps(questions),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=DRIVER_S,
        env=_variables(rows[0].variables_for(server)),
    )
    answers: dict[str, Any] = json.loads(ran.stdout)
    return answers


def _variables(pointing: dict[str, str]) -> dict[str, str]:
    """What a driver sees of the environment: nothing that could point or key a client but the row's own variables."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | _QUIET | pointing
