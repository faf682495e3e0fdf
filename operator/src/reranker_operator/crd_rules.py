"""What the API server itself refuses beyond types and bounds: rules in CEL, most of them from the chart's rules.json.

What the chart refuses besides is said in the Ready condition. The API server limits what rules may cost: keys of maps
are left to the chart, texts in lists of lists and quantities have a pattern without a sentence, and a message does not
have the numbers that it is about.
"""

from __future__ import annotations

import json
from typing import Any

from .spec_limits import CLUSTER_PRIORITY, PRIORITY_REFUSED

Schema = dict[str, Any]
Table = dict[str, Any]

MOST_LISTS = 1
"""Lists within lists whose members are asked of a rule; deeper texts are refused by their pattern alone."""

LONGEST_TEXT = 512
"""Characters of a text that a rule is asked of, where it has no bound of its own."""

MODEL_PAIR_TOKENS = "modelPairTokens"
"""Stands in the table for the longest pair of the model, known of few models."""


def between_fields(spec: Schema, values: dict[str, Any], table: Table) -> list[Schema]:
    """Rules of the spec as a whole.

    Args:
        spec: Its schema.
        values: The chart's defaults, those of the service's settings as `config`.
        table: The chart's files/rules.json.
    """
    kind, mode = _text("cache.type", values), _text("cache.accessMode", values)
    scaled, rollout = _or_default("autoscaling.enabled", values, "bool"), _text("rollout.mode", values)
    shared = f'{kind} in ["pvc", "existing"] && {mode} != "ReadWriteMany"'
    return [
        *(_relation(each, values, table) for each in table["relations"]),
        *(_combination(each, spec) for each in table["combinations"]),
        *(_distinct(each) for each in table["distinct"]),
        _image(values, table),
        {
            "rule": f'!({shared}) || (!({scaled}) && self.replicas <= 1 && {rollout} != "surge")',
            "message": (
                "cache.accessMode lets one node mount the volume, and a second pod may be on another. Set it to "
                "ReadWriteMany, or replicas to 1 without autoscaling and rollout.mode to inPlace or recreate."
            ),
        },
        {
            "rule": f"!({scaled}) || !({scaled.replace('self', 'oldSelf')}) || self.replicas == oldSelf.replicas",
            "message": (
                "replicas cannot change while autoscaling.enabled is true, because the autoscaler decides the count. "
                "Change autoscaling.minReplicas and autoscaling.maxReplicas, or set autoscaling.enabled to false."
            ),
        },
        {
            "rule": f'{kind} != "existing" || size({_text("cache.existingClaim", values)}) > 0',
            "message": (
                "cache.type is existing and cache.existingClaim is empty. Name the PersistentVolumeClaim, or choose "
                "another cache.type."
            ),
        },
        {
            "rule": f'{kind} != "image" || size({_text("cache.image", values)}) > 0',
            "message": (
                "cache.type is image and cache.image is empty. Give the reference of the image that has the models, or "
                "choose another cache.type."
            ),
        },
        {
            "rule": '!has(self.gate) || !has(self.gate.goldenSet) || self.gate.goldenSet.matches("^$|[^ \\t\\r\\n]")',
            "message": ("gate.goldenSet holds nothing but blanks. Write judged queries into it, or leave it empty."),
        },
        {
            "rule": f'!has(self.priorityClassName) || !self.priorityClassName.startsWith("{CLUSTER_PRIORITY}")',
            "message": " ".join(PRIORITY_REFUSED),
        },
        {
            "rule": (
                "!has(self.cache) || !has(oldSelf.cache) || !has(self.cache.size) || !has(oldSelf.cache.size) || "
                "!has(self.cache.type) || !has(oldSelf.cache.type) || self.cache.type != 'pvc' || "
                "oldSelf.cache.type != 'pvc' || !isQuantity(self.cache.size) || !isQuantity(oldSelf.cache.size) || "
                "quantity(self.cache.size).compareTo(quantity(oldSelf.cache.size)) >= 0"
            ),
            "message": (
                "cache.size can only grow while cache.type is pvc. Put it back, or name another cache.storageClass to "
                "begin anew."
            ),
        },
    ]


def of_texts(spec: Schema, table: Table) -> None:
    """Put into the schema of `spec` what single texts must look like."""
    for form in table["forms"]:
        _add_form(spec, form, form["path"])


def of_structures(spec: Schema, table: Table) -> None:
    """Put into the schema of `spec` the rules of Kubernetes' own types."""
    for path, name in table["structures"].items():
        _add_structure(spec, path, name, table["types"])


def _add_structure(spec: Schema, path: str, name: str, types: Table) -> None:
    schema = schema_at(spec, path)
    if schema is None:
        return
    for form in types[name]["forms"]:
        _add_form(spec, form, f"{path}.{form['path']}")
    rules = [
        {"rule": _condition(each, schema), "message": f"{path}: {each['sentence']}"}
        for each in types[name]["conditions"]
    ]
    if rules and _is_affordable(spec, path):
        add_rules(schema, *rules)
    for inner, inner_name in types[name]["inside"].items():
        _add_structure(spec, f"{path}.{inner}", inner_name, types)


def _add_form(spec: Schema, form: Table, path: str) -> None:
    schema = None if path.endswith("{keys}") else schema_at(spec, path)
    if schema is None:
        return
    if not _is_affordable(spec, path) or schema.get("type") != "string":
        first, *others = form["patterns"]
        schema["pattern"] = first
        schema.update({"allOf": [{"pattern": pattern} for pattern in others]} if others else {})
        return
    # What a rule costs is reckoned with the longest text.
    schema.setdefault("maxLength", LONGEST_TEXT)
    tests = " && ".join(f"self.matches({json.dumps(pattern)})" for pattern in form["patterns"])
    add_rules(schema, {"rule": tests, **_message(form, path)})


def _is_affordable(spec: Schema, path: str) -> bool:
    """Whether the API server takes a rule there: not in lists within lists, nor in one without a bound."""
    steps = _steps(path)
    places = [steps[:depth] for depth, step in enumerate(steps) if step in {"[]", "{}"}]
    bounded = all({"maxItems", "maxProperties"} & (_at(spec, place) or {}).keys() for place in places)
    return bounded and len(places) <= MOST_LISTS


def _condition(condition: Table, schema: Schema) -> str:
    then = _test(condition["then"], schema)
    return f"!({_test(condition['when'], schema)}) || {then}" if "when" in condition else then


def _test(test: Table, schema: Schema) -> str:
    """A test of an object's fields; one that the resource does not have is never given."""
    if "exactlyOne" in test:
        return f"[{', '.join(_given(field, schema) for field in test['exactlyOne'])}].exists_one(each, each)"
    field, found = test["field"], schema_at(schema, test["field"])
    if "given" in test:
        return _given(field, schema) if test["given"] else f"!{_given(field, schema)}"
    if "size" in test:
        return f"({_there(field)} ? size(self.{field}) : 0) == {test['size']}" if found else "false"
    if "has" in test:
        return f"{_there(field)} && self.{field}.exists(each, each in {literal(test['has'])})" if found else "false"
    if found and "x-kubernetes-int-or-string" in found:
        return _quantity_is_in(field, test["in"])
    text = f"string(self.{field})" if found and found.get("type") != "string" else f"self.{field}"
    return f'({_there(field)} ? {text} : "") in {literal(test["in"])}' if found else literal("" in test["in"])


def _quantity_is_in(field: str, choices: list[str]) -> str:
    """Compared as what it is, since a conversion is reckoned with the longest text of a request."""
    numbers = [int(choice) for choice in choices if choice.isdigit()]
    is_in = f"self.{field} in {literal(choices)} || self.{field} in {literal(numbers)}"
    return f"({_there(field)} ? {is_in} : {literal('' in choices)})"


def _given(field: str, schema: Schema) -> str:
    found = schema_at(schema, field)
    if found is None:
        return "false"
    filled = f" && size(self.{field}) > 0" if found.get("type") in {"string", "array"} else ""
    return f"({_there(field)}{filled})"


def _there(field: str) -> str:
    names = field.split(".")
    return " && ".join(f"has(self.{'.'.join(names[: depth + 1])})" for depth in range(len(names)))


def _steps(path: str) -> list[str]:
    return path.replace("[]", ".[]").replace("{", ".{").split(".")


def _message(form: Table, path: str) -> Schema:
    without_value = f"{path} is wrong; {form['sentence']}"
    if form["isSecret"]:
        return {"message": without_value}
    with_value = f"{literal(_beginning(path))} + self + {literal(_end(form))}"
    # The API server says the message where the expression gives more than one line.
    return {"message": without_value, "messageExpression": hushed(with_value, without_value, form)}


def add_rules(schema: Schema, *rules: Schema) -> None:
    """Add rules to those that a part of the schema has already."""
    schema["x-kubernetes-validations"] = [*schema.get("x-kubernetes-validations", ()), *rules]


def schema_at(spec: Schema, path: str) -> Schema | None:
    """The schema at a path; None where the resource does not have it."""
    return _at(spec, _steps(path))


def _at(spec: Schema, names: list[str]) -> Schema | None:
    schema = spec
    for name in names:
        inside = {"[]": schema.get("items"), "{}": schema.get("additionalProperties")} | schema.get("properties", {})
        if name not in inside:
            return None
        schema = inside[name]
    return schema


def _beginning(path: str) -> str:
    if path.endswith("}"):
        return f'{path.partition("{")[0]} has the value "'
    return f'{path.removesuffix("[]")} has "' if path.endswith("[]") else f'{path} is "'


def _end(form: Table) -> str:
    return f'"; {form["sentence"]}'


def _relation(rule: Table, values: dict[str, Any], table: Table) -> Schema:
    """A relation, which holds where a side is 0 or unset: the service then chooses one that does."""
    left, right = _number(rule["left"], values, table), _number(rule["right"], values, table)
    when = f"!({_or_default(rule['when'], values, 'bool')}) || " if "when" in rule else ""
    return {
        "rule": f"{when}{left} == 0 || {right} == 0 || {left} {rule['relation']} {right}",
        "message": rule["sentence"],
    }


def _combination(rule: Table, spec: Schema) -> Schema:
    """What must be true of other fields where something is true of one."""
    others = " || ".join(_fact(each, spec) for each in rule["others"]) or "false"
    expected = f"!({others})" if rule["relation"] == "excludes" else f"({others})"
    return {"rule": f"!({_fact(rule['when'], spec)}) || {expected}", "message": rule["sentence"]}


def _fact(fact: Table, spec: Schema) -> str:
    """Whether a field is like a pattern, or is given at all; a null is not."""
    path, schema = fact["path"], schema_at(spec, fact["path"])
    if schema is None:
        raise ValueError(f"{path} is in a combination and not in the resource")
    field, kind = f"self.{path}", schema["type"]
    if "pattern" in fact:
        tests = f"type({field}) == string && {field}.matches({literal(fact['pattern'])})"
    elif kind == "boolean":
        tests = f"type({field}) == bool && {field}"
    elif kind in {"string", "array"}:
        tests = f"type({field}) != null_type && size({field}) > 0"
    else:
        tests = f"type({field}) != null_type"
    return f"({_there(path)} && {tests})"


def _distinct(rule: Table) -> Schema:
    """Members of a list of which no two have one name."""
    path, name = rule["path"], rule["by"]
    once = f"self.{path}.all(one, self.{path}.exists_one(other, other.{name} == one.{name}))"
    return {"rule": f"!({_there(path)}) || {once}", "message": rule["sentence"]}


def _image(values: dict[str, Any], table: Table) -> Schema:
    """The reference that registry, repository and tag make; a tag of the chart's own has nothing to refuse."""
    registry, repository, tag = (_text(f"image.{name}", values) for name in ("registry", "repository", "tag"))
    reference = f'({registry} == "" ? "" : {registry} + "/") + {repository} + ({tag} == "" ? "" : ":" + {tag})'
    return {
        "rule": " && ".join(f"({reference}).matches({literal(pattern)})" for pattern in table["image"]["patterns"]),
        "message": f"image.registry, image.repository and image.tag make a text {table['image']['sentence']}",
        "messageExpression": (
            f'"image.registry, image.repository and image.tag make \\"" + {reference} + '
            f"{literal(chr(34) + ', ' + table['image']['sentence'])}"
        ),
    }


def _number(side: str | int, values: dict[str, Any], table: Table) -> str:
    if isinstance(side, int):
        return str(side)
    if side != MODEL_PAIR_TOKENS:
        return _or_default(side, values, "int")
    source, expression = _text("model.source", values), "0"
    for name, tokens in table[MODEL_PAIR_TOKENS].items():
        is_it = f"{source} == {literal(name)} || {source}.startsWith({literal(name + '@')})"
        expression = f"({is_it} ? {tokens} : {expression})"
    return expression


def _text(path: str, values: dict[str, Any]) -> str:
    return _or_default(path, values, "string")


def _or_default(path: str, values: dict[str, Any], kind: str) -> str:
    """A field in CEL, or the chart's default where the resource does not have it, or has a null."""
    names = path.split(".")
    default: Any = values
    for name in names:
        default = default[name]
    otherwise = literal(default) if default is not None else "0"
    return f"({_there(path)} && type(self.{path}) == {kind} ? self.{path} : {otherwise})"


def hushed(with_value: str, without_value: str, row: Table) -> str:
    """An expression for a message that repeats the value, but not one that may hold a password, if the table knows."""
    if "hidden" not in row:
        return with_value
    return f"self.matches({literal(row['hidden'])}) ? {literal(without_value)} : {with_value}"


def literal(value: Any) -> str:
    """A constant in CEL, which reads JSON's."""
    return json.dumps(value, ensure_ascii=False)
