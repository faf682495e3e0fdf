"""`python -m tests.parity`: compare, print a table, write build/parity.json, exit 1 if anything disagrees."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import structlog
from rich.console import Console
from rich.table import Table

from bge_reranker import Reranker
from bge_reranker.settings import Preset

from .checkpoints import SHAPES, cached_checkpoint
from .comparison import Comparison, compare
from .peers import PEERS, ROOT, peer_logits, peer_python
from .texts import NamedPair, varied_pairs

CACHE = Path.home() / ".cache" / "bge-reranker"
"""Where environments and checkpoints stay between runs."""

WARM_UP_TOKENS = 2_048
"""Largest batch in tokens: pairs are scored one request each, so that a larger one would only be warmed up."""


@click.command()
@click.option("--shape", "shapes", multiple=True, type=click.Choice(list(SHAPES)), help="Only this shape of network.")
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, show_default=True)
def main(shapes: Sequence[str], cache: Path) -> None:
    """Compare our scores with those of the references, text in and logit out."""
    # One line per loaded model would drown the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    # Wide enough for every column where the output is not a terminal.
    console = Console(width=None if sys.stdout.isatty() else 160)
    pairs = varied_pairs()
    comparisons: list[Comparison] = []
    for name in shapes or tuple(SHAPES):
        console.print(f"{name}: making or finding the checkpoint")
        folder = cached_checkpoint(SHAPES[name], cache / "parity")
        ours = {peer.preset: our_logits(folder, peer.preset, pairs) for peer in PEERS}
        for peer in PEERS:
            console.print(f"{name}: {peer.name} in its own environment")
            theirs = peer_logits(peer, peer_python(peer, cache), folder, pairs)
            comparisons += [
                compare(
                    [pair.name for pair in pairs],
                    ours[preset],
                    theirs,
                    shape=name,
                    peer=peer.name,
                    preset=preset,
                    is_control=preset == peer.control_preset,
                )
                for preset in (peer.preset, peer.control_preset)
            ]
    console.print(table_of(comparisons))
    write_report(comparisons, ROOT / "build" / "parity.json")
    sys.exit(0 if all(comparison.passed for comparison in comparisons) else 1)


def our_logits(folder: Path, preset: Preset, pairs: Sequence[NamedPair]) -> list[float]:
    """Score pairs by the public path, one request each."""
    with Reranker(
        str(folder), preset=preset, device="cpu", precision="float32", max_batch_tokens=WARM_UP_TOKENS
    ) as reranker:
        return [reranker.logits(pair.query, [pair.document])[0] for pair in pairs]


def table_of(comparisons: Sequence[Comparison]) -> Table:
    """One row per comparison."""
    table = Table(title="Logits beside the references, float32 on the CPU")
    for column in ("shape", "reference", "our preset", "pairs", "max |diff|", "mean", "worst pair", "limit", "verdict"):
        table.add_column(column, overflow="fold")
    for comparison in comparisons:
        table.add_row(
            comparison.shape,
            comparison.peer,
            f"{comparison.preset} (control)" if comparison.is_control else comparison.preset,
            str(comparison.pairs),
            f"{comparison.max_difference:.2e}",
            f"{comparison.mean_difference:.2e}",
            comparison.worst_pair,
            f"> {comparison.limit:g}" if comparison.is_control else f"<= {comparison.limit:g}",
            comparison.verdict,
        )
    return table


def write_report(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write the rows as JSON."""
    rows = [{**asdict(comparison), "passed": comparison.passed} for comparison in comparisons]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
