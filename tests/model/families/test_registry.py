from __future__ import annotations

from pathlib import Path

import pytest

import bge_reranker
from bge_reranker.model.families.family import Family
from bge_reranker.model.families.registry import FAMILIES

PACKAGE = Path(bge_reranker.__file__).parent
ELSEWHERE = [path for path in (PACKAGE / "model").rglob("*.py") if path.parent.name != "families"]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_no_room_but_families_knows_what_a_family_is_called(family: Family) -> None:
    assert len(ELSEWHERE) > 30
    names = [f'"{family.model_type}"', f'"{family.encoder}."', f'"{family.encoder}"', *FAMILIES]
    found = [(path.name, name) for path in ELSEWHERE for name in names if name in path.read_text(encoding="utf-8")]
    assert found == []
