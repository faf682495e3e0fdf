"""What is declared of a field is what is read and what is documented."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

import bge_reranker.api.dialects
from bge_reranker.api.dispatch import DIALECTS
from bge_reranker.api.fields import Body, Documents, Integer, NestedList, Query, TopN
from bge_reranker.errors import InvalidField, TooManyDocuments
from bge_reranker.settings import DialectName


class Inner(Body):
    query = Query("What is asked.")
    most = TopN(key="top_n", minimum=1)


class Outer(Body):
    forms = (("query",), ("parts",))

    query = Query()
    parts = NestedList(Inner, "part")
    texts = Documents()
    number = Integer(minimum=3)


def test_a_field_is_read_under_its_key_when_it_is_asked_for() -> None:
    body = Inner({"query": "q", "top_n": "three"}, 10)
    assert body.query == "q"
    with pytest.raises(InvalidField, match="`top_n` must be a whole number, not a string"):
        _ = body.most


def test_an_error_names_the_place_of_a_field_inside_a_list() -> None:
    outer = Outer({"parts": [{"query": "q"}, {}]}, 10)
    with pytest.raises(InvalidField, match=r"`parts\[1\].query` is missing"):
        _ = outer.parts[1].query
    with pytest.raises(TooManyDocuments, match="`parts` holds 2 parts; the limit is 1"):
        _ = Outer(outer.values, 1).parts


def test_documents_keep_what_came_as_objects() -> None:
    texts = ["a", {"text": "b", "id": 1}]
    found = Outer({"texts": texts}, 10).texts
    assert (found.texts, found.objects) == (["a", "b"], {1: {"text": "b", "id": 1}})


def test_a_schema_has_one_object_for_each_form_and_the_shared_fields_in_all() -> None:
    first, second = Outer.schema()["anyOf"]
    assert (first["required"], second["required"]) == (["query", "texts"], ["parts", "texts"])
    assert set(first["properties"]) == {"query", "texts", "number"}
    assert second["properties"]["parts"]["items"]["properties"]["query"]["description"] == "What is asked."
    assert first["properties"]["number"] == {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}


def test_every_module_of_a_dialect_is_registered_under_its_name() -> None:
    folder = Path(bge_reranker.api.dialects.__file__).parent
    modules = {path.stem.replace("_", "-") for path in folder.glob("*.py")} - {"--init--"}
    assert modules == set(DIALECTS) == set(get_args(DialectName))
