from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.attack import Attack
from tests.attacks.table import ATTACKS


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.kind}: {attack.name}")
def test_attack_has_the_outcome_that_the_table_says(attack: Attack, tmp_path: Path) -> None:
    assert attack.launch(tmp_path) == attack.outcome
