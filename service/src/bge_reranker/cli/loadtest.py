"""`bge-reranker loadtest`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ..errors import SettingsError
from ..plain_numbers import plain_number
from ..text_files import NotText, read_text
from .numbers import NumberRange, WholeNumber, WholeNumberRange
from .output import PICTURES, refuse_unwritable, written

if TYPE_CHECKING:
    from ..loadtest.plan import Step
    from ..loadtest.workload import Question

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.Path(dir_okay=False, path_type=Path)
_SIZE = "16, 4-40 or lognormal:20:0.8"

_MOST_PER_SECOND = 100_000
_MOST_CLIENTS = 1_000
_PROBE_CLIENTS = 16
_SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0, 1.1)
"""Loads of a sweep, as shares of what the server answers to `_PROBE_CLIENTS` clients."""


@click.command()
@click.argument("url")
@click.option("--rate", help="Open loop: requests per second, several separated by commas; `auto` finds the range.")
@click.option("--clients", help="Closed loop: clients that wait for each answer, several numbers separated by commas.")
@click.option("--arrivals", type=click.Choice(["poisson", "constant", "bursts"]), default="poisson", show_default=True)
@click.option("--seconds", type=NumberRange(0.1, 86_400), default=10.0, show_default=True, help="Length of each step.")
@click.option("--dialect", default="native", show_default=True, help="Dialect in which is asked.")
@click.option("--requests", type=_FILE, help="Queries with documents, one JSON object a line; else they are made up.")
@click.option("--documents", default="16", show_default=True, help=f"Documents of a request: {_SIZE}.")
@click.option("--words", default="60", show_default=True, help="Words of a document, in the same form.")
@click.option("--query-words", default="3-12", show_default=True, help="Words of a query, in the same form.")
@click.option("--questions", type=WholeNumberRange(min=1), default=500, show_default=True, help="Different requests.")
@click.option("--keys", type=_FILE, help="API keys, one a line: a caller each, and they take turns.")
@click.option(
    "--p95-ms", type=NumberRange(0.001, 3_600_000), help="Objective: the knee is the last load that keeps it."
)
@click.option(
    "--timeout",
    type=NumberRange(0.001, 3_600),
    default=60.0,
    show_default=True,
    help="Longest wait for an answer, in s.",
)
@click.option(
    "--score-tolerance", type=NumberRange(0, 1), default=0.001, show_default=True, help="Between equal requests."
)
@click.option("--seed", type=WholeNumber(), default=0, show_default=True)
@click.option("--json", "json_file", type=_OUTPUT, help="Also write a JSON file.")
@click.option("--picture", type=_OUTPUT, help="Also draw latency against load: .png, .svg or .pdf.")
def loadtest(
    url: str,
    rate: str | None,
    clients: str | None,
    arrivals: Literal["poisson", "constant", "bursts"],
    seconds: float,
    dialect: str,
    requests: Path | None,
    documents: str,
    words: str,
    query_words: str,
    questions: int,
    keys: Path | None,
    p95_ms: float | None,
    timeout: float,
    score_tolerance: float,
    seed: int,
    json_file: Path | None,
    picture: Path | None,
) -> None:
    """Load a server with requests, check every answer, and show latency against load.

    URL is the server's address, such as http://127.0.0.1:8000. Latencies of an open loop count from when a request was
    to be sent. A request is failed if it has no answer, an error other than a refusal with Retry-After, or scores that
    are missing, not finite, or other than before.
    """
    for file, option, endings in ((json_file, "--json", ()), (picture, "--picture", PICTURES)):
        if file is not None:
            refuse_unwritable(file, option, endings)
    if (rate is None) == (clients is None):
        raise click.UsageError("Give either --rate or --clients.")
    rates = None if rate == "auto" else _numbers(rate, "--rate")
    numbers = _numbers(clients, "--clients", most=_MOST_CLIENTS)
    if not all(number.is_integer() for number in numbers):
        raise click.BadParameter(f"{clients!r} are no whole numbers, such as 1,4,16.", param_hint="--clients")
    counts = [int(number) for number in numbers]
    _require_locust()
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once

    from ..loadtest import plan, report, run, summary  # noqa: PLC0415

    url = url.rstrip("/")
    asked = _questions(requests, documents, words, query_words, questions, seed)
    path, lines = run.bodies(dialect, run.templates(url), asked)
    callers, errors = _keys(keys), Console(stderr=True)

    def measured(*steps: Step) -> run.Run:
        return run.run(plan.LoadPlan(url, path, callers, steps, timeout, score_tolerance, seed), lines, errors)

    if rates is None:
        probe = measured(plan.Step(seconds=seconds, clients=_PROBE_CLIENTS)).steps[0]
        click.echo(f"{_PROBE_CLIENTS} clients were answered {probe.goodput:.3g} requests per second.", err=True)
        rates = [share * probe.goodput for share in _SHARES] if probe.answered else []
    result = measured(
        *(plan.Step(seconds=seconds, rate=each, arrivals=arrivals) for each in rates),
        *(plan.Step(seconds=seconds, clients=each) for each in counts),
    )
    result.server = run.about(url)
    knee = summary.knee(result.steps, p95_ms)
    report.print_report(result, knee, Console())
    if json_file is not None:
        with written(json_file, "--json"):
            report.save_json(result, knee, json_file)
    if picture is not None:
        with written(picture, "--picture"):
            report.save_picture(result, knee, picture)
    if any(step.failed for step in result.steps):
        raise click.exceptions.Exit(1)


def _numbers(text: str | None, option: str, most: float = _MOST_PER_SECOND) -> list[float]:
    """Positive numbers, separated by commas."""
    numbers = [plain_number(part.strip()) for part in text.split(",")] if text is not None else []
    if any(number is None or not 0 < number <= most for number in numbers):
        raise click.BadParameter(
            f"{text!r} is no list of numbers above 0 and at most {most:g}, such as 5,10,20.", param_hint=option
        )
    return [number for number in numbers if number is not None]


def _questions(
    file: Path | None, documents: str, words: str, query_words: str, count: int, seed: int
) -> list[Question]:
    from ..loadtest.workload import made_questions, read_questions  # noqa: PLC0415
    from ..planning.sizes import Sizes  # noqa: PLC0415

    if file is not None:
        return read_questions(file)
    return made_questions(
        count,
        Sizes.parse(documents, "--documents"),
        Sizes.parse(words, "--words"),
        Sizes.parse(query_words, "--query-words"),
        seed,
    )


def _keys(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return ()
    try:
        lines = read_text(file).splitlines()
    except NotText as error:
        raise SettingsError(f"--keys {file} {error}.", remedy="Give a file with one key a line.") from None
    keys = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not keys:
        raise SettingsError(f"--keys {file} holds no key.", remedy="Write one key a line.")
    return keys


def _require_locust() -> None:
    """Say what is missing. Locust itself is imported in the process that sends: it replaces Python's sockets."""
    for package in ("locust", "matplotlib"):
        if find_spec(package) is None:
            raise SettingsError(f"`loadtest` needs the package {package}.", remedy="Install bge-reranker[loadtest].")
