"""Checkpoints that say too much, too little, or something else than their files hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from bge_reranker import Reranker
from bge_reranker.errors import RerankerError
from tests.attacks.attack import Attack
from tests.live.scripted_scorer import write_tokenizer
from tests.model.checkpoints import SIZES, packed_model, save, sequence_classifier

KIND = "checkpoint"
QUERY, DOCUMENT = "good bad", "bad good good nan"
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
OPTIONS = "tokenizer_config.json"
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1234\n"
WEB_PAGE = "<!DOCTYPE html>\n<html><body>Sign in</body></html>"

Change = Callable[[Path], object]
Json = dict[str, Any]

_made = TemporaryDirectory(prefix="attacks-")


@cache
def sound(model_type: str) -> Path:
    """A folder with a whole checkpoint, made once."""
    folder = Path(mkdtemp(dir=_made.name))
    if model_type in ("bert", "roberta"):
        model = packed_model(model_type)
    else:
        overrides = {"num_labels": 1, "pad_token_id": 1, **OTHERS[model_type]}
        model = sequence_classifier(transformers.AutoConfig.for_model(model_type, **{**SIZES, **overrides}))
    return save(model, write_tokenizer(folder))


OTHERS: dict[str, Json] = {
    "electra": {"embedding_size": 32, "pad_token_id": 0},
    "longformer": {"attention_window": 8},
    "modernbert": {"bos_token_id": 0, "cls_token_id": 0, "eos_token_id": 2, "sep_token_id": 2},
}


def served(folder: Path) -> str:
    """Load and rank as a server does; what comes of it in a few words."""
    try:
        with Reranker(str(folder), device="cpu", runtime="torch", threads=1, max_batch_tokens=16) as reranker:
            logit = reranker.logits(QUERY, [DOCUMENT])[0]
    except RerankerError as error:
        return f"{error.code}: {error.message}".replace(f"{folder}/", "").replace(str(folder), "the folder")
    return f"logit {logit:.4f}"


def attack(name: str, outcome: str, change: Change, model_type: str = "roberta") -> Attack:
    """A row: a whole checkpoint, changed."""

    def launch(folder: Path) -> str:
        shutil.copytree(sound(model_type), folder, dirs_exist_ok=True)
        change(folder)
        return served(folder)

    return Attack(KIND, name, launch, outcome)


def edited(file: str, edit: Callable[[Json], object]) -> Change:
    """Change a JSON file's content."""

    def change(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        edit(content)
        (folder / file).write_text(json.dumps(content))

    return change


def config(**fields: object) -> Change:
    """Set fields of config.json."""
    return edited(CONFIG, lambda content: content.update(fields))


def replaced(file: str, content: str | bytes) -> Change:
    """Put something else in a file's place."""
    return lambda folder: (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())


def weights(edit: Callable[[dict[str, Tensor]], Mapping[str, Tensor]]) -> Change:
    """Change the tensors."""

    def change(folder: Path) -> None:
        tensors = {name: tensor.contiguous() for name, tensor in edit(load_file(folder / WEIGHTS)).items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return change


def renamed(rename: Callable[[str], str]) -> Change:
    """Give the tensors other names."""
    return weights(lambda tensors: {rename(name): tensor for name, tensor in tensors.items()})


def former(name: str) -> str:
    """The name that the first checkpoints of BERT have."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def two_logits(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A head of two classes beside a config.json of one."""
    is_last = ("classifier.weight", "classifier.bias", "classifier.out_proj.weight", "classifier.out_proj.bias")
    return {name: torch.cat([tensor, tensor]) if name in is_last else tensor for name, tensor in tensors.items()}


def not_a_number(name: str, row: int = 0) -> Change:
    """Damage one number."""

    def edit(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        tensors[name][row] = float("nan")
        return tensors

    return weights(edit)


def nested(levels: int) -> Json:
    """An object within an object, and so on."""
    content: Json = {}
    for _ in range(levels):
        content = {"a": content}
    return content


def shortened(file: str, share: float) -> Change:
    """Cut a file short."""

    def change(folder: Path) -> None:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: int(len(content) * share)])

    return change


ROWS = (
    # Nothing changed, so that a row's own change is what the outcome comes from.
    attack("RoBERTa, whole", "logit 0.4599", lambda _: None),
    attack("BERT, whole", "logit 0.3213", lambda _: None, "bert"),
    attack("ELECTRA, whole", "logit 0.1753", lambda _: None, "electra"),
    # Names that transformers resolves.
    attack("LayerNorm.gamma and beta", "logit 0.3213", renamed(former), "bert"),
    attack(
        "encoder saved without its prefix", "logit 0.3213", renamed(lambda name: name.removeprefix("bert.")), "bert"
    ),
    attack("pad_token_id null, BERT", "logit 0.3213", config(pad_token_id=None), "bert"),
    attack("pad_token_id null, RoBERTa", "logit 0.4599", config(pad_token_id=None)),
    attack("pad_token_id null, ELECTRA", "logit 0.1753", config(pad_token_id=None), "electra"),
    attack("ModernBERT, whole", "logit 1.7323", lambda _: None, "modernbert"),
    attack("pad_token_id null, ModernBERT", "logit 1.7323", config(pad_token_id=None), "modernbert"),
    attack("outputs as tuples, ELECTRA", "logit 0.1753", config(return_dict=False), "electra"),
    attack("num_labels 1 beside two names", "logit 0.4599", config(num_labels=1, id2label={"0": "no", "1": "yes"})),
    # Sizes against the weights, before memory is allocated.
    attack(
        "a billion layers",
        "CorruptFile: config.json: num_hidden_layers is 1000000000; the weights hold 3 layers.",
        config(num_hidden_layers=10**9),
    ),
    attack(
        "a billion layers, ELECTRA",
        "CorruptFile: config.json: num_hidden_layers is 1000000000; expected at most 16777216.",
        config(num_hidden_layers=10**9),
        "electra",
    ),
    attack(
        "a million layers, ELECTRA",
        "CorruptFile: config.json describes a model of far more parts than the 57 tensors of its weights.",
        config(num_hidden_layers=10**6),
        "electra",
    ),
    attack(
        "a layer fewer, ELECTRA",
        "CorruptFile: The weights hold more layers than config.json says: "
        "electra.encoder.layer.2.attention.output.LayerNorm.bias and 15 more tensors.",
        config(num_hidden_layers=2),
        "electra",
    ),
    attack(
        "a billion positions, ELECTRA",
        "CorruptFile: config.json: max_position_embeddings is 1000000000; expected at most 16777216.",
        config(max_position_embeddings=10**9),
        "electra",
    ),
    attack(
        "16 million positions, ELECTRA",
        "CorruptFile: config.json describes a model of 536897745 numbers; the weights hold 29393.",
        config(max_position_embeddings=2**24),
        "electra",
    ),
    attack(
        "no attention heads, ELECTRA",
        "CorruptFile: config.json: transformers cannot build ElectraForSequenceClassification of it "
        "(ZeroDivisionError).",
        config(num_attention_heads=0),
        "electra",
    ),
    attack(
        "a billion words",
        "CorruptFile: model.safetensors: roberta.embeddings.word_embeddings.weight has shape (97, 32); "
        "config.json asks for (1000000000, 32).",
        config(vocab_size=10**9),
    ),
    attack(
        "16 million words, ELECTRA",
        "CorruptFile: config.json describes a model of 536897201 numbers; the weights hold 29393.",
        config(vocab_size=2**24),
        "electra",
    ),
    attack(
        "padding beyond the vocabulary",
        "CorruptFile: config.json: pad_token_id is 97 beside vocab_size 97; expected a smaller id.",
        config(pad_token_id=97),
    ),
    attack(
        "hidden size as text, ELECTRA",
        "CorruptFile: config.json: transformers does not accept it for ElectraForSequenceClassification (its "
        "hidden_size).",
        config(hidden_size="32"),
        "electra",
    ),
    # What the network is asked to compute.
    attack(
        "NaN as bias of the head, ELECTRA",
        "CorruptFile: The logit of a pair of 32 tokens is nan: its weights hold NaN or infinite numbers.",
        not_a_number("classifier.out_proj.bias"),
        "electra",
    ),
    attack(
        "NaN as bias of the head",
        "CorruptFile: The logit of a pair of 32 tokens is nan: its weights hold NaN or infinite numbers.",
        not_a_number("classifier.out_proj.bias"),
    ),
    attack(
        "NaN at the last position",
        "CorruptFile: The logit of a pair of 78 tokens is nan: its weights hold NaN or infinite numbers.",
        not_a_number("roberta.embeddings.position_embeddings.weight", 79),
    ),
    attack("Longformer with as many positions as rows", "logit -0.1904", lambda _: None, "longformer"),
    # Other files in their place.
    attack(
        "two logits",
        "WrongArchitecture: model.safetensors: classifier.out_proj.weight gives 2 logits; expected 1.",
        weights(two_logits),
    ),
    attack(
        "two logits, ELECTRA",
        "WrongArchitecture: The weights' classifier.out_proj.weight gives 2 logits; expected 1.",
        weights(two_logits),
        "electra",
    ),
    attack(
        "saved from torch.compile",
        "CorruptFile: The name of every tensor begins with '_orig_mod.', which torch.compile puts there: the "
        "wrapper was saved in place of the model.",
        renamed(lambda name: f"_orig_mod.{name}"),
    ),
    attack(
        "saved from DDP, ELECTRA",
        "CorruptFile: The name of every tensor begins with 'module.', which DistributedDataParallel or "
        "DataParallel puts there: the wrapper was saved in place of the model.",
        renamed(lambda name: f"module.{name}"),
        "electra",
    ),
    attack(
        "saved from both",
        "CorruptFile: The name of every tensor begins with 'module._orig_mod.', which DistributedDataParallel or "
        "DataParallel and torch.compile puts there: the wrapper was saved in place of the model.",
        renamed(lambda name: f"module._orig_mod.{name}"),
    ),
    attack(
        "weights cut short",
        "CorruptFile: model.safetensors was cut short: its header speaks of 123676 bytes, it has 111308.",
        shortened(WEIGHTS, 0.9),
    ),
    attack(
        "weights cut short in their header",
        "CorruptFile: model.safetensors was cut short: its header alone has 6224 bytes, the file 1236.",
        shortened(WEIGHTS, 0.01),
    ),
    attack(
        "weights cut short, ELECTRA",
        "CorruptFile: model.safetensors was cut short: its header speaks of 123804 bytes, it has 111423.",
        shortened(WEIGHTS, 0.9),
        "electra",
    ),
    attack(
        "weights that are no safetensors",
        "CorruptFile: model.safetensors is no safetensors file: it does not begin with a header.",
        replaced(WEIGHTS, b"\xff" * 100),
    ),
    attack(
        "config.json an LFS pointer",
        "CorruptFile: config.json is a Git LFS pointer, not the file that it stands for.",
        replaced(CONFIG, LFS_POINTER),
    ),
    attack(
        "weights an LFS pointer",
        "CorruptFile: model.safetensors is a Git LFS pointer, not the file that it stands for.",
        replaced(WEIGHTS, LFS_POINTER),
    ),
    attack(
        "tokenizer.json an LFS pointer",
        "CorruptFile: tokenizer.json is a Git LFS pointer, not the file that it stands for.",
        replaced(TOKENIZER, LFS_POINTER),
    ),
    attack(
        "config.json a web page",
        "CorruptFile: config.json is a web page, not the file itself.",
        replaced(CONFIG, WEB_PAGE),
    ),
    attack(
        "weights a web page",
        "CorruptFile: model.safetensors is a web page, not the file itself.",
        replaced(WEIGHTS, WEB_PAGE),
    ),
    attack(
        "tokenizer.json a web page",
        "CorruptFile: tokenizer.json is a web page, not the file itself.",
        replaced(TOKENIZER, WEB_PAGE),
    ),
    attack("config.json empty", "CorruptFile: config.json is empty.", replaced(CONFIG, "")),
    attack(
        "config.json with a byte order mark",
        "CorruptFile: config.json begins with a byte order mark; JSON has none.",
        replaced(CONFIG, b"\xef\xbb\xbf{}"),
    ),
    attack(
        "config.json in UTF-16",
        "CorruptFile: config.json begins with a byte order mark; JSON has none.",
        replaced(CONFIG, "{}".encode("utf-16")),
    ),
    attack(
        "config.json cut short",
        "CorruptFile: config.json was cut short: its JSON does not end.",
        replaced(CONFIG, '{"architectures": ["Rober'),
    ),
    attack(
        "config.json nested 70 deep",
        "CorruptFile: config.json is nested more than 64 levels deep, which no file of a checkpoint is.",
        config(extra=nested(70)),
    ),
    attack(
        "config.json nested 100,000 deep",
        "CorruptFile: config.json is nested more than 64 levels deep, which no file of a checkpoint is.",
        replaced(CONFIG, '{"a": ' + "[" * 100_000),
    ),
    attack(
        "config.json with a number of 5,000 digits",
        "CorruptFile: config.json holds a number of more digits than any setting has.",
        replaced(CONFIG, '{"vocab_size": ' + "9" * 5_000 + "}"),
    ),
)
