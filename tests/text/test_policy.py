"""The policy: presets, bounds against the model, and changes by a request."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from bge_reranker.errors import InvalidField, SettingsError
from bge_reranker.settings import Preset, TextSettings, Truncation
from bge_reranker.text.policy import TextPolicy, resolve_policy


@pytest.mark.parametrize(
    ("preset", "truncation", "max_query_tokens"),
    [("crossencoder", "longest_first", None), ("tei", "longest_first", None), ("flagreranker", "only_second", 384)],
)
def test_a_preset_settles_truncation_and_query_limit(
    preset: Preset, truncation: Truncation, max_query_tokens: int | None
) -> None:
    policy = resolve_policy(TextSettings(preset=preset), 512)
    assert (policy.truncation, policy.max_query_tokens, policy.max_pair_tokens) == (truncation, max_query_tokens, 512)


def test_explicit_settings_win_over_the_preset() -> None:
    settings = TextSettings(
        preset="flagreranker", truncation="longest_first", max_query_tokens=100, max_pair_tokens=256
    )
    policy = resolve_policy(settings, 512)
    assert (policy.truncation, policy.max_query_tokens, policy.max_pair_tokens) == ("longest_first", 100, 256)


def test_the_query_limit_of_flagreranker_follows_a_shorter_pair_and_is_rounded_down() -> None:
    policy = resolve_policy(TextSettings(preset="flagreranker", max_pair_tokens=255), 512)
    assert policy.max_query_tokens == 191


@pytest.mark.parametrize(
    ("settings", "model_tokens", "message"),
    [
        (
            TextSettings(max_pair_tokens=513),
            512,
            r"text.maxPairTokens \(513\) must be at most the model's longest pair \(512\)",
        ),
        (TextSettings(max_pair_tokens=7), 512, r"text\.maxPairTokens \(7\) must be at least 8"),
        (TextSettings(max_query_tokens=512), 512, r"text\.maxQueryTokens \(512\) must be less"),
        (TextSettings(window_overlap_tokens=64), 64, r"text\.windowOverlapTokens \(64\) must be less"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused_by_name_with_a_remedy(
    settings: TextSettings, model_tokens: int, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        resolve_policy(settings, model_tokens)
    assert caught.value.remedy


def test_a_request_may_shorten_the_pair_though_it_inherits_a_longer_query_limit() -> None:
    server = resolve_policy(TextSettings(preset="flagreranker"), 512)
    changed = replace(server, max_pair_tokens=128, long_documents="reject")
    assert changed.validated(server) is changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_pair_tokens": 513}, "truncate_to is 513; it must be between 8 and 512"),
        ({"max_pair_tokens": 7}, "truncate_to is 7"),
        ({"max_query_tokens": 512}, "max_query_tokens is 512; it must be between 1 and 511"),
        ({"max_query_tokens": 0}, "max_query_tokens is 0"),
        ({"window_overlap_tokens": -1}, "window_overlap_tokens is -1"),
        ({"max_windows": 17}, "max_windows is 17; it must be between 1 and 16"),
    ],
)
def test_a_request_beyond_the_servers_bounds_is_refused_by_its_own_field_name(
    changes: dict[str, int], message: str
) -> None:
    server = resolve_policy(TextSettings(), 512)
    changed = TextPolicy(**{**asdict(server), **changes})
    with pytest.raises(InvalidField, match=message):
        changed.validated(server, {"max_pair_tokens": "truncate_to"})
