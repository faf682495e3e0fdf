"""What transformers and sentence-transformers read beside tokenizer.json, and what becomes of it here.

Settings of those files that change a pair's tokens are applied as the reference does, or refused where tokenizer.json
says something else.

Source: `tokenization_utils_tokenizers.py` and the tokenizers of the models in transformers 5.23; `base/modules/
transformer.py` of sentence-transformers 6.2; `router/src/lib.rs` of text-embeddings-inference 1.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers

from ..checkpoint_json import USE_PUBLISHED, read_json_object
from ..errors import CorruptFile
from ..settings import Direction, Preset
from .class_parts import ClassParts
from .components import steps
from .pair_template import PairTemplate
from .tokenizer_classes import BERT, BUILT_CLASSES, tokenizer_class

UNLIMITED_TOKENS = 1_000_000
"""A longer `model_max_length` is transformers' way to say that there is no limit (it writes 1e30)."""

LOWERCASE_DEFAULTS = {
    "AlbertTokenizer": True,
    "DebertaV2Tokenizer": False,
    "FNetTokenizer": False,
    "RemBertTokenizer": False,
    "XLNetTokenizer": False,
}
"""Classes beside BERT's whose `do_lower_case` decides, whatever tokenizer.json says, and what its absence means."""

BERT_OPTIONS_CLASSES = frozenset({"FunnelTokenizer", "MPNetTokenizer"})
"""Classes beside BERT's own that normalise by BERT's options, whatever tokenizer.json says."""

ADDED_TOKEN_FLAGS = ("single_word", "lstrip", "rstrip", "normalized")
"""How an added token is found in a text."""

SEGMENT_CLASSES = frozenset(
    "Bert ConvBert Deberta DebertaV2 DPRContextEncoder DPRQuestionEncoder Electra FNet LayoutLM Lxmert MobileBert "
    "SqueezeBert".split()
)
"""Classes, without their ending `Tokenizer`, that pass segments to the model unless `model_input_names` says otherwise;
all others that take a tokenizer.json pass none."""

SEGMENT_MODEL_TYPES = frozenset(
    "bert convbert deberta deberta-v2 distilbert electra ernie fnet layoutlm megatron-bert mobilebert nomic_bert "
    "squeezebert".split()
)
"""Values of `model_type` that stand for one of those classes where no class is named."""

SENTENCE_CONFIGS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
"""Parts of the names of sentence-transformers' files, in the order of text-embeddings-inference."""

SPECIAL_TOKENS_FILE = "special_tokens_map.json"
"""What the special tokens are, in checkpoints of former versions of transformers."""

MODULES_FILE = "modules.json"
"""Where it is, sentence-transformers reads its own file of settings too."""


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """What the references read beside tokenizer.json."""

    tokenizer_class: str
    """Class in transformers without the ending `Fast`; empty where none is named."""

    options: Mapping[str, object]
    """tokenizer_config.json."""

    sentence: Mapping[str, object]
    """sentence-transformers' file; empty where there is none."""

    has_modules: bool
    """Whether sentence-transformers would read that file."""

    model_type: str | None = None
    """As config.json says it; None where it is silent."""

    special_tokens: Mapping[str, object] = field(default_factory=dict)
    """special_tokens_map.json, where it counts: not beside `added_tokens_decoder`."""

    tokenizer_side: str | None = None
    """End of a text at which tokenizer.json itself would cut it, which counts where `truncation_side` is absent."""

    @classmethod
    def read(cls, directory: Path) -> ReferenceSettings:
        """Read the files of a checkpoint's folder.

        Raises:
            CorruptFile: If one of them is no JSON object.
        """
        options = read_json_object(directory / "tokenizer_config.json", is_optional=True)
        config = read_json_object(directory / "config.json", is_optional=True)
        name = options.get("tokenizer_class") or config.get("tokenizer_class") or ""
        paths = [directory / f"sentence_{part}_config.json" for part in SENTENCE_CONFIGS]
        found = next((path for path in paths if path.is_file()), None)
        model_type = config.get("model_type")
        special_tokens = read_json_object(directory / SPECIAL_TOKENS_FILE, is_optional=True)
        return cls(
            str(name).removesuffix("Fast"),
            options,
            {} if found is None else read_json_object(found),
            (directory / MODULES_FILE).is_file(),
            model_type if isinstance(model_type, str) else None,
            {} if "added_tokens_decoder" in options else special_tokens,
        )

    def max_pair_tokens(self, preset: Preset) -> int | None:
        """Longest pair that the preset's reference reads, special tokens included; None where it sets no limit."""
        own = _limit(self.sentence.get("max_seq_length"))
        if own is not None and (preset == "tei" or (preset == "crossencoder" and self.has_modules)):
            return own
        return _limit(self.options.get("model_max_length"))

    def direction(self, preset: Preset) -> Direction:
        """End of a text at which the preset's reference drops tokens; text-embeddings-inference never looks.

        Raises:
            CorruptFile: If `truncation_side` is neither of the two.
        """
        found = self.options.get("truncation_side") or self.tokenizer_side or "right"
        if found not in ("right", "left"):
            raise _contradiction("truncation_side", found, "right or left")
        return "left" if found == "left" and preset != "tei" else "right"

    @property
    def has_segments(self) -> bool:
        """Whether the reference passes segments to the model."""
        names = self.options.get("model_input_names")
        if isinstance(names, list):
            return "token_type_ids" in names
        if self.tokenizer_class:
            return self.tokenizer_class.removesuffix("Tokenizer") in SEGMENT_CLASSES
        return self.model_type is None or self.model_type in SEGMENT_MODEL_TYPES

    @property
    def effective_class(self) -> str | None:
        """Class that transformers would take; None where it takes tokenizer.json as it is."""
        return tokenizer_class(self.tokenizer_class or None, self.model_type)

    @property
    def _class_parts(self) -> ClassParts | None:
        name = self.effective_class
        built = BUILT_CLASSES.get(name or "")
        return (
            None if name is None or built is None else ClassParts(name, built, {**self.options, **self.special_tokens})
        )

    def refuse_other_template(self, tokenizer: Tokenizer, template: PairTemplate, *, has_segments: bool) -> None:
        """Refuse pairs that lack a special token by which the references mark their parts, or have it elsewhere.

        Raises:
            CorruptFile: If `cls_token` or `sep_token` is named and a pair has it nowhere, or if the class in
                transformers lays out a pair otherwise.
        """
        files = (("tokenizer_config.json", self.options), (SPECIAL_TOKENS_FILE, self.special_tokens))
        for (file, options), name in product(files, ("cls_token", "sep_token")):
            content = _content(options.get(name))
            if isinstance(content, str) and tokenizer.token_to_id(content) not in template.special_ids:
                raise CorruptFile(
                    f"{file}: {name} is {content!r}, which the post-processor of tokenizer.json puts "
                    "nowhere into a pair.",
                    remedy=USE_PUBLISHED,
                )
        if (parts := self._class_parts) is not None:
            parts.refuse_other_template(template, tokenizer, has_segments=has_segments)

    def apply_to(self, tokenizer: Tokenizer) -> None:
        """Make the tokenizer do what the reference's does.

        Raises:
            CorruptFile: If a setting contradicts tokenizer.json in a way that the reference settles by building
                another tokenizer.
        """
        tokenizer.encode_special_tokens = bool(self.options.get("split_special_tokens"))
        self._apply_added_tokens(tokenizer)
        name = self.effective_class
        if name is None:
            return
        self._refuse_other_spaces(tokenizer)
        if (parts := self._class_parts) is not None:
            parts.apply_to(tokenizer)
        is_bert = BUILT_CLASSES.get(name) == BERT
        if is_bert or (name in BERT_OPTIONS_CLASSES and isinstance(tokenizer.normalizer, normalizers.BertNormalizer)):
            self._apply_bert_options(tokenizer)
        else:
            self._refuse_other_case(name, tokenizer)
        if self.options.get("split_by_punct") is True and not _splits_at_punctuation(tokenizer):
            raise _contradiction("split_by_punct", True, "False, as tokenizer.json does")
        if self.has_modules and self.sentence.get("do_lower_case") and not _lowers(tokenizer):
            raise _contradiction("do_lower_case of sentence-transformers' file", True, "what tokenizer.json does")

    def _apply_bert_options(self, tokenizer: Tokenizer) -> None:
        """Normalise as BERT's classes do: by these options, whatever tokenizer.json says."""
        strip_accents = self.options.get("strip_accents")
        tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self._is_set("tokenize_chinese_chars", default=True),
            strip_accents=None if strip_accents is None else self._is_set("strip_accents", default=False),
            lowercase=self._is_set("do_lower_case", default=True),
        )
        content = _content(self.options.get("unk_token"))
        if isinstance(content, str) and isinstance(tokenizer.model, models.WordPiece):
            tokenizer.model.unk_token = content

    def _is_set(self, name: str, *, default: bool) -> bool:
        found = self.options.get(name, default)
        if not isinstance(found, bool):
            raise _contradiction(name, found, "true or false")
        return found

    def _refuse_other_case(self, name: str, tokenizer: Tokenizer) -> None:
        found = self.options.get("do_lower_case", LOWERCASE_DEFAULTS.get(name))
        if name in LOWERCASE_DEFAULTS and isinstance(found, bool) and found != _lowers(tokenizer):
            raise self._contradiction_of(name, "do_lower_case", found, does=_lowers(tokenizer))
        keeps = self.options.get("keep_accents", False)
        if name == "AlbertTokenizer" and keeps != _keeps_accents(tokenizer):
            raise self._contradiction_of(name, "keep_accents", keeps, does=_keeps_accents(tokenizer))

    def _contradiction_of(self, name: str, option: str, found: object, *, does: bool) -> CorruptFile:
        meaning = "" if option in self.options else f" ({name}'s own value, since it is set nowhere)"
        return _contradiction(option, f"{found}{meaning}", f"{does}, as tokenizer.json does")

    def _refuse_other_spaces(self, tokenizer: Tokenizer) -> None:
        found = self.options.get("add_prefix_space")
        does = _adds_prefix_space(tokenizer)
        if isinstance(found, bool) and does is not None and does != found:
            raise _contradiction("add_prefix_space", found, f"{does}, as tokenizer.json does")

    def _apply_added_tokens(self, tokenizer: Tokenizer) -> None:
        """Find added tokens in a text as `added_tokens_decoder` says; it may neither move one nor make it special."""
        added = self.options.get("added_tokens_decoder")
        if not isinstance(added, dict):
            return
        known = {token.content: (number, token) for number, token in tokenizer.get_added_tokens_decoder().items()}
        for number, entry in added.items():
            flags = entry if isinstance(entry, dict) else {"content": entry}
            content = str(flags.get("content"))
            if content not in known or str(known[content][0]) != str(number):
                does = "it in tokenizer.json too" if content not in known else f"{known[content][0]}, as there"
                raise _contradiction("added_tokens_decoder", f"{content!r} as {number}", does)
            token = known[content][1]
            if flags.get("special", token.special) != token.special:
                does = f"{token.special}, as in tokenizer.json"
                raise _contradiction("added_tokens_decoder", f"special={flags['special']} for {content!r}", does)
            kept = {name: flags.get(name, getattr(token, name)) for name in ADDED_TOKEN_FLAGS}
            if any(kept[name] != getattr(token, name) for name in ADDED_TOKEN_FLAGS):
                tokenizer.add_tokens([AddedToken(content, special=token.special, **kept)])
        self._refuse_lost_tokens(known.keys() - {str(_content(entry)) for entry in added.values()})

    def _refuse_lost_tokens(self, missing: AbstractSet[str]) -> None:
        """Refuse tokens that tokenizer.json alone adds, which a class that builds its tokenizer anew would not know."""
        named = {str(_content(value)) for name, value in self.options.items() if name.endswith("_token")}
        for field_name in ("additional_special_tokens", "extra_special_tokens"):
            listed = self.options.get(field_name) or ()
            tokens = listed.values() if isinstance(listed, Mapping) else listed
            named |= {str(_content(token)) for token in tokens} if isinstance(tokens, Iterable) else set()
        if (parts := self._class_parts) is not None and (lost := sorted(missing - named - parts.special_tokens)):
            raise _contradiction("added_tokens_decoder", "without " + repr(lost[0]), "it there, as in tokenizer.json")


def _limit(found: object) -> int | None:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= UNLIMITED_TOKENS:
        return None
    return int(found)


def _lowers(tokenizer: Tokenizer) -> bool:
    return tokenizer.normalizer is not None and tokenizer.normalizer.normalize_str("A").endswith("a")


def _keeps_accents(tokenizer: Tokenizer) -> bool:
    return tokenizer.normalizer is None or not tokenizer.normalizer.normalize_str("é").endswith("e")


def _splits_at_punctuation(tokenizer: Tokenizer) -> bool:
    return tokenizer.pre_tokenizer is not None and len(tokenizer.pre_tokenizer.pre_tokenize_str("a,b")) > 1


def _adds_prefix_space(tokenizer: Tokenizer) -> bool | None:
    """What a pre-tokenizer does at a text's beginning; None where it has no such choice."""
    for step in steps(tokenizer.pre_tokenizer, "pretokenizers"):
        if step["type"] == "ByteLevel":
            return bool(step["add_prefix_space"])
        if step["type"] == "Metaspace":
            return bool(step["prepend_scheme"] != "never")
    return None


def _content(token: object) -> object:
    """The text of a token, which may be written with its flags."""
    return token.get("content") if isinstance(token, Mapping) else token


def _contradiction(name: str, found: object, expected: str) -> CorruptFile:
    return CorruptFile(f"tokenizer_config.json: {name} is {found}; expected {expected}.", remedy=USE_PUBLISHED)
