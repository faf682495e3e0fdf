"""A setting of the service is written in one place, and reaches the chart, the CRD and the documents by generation."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .tree import TreeCopy

CHART = "charts/bge-reranker"
SETTINGS = "service/src/bge_reranker/settings.py"
LAST_OF_A_GROUP = '"""Whether a request that names another model than the served one is refused with 404; else'
DESCRIPTION = "Candies that an answer may bring."


def add_max_candies(tree: TreeCopy) -> None:
    field = "max_candies: int = Field(default=3, ge=1, le=9)"
    tree.insert(SETTINGS, LAST_OF_A_GROUP, f'\n    {field}\n    """{DESCRIPTION}"""')


def parts(schema: dict[str, Any], *path: str) -> Any:
    found: Any = schema
    for name in path:
        found = found["properties"][name]
    return found


def test_a_setting_costs_one_place_and_the_rest_is_generated(tree: TreeCopy) -> None:
    add_max_candies(tree)
    done = tree.run("-m", "generate")
    assert done.returncode == 0, done.stderr
    path, bounds = ("config", "dialects", "maxCandies"), {"minimum": 1, "maximum": 9}
    schema = json.loads((tree.root / CHART / "values.schema.json").read_text(encoding="utf-8"))
    words = f"{DESCRIPTION} It must be a whole number from 1 to 9."
    assert parts(schema, *path) == {"type": "integer", "description": words, "default": 3}
    rules = json.loads((tree.root / CHART / "files" / "rules.json").read_text(encoding="utf-8"))["bounds"]
    (rule,) = (each for each in rules if each["path"] == ".".join(path))
    assert bounds.items() <= rule.items()
    definition = yaml.safe_load((tree.root / CHART / "crds" / "rerankers.yaml").read_text(encoding="utf-8"))
    resource = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    field = parts(resource, "spec", *path)
    assert {"type": "integer", **bounds, "description": words}.items() <= field.items()
    (validation,) = field["x-kubernetes-validations"]
    assert validation["rule"] == "self >= 1 && self <= 9"
    assert f"; {rule['sentence']}" in validation["messageExpression"]
    refused = tree.run("-m", "bge_reranker", "serve", "--max-candies=10")
    assert f"is 10; {rule['sentence']}" in " ".join((refused.stdout + refused.stderr).split())
    defaults = json.loads((tree.root / CHART / "files" / "settings-defaults.json").read_text(encoding="utf-8"))
    assert defaults["dialects"]["maxCandies"] == 3
    assert tree.run("-m", "generate", "--check").returncode == 0
    assert tree.touched == {SETTINGS}


def test_the_setting_is_read_from_all_its_sources_and_stands_in_the_documents(tree: TreeCopy) -> None:
    add_max_candies(tree)
    assert tree.run("-m", "generate").returncode == 0
    pages = [*(tree.root / "docs").rglob("*.md"), tree.root / "README.md"]
    rows = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if "maxCandies" in line]
    assert len(rows) == 1
    assert DESCRIPTION in rows[0]
    printed = tree.run("-m", "bge_reranker", "serve", "--help")
    assert "--max-candies" in printed.stdout
