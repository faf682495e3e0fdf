"""The codes with which a scorer ends, for the operator: it must not import the scorer, nor be told by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bge_reranker.errors import DeadlineExceeded
from bge_reranker.errors.model import ModelError
from bge_reranker.evaluation.cases import InvalidJudgements


def scorer_codes() -> str:
    """Text of the operator's scorer_codes.json.

    Besides a model's own failures, a start may end with those of the gate's golden set and of its time.
    """
    kinds = ModelError.__subclasses__()
    codes = {
        "worthARetry": _names([DeadlineExceeded, *(kind for kind in kinds if kind.is_worth_a_retry)]),
        "final": _names([InvalidJudgements, *(kind for kind in kinds if not kind.is_worth_a_retry)]),
    }
    return json.dumps(codes, indent=2) + "\n"


def _names(kinds: Iterable[type[Exception]]) -> list[str]:
    return sorted(kind.__name__ for kind in kinds)
