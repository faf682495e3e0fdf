from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reranker_operator.shallow_json import DEEPEST, cut, install

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{}:,\n\u2028é'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a"\\{}[]'), inner, max_size=3),
    max_leaves=20,
)


def pruned(value: Any, levels: int) -> Any:
    """The same by recursion."""
    if not isinstance(value, list | dict):
        return value
    if levels == 0:
        return None
    if isinstance(value, list):
        return [pruned(each, levels - 1) for each in value]
    return {key: pruned(each, levels - 1) for key, each in value.items()}


@given(VALUES, st.integers(1, 4), st.booleans())
def test_what_lies_deeper_becomes_null_and_all_else_stays(value: Any, levels: int, is_ascii: bool) -> None:  # noqa: FBT001 - a parameter
    assert json.loads(cut(json.dumps(value, ensure_ascii=is_ascii), levels)) == pruned(value, levels)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the operator's process, and as before afterwards."""
    monkeypatch.setattr(json, "_default_decoder", json._default_decoder)  # type: ignore[attr-defined]
    install()


DEEP = '{"a":' * 10_000 + "1" + "}" * 10_000


@pytest.mark.usefixtures("installed")
def test_an_object_that_nests_thousands_deep_is_read_with_those_beside_it() -> None:
    found = json.loads(f'{{"items": [{{"name": "before"}}, {{"deep": {DEEP}, "name": "b"}}, {{"name": "after"}}]}}')
    assert [each["name"] for each in found["items"]] == ["before", "b", "after"]
    # The whole, the list and the member are levels as well.
    depth, inner = 3, found["items"][1]["deep"]
    while inner is not None:
        depth, inner = depth + 1, inner["a"]
    assert depth == DEEPEST


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("text", ["", "{", "]", "[" * 5000, "]" * 5000, '{"a": nope}', '["' + "[" * 5000])
def test_what_is_no_json_stays_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"line 1 column"):
        json.loads(text)


@pytest.mark.usefixtures("installed")
def test_bytes_are_read_as_well() -> None:
    assert json.loads(b'{"a": [1, 2]}') == {"a": [1, 2]}
