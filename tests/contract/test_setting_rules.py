"""What the service refuses of its settings, Helm and the resource refuse too: cases generated from the declarations.

Rules of the resource are in CEL, which an API server evaluates: tests/api_server/test_sentences.py has the same cases.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft4Validator
from pydantic import BaseModel, ValidationError

from bge_reranker import settings as module
from bge_reranker.errors import RerankerError
from bge_reranker.setting_rules import MODEL_PAIR_TOKENS
from bge_reranker.settings import Settings
from bge_reranker.text.policy import resolve_policy
from tests.chart.rendering import CHART, CPU_DEMO, helm_says, problems, render
from tests.contract.setting_cases import BoundCase, RuleCase, bound_cases, nested, rule_cases

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


BOUND_CASES = list(bound_cases())
BY_KEY: dict[str, list[BoundCase]] = defaultdict(list)
for each_case in BOUND_CASES:
    BY_KEY[each_case.key].append(each_case)


def accepted_by_the_service(case: BoundCase) -> bool:
    """Whether the setting's own declaration accepts the value; rules between settings are not asked."""
    try:
        Settings.model_validate(case.config)
    except ValidationError as error:
        return all(len(problem["loc"]) < len(case.key.split(".")) for problem in error.errors())
    return True


def test_the_service_accepts_and_refuses_what_its_declarations_say() -> None:
    assert [case for case in BOUND_CASES if accepted_by_the_service(case) != case.is_accepted] == []


def rounds(*, accepted: bool) -> list[list[BoundCase]]:
    """All cases of one kind, in rounds with one value a setting: Helm names every key that it refuses."""
    of_kind = [[case for case in cases if case.is_accepted == accepted] for cases in BY_KEY.values()]
    return [[cases[turn] for cases in of_kind if turn < len(cases)] for turn in range(max(map(len, of_kind)))]


def refused_by_helm(cases: list[BoundCase]) -> set[str]:
    """Keys of `config` that the chart's schema refuses."""
    values = {**CPU_DEMO, "config": nested({case.key: case.value for case in cases})}
    return {place.replace("/", ".") for place in re.findall(r"at '/config/(\w+/\w+)", helm_says(values))}


def test_helm_refuses_what_a_setting_s_declaration_refuses() -> None:
    for cases in rounds(accepted=False):
        assert refused_by_helm(cases) == {case.key for case in cases}


def test_helm_takes_what_a_setting_s_declaration_accepts() -> None:
    for cases in rounds(accepted=True):
        assert refused_by_helm(cases) == set()


def test_the_resource_s_schema_decides_as_the_service_does() -> None:
    definition = yaml.safe_load((CHART / "crds" / "rerankers.yaml").read_text(encoding="utf-8"))
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema = Draft4Validator(with_nulls(spec["properties"]["config"]))
    wrong = [case for case in BOUND_CASES if schema.is_valid(case.config) != case.is_accepted]
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
    "Settings._rules_between_fields": "setting_rules.RULES",
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
