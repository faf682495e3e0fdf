from __future__ import annotations

import pytest
from pydantic import ValidationError

from reranker_operator.settings import PREFIX, Settings, UnknownSetting


def test_defaults_are_pinned() -> None:
    settings = Settings()
    assert settings.is_cluster_wide
    assert settings.max_concurrent_rollouts == 2
    assert settings.health_port == 8081
    assert settings.lease_duration_s == 15


def test_variables_with_our_prefix_are_read_and_others_are_not() -> None:
    given = {f"{PREFIX}WATCH_NAMESPACE": "search", f"{PREFIX}MAX_CONCURRENT_ROLLOUTS": "5", "HOME": "/"}
    settings = Settings.from_environment(given)
    assert (settings.watch_namespace, settings.max_concurrent_rollouts, settings.is_cluster_wide) == (
        "search",
        5,
        False,
    )


@pytest.mark.parametrize("level", ["INFO", " Info\n"])
def test_a_level_is_understood_in_any_case(level: str) -> None:
    assert Settings.from_environment({f"{PREFIX}LOG_LEVEL": level}).log_level == "info"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a-*,b", ("a-*", "b")), (" a-* , b ", ("a-*", "b")), ("", ()), (",", ()), ("*", ("*",))],
)
def test_patterns_are_separated_by_commas_and_none_means_none(value: str, expected: tuple[str, ...]) -> None:
    settings = Settings.from_environment({f"{PREFIX}ALLOWED_SECRETS": value})
    assert settings.allowed_names.secrets == expected
    assert settings.allowed_names.claims == ("bge-reranker-*",)


def test_a_variable_that_names_no_setting_is_refused_by_name() -> None:
    with pytest.raises(UnknownSetting, match="BGE_RERANKER_OPERATOR_REPLICA"):
        Settings.from_environment({f"{PREFIX}REPLICA": "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_CONCURRENT_ROLLOUTS", "0"),
        ("LOG_LEVEL", "loud"),
        ("HEALTH_PORT", "x"),
        ("ALLOWED_CLAIMS", "[a]"),
        ("WATCH_NAMESPACE", ""),
        ("WATCH_NAMESPACE", " "),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name.lower()):
        Settings.from_environment({PREFIX + name: value})
