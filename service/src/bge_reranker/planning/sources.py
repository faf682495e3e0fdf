"""Where the capacity of a replica is read from: a running server, a report of `loadtest`, or figures in a file."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx

from ..errors import SettingsError
from ..text_files import NotText, read_text
from .calibration import calibrated
from .capacity import ReplicaCapacity
from .figures import of_figures, of_info
from .load_report import LoadReport

_TIMEOUT_S = 10.0
_ASKED = 5
"""Times that a server is asked, the middle one of whose times stands for network and HTTP."""


def read_capacity(place: str) -> ReplicaCapacity:
    """Read what a replica can do.

    Args:
        place: Address of a running server, or a file.

    Raises:
        SettingsError: If nobody answers, there is no such file, or it says something else.
    """
    return _asked(place.rstrip("/")) if "://" in place else _read(Path(place))


def _asked(url: str) -> ReplicaCapacity:
    remedy = "Start the server first, or give a report of `bge-reranker loadtest --json FILE`."
    times_s = []
    try:
        with httpx.Client(timeout=_TIMEOUT_S) as client:
            info: Any = None
            for _ in range(_ASKED):
                began = time.perf_counter()
                info = client.get(f"{url}/info").raise_for_status().json()
                times_s.append(time.perf_counter() - began)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SettingsError(
            f"--from {url}/info does not say what a server can do: {type(error).__name__}.", remedy=remedy
        ) from error
    capacity = of_info(info, f"{url}/info", statistics.median(times_s))
    doubt = "Of what a request takes besides its batches only the way there is known; a load test knows all of it."
    return replace(capacity, doubts=(doubt,))


def _read(file: Path) -> ReplicaCapacity:
    try:
        values = json.loads(read_text(file))
    except (OSError, NotText, ValueError) as error:
        raise SettingsError(
            f"--from {file} cannot be read: {error}.", remedy="Give the address of a server, or a JSON file."
        ) from error
    if not isinstance(values, dict):
        raise SettingsError(f"--from {file} is no JSON object.", remedy='Write {"tokens_per_second": ...}.')
    if "steps" in values:
        return calibrated(LoadReport.parse(values, f"--from {file}"), str(file))
    if isinstance(values.get("capacity"), dict):
        return of_info(values, str(file), 0.0)
    return of_figures(values, str(file))
