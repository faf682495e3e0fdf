"""How many tokens of a pair a loaded model has positions for, asked of the model itself.

A model computes two short pairs. A table in which the last row looked up moves with the pair's last token is one of
positions, and where it stands then tells how many tokens the whole table is for. Nothing beyond a table is asked for,
which on a GPU would end the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

_LOOK_UPS = (torch.ops.aten.embedding.default, torch.ops.aten.index_select.default, torch.ops.aten.index.Tensor)
"""Operators by which models read rows of tables."""

_SHORT_TOKENS, _LONG_TOKENS = 8, 24
"""Lengths of the two pairs: short, and far enough apart for no table to be mistaken."""


class _Watch(TorchDispatchMode):
    """Remembers the last row that is looked up in each table."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch left it untyped
        self.last_rows: dict[tuple[int, int], int] = {}
        """By the table's address and its number of rows."""

    @override
    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operator, and look at the rows that it reads first."""
        if func in _LOOK_UPS:
            table, rows = args[0], _rows(func, args)
            if rows is not None and rows.numel() and table.dim() > 1:
                last = int(rows.max())
                if last >= table.shape[0]:
                    raise IndexError(f"row {last} of a table with {table.shape[0]}")
                key = (table.data_ptr(), table.shape[0])
                self.last_rows[key] = max(self.last_rows.get(key, -1), last)
        return func(*args, **(kwargs or {}))


def _rows(func: Any, args: Sequence[Any]) -> Tensor | None:
    if func is torch.ops.aten.embedding.default:
        return args[1] if isinstance(args[1], Tensor) else None
    if func is torch.ops.aten.index_select.default:
        return args[2] if args[1] == 0 else None
    first = args[1][0] if args[1] else None
    return first if isinstance(first, Tensor) and first.dtype in (torch.int32, torch.int64) else None


def position_limit(compute: Callable[[int], object]) -> int | None:
    """Find the longest pair that every table of positions has a row for.

    Args:
        compute: Lets the model compute a pair of so many equal tokens.

    Returns:
        Tokens; None where no table is of positions, or the model cannot compute so short a pair.
    """
    short, long = _watched(compute, _SHORT_TOKENS), _watched(compute, _LONG_TOKENS)
    if short is None or long is None:
        return None
    limits = [
        rows - (last + 1 - _LONG_TOKENS)
        for (address, rows), last in long.items()
        if last - short.get((address, rows), last) == _LONG_TOKENS - _SHORT_TOKENS
    ]
    return min(limits, default=None)


def _watched(compute: Callable[[int], object], tokens: int) -> dict[tuple[int, int], int] | None:
    watch = _Watch()
    with watch, torch.no_grad():
        try:
            compute(tokens)
        except Exception:  # noqa: BLE001 - whether the model can compute anything, the acceptance test finds out
            return None
    return watch.last_rows
