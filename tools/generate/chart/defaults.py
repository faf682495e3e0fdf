"""files/settings-defaults.json: the service's defaults, which templates need where a figure follows from a setting."""

from __future__ import annotations

import json

from bge_reranker.settings import Settings


def settings_defaults() -> str:
    """The whole file."""
    return json.dumps(Settings().model_dump(mode="json", by_alias=True), indent=2) + "\n"
