"""`bge-reranker plan`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ..errors import SettingsError
from .numbers import NumberRange, WholeNumberRange
from .output import PICTURES, refuse_unwritable, written

if TYPE_CHECKING:
    from ..planning.report import PlanReport
    from ..planning.sizes import RequestSizes
    from ..planning.sizing import Step

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_OUTPUT = click.Path(dir_okay=False, path_type=Path)
_SIZE = "16, 4-40 or lognormal:20:0.8"
_MOST_DOCUMENTS = 100_000
_MOST_TOKENS = 1_000_000
_PICTURE_LOADS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2)


@click.command()
@click.option("--qps", type=NumberRange(0.001, 1e9), required=True, help="Requests per second.")
@click.option("--documents", help=f"Documents of a request: {_SIZE}.  [default: 100]")
@click.option("--tokens", help="Tokens of a pair, that is query, document and special tokens, in the same form.  [200]")
@click.option(
    "--lengths", type=_FILE, help="Requests instead: tokens of pairs, or texts as for `loadtest`, a line each."
)
@click.option("--tokenizer", type=_FOLDER, help="Folder of the model that texts are tokenised for.  [the embedded one]")
@click.option("--p95-ms", type=NumberRange(0.001, 3_600_000), help="Objective of the 95th percentile.")
@click.option(
    "--from",
    "source",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Measured capacity: a server's address, a report of `loadtest --json`, or figures in a JSON file.",
)
@click.option("--replicas", type=WholeNumberRange(1, 100_000), help="What so many give, instead of how many suffice.")
@click.option(
    "--balancer",
    type=click.Choice(["connections", "round-robin", "backlog"]),
    default="connections",
    show_default=True,
    help="How requests find a replica: by a Service's connections, in turn, or by backlog.",
)
@click.option("--fleet", "is_fleet", is_flag=True, help="Also plan for nodes that fail and versions that roll out.")
@click.option(
    "--node-replicas", type=WholeNumberRange(1, 1_000), default=8, show_default=True, help="Replicas on a node."
)
@click.option("--node-failures", type=NumberRange(0, 1e4), default=4.0, show_default=True, help="Of a node in a year.")
@click.option(
    "--detect-s", type=NumberRange(0, 86_400), default=45.0, show_default=True, help="Until no request goes to it."
)
@click.option(
    "--recover-s", type=NumberRange(0, 1e7), default=300.0, show_default=True, help="Then until it is replaced."
)
@click.option("--rollouts", type=NumberRange(0, 1e4), default=1.0, show_default=True, help="In a week.")
@click.option(
    "--start-s", type=NumberRange(0, 86_400), default=60.0, show_default=True, help="Until a replica is ready."
)
@click.option("--together", type=WholeNumberRange(1, 100_000), default=1, show_default=True, help="Replaced at a time.")
@click.option("--rollout", type=click.Choice(["surge", "in-place"]), default="surge", show_default=True)
@click.option("--zones", type=WholeNumberRange(1, 100), default=1, show_default=True, help="One of which may be lost.")
@click.option(
    "--share", type=NumberRange(0.5, 0.999999), default=0.999, show_default=True, help="Of the time in objective."
)
@click.option("--replica-price", type=NumberRange(0, 1e6), help="Of one replica and hour, in any currency.")
@click.option(
    "--requests", type=WholeNumberRange(200, 1_000_000), default=4_000, show_default=True, help="Simulated in a run."
)
@click.option("--quick", is_flag=True, help="Leave out what the number of replicas depends on.")
@click.option("--seed", type=WholeNumberRange(0), default=1, show_default=True)
@click.option("--json", "json_file", type=_OUTPUT, help="Also write a JSON file.")
@click.option("--plot", type=_OUTPUT, help="Also draw latency against load: .png, .svg or .pdf.")
def plan(
    qps: float,
    documents: str | None,
    tokens: str | None,
    lengths: Path | None,
    tokenizer: Path | None,
    p95_ms: float | None,
    source: str,
    replicas: int | None,
    balancer: Literal["connections", "round-robin", "backlog"],
    node_replicas: int,
    node_failures: float,
    detect_s: float,
    recover_s: float,
    rollouts: float,
    start_s: float,
    together: int,
    rollout: Literal["surge", "in-place"],
    zones: int,
    share: float,
    replica_price: float | None,
    requests: int,
    seed: int,
    json_file: Path | None,
    plot: Path | None,
    *,
    is_fleet: bool,
    quick: bool,
) -> None:
    """Say how many replicas a load needs, what latency to expect of them, and what that depends on.

    The server's own queue and batches are simulated, with the capacity that was measured. Ends with 1 if --replicas do
    not keep the objective.
    """
    for file, option, endings in ((json_file, "--json", ()), (plot, "--plot", PICTURES)):
        if file is not None:
            refuse_unwritable(file, option, endings)
    if plot is not None and find_spec("matplotlib") is None:
        raise SettingsError("--plot needs the package matplotlib.", remedy="Install bge-reranker[loadtest].")
    if lengths is not None and (documents or tokens):
        raise click.UsageError("Give either --lengths or --documents and --tokens.")
    if is_fleet and (replicas is not None or balancer != "connections"):
        raise click.UsageError(
            "--fleet finds the replicas itself, behind a Service: leave out --replicas and --balancer."
        )
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once

    from ..planning import fleet, report, sizing  # noqa: PLC0415
    from ..planning.sources import read_capacity  # noqa: PLC0415

    capacity = read_capacity(source)
    sizes = _sizes(documents, tokens, lengths, tokenizer, capacity.max_pair_tokens)
    demand = sizing.Demand(qps, sizes, p95_ms, balancer, requests, seed)
    with _progress() as on_step:
        if replicas is None:
            sized = sizing.size(demand, capacity, on_step)
        else:
            on_step(f"{replicas} replicas")
            sized = sizing.Sized(replicas, sizing.run(demand, capacity, replicas))
        drivers = () if quick or replicas is not None else tuple(sizing.drivers(demand, capacity, on_step))
        comings = fleet.Fleet(
            node_replicas, node_failures, detect_s, recover_s, rollouts, start_s, together, rollout, zones, share
        )
        its_fleet = fleet.plan_fleet(demand, capacity, comings, on_step) if is_fleet else None
        keeps = sizing.keeps(sized.served, demand)
        found = report.PlanReport(
            demand, capacity, sized.replicas, sized.served, keeps, drivers, its_fleet, replica_price
        )
        if plot is not None:
            _draw(found, plot, on_step)
    found.print(Console(width=None if Console().is_terminal else 140))
    if json_file is not None:
        with written(json_file, "--json"):
            report.save_json(found, json_file)
    if not keeps:
        raise click.exceptions.Exit(1)


def _sizes(
    documents: str | None, tokens: str | None, lengths: Path | None, tokenizer: Path | None, max_pair_tokens: int
) -> RequestSizes:
    from ..planning.sizes import RequestSizes, Sizes  # noqa: PLC0415

    if lengths is None:
        return RequestSizes.of(
            Sizes.parse(documents or "100", "--documents", _MOST_DOCUMENTS),
            Sizes.parse(tokens or "200", "--tokens", _MOST_TOKENS),
        )
    from ..demo import demo_model_directory  # noqa: PLC0415
    from ..loadtest.workload import read_questions  # noqa: PLC0415
    from ..planning.lengths import are_tokens, count_tokens, read_lines, read_tokens  # noqa: PLC0415

    lines = read_lines(lengths)
    if are_tokens(lines):
        return RequestSizes.among(read_tokens(lines, str(lengths)))
    texts = [(question.query, question.documents) for question in read_questions(lengths)]
    return RequestSizes.among(count_tokens(texts, tokenizer or demo_model_directory(), max_pair_tokens))


def _draw(found: PlanReport, file: Path, on_step: Step) -> None:
    from ..planning import report, sizing  # noqa: PLC0415

    curve = {}
    for part in _PICTURE_LOADS:
        rate = part * found.demand.rate
        on_step(f"{rate:.3g} requests/s")
        curve[rate] = sizing.run(replace(found.demand, rate=rate), found.capacity, found.replicas)
    with written(file, "--plot"):
        report.save_picture(found, curve, file)


@contextmanager
def _progress() -> Iterator[Step]:
    """Show what is simulated. How many runs a search takes is not known before it ends."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(
        BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"), console=console, transient=True
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda said: bar.update(task, description=f"simulating {said}")
