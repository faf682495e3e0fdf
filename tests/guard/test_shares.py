"""Weights of callers, as the setting names them."""

from __future__ import annotations

import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.errors import SettingsError
from bge_reranker.guard.shares import weight_of


def test_callers_have_the_weight_that_the_setting_gives_them_and_one_otherwise() -> None:
    text = load_settings(flags={"caller_weights": "search=4, a.b:c@d=0.25,batch-jobs=12.5"}).guard.caller_weights
    weights = [weight_of(name, text) for name in ("search", "a.b:c@d", "other")]
    assert weights == [4.0, 0.25, 1.0]
    assert weight_of("search", None) == 1.0


@pytest.mark.parametrize("text", ["search", "search=", "search=0", "search=0.0", "search=-1", "=2", "a=1;b=2", "a=1e9"])
def test_weights_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="callerWeights"):
        load_settings(flags={"caller_weights": text})
