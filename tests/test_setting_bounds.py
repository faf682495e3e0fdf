from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, create_model

from bge_reranker.setting_bounds import bounds_in, setting_bounds
from bge_reranker.setting_texts import MUST_BE
from bge_reranker.settings import SettingsGroup

Coloured = Annotated[str, Field(pattern="^#[0-9a-f]{6}$", json_schema_extra={MUST_BE: "a colour such as #00ff7f"})]


def words(declared: Any, **bounds: Any) -> str:
    """What a setting of this type and with these bounds must be."""
    group = create_model("Group", __base__=SettingsGroup, size=(declared, Field(description="A size.", **bounds)))
    (found,) = bounds_in(create_model("Whole", __base__=SettingsGroup, group=(group, ...)).model_json_schema())
    assert found.key == "group.size"
    assert found.sentence == f"it must be {found.words}. Correct it, or leave it out for the default."
    return found.words


@pytest.mark.parametrize(
    ("address", "may_be_repeated"),
    [
        ("redis://host:99999/a:b", False),
        ("redis://host/a:b", True),
        ("http://collector", True),
        ("redis://user:hush@host", False),
        ("https://host?token=hush", False),
        ("https://host#hush", False),
        ("redis://user:hush", False),
        ("redis://:hush7/0", False),
    ],
)
def test_an_address_in_which_a_password_may_be_is_not_repeated(address: str, *, may_be_repeated: bool) -> None:
    assert setting_bounds()["guard.redisUrl"].may_repeat(address) is may_be_repeated


@pytest.mark.parametrize(
    ("declared", "bounds", "expected"),
    [
        (int, {"ge": 1, "le": 10**15}, "a whole number from 1 to 1000000000000000"),
        (int | None, {"ge": 1}, "a whole number of at least 1"),
        (float, {"gt": 0.5, "le": 2}, "a number above 0.5 and at most 2"),
        (float, {"gt": 0}, "a number above 0"),
        (float, {"le": 2}, "a number of at most 2"),
        (float, {}, "a number"),
        (str, {}, "a string"),
        (str, {"min_length": 1, "max_length": 9}, "a string of 1 to 9 characters"),
        (str, {"max_length": 9}, "a string of at most 9 characters"),
        (Coloured, {}, "a colour such as #00ff7f"),
        (Coloured | None, {}, "a colour such as #00ff7f"),
        (Literal["a", "b", "c"] | None, {}, "a, b or c"),
        (bool, {}, "true or false"),
    ],
)
def test_a_declaration_is_put_into_words(declared: Any, bounds: dict[str, Any], expected: str) -> None:
    assert words(declared, **bounds) == expected


@pytest.mark.parametrize(
    ("declared", "bounds", "said"),
    [
        (str, {"pattern": "^a$"}, "group.size: its pattern says nothing to people; say in mustBe what it must be"),
        (int, {"multiple_of": 2}, "group.size: no words for multipleOf; teach setting_bounds.py"),
        (int | str, {}, "group.size: a setting is one type, or that or null"),
    ],
)
def test_a_declaration_without_words_is_refused_by_name(declared: Any, bounds: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        words(declared, **bounds)


def test_every_setting_says_what_it_must_be() -> None:
    found = {key: bounds.words for key, bounds in setting_bounds().items()}
    assert found["engine.maxBatchTokens"] == "a whole number from 16 to 4194304"
    assert found["model.device"] == "auto, cpu, cuda or cuda:N"
    assert found["http.pathPrefixes"].endswith("separated by commas (at most 4096 characters)")
    assert [key for key, text in found.items() if not text] == []
