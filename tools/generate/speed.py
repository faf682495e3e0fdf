"""The table of speeds in README.md, from what `make bench-peers` measured."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from .marked_section import replace_section

_CLIENTS = (16, 0)
"""Clients of the cells that count; 0 is a library that is called directly."""

_ROWS = ("int8", "float32", "onnx-int8", "torch-float32", "infinity")
_RUNS = {"base": "base, 4,16,32 clients", "large": "large, 1,16 clients"}


def readme_with_speed(page: Path, measurements: Path) -> str:
    """The page with its table as it should be.

    Args:
        page: README.md.
        measurements: peers.json.
    """
    measured = json.loads(measurements.read_text(encoding="utf-8"))
    return replace_section(page.read_text(encoding="utf-8"), "speed", speed_table(measured))


def speed_table(measured: dict[str, Any]) -> str:
    """One line a contestant and one column a shape, with the command behind each column."""
    runs = {shape: measured[name] for shape, name in _RUNS.items()}
    lines = [f"| | {' | '.join(f'XLM-RoBERTa {shape}' for shape in runs)} |", f"| ---{' | ---:' * len(runs)} |"]
    for key in _ROWS:
        contestants = [run["contestants"][key] for run in runs.values()]
        rates = " | ".join(f"{_tokens_per_second(contestant):,.0f}" for contestant in contestants)
        lines.append(f"| {contestants[0]['name']} | {rates} |")
    sources = [f"{shape}: `{run['command']}`, {run['machine']}, {run['date'][:10]}" for shape, run in runs.items()]
    return "\n".join([*lines, "", ". ".join(source[0].upper() + source[1:] for source in sources) + "."])


def _tokens_per_second(contestant: dict[str, Any]) -> float:
    cells = [cell for cell in contestant["cells"] if cell["clients"] in _CLIENTS]
    rates: list[float] = [cell["tokens"] / cell["seconds"] for cell in cells]
    return statistics.median(rates)
