"""The program `bge-reranker`: its commands, and how their errors look."""

from __future__ import annotations

import io
import sys
from contextlib import suppress

import click

from ..errors import RerankerError
from ..termination import write_termination_message
from .doctor import doctor
from .evaluate import evaluate
from .finetune import finetune
from .gate import gate
from .keys import keys
from .loadtest import loadtest
from .model import model
from .output import checked_output
from .plan import plan
from .quantise import quantise
from .rerank import rerank
from .serve import serve
from .settings import settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="bge-reranker")
def program() -> None:
    """Rank documents for a query with a cross-encoder."""


COMMANDS = (
    serve,
    rerank,
    evaluate,
    finetune,
    gate,
    loadtest,
    plan,
    doctor,
    quantise,
    keys,
    model,
    settings,
)
for command in COMMANDS:
    program.add_command(command)


def main() -> None:
    """Run a command; an error of ours becomes one sentence with its code, and the code's exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a replacement, not a crash.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        with checked_output():
            program()
    except RerankerError as error:
        # Where standard error is full, too, the exit code still says what it was.
        with suppress(OSError):
            click.echo(f"{error.code}: {error.sentence()}", err=True)
        # In a pod this is how the sentence gets to whoever looks at its status; a command that knows of another place
        # has written there as well.
        write_termination_message(error)
        sys.exit(error.exit_code)
