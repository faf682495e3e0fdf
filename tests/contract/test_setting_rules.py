"""What the service refuses of its settings, Helm and the resource refuse too: cases generated from the declarations.

Rules of the resource are in CEL, which an API server evaluates: tests/api_server/test_sentences.py has the same cases.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft4Validator
from pydantic import BaseModel, ValidationError

from bge_reranker import settings as module
from bge_reranker.configuration import load_settings
from bge_reranker.errors import RerankerError, SettingsError
from bge_reranker.setting_bounds import setting_bounds
from bge_reranker.setting_combinations import COMBINATIONS
from bge_reranker.setting_rules import MODEL_PAIR_TOKENS
from bge_reranker.settings import Settings
from bge_reranker.text.policy import resolve_policy
from generate.chart.rules import sentence_of
from tests.chart.rendering import CHART, CPU_DEMO, helm_says, problems, render
from tests.contract.setting_cases import (
    CHART_SENTENCES,
    GUARD_KEYS,
    BoundCase,
    CombinationCase,
    Fault,
    RuleCase,
    bound_cases,
    combination_cases,
    rounds,
    rule_cases,
    values_of,
)

RULE_CASES = list(rule_cases())
BROKEN = [case for case in RULE_CASES if case.is_the_chart_s and not case.holds]


def said_by_the_service(case: RuleCase) -> str:
    """The service's error, at the latest when it knows the model; empty if there is none."""
    try:
        settings = Settings.model_validate(case.config)
        if case.rule.right == MODEL_PAIR_TOKENS:
            resolve_policy(settings.text, case.right)
    except ValidationError as error:
        return str(error)
    except RerankerError as error:
        return f"{error.message} {error.remedy}"
    return ""


@pytest.mark.parametrize("case", RULE_CASES, ids=lambda case: case.name)
def test_the_service_refuses_exactly_what_breaks_a_rule(case: RuleCase) -> None:
    said = said_by_the_service(case)
    assert bool(said) != case.holds
    assert case.holds or case.rule.consequence in said


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_helm_refuses_what_breaks_a_rule_with_the_service_s_sentence(case: RuleCase) -> None:
    (said,) = problems({**CPU_DEMO, "config": case.config})
    assert said.partition(" (")[0].replace("config.", "") in re.sub(r" \(\d+\)", "", said_by_the_service(case))


def test_helm_takes_what_breaks_no_rule() -> None:
    for case in RULE_CASES:
        if case.is_the_chart_s and case.holds:
            assert render({**CPU_DEMO, "config": case.config}).settings.items() >= {"model": {"source": "demo"}}.items()


COMBINATION_CASES = combination_cases()


@pytest.mark.parametrize("case", COMBINATION_CASES, ids=lambda case: " ".join(case.values))
def test_the_service_refuses_exactly_what_breaks_a_combination(case: CombinationCase) -> None:
    said = ""
    try:
        load_settings(environment={"BGE_RERANKER_CONFIG": json.dumps(case.config)})
    except SettingsError as error:
        said = error.message
    assert said == " ".join(case.said)
    assert "hush" not in said


@pytest.mark.parametrize("case", COMBINATION_CASES, ids=lambda case: " ".join(case.values))
def test_helm_refuses_what_breaks_a_combination_with_the_service_s_sentence(case: CombinationCase) -> None:
    said = helm_says({**CPU_DEMO, **case.of_the_chart})
    assert {sentence for sentence in CHART_SENTENCES if f"- {sentence}" in said} == case.said_by_the_chart
    assert "hush" not in said


def test_each_combination_is_broken_by_a_case_and_kept_by_another() -> None:
    for rule in COMBINATIONS:
        asked = [rule.is_broken(case.values) for case in COMBINATION_CASES if rule.when.holds(case.values)]
        assert set(asked) == ({True, False} if rule.others else {True}), rule


def test_a_combination_that_the_chart_does_not_have_is_about_settings_that_it_decides() -> None:
    left = [rule.when.key for rule in COMBINATIONS if sentence_of(rule) not in CHART_SENTENCES]
    assert left == ["http.tlsCertFile", "http.tlsKeyFile", "gate.peers", "gate.peers"]


BOUND_CASES = list(bound_cases())
SENTENCES = {key: found.sentence for key, found in setting_bounds().items()}
OF_THE_CHART = [case for case in BOUND_CASES if case.path]


def refused_by_the_service(case: BoundCase) -> str:
    """What the service says of the setting's own declaration; rules between settings are not asked."""
    try:
        load_settings(environment={"BGE_RERANKER_CONFIG": json.dumps(case.config)})
    except SettingsError as error:
        return error.message if error.message.startswith(f"{case.key} (flag") else ""
    return ""


def is_empty(value: Any) -> bool:
    return value is None or not str(value).strip()


def test_the_service_refuses_with_the_sentence_what_its_declarations_refuse() -> None:
    # An empty guard is refused for another reason, before anybody asks for its length.
    for case in [case for case in BOUND_CASES if not is_empty(case.value) or case.key not in GUARD_KEYS]:
        said = refused_by_the_service(case)
        assert bool(said) == bool(case.fault), case
        assert not case.fault or f"; {SENTENCES[case.key]}" in said, case


@pytest.mark.parametrize("cases", rounds(case for case in OF_THE_CHART if case.fault in {Fault.BOUND, Fault.LENGTH}))
def test_helm_refuses_with_the_service_s_sentence_what_a_declaration_refuses(cases: list[BoundCase]) -> None:
    said = [line for line in problems({**CPU_DEMO, **values_of(cases)}) if "; it must be " in line]
    assert said == [f"{case.path} is {shown(case)}; {SENTENCES[case.key]}" for case in cases]


def shown(case: BoundCase) -> str:
    """As an error repeats a value, which it does not where it is very long or may hold a password."""
    text = json.dumps(case.value, ensure_ascii=False)
    return text if len(text) < 1024 and setting_bounds()[case.key].may_repeat(case.value) else "wrong"


@pytest.mark.parametrize("cases", rounds(case for case in OF_THE_CHART if case.fault in {Fault.TYPE, Fault.EMPTY}))
def test_helm_refuses_another_type_by_the_schema_which_names_the_setting(cases: list[BoundCase]) -> None:
    found = re.findall(r"at '/([\w/]+)': got", helm_says({**CPU_DEMO, **values_of(cases)}))
    assert {place.replace("/", ".") for place in found} == {case.path for case in cases}


@pytest.mark.parametrize("cases", rounds(case for case in OF_THE_CHART if not case.fault))
def test_helm_takes_what_a_setting_s_declaration_accepts(cases: list[BoundCase]) -> None:
    said = helm_says({**CPU_DEMO, **values_of(cases)})
    assert "at '/config/" not in said
    assert [sentence for sentence in SENTENCES.values() if sentence in said] == []


def test_the_resource_s_schema_decides_as_the_service_does_but_for_lengths_and_addresses() -> None:
    definition = yaml.safe_load((CHART / "crds" / "rerankers.yaml").read_text(encoding="utf-8"))
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema = Draft4Validator(with_nulls(spec))
    left_to_rules = {key for key, bounds in setting_bounds().items() if bounds.is_address}
    wrong = [
        case
        for case in OF_THE_CHART
        if schema.is_valid(values_of([case])) != (case.fault in {None, Fault.LENGTH})
        and not (case.key in left_to_rules and case.fault is Fault.BOUND)
    ]
    assert wrong == []


def with_nulls(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with `nullable` as JSON Schema has it."""
    parts = {name: with_nulls(part) for name, part in schema.get("properties", {}).items()}
    whole = {**schema, "properties": parts} if parts else dict(schema)
    if whole.get("nullable"):
        whole["type"] = [whole["type"], "null"]
    return whole


VALIDATORS = {
    "SettingsGroup._choice_in_any_case": "it refuses nothing",
    "SettingsGroup._no_accidental_number": "the schema's type says it",
    "ModelSettings._device_in_any_case": "it refuses nothing",
    "Settings._rules_between_fields": "setting_rules.RULES` or `setting_combinations.COMBINATIONS",
}
"""Code among the settings that could refuse what chart and resource accept, and what its docstring says of that."""


def test_every_validator_is_data_or_says_why_not() -> None:
    groups = [
        group
        for _, group in inspect.getmembers(module, inspect.isclass)
        if issubclass(group, BaseModel) and group.__module__ == module.__name__
    ]
    found: dict[str, str] = {}
    for group in groups:
        decorators = group.__pydantic_decorators__
        for kind in (decorators.field_validators, decorators.model_validators):
            found |= {f"{found_in(group, name)}.{name}": inspect.getdoc(getattr(group, name)) or "" for name in kind}
    assert found.keys() == VALIDATORS.keys()
    assert [name for name, reason in VALIDATORS.items() if reason not in found[name]] == []


def found_in(group: type[BaseModel], name: str) -> str:
    """The class that declares an attribute."""
    return next(each.__name__ for each in group.__mro__ if name in vars(each))
