"""The codes with which a scorer ends, for the operator: it must not import the scorer, nor be told by hand."""

from __future__ import annotations

import json

from bge_reranker.errors.model import ModelError


def scorer_codes() -> str:
    """Text of the operator's scorer_codes.json."""
    kinds = sorted(ModelError.__subclasses__(), key=lambda kind: kind.__name__)
    codes = {
        "worthARetry": [kind.__name__ for kind in kinds if kind.is_worth_a_retry],
        "final": [kind.__name__ for kind in kinds if not kind.is_worth_a_retry],
    }
    return json.dumps(codes, indent=2) + "\n"
