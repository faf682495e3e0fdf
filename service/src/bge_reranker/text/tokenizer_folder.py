"""Reading a tokenizer from a checkpoint's folder.

What belongs here: the files, their defects, and what must be known about the tokenizer before it is used. What must
not: anything about a request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from ..errors import CorruptFile, InternalError, UnknownModel
from .layout import PairLayout, probe_layout
from .precut import Precut, without_lone_surrogates
from .vocabulary import Token

UNLIMITED_TOKENS = 1_000_000
"""A longer `model_max_length` is transformers' way to say that there is no limit (it writes 1e30)."""


class PlainTokenizer:
    """A tokenizer with truncation, padding and special tokens off.

    They are switched off here, once: a tokenizer is not safe to share between threads while they change.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def encode_batch(self, texts: Sequence[str], /) -> list[Encoding]:
        """Tokenise texts, without special tokens."""
        with _failures_reported():
            return self._tokenizer.encode_batch(texts, add_special_tokens=False)

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
    layout: PairLayout
    precut: Precut
    max_pair_tokens: int | None
    """`model_max_length` of tokenizer_config.json, None where it is absent or means "no limit"."""

    @classmethod
    def read(cls, directory: Path) -> TokenizerFolder:
        """Load and probe the tokenizer.

        Raises:
            UnknownModel: If there is no such directory.
            CorruptFile: If a file is missing, unreadable or not what it should be.
        """
        tokenizer = _load(directory)
        plain = PlainTokenizer(tokenizer)
        segments = _json_object(directory / "config.json").get("type_vocab_size")
        limit = _json_object(directory / "tokenizer_config.json").get("model_max_length")
        return cls(
            tokenizer=plain,
            layout=probe_layout(tokenizer, segments=segments if isinstance(segments, int) else None),
            precut=Precut(splits_at_spaces=splits_at_spaces(tokenizer)),
            max_pair_tokens=int(limit) if isinstance(limit, int | float) and 0 < limit <= UNLIMITED_TOKENS else None,
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
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises bare Exception for a bad file
        raise CorruptFile(f"{path} cannot be read ({error}).", remedy="Fetch the file again.") from error


def _json_object(path: Path) -> dict[str, object]:
    """Read an optional JSON file; absent is empty."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CorruptFile(f"{path} cannot be read ({error}).", remedy="Fetch the file again.") from error
    if not isinstance(value, dict):
        raise CorruptFile(f"{path} is not a JSON object.", remedy="Fetch the file again.")
    return value
