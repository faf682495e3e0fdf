"""A scorer whose behaviour is written in the documents: `good good bad` scores 1, `nan` scores NaN, `boom` raises."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Sequence, Split, WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.scorer import ScorerDescription, ScorerOutOfMemory
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.tokenizer_folder import PlainTokenizer, TokenizerFolder

WORDS = {
    word: number for number, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "good", "bad", "nan", "boom", "die"])
}
MAX_PAIR_TOKENS = 64
SECRET = "the text of a document"
PANIC = "◊" * 40
"""A text on which the tokenizer's library panics: its regular expression goes back too often."""


def write_tokenizer(folder: Path) -> Path:
    """One token per word, in the pair template of XLM-RoBERTa, taken as the file has it."""
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    options = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "token_type_ids"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(options))
    return folder


def panicking_encoder(folder: Path) -> PairEncoder:
    """The same tokenizer, with an expression over which the library panics on `PANIC`; no file could bring it in."""
    read = TokenizerFolder.read(write_tokenizer(folder))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.pre_tokenizer = Sequence([Split(Regex("(?:◊+◊+)+y"), "isolated"), WhitespaceSplit()])
    plain = PlainTokenizer(tokenizer)
    return PairEncoder(plain, read.template, read.precut, largest_id=read.largest_id, vocabulary=plain)


class ScriptedScorer:
    """Scores by counting words; waits at a gate that tests close to fill the queue.

    Args:
        max_pair_tokens: Its window; small, so that short texts are long ones.
    """

    def __init__(self, max_pair_tokens: int = MAX_PAIR_TOKENS) -> None:
        self._max_pair_tokens = max_pair_tokens
        self.gate = threading.Event()
        self.gate.set()
        self.computing = threading.Event()
        self.scored_pairs = 0
        self.closed = False

    @property
    def description(self) -> ScorerDescription:
        return ScorerDescription(
            architecture="Scripted",
            runtime="test",
            device="cpu",
            device_name="test",
            precision="float32",
            packed=True,
            max_pair_tokens=self._max_pair_tokens,
            batch_invariant=True,
        )

    def warm_up(self, max_batch_tokens: int) -> None:
        if max_batch_tokens < 1:
            raise ScorerOutOfMemory

    def warm_up_further(self) -> bool:
        return False

    def score(self, batch: Batch) -> NDArray[np.float32]:
        self.computing.set()
        self.gate.wait()
        logits = np.zeros(len(batch), dtype=np.float32)
        for index in range(len(batch)):
            tokens = batch.tokens[batch.cu_seqlens[index] : batch.cu_seqlens[index + 1]]
            if WORDS["boom"] in tokens:
                raise RuntimeError(SECRET)
            if WORDS["die"] in tokens:
                raise SystemExit
            good, bad = (tokens == WORDS["good"]).sum(), (tokens == WORDS["bad"]).sum()
            logits[index] = np.nan if WORDS["nan"] in tokens else good - bad
        self.scored_pairs += len(batch)
        return logits

    def close(self) -> None:
        self.closed = True
