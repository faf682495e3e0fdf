"""The parts of a tokenizer.json that three classes of transformers build anew, whatever the file says.

They take the vocabulary, the merges, the charsmap and the added tokens from the file. A file with other parts than the
class builds is refused: transformers before version 5 and text-embeddings-inference would follow the file, transformers
since version 5 follows the class, and only whoever trained the model knows which of the two it was. A part that differs
in nothing but how blanks are dropped is replaced by the class's.

Source: the tokenizers of BERT, RoBERTa and XLM-RoBERTa and `convert_to_native_format` in transformers 5.23.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from ..errors import CorruptFile
from .components import steps
from .pair_template import PairTemplate
from .tokenizer_classes import BERT, ROBERTA, XLM_ROBERTA

_Model = TypeVar("_Model", bound=models.Model)

_BLANK_RULES = ("Strip", "Replace")
"""Normalizers with which conversions to tokenizer.json have dropped blanks; the class drops them by splitting."""

_SPACE_MARK = "\u2581"
"""What stands for a space in the vocabulary of XLM-RoBERTa."""

_BERT_TOKENS = frozenset({"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"})
_SENTENCE_TOKENS = frozenset({"<s>", "</s>", "<unk>", "<pad>", "<mask>"})

_NO_CHARACTER = "\U0010fffd"
"""Of private use, so that it is in no vocabulary."""

_UNKNOWN_ID = 3
"""Id of the unknown token that XLM-RoBERTa's class assumes."""


@dataclass(frozen=True, slots=True)
class ClassParts:
    """What one class builds.

    Args:
        name: The class as the checkpoint names it.
        built: The class that does the building.
        options: tokenizer_config.json.
    """

    name: str
    built: str
    options: Mapping[str, object]

    @property
    def special_tokens(self) -> frozenset[str]:
        """Tokens that the class adds of itself."""
        return _BERT_TOKENS if self.built == BERT else _SENTENCE_TOKENS

    def apply_to(self, tokenizer: Tokenizer) -> None:
        """Refuse a tokenizer of other parts, and replace those that differ in blanks only.

        Raises:
            CorruptFile: If the class would build another normalizer, pre-tokenizer or model than tokenizer.json has.
        """
        {BERT: self._apply_bert, ROBERTA: self._apply_roberta, XLM_ROBERTA: self._apply_xlm_roberta}[self.built](
            tokenizer
        )

    def refuse_other_template(self, template: PairTemplate, tokenizer: Tokenizer, *, has_segments: bool) -> None:
        """Refuse special tokens that stand elsewhere in a pair than the class puts them, and other segments.

        Raises:
            CorruptFile: If they do.
        """
        begin, end = ("bos_token", "eos_token") if self.built == XLM_ROBERTA else ("cls_token", "sep_token")
        defaults = ("[CLS]", "[SEP]") if self.built == BERT else ("<s>", "</s>")
        first, last = self._token(begin, defaults[0]), self._token(end, defaults[1])
        middle = [last] if self.built == BERT else [last, last]
        expected = [[first], middle, [last]]
        found = [
            [str(tokenizer.id_to_token(number)) for number in part.tolist()]
            for part in (template.prefix, template.middle, template.suffix)
        ]
        if found != expected:
            raise self._refused("post_processor", _shown(found), _shown(expected))
        segments = [template.query_type, *template.middle_types.tolist(), template.document_type]
        if has_segments and self.built == BERT and segments != [0, 0, 1]:
            raise self._refused("post_processor", f"segments {segments}", f"segments {[0, 0, 1]}")

    def _apply_bert(self, tokenizer: Tokenizer) -> None:
        self._expect_normalizers(tokenizer, ["BertNormalizer"])
        self._expect_pre_tokenizers(tokenizer, ["BertPreTokenizer"])
        model = self._model(tokenizer, models.WordPiece)
        self._expect("model.continuing_subword_prefix", model.continuing_subword_prefix, "##")
        self._expect("model.max_input_chars_per_word", model.max_input_chars_per_word, 100)
        model.unk_token = self._token("unk_token", "[UNK]")

    def _apply_roberta(self, tokenizer: Tokenizer) -> None:
        self._expect_normalizers(tokenizer, [])
        (step,) = self._expect_pre_tokenizers(tokenizer, ["ByteLevel"])
        self._expect("pre_tokenizer.use_regex", step.get("use_regex", True), True)
        self._expect_prefix_space(found=bool(step.get("add_prefix_space")), default=False)
        model = self._model(tokenizer, models.BPE)
        self._expect("model.continuing_subword_prefix", model.continuing_subword_prefix or "", "")
        self._expect("model.end_of_word_suffix", model.end_of_word_suffix or "", "")
        self._expect("model.byte_fallback", model.byte_fallback, False)
        self._expect("model.ignore_merges", model.ignore_merges, False)
        # Its byte level leaves nothing unknown but what the vocabulary lacks, which this class drops.
        model.unk_token = None

    def _apply_xlm_roberta(self, tokenizer: Tokenizer) -> None:
        found = steps(tokenizer.normalizer, "normalizers")
        kinds = [str(step["type"]) for step in found if step["type"] not in _BLANK_RULES]
        if kinds not in ([], ["Precompiled"]) or not all(map(_drops_blanks, found)):
            raise self._refused("normalizer", _named(found), "Precompiled or none")
        kinds = [str(step["type"]) for step in steps(tokenizer.pre_tokenizer, "pretokenizers")]
        if kinds not in (["WhitespaceSplit", "Metaspace"], ["Metaspace"]):
            raise self._refused("pre_tokenizer", ", ".join(kinds) or "none", "WhitespaceSplit, Metaspace")
        space = steps(tokenizer.pre_tokenizer, "pretokenizers")[-1]
        self._expect("pre_tokenizer.replacement", space["replacement"], _SPACE_MARK)
        adds_space = self._expect_prefix_space(found=space.get("prepend_scheme") != "never", default=True)
        model = self._model(tokenizer, models.Unigram)
        # The library shows neither the id nor whether it falls back to bytes, but both in what it makes of a text.
        unknown = [token.id for token in model.tokenize(_NO_CHARACTER)]
        self._expect("model.unk_id (or byte_fallback)", unknown, [_UNKNOWN_ID])
        charsmap = next((step["precompiled_charsmap"] for step in found if step["type"] == "Precompiled"), None)
        tokenizer.normalizer = None if charsmap is None else normalizers.Precompiled(base64.b64decode(charsmap))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.WhitespaceSplit(),
                pre_tokenizers.Metaspace(_SPACE_MARK, prepend_scheme="always" if adds_space else "never"),
            ]
        )

    def _model(self, tokenizer: Tokenizer, kind: type[_Model]) -> _Model:
        if not isinstance(tokenizer.model, kind):
            raise self._refused("model", type(tokenizer.model).__name__, kind.__name__)
        return tokenizer.model

    def _expect_normalizers(self, tokenizer: Tokenizer, kinds: list[str]) -> None:
        found = steps(tokenizer.normalizer, "normalizers")
        if [step["type"] for step in found] != kinds:
            raise self._refused("normalizer", _named(found), ", ".join(kinds) or "none")

    def _expect_pre_tokenizers(self, tokenizer: Tokenizer, kinds: list[str]) -> list[Mapping[str, Any]]:
        found = steps(tokenizer.pre_tokenizer, "pretokenizers")
        if [step["type"] for step in found] != kinds:
            raise self._refused("pre_tokenizer", _named(found), ", ".join(kinds))
        return found

    def _expect_prefix_space(self, *, found: bool, default: bool) -> bool:
        expected = self.options.get("add_prefix_space", default)
        self._expect("pre_tokenizer.add_prefix_space", found, expected)
        return found

    def _expect(self, part: str, found: object, expected: object) -> None:
        if found != expected:
            raise self._refused(part, json.dumps(found), json.dumps(expected))

    def _token(self, name: str, default: str) -> str:
        found = self.options.get(name)
        content = found.get("content") if isinstance(found, Mapping) else found
        return content if isinstance(content, str) else default

    def _refused(self, part: str, found: str, expected: str) -> CorruptFile:
        segments = ' and "model_input_names": ["input_ids", "token_type_ids"]' if self.built == BERT else ""
        return CorruptFile(
            f"tokenizer.json: {part} is {found}; {self.name}, the checkpoint's class in transformers, builds "
            f"{expected} in its place.",
            remedy="Use the tokenizer.json that was published with the model. If the model was trained with this one, "
            f'say so in tokenizer_config.json: "tokenizer_class": "PreTrainedTokenizerFast"{segments}.',
        )


def _named(found: list[Mapping[str, Any]]) -> str:
    return ", ".join(str(step["type"]) for step in found) or "none"


def _shown(parts: list[list[str]]) -> str:
    return " ".join([*parts[0], "query", *parts[1], "document", *parts[2]])


def _drops_blanks(step: Mapping[str, Any]) -> bool:
    """Tell whether a normalizer is the charsmap or does nothing that splitting at blanks would not undo."""
    if step["type"] != "Replace":
        return True
    return step["pattern"] == {"Regex": " {2,}"} and step["content"] in (" ", _SPACE_MARK)
