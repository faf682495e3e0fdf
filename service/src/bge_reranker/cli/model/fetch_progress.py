"""How a fetch shows how far it is: a bar on a terminal; log lines, a file and metrics in a pod."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar

from ...errors import RerankerError
from ...store.progress import Progress
from .fetch_server import FetchReport, serve_report

_LOG_INTERVAL_S = 5.0
_BAR_INTERVAL_S = 0.2

_log = structlog.get_logger("bge_reranker.fetch")


@contextmanager
def shown_progress(report: FetchReport, file: Path | None, port: int | None) -> Iterator[None]:
    """Show how far a fetch is until the block ends, and count the error that ends it.

    Args:
        report: What is shown.
        file: Rewritten with each look, by rename.
        port: Where the operator and Prometheus may look.

    Raises:
        SettingsError: If the port is taken.
    """
    meter, failures = report.meter, serve_report(report, port) if port is not None else None
    is_terminal = sys.stderr.isatty()
    ended = threading.Event()

    def show() -> None:
        with _terminal_bar() if is_terminal else nullcontext() as bar:
            _show_once(meter.progress(), bar, file)
            while not ended.wait(_BAR_INTERVAL_S if bar is not None else _LOG_INTERVAL_S):
                _show_once(meter.progress(), bar, file)
            _write(meter.progress(), file)

    thread = threading.Thread(target=show, name="fetch-progress", daemon=True)
    thread.start()
    try:
        try:
            yield
        finally:
            # Before anything is logged: a bar would overwrite it.
            ended.set()
            thread.join()
    except RerankerError as error:
        if failures is not None:
            failures.labels(error.code).inc()
        _log.error("fetch_failed", code=error.code, message=error.message, remedy=error.remedy, **error.figures)
        raise


def _show_once(progress: Progress, bar: Bar | None, file: Path | None) -> None:
    _write(progress, file)
    if bar is None:
        _log.info("fetch_progress", **_as_keys(progress))
    else:
        bar.update(
            bar.task_ids[0],
            description=progress.step,
            total=progress.total_bytes,
            completed=progress.done_bytes,
            left=_left(progress),
        )


def _write(progress: Progress, file: Path | None) -> None:
    if file is None:
        return
    temporary = file.with_name(f".{file.name}.new")
    # Progress that cannot be written must not end a fetch.
    with suppress(OSError):
        temporary.write_text(json.dumps(_as_keys(progress)) + "\n", encoding="utf-8")
        temporary.replace(file)


def _as_keys(progress: Progress) -> dict[str, Any]:
    eta_s = progress.eta_s
    keys = asdict(progress) | {"bytes_per_second": round(progress.bytes_per_second)}
    return keys | {"eta_s": None if eta_s is None else round(eta_s, 1)}


def _left(progress: Progress) -> str:
    """Rate and remaining time: the meter's own, since the bar would take for speed what an earlier fetch left."""
    rate = f"{decimal(round(progress.bytes_per_second))}/s" if progress.bytes_per_second > 0 else ""
    return rate if progress.eta_s is None else f"{rate}, {timedelta(seconds=round(progress.eta_s))} left"


def _terminal_bar() -> Bar:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[left]}"))
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("resolving", total=None, left="")
    return bar
