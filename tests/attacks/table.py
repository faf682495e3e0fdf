"""The table: the rows of every module beside this one that has `ROWS`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import tests.attacks as folder
from tests.attacks.attack import Attack


def _rows() -> Iterator[Attack]:
    for module in iter_modules(folder.__path__):
        if not module.name.startswith(("test_", "table")):
            yield from getattr(import_module(f"{folder.__name__}.{module.name}"), "ROWS", ())


ATTACKS: tuple[Attack, ...] = tuple(_rows())
