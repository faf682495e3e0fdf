"""Reading a tokenizer from a checkpoint's folder, and what must be known about it before it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from ..checkpoint_json import USE_PUBLISHED, foreign_content, read_json_object
from ..errors import CorruptFile, InternalError, RerankerError, UnknownModel
from .backtracking import refuse_backtracking
from .known_words import known_words
from .pair_template import PairTemplate, probe_template
from .precut import Precut, without_lone_surrogates
from .reference_settings import ReferenceSettings
from .rewriting import refuse_rewriting
from .vocabulary import Token

_SUBWORD_PREFIX = re.compile(rb'"continuing_subword_prefix"\s*:\s*"[^"]')
"""Where a model marks the later parts of a word: WordPiece's do, and hardly any BPE."""

MAX_TOKENIZER_BYTES = 512 * 2**20
"""Largest tokenizer.json in bytes; those with a quarter of a million tokens have up to 35 MB."""

TRIAL_TEXT = (
    "How do apples grow? The 3 apples (0.5 kg) aren't ripe; déjà vu, Straße, ÇA. 苹果怎么生长？リンゴ、사과. "
    "Как растут яблоки? कैसे تنمو แอปเปิล 🍎👩‍🌾\t\r\n e\u0301\ufb01\u200b\x00\x1b\ue000\U0010fffd <a@b.example> #1_x/y\\z"
)
"""Text of every kind: of several scripts, with what no vocabulary has a token for."""


class PlainTokenizer:
    """A tokenizer with truncation, padding and special tokens off.

    They are switched off here, once: a tokenizer is not safe to share between threads while they change.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._words = known_words(tokenizer)

    def encode_batch(self, texts: Sequence[str], /) -> list[Encoding]:
        """Tokenise texts, without special tokens."""
        with _failures_reported():
            return self._tokenizer.encode_batch(texts, add_special_tokens=False)

    def encode_whole(self, texts: Sequence[str], /) -> list[list[int]]:
        """The ids of the same tokens, without their places in the text; where words are known, they are looked up."""
        with _failures_reported():
            found = [None] * len(texts) if self._words is None else self._words.look_up(texts)
            others = [text for text, ids in zip(texts, found, strict=True) if ids is None]
            encodings = iter(self._tokenizer.encode_batch_fast(others, add_special_tokens=False) if others else ())
            return [next(encodings).ids if ids is None else ids for ids in found]

    def encode_single(self, texts: Sequence[str], /) -> list[Encoding]:
        """Tokenise texts, each with the special tokens around a single text."""
        with _failures_reported():
            return self._tokenizer.encode_batch(list(map(without_lone_surrogates, texts)))

    def tokens_of(self, text: str, *, special_tokens: bool) -> list[Token]:
        """Tokenise one text in full."""
        with _failures_reported():
            encoding = self._tokenizer.encode(without_lone_surrogates(text), add_special_tokens=special_tokens)
        return [
            Token(number, name if special else text[start:end], bool(special), start, end)
            for number, name, special, (start, end) in zip(
                encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets, strict=True
            )
        ]

    def text_of(self, ids: Sequence[int], *, skips_special: bool) -> str:
        """Put tokens together again; ids that the vocabulary lacks give nothing."""
        with _failures_reported():
            return self._tokenizer.decode(ids, skip_special_tokens=skips_special)


@contextmanager
def _failures_reported() -> Iterator[None]:
    """Turn what the library raises on a text into one of our errors: its panics are no `Exception`.

    Raises:
        InternalError: If it fails. The message of what it raised may hold the text.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        raise InternalError(f"The tokenizer failed on a text ({type(error).__name__}).") from error


@dataclass(frozen=True, slots=True)
class TokenizerFolder:
    """What a checkpoint's folder says about its tokenizer."""

    tokenizer: PlainTokenizer
    template: PairTemplate
    precut: Precut
    settings: ReferenceSettings
    """What other files say about the tokenizer."""

    largest_id: int
    """Largest id that a text may become."""

    @classmethod
    def read(cls, directory: Path) -> TokenizerFolder:
        """Load and probe the tokenizer.

        Raises:
            UnknownModel: If there is no such directory.
            CorruptFile: If a file is missing, unreadable or not what it should be.
        """
        tokenizer = _load(directory)
        settings = replace(ReferenceSettings.read(directory), tokenizer_side=_own_side(tokenizer))
        refuse_backtracking(tokenizer)
        refuse_rewriting(tokenizer)
        settings.apply_to(tokenizer)
        plain = _tried(tokenizer)
        segments = read_json_object(directory / "config.json", is_optional=True).get("type_vocab_size")
        known = segments if isinstance(segments, int) else None
        if not settings.has_segments:
            known = 1
        with _defects_named("tokenizer.json cannot lay out a pair"):
            template = probe_template(tokenizer, segments=known)
        settings.refuse_other_template(tokenizer, template, has_segments=known != 1)
        return cls(
            tokenizer=plain,
            template=template,
            precut=Precut(splits_at_spaces=splits_at_spaces(tokenizer)),
            settings=settings,
            largest_id=_largest_id(tokenizer),
        )


@dataclass(frozen=True, slots=True)
class SingleTextTokenizer:
    """The tokenizer of a model that reads one text at a time."""

    tokenizer: PlainTokenizer
    largest_id: int
    """Largest id that a text may become."""

    pad_id: int | None
    """What fills shorter texts up; None where no file says it."""

    @classmethod
    def read(cls, directory: Path) -> SingleTextTokenizer:
        """Load and try the tokenizer.

        Raises:
            UnknownModel: If there is no such directory.
            CorruptFile: If a file is missing, unreadable or not what it should be.
        """
        tokenizer = _load(directory)
        refuse_backtracking(tokenizer)
        refuse_rewriting(tokenizer)
        pad_id = _pad_id(tokenizer, directory)
        plain = _tried(tokenizer)
        return cls(plain, _largest_id(tokenizer), pad_id)


def _pad_id(tokenizer: Tokenizer, directory: Path) -> int | None:
    if tokenizer.padding is not None:
        return int(tokenizer.padding["pad_id"])
    named = read_json_object(directory / "tokenizer_config.json", is_optional=True).get("pad_token")
    name = named.get("content") if isinstance(named, dict) else named
    return tokenizer.token_to_id(name) if isinstance(name, str) else None


def _tried(tokenizer: Tokenizer) -> PlainTokenizer:
    """Tokenise a text of every kind, which a damaged tokenizer.json does not stand."""
    with _defects_named("tokenizer.json cannot tokenise a text of common characters"):
        plain = PlainTokenizer(tokenizer)
        plain.encode_batch([TRIAL_TEXT])
        plain.tokens_of(TRIAL_TEXT, special_tokens=True)
    return plain


def _own_side(tokenizer: Tokenizer) -> str | None:
    """The side at which tokenizer.json would cut a text; its length does not count."""
    return None if tokenizer.truncation is None else str(tokenizer.truncation["direction"])


def _largest_id(tokenizer: Tokenizer) -> int:
    count = tokenizer.get_vocab_size(with_added_tokens=True)
    # As many ids as tokens, without a gap: no need to list all tokens.
    if all(tokenizer.id_to_token(number) is not None for number in range(count)):
        return count - 1
    return max(tokenizer.get_vocab(with_added_tokens=True).values())


def refuse_larger_ids(largest: int, rows: int) -> None:
    """Compare what a text may become with what the model reads: a text with such an id would fail, and others with it.

    Args:
        largest: Largest id of the tokenizer.
        rows: Rows of the model's table of embeddings.

    Raises:
        CorruptFile: If there is an id that the model has no row for.
    """
    if largest >= rows:
        raise CorruptFile(
            f"tokenizer.json has ids up to {largest}; the model has {rows} rows of embeddings, for ids up to "
            f"{rows - 1}.",
            remedy="Use the tokenizer.json that was published with these weights.",
            figures={"largest_id": largest, "rows": rows},
        )


def splits_at_spaces(tokenizer: Tokenizer) -> bool:
    """Tell whether words on both sides of a space are tokenised independently of each other."""
    if tokenizer.pre_tokenizer is None:
        return False
    text = tokenizer.normalizer.normalize_str("a b") if tokenizer.normalizer is not None else "a b"
    return len(tokenizer.pre_tokenizer.pre_tokenize_str(text)) > 1


def _load(directory: Path) -> Tokenizer:
    if not directory.is_dir():
        raise UnknownModel(f"{directory} is not a folder.", remedy="Give a folder that holds a checkpoint.")
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise CorruptFile(
            f"{directory} has no tokenizer.json.",
            remedy="Write one with transformers: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).",
        )
    if (found := foreign_content(path)) is not None:
        raise CorruptFile(f"{path} {found.what}.", remedy=found.remedy)
    if (size_bytes := path.stat().st_size) > MAX_TOKENIZER_BYTES:
        raise CorruptFile(
            f"{path} has {size_bytes} bytes; a tokenizer has at most {MAX_TOKENIZER_BYTES}.", remedy=USE_PUBLISHED
        )
    with _defects_named(f"{path} is no tokenizer that the tokenizers library can read"):
        content = path.read_bytes()
        if _SUBWORD_PREFIX.search(content):
            _refuse_other_subwords(json.loads(content)["model"])
        return Tokenizer.from_buffer(content)


def _refuse_other_subwords(model: Mapping[str, Any]) -> None:
    """Refuse merges that would be cut in the middle of a character: the library ends the process over them.

    Source: `models/bpe/model.rs` of tokenizers 0.23, which takes the prefix's length off the second part unseen.
    """
    prefix, merges = model["continuing_subword_prefix"], model.get("merges") or ()
    parts = (merge.split(" ", 1)[1] if isinstance(merge, str) else merge[1] for merge in merges)
    if not all(part.startswith(prefix) for part in parts):
        raise CorruptFile(
            f"tokenizer.json has continuing_subword_prefix {prefix!r}, which not every merge of its model has.",
            remedy=USE_PUBLISHED,
        )


@contextmanager
def _defects_named(message: str) -> Iterator[None]:
    """Turn what the library raises, a panic of its Rust code too, into an error that says what was being done."""
    try:
        yield
    except BaseException as error:
        # The library raises bare Exception for a bad file; a panic is a BaseException of a class that none can import.
        is_ours = isinstance(error, RerankerError) and not isinstance(error, InternalError)
        if is_ours or not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
            raise
        raise CorruptFile(f"{message}.", remedy=USE_PUBLISHED) from error
