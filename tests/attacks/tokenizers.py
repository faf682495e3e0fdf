"""Tokenizers of checkpoints that do not fit their model, or could hold the server for ever."""

from __future__ import annotations

from tests.attacks.checkpoints import OPTIONS, TOKENIZER, Change, Json, attack, edited, nested


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
