"""The table: each room's rows stand in a module of their own."""

from __future__ import annotations

from tests.attacks import pods, rerankers
from tests.attacks.attack import Attack

ATTACKS: tuple[Attack, ...] = (*pods.ROWS, *rerankers.ROWS)
