"""Every failure of a model, really raised by the program: the same code, sentence and remedy wherever it is told."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from bge_reranker.demo import demo_model_directory
from bge_reranker.errors import ModelError

from .models import model_files
from .servers.hub import FakeHub, running_hub
from .test_commands import PROGRAM, termination_report
from .test_folder import write_model

DOCUMENT = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
HUB_MODEL = "hf://org/name"
MIB = 2**20
LIMIT_BYTES = 800 * MIB
"""Of memory: the program itself takes a third of it, a model of the embedded one's shape hardly more."""

FEED_FORWARD = 217_000
"""Numbers in a feed-forward layer, with which three layers of 192 need 1 GB."""


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with running_hub() as running:
        running.add("org/name", model_files())
        running.add("org/gated", model_files())
        gated = running.repositories["org/gated"]
        gated.needs_token, gated.is_gated = "token", True
        running.add("org/pickled", {name: data for name, data in model_files().items() if name != "model.safetensors"})
        yield running


@dataclass
class Trial:
    """A place to fail in."""

    folder: Path
    hub: FakeHub
    volume: Path
    """Two megabytes."""
    environment: dict[str, str] = field(default_factory=dict)
    limit_bytes: int | None = None
    """Of the memory that the process may ask for."""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        arguments = ("--termination-log", str(self.folder / "termination-log"), "--log-format", "json")
        limit = () if self.limit_bytes is None else ("prlimit", f"--data={self.limit_bytes}")
        return subprocess.run(
            [*limit, PROGRAM, *command, *arguments],
            env={"PATH": "/usr/bin", "HOME": "/nonexistent", **self.hub.environment, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def fetch(self, source: str, *options: str, store: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("model", "fetch", source, "--dir", str(store or self.folder / "store"), *options)

    def serve(self, model: Path) -> subprocess.CompletedProcess[str]:
        return self.run("serve", *NOBODY_ASKS, "--model", str(model))

    def demo(self) -> Path:
        """A copy of the embedded model, to be spoiled."""
        return Path(shutil.copytree(demo_model_directory(), self.folder / "model"))


NOBODY_ASKS = ("--port", "0", "--management-port", "0", "--drain-delay-s", "0")


def gated(trial: Trial) -> subprocess.CompletedProcess[str]:
    return trial.fetch("hf://org/gated")


def unknown_revision(trial: Trial) -> subprocess.CompletedProcess[str]:
    return trial.fetch(HUB_MODEL, "--revision", "v9")


def unreachable(trial: Trial) -> subprocess.CompletedProcess[str]:
    trial.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    return trial.fetch(HUB_MODEL)


def full_volume(trial: Trial) -> subprocess.CompletedProcess[str]:
    folder = write_model(trial.folder / "model", model_files(3_000_000))
    return trial.fetch(f"file://{folder}", store=trial.volume)


def other_digest(trial: Trial) -> subprocess.CompletedProcess[str]:
    return trial.fetch(HUB_MODEL, "--expect-digest", "0" * 64)


def half_an_archive(trial: Trial) -> subprocess.CompletedProcess[str]:
    archive = trial.folder / "model.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(demo_model_directory(), "model")
    archive.write_bytes(archive.read_bytes()[:-3_000_000])
    return trial.fetch(f"file://{archive}")


def half_of_the_weights(trial: Trial) -> subprocess.CompletedProcess[str]:
    weights = trial.demo() / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1_000])
    return trial.serve(weights.parent)


def two_labels(trial: Trial) -> subprocess.CompletedProcess[str]:
    config = trial.demo() / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"id2label": {"0": "no", "1": "yes"}}))
    return trial.serve(config.parent)


def no_head(trial: Trial) -> subprocess.CompletedProcess[str]:
    weights = trial.demo() / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(weights).items() if not name.startswith("classifier.")}
    save_file(tensors, weights)
    return trial.serve(weights.parent)


def pickles(trial: Trial) -> subprocess.CompletedProcess[str]:
    return trial.fetch("hf://org/pickled")


def too_large(trial: Trial) -> subprocess.CompletedProcess[str]:
    """Weights that need 1 GB where the process may have 0.8 GB."""
    config = trial.demo() / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"intermediate_size": FEED_FORWARD}))
    widen(config.parent / "model.safetensors")
    trial.limit_bytes = LIMIT_BYTES
    return trial.serve(config.parent)


def widen(weights: Path) -> None:
    """Give the feed-forward layers of a checkpoint another size: a file of holes, which take no room on the disk."""
    data = weights.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    end = 0
    for name in header.keys() - {"__metadata__"}:
        shape = header[name]["shape"]
        if name.endswith(("intermediate.dense.weight", "intermediate.dense.bias")):
            shape[0] = FEED_FORWARD
        elif name.endswith(".output.dense.weight") and ".attention." not in name:
            shape[1] = FEED_FORWARD
        size_bytes = 2 * math.prod(shape)
        header[name] |= {"dtype": "F16", "data_offsets": [end, end + size_bytes]}
        end += size_bytes
    text = json.dumps(header).encode()
    with weights.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


FAILURES: dict[str, tuple[str, Callable[[Trial], subprocess.CompletedProcess[str]]]] = {
    "a revision that is not there": ("UnknownModel", unknown_revision),
    "a model whose terms nobody accepted": ("Gated", gated),
    "a hub that is not there": ("HubUnreachable", unreachable),
    "a full volume": ("DiskFull", full_volume),
    "other files than demanded": ("DigestMismatch", other_digest),
    "half an archive": ("CorruptFile", half_an_archive),
    "half of the weights": ("CorruptFile", half_of_the_weights),
    "two labels": ("WrongArchitecture", two_labels),
    "an encoder without a head": ("MissingHead", no_head),
    "pickles only": ("UnsafeFormat", pickles),
    "more weights than memory": ("OutOfMemory", too_large),
}


JUDGED = {"GateFailed", "GateInputChanged", "ReferenceUnavailable", "SelfCheckFailed"}
"""What a model is refused for after it has been loaded: tests/serving/test_gate.py, tests/test_judging.py."""


def test_there_is_a_trial_of_every_failure() -> None:
    kinds = {kind.__name__ for kind in ModelError.__subclasses__()}
    assert {code for code, _ in FAILURES.values()} == kinds - JUDGED


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_the_same_everywhere(hub: FakeHub, tmp_path: Path, mounted: Path, name: str) -> None:
    code, fail = FAILURES[name]
    ended = fail(Trial(tmp_path, hub, mounted))
    report = termination_report(tmp_path)
    assert report["code"] == code, ended.stderr
    assert report["message"]
    assert report["remedy"]
    assert f"{code}: {report['message']} {report['remedy']}" in ended.stderr.splitlines()[-1]
    logged = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    (line,) = [each for each in logged if each["event"] in {"fetch_failed", "model_failed"}]
    assert {key: line[key] for key in ("code", "message", "remedy")} == {
        key: report[key] for key in ("code", "message", "remedy")
    }
    assert documented(code) == ended.returncode


def documented(code: str) -> int:
    """The exit code that the page of failures gives."""
    (row,) = [line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| `{code}` |")]
    return int(row.split("|")[2])


def test_memory_that_does_not_suffice_is_said_with_the_numbers_before_anything_is_loaded(
    hub: FakeHub, tmp_path: Path, mounted: Path
) -> None:
    too_large(Trial(tmp_path, hub, mounted))
    report = termination_report(tmp_path)
    figures = report["figures"]
    assert isinstance(figures, dict)
    assert figures["needed_bytes"] > LIMIT_BYTES > figures["free_bytes"] > 0
    assert f"needs about {figures['needed_bytes'] // MIB} MiB" in str(report["message"])
    assert f"{figures['free_bytes'] // MIB} MiB are free" in str(report["message"])
