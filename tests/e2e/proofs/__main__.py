"""`python -m tests.e2e.proofs NAME`: run one long proof on a cluster of its own and write down what it found."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import os
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.cluster.failures import ClusterError
from tests.cluster.layout import CONTEXT
from tests.e2e.image_names import IMAGE, OPERATOR_IMAGE, SEARCH_IMAGE
from tests.e2e.kubernetes import Cluster
from tests.e2e.own_cluster import own_cluster
from tests.e2e.previous_version import known_revision, revision_before

MEASUREMENTS = Path(__file__).resolve().parents[3] / "docs" / "measurements"
_CHART = ("chart-changes", "chart-autoscaling", "chart-caches", "chart-life", "chart-limits", "chart-helm-3")
_MODELS = ("chart-registry",)
_OPERATOR = ("operator-kills", "operator-outage")
PROOFS = (
    "autoscaling",
    "keda",
    "redis",
    "node-death",
    "on-request",
    "crash",
    "store-kills",
    *_CHART,
    *_MODELS,
    *_OPERATOR,
    "operator-life",
    "moves",
    "versions",
    "finetune",
    "quick-starts",
    "release",
    "upgrade",
)
WITHOUT_CLUSTER = frozenset({"store-kills", "release", *_OPERATOR})
CONSOLE = Console()


@click.command()
@click.argument("name", type=click.Choice(PROOFS))
@click.option("--keep", is_flag=True, help="Leave the cluster up, and use it if it is up already.")
@click.option("--scene", "scenes", multiple=True, help="Play this scene alone, of a proof that has scenes; repeatable.")
@click.option("--from", "revision", help="The commit that `upgrade` begins with, instead of the last version's tag.")
def proof(*, name: str, keep: bool, scenes: tuple[str, ...], revision: str | None) -> None:
    """Run a long proof."""
    module = importlib.import_module(f"tests.e2e.proofs.{name.replace('-', '_')}")
    scenes_to_play = chosen(getattr(module, "SCENES", ()), scenes)
    try:
        begun_with = _revision(name, revision)
        if name in WITHOUT_CLUSTER:
            _play(name, module, scenes_to_play)
        else:
            with own_cluster((IMAGE, SEARCH_IMAGE, OPERATOR_IMAGE), module.ADDITIONS, CONSOLE, keep=keep):
                _play(name, module, scenes_to_play, Cluster(CONTEXT), IMAGE, SEARCH_IMAGE, *begun_with)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def _revision(name: str, asked: str | None) -> list[str]:
    """What an upgrade begins with; nothing for the others."""
    if name != "upgrade":
        if asked is not None:
            raise click.BadParameter("only `upgrade` begins with another commit", param_hint="--from")
        return []
    return [known_revision(asked) if asked else revision_before()]


def chosen(known: Collection[str], asked: Sequence[str]) -> list[str]:
    """The scenes to play, in the proof's order; all of them unless some are asked for."""
    if strangers := [each for each in asked if each not in known]:
        raise click.BadParameter(f"{', '.join(strangers)}: the scenes are {', '.join(known) or 'none'}")
    return [each for each in known if each in asked or not asked]


def _play(name: str, module: Any, scenes: Sequence[str], *surroundings: Any) -> None:
    if not scenes:
        _write(name, module.prove(*surroundings))
        return
    # Each as soon as it has passed: one that fails, or is played alone, leaves the others' figures as they are.
    for scene, figures in module.prove(*surroundings, scenes):
        _write(name, {"scenes": merged(_scenes(name), {scene: figures}, module.SCENES)})
    if hasattr(module, "draw"):
        module.draw(_scenes(name))


def merged(before: Mapping[str, Any], played: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The figures of a proof's scenes, in the proof's order; those of scenes that it has no more are dropped."""
    found = {**before, **played}
    return {name: found[name] for name in known if name in found}


def _scenes(name: str) -> dict[str, Any]:
    path = MEASUREMENTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["scenes"] if path.exists() else {}
    return found


def _write(name: str, figures: Mapping[str, Any]) -> None:
    record = {"date": dt.datetime.now(tz=dt.UTC).date().isoformat(), "machine": _machine(), **figures}
    path = MEASUREMENTS / f"{name}.json"
    MEASUREMENTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    CONSOLE.print_json(data=record)
    CONSOLE.print(f"Written to {path}.")


def _machine() -> dict[str, object]:
    models = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    processor = models[0].partition(": ")[2] if models else platform.machine()
    return {"processor": processor, "cores": os.cpu_count(), "kernel": platform.release()}


if __name__ == "__main__":
    proof()
