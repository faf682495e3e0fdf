r"""Tokenising only as much of a text as can matter, so that a huge text does not cost a huge text's tokenising.

A text is cut at about 32 characters per token still needed. The cut falls just before an ASCII space between two
letters or digits, if there is one near by and the pre-tokenizer splits there: then the tokens of the part are the first
tokens of the whole. Elsewhere the tokens within a margin of the cut are distrusted: a combining sequence, a word or the
tokenizer's choice between two segmentations may reach across it. If too few tokens remain, the part is doubled.

Known exceptions, where the tokens may differ from those of the whole text:
- a stretch without a space, longer than the part, in which a Unigram tokenizer never settles on one segmentation: in
  practice one character, or one short group, repeated thousands of times (`-----`). The part's own segmentation stands;
- a word of combining marks by the hundred, which WordPiece would have called unknown as a whole.
A text whose characters vanish, or melt into one unknown token, by the thousand gives few tokens for many characters. It
is given up at 256 characters per token needed: what lies beyond is dropped, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..settings import Direction

SURROGATES = re.compile(r"[\ud800-\udfff]")
"""Halves of UTF-16 pairs; in a Python string they are not text, and the tokenizer refuses them."""


class TokenizedText(Protocol):
    """What the tokenizer says about one text."""

    @property
    def ids(self) -> list[int]:
        """Token ids."""
        ...

    def token_to_chars(self, token_index: int, /) -> tuple[int, int] | None:
        """Start and end of the characters that a token stands for."""
        ...


class TextTokenizer(Protocol):
    """The one call that costs time."""

    def encode_batch(self, texts: Sequence[str], /) -> Sequence[TokenizedText]:
        """Tokenise texts without special tokens, without truncation."""
        ...

    def encode_whole(self, texts: Sequence[str], /) -> Sequence[list[int]]:
        """The ids of the same tokens, for texts of which nobody asks where in them a token is."""
        ...


@dataclass(frozen=True, slots=True)
class Precut:
    """How texts are cut before they are tokenised."""

    characters_per_token: int = 32
    """Characters tokenised per token needed: several times what any language takes, so that one pass is enough."""

    margin_characters: int = 256
    """Characters next to a cut inside a word whose tokens are not used.

    More than the 100 after which WordPiece gives up on a word, and many times the longest usual piece (16).
    """

    boundary_search_characters: int = 1024
    """How far back a space is looked for before the cut falls inside a word."""

    max_characters_per_token: int = 256
    """Characters per token needed after which a text is given up: a million blanks must not cost a million."""

    splits_at_spaces: bool = True
    """Whether the pre-tokenizer separates words at spaces; if not, no cut is trusted."""


@dataclass(frozen=True, slots=True)
class TextTokens:
    """The tokens of one text, as far as they matter."""

    ids: NDArray[np.int32]
    """int32 (t,): the first, or last, tokens."""

    is_cut: bool = False
    """True where something of the text was dropped already: it was given up, or has a limit of its own."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a text that goes to the tokenizer."""

    text: str
    trusted: bool
    """True where every token is also a token of the whole text."""


def without_lone_surrogates(text: str) -> str:
    """Replace surrogates that belong to no pair by U+FFFD and join those that do."""
    if text.isascii() or SURROGATES.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def leading_tokens(
    tokenizer: TextTokenizer, texts: Sequence[str], needed: int, direction: Direction, precut: Precut
) -> list[TextTokens]:
    """Tokenise texts as far as needed.

    Args:
        tokenizer: Called once, and again for texts that gave too few tokens.
        texts: Any strings.
        needed: Tokens that matter, at least 1.
        direction: `right` wants the first tokens of a text, `left` the last ones.
        precut: How to cut.

    Returns:
        For each text its first (last) tokens; fewer than `needed` only if the text has no more, or was given up.
    """
    results: list[TextTokens | None] = [None] * len(texts)
    waiting = list(range(len(texts)))
    characters = needed * precut.characters_per_token
    most_characters = max(characters, needed * precut.max_characters_per_token)
    while waiting:
        parts = [_cut(texts[index], characters, direction, precut) for index in waiting]
        unfinished = []
        for index, (ids, is_enough) in zip(waiting, _encoded(tokenizer, parts, needed, direction, precut), strict=True):
            enough = is_enough or len(texts[index]) <= characters + precut.margin_characters
            if enough or characters >= most_characters:
                kept = ids[:needed] if direction == "right" else ids[-needed:]
                results[index] = TextTokens(np.fromiter(kept, np.int32, len(kept)), is_cut=not enough)
            else:
                unfinished.append(index)
        waiting = unfinished
        characters = min(2 * characters, most_characters)
    return [result for result in results if result is not None]


def _cut(text: str, characters: int, direction: Direction, precut: Precut) -> _Part:
    """Take the part of a text that is tokenised in this round."""
    longest = characters + precut.margin_characters
    if len(text) <= longest:
        return _Part(without_lone_surrogates(text), trusted=True)
    boundary = _boundary(text, longest, direction, precut) if precut.splits_at_spaces else None
    cut = boundary if boundary is not None else (longest if direction == "right" else len(text) - longest)
    part = text[:cut] if direction == "right" else text[cut:]
    return _Part(without_lone_surrogates(part), trusted=boundary is not None)


def _boundary(text: str, longest: int, direction: Direction, precut: Precut) -> int | None:
    """Find the position of a space between two letters or digits, at or just inside the longest part.

    Other neighbours could take part in what happens at the space: combining marks, added tokens that swallow it.
    """
    reach = min(precut.boundary_search_characters, longest // 2)
    if direction == "right":
        start, end = longest - reach, longest
    else:
        start, end = len(text) - longest, len(text) - longest + reach
    # A neighbour is looked at on both sides, so the space itself cannot be the first or last character.
    position = text.rfind(" ", start, end) if direction == "right" else text.find(" ", start, end)
    while position > 0:
        if text[position - 1].isalnum() and text[position + 1 : position + 2].isalnum():
            return position
        position = text.rfind(" ", start, position) if direction == "right" else text.find(" ", position + 1, end)
    return None


def _encoded(
    tokenizer: TextTokenizer, parts: Sequence[_Part], needed: int, direction: Direction, precut: Precut
) -> list[tuple[list[int], bool]]:
    """The ids of each part, and whether as many as needed are those of the whole text."""
    if all(part.trusted for part in parts):
        return [(ids, len(ids) >= needed) for ids in tokenizer.encode_whole([part.text for part in parts])]
    encodings = tokenizer.encode_batch([part.text for part in parts])
    return [
        (encoding.ids, _is_enough(part, encoding, needed, direction, precut.margin_characters))
        for part, encoding in zip(parts, encodings, strict=True)
    ]


def _is_enough(part: _Part, encoding: TokenizedText, needed: int, direction: Direction, margin: int) -> bool:
    """Tell whether a part gave as many tokens as needed, not counting those that the cut may have changed."""
    count = len(encoding.ids)
    if count < needed:
        return False
    if part.trusted:
        return True
    characters = encoding.token_to_chars(needed - 1 if direction == "right" else count - needed)
    if characters is None:
        return False
    start, end = characters
    return end <= len(part.text) - margin if direction == "right" else start >= margin
