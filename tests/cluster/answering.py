"""Asks a component over HTTP whether it is well."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request


def answers(url: str) -> bool:
    """Whether a GET gives 200; certificates of components on this machine are not checked."""
    context = ssl._create_unverified_context() if url.startswith("https") else None
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
