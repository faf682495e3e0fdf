"""How much a tokenizer.json may make of a text before it is cut into tokens, known without letting it try.

A normalizer that replaces `a` by a thousand of them is harmless; three of them in a row make a gigabyte of one letter.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from ..checkpoint_json import USE_PUBLISHED
from ..errors import CorruptFile
from .components import steps

MAX_GROWTH = 256
"""Most characters that one character may become. The charsmap of XLM-RoBERTa makes up to 18 of one, and a few rules
beside it may double that."""

MAX_STEPS = 64
"""Most normalizers and pre-tokenizers together; those that are published have fewer than ten."""

MAX_PREFIX_CHARACTERS = 64
"""Most characters that a normalizer puts in front of every text; those that are published put one."""

_BYTES_OF_LENGTH = 4
"""A charsmap begins with the size of its trie; behind that stand the texts that it puts in."""


def refuse_rewriting(tokenizer: Tokenizer) -> None:
    """Refuse a tokenizer that could make a huge text of a small one, or another one each time.

    Raises:
        CorruptFile: If what it puts in multiplies beyond what any published tokenizer does, or it draws lots.
    """
    found = [*steps(tokenizer.normalizer, "normalizers"), *steps(tokenizer.pre_tokenizer, "pretokenizers")]
    if len(found) > MAX_STEPS:
        raise CorruptFile(
            f"tokenizer.json has {len(found)} normalizers and pre-tokenizers; at most {MAX_STEPS} are run.",
            remedy=USE_PUBLISHED,
        )
    growth = 1.0
    for step in found:
        growth *= _growth(step)
        if growth > MAX_GROWTH:
            raise CorruptFile(
                f"tokenizer.json has normalizers that make more than {MAX_GROWTH} characters of one; no text would fit "
                "into memory.",
                remedy=USE_PUBLISHED,
            )
    if sum(len(str(step.get("prepend", ""))) for step in found) > MAX_PREFIX_CHARACTERS:
        raise CorruptFile(
            f"tokenizer.json has normalizers that put more than {MAX_PREFIX_CHARACTERS} characters before every text.",
            remedy=USE_PUBLISHED,
        )
    if getattr(tokenizer.model, "dropout", None):
        raise CorruptFile(
            "tokenizer.json has a model with dropout, by which the same text has other tokens each time.",
            remedy="Take dropout out of it; it is of use in training only.",
        )


def _growth(step: Mapping[str, Any]) -> float:
    """Bound the characters that one character becomes, for steps of which several in a row multiply.

    Unicode's own forms are not counted: what they have expanded once they leave alone.
    """
    kind = step.get("type")
    if kind == "Replace":
        content, pattern = len(step["content"]), step["pattern"].get("String")
        if pattern:
            return max(1.0, content / len(pattern))
        # An expression may match the empty text between any two characters.
        return 1.0 + content
    if kind == "ByteLevel":
        # A byte above the ASCII ones becomes a character of two bytes.
        return 2.0
    if kind == "Precompiled":
        return _longest_of_charsmap(step["precompiled_charsmap"])
    return 1.0


def _longest_of_charsmap(charsmap: str) -> float:
    content = base64.b64decode(charsmap)
    texts = content[_BYTES_OF_LENGTH + int.from_bytes(content[:_BYTES_OF_LENGTH], "little") :]
    return max((len(text.decode("utf-8", "replace")) for text in texts.split(b"\0")), default=1) or 1.0
