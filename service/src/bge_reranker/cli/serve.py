"""`bge-reranker serve`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from ..configuration import load_settings
from ..errors import RerankerError
from ..termination import write_termination_message
from .setting_options import given_flags, setting_options


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration file, YAML or JSON; environment variables and flags override it.",
)
@setting_options()
@click.pass_context
def serve(context: click.Context, /, config_file: Path | None, **_settings: object) -> None:
    """Serve a model over HTTP.

    Settings come from defaults, then --config, then the environment (BGE_RERANKER_CONFIG as JSON, then one variable a
    setting), then flags; the later wins.
    """
    # Until the server handles signals itself there is nothing to finish.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    # How to log is a setting, so that what is said about settings waits.
    former_keys: list[str] = []
    effective = load_settings(config_file, os.environ, given_flags(context), former_keys.append)
    # What is imported stays: walking over it again and again takes a tenth of the imports' time.
    gc.disable()
    # Imported late, so that --help and a wrong setting answer at once.
    from ..app import create_process  # noqa: PLC0415
    from ..observe.logs import configure_logs  # noqa: PLC0415
    from .greeting import greet  # noqa: PLC0415

    gc.enable()
    configure_logs(effective.observe)
    for sentence in former_keys:
        logging.getLogger("bge_reranker.configuration").warning(sentence)
    termination_log = Path(effective.observe.termination_log)

    async def run() -> int:
        try:
            process = create_process(effective, greet)
        except RerankerError as error:
            write_termination_message(error, termination_log)
            raise
        code = await process.run()
        if process.failure is not None:
            write_termination_message(process.failure, termination_log)
            click.echo(f"{process.failure.code}: {process.failure.sentence()}", err=True)
        return code

    try:
        import uvloop  # noqa: PLC0415 - absent on some systems

        code = uvloop.run(run())
    except ModuleNotFoundError:
        code = asyncio.run(run())
    for stream in (sys.stdout, sys.stderr):
        # A full disk behind them is no reason to hang.
        with suppress(OSError):
            stream.flush()
    # A load that a signal interrupted still runs in its daemon thread; waiting for it would hold up the exit.
    os._exit(code)
