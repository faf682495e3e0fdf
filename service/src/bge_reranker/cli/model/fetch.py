"""`bge-reranker model fetch`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import RerankerError
from ...termination import write_termination_message
from ..ending import end_tidily_on_sigterm
from ..numbers import WholeNumberRange
from ..setting_options import field_options
from .target import effective_settings, store_directory

if TYPE_CHECKING:
    from ...settings import Settings
    from ...store.fetch import Fetched, Fetcher
    from .fetch_server import FetchReport


@click.command()
@click.argument("source", required=False)
@field_options("revision", "cache_dir", "expect_digest", "verify", "claims_dir", "allow_pickle")
@field_options("log_format", "termination_log")
@click.option("--refresh", is_flag=True, help="Ask the source again what the revision means, though the store knows.")
@click.option("--keep", type=WholeNumberRange(min=1), help="Afterwards keep so many versions of this model at most.")
@click.option("--progress-file", type=click.Path(path_type=Path), help="JSON file that always holds the progress.")
@click.option("--metrics-port", type=WholeNumberRange(0, 65535), help="Port of /info and /metrics while it runs.")
@click.pass_context
def fetch(
    context: click.Context,
    /,
    source: str | None,
    *,
    refresh: bool,
    keep: int | None,
    progress_file: Path | None,
    metrics_port: int | None,
    **_settings: object,
) -> None:
    """Fetch a model into the store and print its folder.

    SOURCE is written as in the setting --model, for example hf://org/name, https://host/model.tar.gz or file:///path;
    without it, the one that the settings name. What is there already is not fetched again.
    """
    effective = effective_settings(context, source)
    # So that no fetcher on another machine waits for the lock to get stale.
    end_tidily_on_sigterm()
    try:
        fetched = _run(effective, refresh=refresh, progress_file=progress_file, metrics_port=metrics_port)
        if keep is not None:
            from ...store.prune import prune  # noqa: PLC0415 - as below

            for version in prune(store_directory(effective.model), keep, only=fetched.version.name):
                click.echo(f"Removed {version.path}.", err=True)
    except RerankerError as error:
        write_termination_message(error, Path(effective.observe.termination_log))
        raise
    _say_what_was_meant(fetched)
    verb = "is there already" if fetched.was_there else "was fetched"
    click.echo(f"{fetched.version.key} {verb}: digest {fetched.manifest.digest}", err=True)
    click.echo(fetched.version.path)


def _say_what_was_meant(fetched: Fetched) -> None:
    """A branch or tag moves: say which commit or digest it was."""
    origin = fetched.manifest.provenance
    if origin is not None and origin.commit is not None and origin.commit != origin.revision:
        click.echo(f"{origin.source} at {origin.revision or 'its default'} is {origin.commit}.", err=True)


def _run(settings: Settings, *, refresh: bool, progress_file: Path | None, metrics_port: int | None) -> Fetched:
    # Imported late, so that --help and a wrong setting answer at once.
    from ...observe.logs import configure_logs  # noqa: PLC0415 - see above
    from ...store.progress import Meter  # noqa: PLC0415
    from ...store.sources.registry import require_source  # noqa: PLC0415
    from .fetch_progress import shown_progress  # noqa: PLC0415
    from .fetch_server import FetchReport  # noqa: PLC0415

    configure_logs(settings.observe)
    report = FetchReport(require_source(settings.model.source, settings.model.revision), Meter())
    fetcher = _fetcher(settings, report, refresh=refresh)
    with shown_progress(report, progress_file, metrics_port):
        return fetcher.fetch()


def _fetcher(settings: Settings, report: FetchReport, *, refresh: bool) -> Fetcher:
    from ...store.fetch import Fetcher  # noqa: PLC0415 - see above
    from ...store.listing import FetchOptions  # noqa: PLC0415
    from ...store.paths import Store  # noqa: PLC0415
    from .convert import convert_pickles  # noqa: PLC0415

    model = settings.model
    options = FetchOptions(
        expect_digest=model.expect_digest,
        allow_pickle=model.allow_pickle,
        is_refresh=refresh,
        is_full=model.verify == "full",
        claims=Path(model.claims_dir),
        environment=os.environ,
    )
    store = Store(store_directory(model))
    return Fetcher(store, report.source, options, report.meter, convert_pickles)
