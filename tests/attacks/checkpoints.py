"""Checkpoints that say too much, too little, or something else than their files hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
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


@cache
def sound(model_type: str) -> Path:
    """A folder with a whole checkpoint, made once."""
    folder = Path(mkdtemp(prefix="attacks-"))
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


def normalizers(*steps: Json) -> Change:
    """Let the tokenizer rewrite texts first."""
    return edited(TOKENIZER, lambda content: content.update(normalizer={"type": "Sequence", "normalizers": [*steps]}))


def steps(count: int) -> Json:
    """Normalizers that change nothing more."""
    return {"type": "Sequence", "normalizers": [{"type": "NFC"}] * count}


def replace(pattern: Json, content: str) -> Json:
    """A normalizer that puts in something else."""
    return {"type": "Replace", "pattern": pattern, "content": content}


def copy_of(tokenizer: Json, name: str, number: int) -> None:
    """Add a token to the vocabulary."""
    tokenizer["model"]["vocab"][name] = number


def segment(tokenizer: Json, number: int) -> None:
    """Put the document into another segment."""
    for part in tokenizer["post_processor"]["pair"]:
        if part.get("Sequence", {}).get("id") == "B":
            part["Sequence"]["type_id"] = number


def hundred_specials(tokenizer: Json) -> None:
    """Put the end of a text there a hundred times."""
    pair = tokenizer["post_processor"]["pair"]
    pair.extend([pair[-1]] * 100)


def shortened(file: str, share: float) -> Change:
    """Cut a file short."""

    def change(folder: Path) -> None:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: int(len(content) * share)])

    return change


def splitting(pattern: str) -> Change:
    """Let the tokenizer divide texts by an expression before it divides them at blanks."""
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    steps = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, split]}
    return edited(TOKENIZER, lambda content: content.update(pre_tokenizer=steps))


_CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
GPT_4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""The longest expression of a tokenizer in wide use (o200k)."""

TIMES_40 = replace({"String": "a"}, "a" * 40)

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
    # The tokenizer.
    attack(
        "an id that the model has no row for",
        "CorruptFile: tokenizer.json has ids up to 97; the model has 97 rows of embeddings, for ids up to 96.",
        edited(TOKENIZER, lambda t: copy_of(t, "new", 97)),
    ),
    attack(
        "an id far beyond the others",
        "CorruptFile: tokenizer.json has ids up to 1000000; the model has 97 rows of embeddings, for ids up to 96.",
        edited(TOKENIZER, lambda t: copy_of(t, "new", 10**6)),
    ),
    attack(
        "no special tokens",
        "CorruptFile: tokenizer.json has a post-processor that puts no special token between query and document, "
        "or none at all; the model would read one text.",
        edited(TOKENIZER, lambda t: t.update(post_processor=None)),
    ),
    attack(
        "special tokens of another vocabulary",
        "CorruptFile: tokenizer.json puts '<s>' into a pair as id 4, which is 'good' in its vocabulary.",
        edited(TOKENIZER, lambda t: t["post_processor"]["special_tokens"]["<s>"].update(ids=[4])),
    ),
    attack(
        "no special token before the query",
        "CorruptFile: tokenizer.json has a post-processor that puts no special token before the query; the "
        "model's head reads the first token.",
        edited(TOKENIZER, lambda t: t["post_processor"]["pair"].pop(0)),
    ),
    attack(
        "a hundred special tokens",
        "CorruptFile: tokenizer.json has a post-processor that puts 104 special tokens into a pair; expected at "
        "most 6.",
        edited(TOKENIZER, hundred_specials),
    ),
    attack(
        "a segment that the model has no row for",
        "CorruptFile: tokenizer.json puts a text into segment 5; the model knows 2, from 0 on.",
        edited(TOKENIZER, lambda t: segment(t, 5)),
        "bert",
    ),
    attack(
        "segment 300",
        "CorruptFile: tokenizer.json puts a text into segment 300; the model knows 2, from 0 on.",
        edited(TOKENIZER, lambda t: segment(t, 300)),
        "bert",
    ),
    attack("letters that multiply in one step", "logit 0.4751", normalizers(TIMES_40)),
    attack(
        "letters that multiply in two steps",
        "CorruptFile: tokenizer.json has normalizers that make more than 256 characters of one; no text would "
        "fit into memory.",
        normalizers(TIMES_40, TIMES_40),
    ),
    attack(
        "letters that multiply in nested steps",
        "CorruptFile: tokenizer.json has normalizers that make more than 256 characters of one; no text would "
        "fit into memory.",
        normalizers({"type": "Sequence", "normalizers": [TIMES_40]}, {"type": "Sequence", "normalizers": [TIMES_40]}),
    ),
    attack(
        "an expression that matches nothing",
        "CorruptFile: tokenizer.json has normalizers that make more than 256 characters of one; no text would "
        "fit into memory.",
        normalizers(*[replace({"Regex": "(?=a)"}, "a")] * 9),
    ),
    attack(
        "bytes as characters, ten times",
        "CorruptFile: tokenizer.json has normalizers that make more than 256 characters of one; no text would "
        "fit into memory.",
        normalizers(*[{"type": "ByteLevel"}] * 10),
    ),
    attack(
        "a prefix of a thousand characters",
        "CorruptFile: tokenizer.json has normalizers that put more than 64 characters before every text.",
        normalizers({"type": "Prepend", "prepend": "a" * 1000}),
    ),
    attack(
        "a hundred harmless steps",
        "CorruptFile: tokenizer.json has 101 normalizers and pre-tokenizers; at most 64 are run.",
        edited(TOKENIZER, lambda t: t.update(normalizer=steps(100), pre_tokenizer={"type": "WhitespaceSplit"})),
    ),
    attack(
        "nested 200 deep",
        "CorruptFile: tokenizer.json is no tokenizer that the tokenizers library can read.",
        edited(TOKENIZER, lambda t: t.update(normalizer=nested(200))),
    ),
    attack(
        "an expression that takes back what it repeats",
        "CorruptFile: tokenizer.json: pre_tokenizer has the expression '(?:a|a)+y', which has repetitions within or "
        "after each other that can be taken back; a text could hold the server for ever.",
        splitting("(?:a|a)+y"),
    ),
    attack(
        "an expression of three repetitions in a row",
        "CorruptFile: tokenizer.json: pre_tokenizer has the expression '.+.+.+y', which has repetitions within or "
        "after each other that can be taken back; a text could hold the server for ever.",
        splitting(".+.+.+y"),
    ),
    attack(
        "an expression that may leave out each of 30 characters",
        "CorruptFile: tokenizer.json: normalizer has the expression '(?:.?){30}[xy]', which can match in more than 32 "
        "ways at one place; a text could hold the server for ever.",
        normalizers(replace({"Regex": "(?:.?){30}[xy]"}, "z")),
    ),
    attack(
        "an expression that calls itself",
        r"CorruptFile: tokenizer.json: pre_tokenizer has the expression '(?<x>a|b\\g<x>c)', which has a call of a "
        "group that is not run here; a text could hold the server for ever.",
        splitting(r"(?<x>a|b\g<x>c)"),
    ),
    attack("the expression of GPT-4o", "logit 0.4599", splitting(GPT_4O)),
    attack(
        "a class that builds another pre-tokenizer",
        "CorruptFile: tokenizer.json: pre_tokenizer is WhitespaceSplit; RobertaTokenizer, the checkpoint's class in "
        "transformers, builds ByteLevel in its place.",
        edited(OPTIONS, lambda options: options.update(tokenizer_class="RobertaTokenizerFast")),
    ),
    attack(
        "no class named, where the model's own builds another pre-tokenizer",
        "CorruptFile: tokenizer.json: normalizer is none; BertTokenizer, the checkpoint's class in transformers, "
        "builds BertNormalizer in its place.",
        lambda folder: (folder / OPTIONS).unlink(),
        "bert",
    ),
    attack(
        "a word that is unknown to itself",
        "CorruptFile: tokenizer.json cannot tokenise a text of common characters.",
        edited(TOKENIZER, lambda t: t["model"].update(unk_token="[UNK]")),
    ),
)
