"""The references, each in an environment of its own that its lock file describes to the hash."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bge_reranker.settings import Preset

from ..locked_environment import python_of
from .texts import NamedPair

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One reference implementation."""

    name: str
    """What the tables call it."""

    preset: Preset
    """Our preset that promises its tokens."""

    control_preset: Preset
    """A preset that must give other scores, or the comparison would prove nothing."""

    lock: str
    """Lock file, from the top of the repository."""

    script: str
    """What runs in its environment, beside this module."""

    tokenizer_class: str
    """Class under which its version of transformers reads our `tokenizer.json` as it stands.

    transformers 4 adds special tokens to ids only under the model's own class. transformers 5 makes that class's
    normaliser anew and keeps of the file's only a compiled table, which nothing but SentencePiece can make.
    """


PEERS = (
    Peer(
        name="FlagEmbedding.FlagReranker",
        preset="flagreranker",
        control_preset="crossencoder",
        lock="requirements/peer-flagembedding.txt",
        script="score_with_flagembedding.py",
        tokenizer_class="XLMRobertaTokenizer",
    ),
    Peer(
        name="sentence_transformers.CrossEncoder",
        preset="crossencoder",
        control_preset="flagreranker",
        lock="requirements/peer-sentence-transformers.txt",
        script="score_with_sentence_transformers.py",
        tokenizer_class="PreTrainedTokenizerFast",
    ),
)


def peer_python(peer: Peer, cache: Path) -> Path:
    """Return the interpreter of a reference's environment, making the environment if the lock is new.

    Raises:
        subprocess.CalledProcessError: If a package cannot be installed, or its hash is not the lock's.
    """
    lock = ROOT / peer.lock
    return python_of(lock.stem.removeprefix("peer-"), lock, cache / "peers")


def peer_logits(peer: Peer, python: Path, folder: Path, pairs: Sequence[NamedPair]) -> list[float]:
    """Score pairs with a reference, in its own process, without network and without a GPU.

    Raises:
        subprocess.CalledProcessError: If the reference fails; its words are on standard error.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory() as scratch:
        pairs_path, output_path = Path(scratch) / "pairs.json", Path(scratch) / "logits.json"
        model = view_of(folder, Path(scratch) / "model", peer.tokenizer_class)
        pairs_path.write_text(json.dumps([asdict(pair) for pair in pairs]), encoding="utf-8")
        script = Path(__file__).with_name(peer.script)
        subprocess.run(
            [python, "-W", "ignore", script, model, pairs_path, output_path], check=True, env=environment, cwd=scratch
        )
        logits: list[float] = json.loads(output_path.read_text(encoding="utf-8"))
    return logits


def view_of(folder: Path, view: Path, tokenizer_class: str) -> Path:
    """Link a checkpoint's files into another folder, where the tokenizer's class has another name."""
    view.mkdir()
    for path in folder.iterdir():
        if path.name == "tokenizer_config.json":
            configuration = json.loads(path.read_text(encoding="utf-8"))
            text = json.dumps({**configuration, "tokenizer_class": tokenizer_class})
            (view / path.name).write_text(text, encoding="utf-8")
        else:
            (view / path.name).symlink_to(path)
    return view
