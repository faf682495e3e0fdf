from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bge_reranker.configuration import load_settings, masked, settings_list
from bge_reranker.errors import SettingsError
from bge_reranker.settings import GUARDS, Settings

_LISTS = ", ".join(f"&a{n} [{', '.join([f'*a{n - 1}'] * 10 if n else 'x')}]" for n in range(12))

BOMB = f"http: {{host: [{_LISTS}]}}"
"""A value of 10^11 parts, by YAML's aliases."""


def test_later_sources_win_over_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("engine: {maxBatchTokens: 100, maxBatchMs: 5, deadlineS: 7}\nhttp: {port: 1, keepAliveS: 9}\n")
    environment = {
        "BGE_RERANKER_CONFIG": '{"engine": {"maxBatchMs": 6, "deadlineS": 8}}',
        "BGE_RERANKER_DEADLINE_S": "9",
        "BGE_RERANKER_PORT": "2",
        "UNRELATED": "x",
    }
    settings = load_settings(file, environment, {"port": 3})
    assert settings.engine.max_batch_tokens == 100
    assert settings.engine.max_batch_ms == 6
    assert settings.engine.deadline_s == 9
    assert (settings.http.port, settings.http.keep_alive_s) == (3, 9)


def test_snake_case_is_understood_in_files_too(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"engine": {"max_batch_tokens": 100}}')
    assert load_settings(file).engine.max_batch_tokens == 100


def test_null_in_a_later_source_unsets_a_value(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("text: {maxQueryTokens: 10}\n")
    assert load_settings(file, {"BGE_RERANKER_MAX_QUERY_TOKENS": "null"}).text.max_query_tokens is None


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"BGE_RERANKER_MAX_BATCH_TOKEN": "1"}, "BGE_RERANKER_MAX_BATCH_TOKEN is not a setting"),
        ({"BGE_RERANKER_PORT": "eighty"}, 'http.port (flag --port, variable BGE_RERANKER_PORT) is "eighty"'),
        ({"BGE_RERANKER_PORT": "70000"}, "65535"),
        (
            {"BGE_RERANKER_PORT": "8_000"},
            "from 0 to 65535. Correct it, or leave it out for the default. Write it in the digits",
        ),
        ({"BGE_RERANKER_DEADLINE_S": "+5"}, "Write it in the digits 0 to 9, without a plus"),
        ({"BGE_RERANKER_CONFIG": '{"engine": {"deadlineS": "1_0"}}'}, "Write it in the digits 0 to 9"),
        (
            {"BGE_RERANKER_PORT": "8001"},
            "http.port (8001) must be another number than http.managementPort (8001), or",
        ),
        (
            {"BGE_RERANKER_MAX_QUEUE_TOKENS": "20"},
            "engine.maxQueueTokens (20) must be at least engine.maxBatchTokens (16384), or no",
        ),
        (
            {"BGE_RERANKER_MAX_PAIR_TOKENS": "32", "BGE_RERANKER_WINDOW_OVERLAP_TOKENS": "32"},
            "text.windowOverlapTokens (32) must be less than text.maxPairTokens (32), or no room is left",
        ),
        (
            {"BGE_RERANKER_MAX_PAIR_TOKENS": "7"},
            "text.maxPairTokens (7) must be at least 8, or special tokens would leave no room",
        ),
        (
            {"BGE_RERANKER_MAX_BODY_BYTES": "300000000"},
            "http.maxBodiesBytes (268435456) must be at least http.maxBodyBytes (300000000)",
        ),
        ({"BGE_RERANKER_DEVICE": "tpu"}, "scorer"),
        ({"BGE_RERANKER_CONFIG": "[1]"}, "must hold groups"),
        ({"BGE_RERANKER_CONFIG": "[]"}, "must hold groups"),
        ({"BGE_RERANKER_CONFIG": "http: {port: yes}"}, "YAML reads yes, no, on and off as true and false."),
        ({"BGE_RERANKER_CONFIG": "http: {port: 1, port: 2}"}, "port is there twice"),
        ({"BGE_RERANKER_CONFIG": "engine: {deadlineS: 1, deadline_s: 2}"}, "engine.deadlineS is there twice"),
        ({"BGE_RERANKER_CONFIG": "[" * 5_000}, "neither YAML nor JSON"),
        ({"BGE_RERANKER_CONFIG": "http: {port: &a [*a]}"}, "variable BGE_RERANKER_PORT) is a list"),
        ({"BGE_RERANKER_CONFIG": BOMB}, "variable BGE_RERANKER_HOST) is a list"),
        ({"BGE_RERANKER_MAX_BATCH_MS": "nan"}, 'is "nan"; it must be a number above 0 and at most 60000. Correct'),
        ({"BGE_RERANKER_CONFIG": "{"}, "neither YAML nor JSON"),
        ({"BGE_RERANKER_CONFIG": '{"motor": {}}'}, "unknown group 'motor'"),
        ({"BGE_RERANKER_CONFIG": '{"engine": {"power": 1}}'}, "unknown setting engine.power"),
        ({"BGE_RERANKER_CONFIG": '{"engine": 1}'}, "engine must hold settings"),
    ],
)
def test_an_impossible_setting_is_refused_by_name(environment: dict[str, str], words: str) -> None:
    if words == "scorer":
        words = "model.device (flag --device"
    with pytest.raises(SettingsError) as raised:
        load_settings(environment=environment)
    assert words in raised.value.sentence()


@pytest.mark.parametrize(("value", "given"), [("", "empty"), (" ", "empty"), ("null", "null")])
def test_an_empty_variable_of_a_setting_that_needs_a_value_is_called_empty(value: str, given: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(environment={"BGE_RERANKER_MODEL": value})
    assert raised.value.message == (
        f"Environment variable BGE_RERANKER_MODEL is {given}; model.source must be a string of 1 to 4096 characters."
    )
    assert raised.value.remedy == "Give the variable a value, or unset it for the default."


@pytest.mark.parametrize("value", ["", " ", "null", "NONE", "\n"])
@pytest.mark.parametrize("field", sorted(GUARDS))
def test_an_empty_variable_removes_no_guard(tmp_path: Path, field: str, value: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        "guard: {apiKeys: a-long-key, keysFile: /keys}\nmodel: {revision: v1, expectDigest: %s}" % ("0" * 64)
    )
    with pytest.raises(SettingsError) as raised:
        load_settings(file, {f"BGE_RERANKER_{field.upper()}": value})
    assert f"variable BGE_RERANKER_{field.upper()}) is empty, and what it guards would be open." in raised.value.message
    assert raised.value.remedy == "Give it a value, or leave it out."


@pytest.mark.parametrize("value", ["null", '""', '" "', "~", ""])
@pytest.mark.parametrize(
    "setting", ["guard: {apiKeys: %s}", "guard: {keysFile: %s}", "model: {expectDigest: %s}", "model: {revision: %s}"]
)
def test_a_guard_that_is_left_empty_in_a_file_refuses_to_start(tmp_path: Path, setting: str, value: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(setting % value)
    with pytest.raises(SettingsError, match="is empty, and what it guards would be open"):
        load_settings(file)
    with pytest.raises(SettingsError, match="is empty, and what it guards would be open"):
        load_settings(environment={"BGE_RERANKER_CONFIG": setting % value})


@pytest.mark.parametrize("content", ["", " \n", "# nothing yet\n", "null"])
def test_a_source_of_all_settings_that_is_empty_refuses_to_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"settings\.yaml is empty"):
        load_settings(file)
    with pytest.raises(SettingsError, match="BGE_RERANKER_CONFIG is empty"):
        load_settings(environment={"BGE_RERANKER_CONFIG": content})
    file.write_text("{}")
    assert load_settings(file) == Settings()


def test_a_guard_that_a_python_caller_was_not_given_is_not_named() -> None:
    assert load_settings(flags=dict.fromkeys(GUARDS)) == Settings()


def test_every_setting_that_may_be_unset_is_a_guard_or_is_no_weaker_without() -> None:
    no_weaker = {
        "cache_dir",
        "truncation",
        "truncation_direction",
        "max_query_tokens",
        "window_overlap_tokens",
        "allowed_origins",
        "default_dialect",
        "trusted_proxies",
        "redis_url",
        "caller_weights",
        "otlp_endpoint",
        "plan_p95_ms",
        "hosts",
    }
    may_be_unset = {setting.field for setting in settings_list() if setting.info.default is None}
    assert may_be_unset == GUARDS | no_weaker


@pytest.mark.parametrize(
    ("variable", "value", "field"),
    [
        ("LOG_LEVEL", "INFO", "info"),
        ("LOG_LEVEL", " Warning\n", "warning"),
        ("PRECISION", "Float32", "float32"),
        ("DEVICE", "CUDA:1", "cuda:1"),
        ("TRUNCATION", "LONGEST_FIRST", "longest_first"),
        ("DEFAULT_DIALECT", "Cohere", "cohere"),
        ("STRICT_MODEL_NAMES", "TRUE ", True),
        ("PORT", " 80 ", 80),
    ],
)
def test_a_choice_is_understood_in_any_case_and_with_blanks(variable: str, value: str, field: object) -> None:
    settings = load_settings(environment={f"BGE_RERANKER_{variable}": value})
    found = {setting.field: getattr(getattr(settings, setting.group), setting.field) for setting in settings_list()}
    assert found[variable.lower()] == field


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml cannot be read"):
        load_settings(tmp_path / "absent.yaml")


def test_variables_that_kubernetes_injects_for_a_service_of_our_name_are_not_settings() -> None:
    injected = {
        "BGE_RERANKER_SERVICE_HOST": "198.18.0.1",
        "BGE_RERANKER_SERVICE_PORT": "8000",
        "BGE_RERANKER_SERVICE_PORT_HTTP": "8000",
        "BGE_RERANKER_PORT": "tcp://198.18.0.1:8000",
        "BGE_RERANKER_PORT_8000_TCP": "tcp://198.18.0.1:8000",
        "BGE_RERANKER_PORT_8000_TCP_ADDR": "198.18.0.1",
    }
    assert load_settings(environment=injected) == Settings()


def test_the_model_has_one_key_and_keeps_its_flag_and_variable(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("model: {source: org/one}\n")
    assert load_settings(file).model.source == "org/one"
    assert load_settings(file, {"BGE_RERANKER_MODEL": "org/two"}).model.source == "org/two"
    assert load_settings(file, {"BGE_RERANKER_MODEL": "org/two"}, {"model": "org/three"}).model.source == "org/three"
    (setting,) = (setting for setting in settings_list() if setting.key == "model.source")
    assert (setting.flag, setting.variable) == ("--model", "BGE_RERANKER_MODEL")


def test_a_key_by_its_former_name_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("model: {model: org/name, threads: 3}\n")
    settings = load_settings(file)
    assert (settings.model.source, settings.model.threads) == ("org/name", 3)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.message == (
        f"{file}: model.model is called model.source now; the next release does not read the former name."
    )
    said: list[str] = []
    load_settings(environment={"BGE_RERANKER_CONFIG": '{"model": {"model": "a/b"}}'}, on_former_key=said.append)
    assert len(said) == 1
    assert said[0].startswith("BGE_RERANKER_CONFIG: model.model is called model.source now")


def test_a_key_by_both_its_names_is_refused() -> None:
    both = '{"model": {"model": "a/b", "source": "a/b"}}'
    with pytest.raises(SettingsError, match=r"model\.source is there twice, once as model\.model, its former name"):
        load_settings(environment={"BGE_RERANKER_CONFIG": both})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().engine.max_batch_tokens = 1


def test_every_setting_has_a_sentence_and_a_name_of_its_own() -> None:
    settings = list(settings_list())
    assert len({setting.field for setting in settings}) == len(settings)
    assert len({setting.name for setting in settings}) == len(settings)
    for setting in settings:
        assert (setting.info.description or "").endswith("."), f"{setting.key} has no sentence"


def test_of_a_golden_set_the_log_has_the_length_alone() -> None:
    shown = masked(load_settings(flags={"golden_set": '{"query": "of a person"}'}))
    assert "person" not in str(shown)
    assert shown["gate"]["goldenSet"] == "24 characters"


def test_a_setting_that_sounds_secret_is_masked() -> None:
    for setting in settings_list():
        sounds_secret = any(word in setting.field for word in ("secret", "password", "api_key", "credential"))
        # The name of a file that holds one is none.
        assert not sounds_secret or setting.is_secret or setting.field.endswith("_file"), setting.key


def test_a_secret_is_seen_neither_in_the_log_nor_in_an_error() -> None:
    settings = load_settings(environment={"BGE_RERANKER_API_KEYS": "hush-hush-hush"})
    assert settings.guard.api_keys is not None
    assert settings.guard.api_keys.get_secret_value() == "hush-hush-hush"
    assert "hush" not in str(masked(settings))
    with pytest.raises(SettingsError, match="is a secret") as raised:
        load_settings(environment={"BGE_RERANKER_CONFIG": '{"guard": {"apiKeys": ["hush-hush-hush"]}}'})
    assert "hush" not in raised.value.sentence()


def test_the_log_shows_settings_under_their_file_names() -> None:
    shown: dict[str, Any] = masked(load_settings())
    assert shown["engine"]["maxBatchTokens"] == 16_384


def test_passwords_in_addresses_are_never_shown() -> None:
    flags = {"model": "https://me:hush-hush@host/m.tar.gz", "allowed_origins": "https://u:hush-hush@h"}
    shown = str(masked(load_settings(flags=flags)))
    assert "hush" not in shown
    assert "https://me:***@host/m.tar.gz" in shown
    with pytest.raises(SettingsError) as raised:
        load_settings(flags={"otlp_endpoint": "http://u:hush-hush@collector:4317"})
    assert "hush" not in raised.value.sentence()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://host/m.tar.gz?part=1&X-Amz-Signature=hush", "https://host/m.tar.gz?part=***&X-Amz-Signature=***"),
        ("https://me:hush@hush@host/m.tar.gz", "https://me:***@host/m.tar.gz"),
        ("oci://registry:5000/models@sha256:" + "0" * 64, "oci://registry:5000/models@sha256:" + "0" * 64),
    ],
)
def test_the_log_shows_an_address_without_what_opens_it(address: str, shown: str) -> None:
    settings: dict[str, Any] = masked(load_settings(flags={"model": address}))
    assert settings["model"]["source"] == shown


def test_a_file_that_is_no_yaml_is_refused_by_its_place_and_not_by_its_text() -> None:
    with pytest.raises(SettingsError, match="line 1, column") as raised:
        load_settings(environment={"BGE_RERANKER_CONFIG": '{"guard":{"apiKeys":"hush-hush-1"'})
    assert "hush" not in raised.value.sentence()


def test_an_emoji_may_be_escaped_as_json_does() -> None:
    settings = load_settings(
        environment={"BGE_RERANKER_CONFIG": json.dumps({"guard": {"callerWeights": "\U0001f600=2"}})}
    )
    assert settings.guard.caller_weights == "\U0001f600=2"


def test_a_choice_that_is_called_none_can_be_made_by_a_variable() -> None:
    assert load_settings(environment={"BGE_RERANKER_RERANK_ATTRIBUTES": "none"}).observe.rerank_attributes == "none"
