"""What is asked of each command in the documentation: that it could be run as printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import click
import yaml

from bge_reranker.cli.main import program
from docs_site.staging import ROOT
from tests.chart.rendering import CHART, helm

from .blocks import Block

_TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
_LOCAL_CHART = "charts/bge-reranker"


def complaint(block: Block, command: list[str]) -> str:
    """What is wrong with a command; empty if nothing is.

    Args:
        block: Where it stands.
        command: Its words.
    """
    words = command[1:] if command[0] == "sudo" else command
    words = words[next((place for place, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)), len(words)) :]
    if not words:
        return ""
    check = _CHECKS.get(Path(words[0]).name)
    return check(block, words[1:]) if check else f"{words[0]} is a program that nobody has said how to check"


def _make(_: Block, words: list[str]) -> str:
    targets = [word for word in words if "=" not in word]
    return "; ".join(f"make has no target {target}" for target in targets if target not in _TARGETS)


def _program(_: Block, words: list[str]) -> str:
    command: click.Command = program
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        if name not in command.commands:
            return f"bge-reranker has no command {name}"
        command = command.commands[name]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    flags = [word for word in rest if word.startswith("--")]
    return "; ".join(f"{command.name} has no flag {flag}" for flag in flags if flag.partition("=")[0] not in known)


def _python(_: Block, words: list[str]) -> str:
    module = words[words.index("-m") + 1] if "-m" in words else ""
    return "" if module and find_spec(module) else f"there is no module {module}"


def _helm(_: Block, words: list[str]) -> str:
    if words[0] != "install":
        return ""
    chart = next(word for word in words if word.endswith("bge-reranker"))
    if "://" not in chart and chart != _LOCAL_CHART:
        return f"{chart} is no chart of this repository"
    options = []
    for place, word in enumerate(words):
        if word in {"--set", "--set-string"}:
            options += [word, words[place + 1]]
        elif word in {"--values", "-f"}:
            options += ["--values", str(ROOT / words[place + 1])]
    done = helm("template", "demo", str(CHART), *options)
    return done.stderr


def _kubectl(block: Block, words: list[str]) -> str:
    named = [words[place + 1] for place, word in enumerate(words) if word in {"-f", "-k"}]
    missing = [name for name in named if name != "-" and not (ROOT / name).exists() and f"> {name}" not in block.text]
    if missing:
        return f"{', '.join(missing)} is not there"
    wrong = [refused for text in block.heredocs if (refused := _refusal(text))] if words[0] == "apply" else []
    return "; ".join(wrong)


def _refusal(manifest: str) -> str:
    """What the chart has against a Reranker in a heredoc."""
    found = yaml.safe_load(manifest)
    if found["kind"] != "Reranker":
        return ""
    return helm("template", "demo", str(CHART), "--values=-", text_input=yaml.safe_dump(found["spec"])).stderr


def _copy(_: Block, words: list[str]) -> str:
    sources = [word for word in words[:-1] if not word.startswith("-")]
    return "; ".join(
        f"{name} is not there" for name in sources if not name.startswith("/") and not (ROOT / name).exists()
    )


def _unchecked(_: Block, __: list[str]) -> str:
    """It is somebody else's program, and what it is given is said in words."""
    return ""


_CHECKS: Mapping[str, Callable[[Block, list[str]], str]] = {
    "bge-reranker": _program,
    "cp": _copy,
    "helm": _helm,
    "kubectl": _kubectl,
    "make": _make,
    "python": _python,
    "python3": _python,
    **dict.fromkeys(
        (
            "apt-get cat cd cosign ctr curl docker export for git grep head install kind nginx openssl oras paste "
            "podman printf rm seq sha256sum skopeo systemctl tail tar true useradd wait"
        ).split(),
        _unchecked,
    ),
}
