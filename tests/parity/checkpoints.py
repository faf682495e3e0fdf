"""Random checkpoints that both sides load: a tiny XLM-RoBERTa, and one of the base model's shape."""

from __future__ import annotations

import hashlib
import inspect
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForSequenceClassification
from transformers.utils import logging as transformers_logging

from . import texts

WINDOW_TOKENS = 512
"""Longest pair; XLM-RoBERTa keeps two more positions than that."""

LOGIT_SPREAD = 4.0
"""Standard deviation that logits over the pairs are scaled to, so that a limit of 2e-3 is a strict one."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Dimensions of a network."""

    name: str
    layers: int
    hidden: int
    heads: int
    intermediate: int


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny", layers=2, hidden=64, heads=4, intermediate=128),
        Shape("base", layers=12, hidden=768, heads=12, intermediate=3072),
    )
}


def cached_checkpoint(shape: Shape, cache: Path) -> Path:
    """Return the folder of a checkpoint, making it if it is not there yet.

    The folder's name carries a digest of the code that makes it, so that a change makes a new one.
    """
    source = inspect.getsource(inspect.getmodule(cached_checkpoint) or texts) + inspect.getsource(texts)
    folder = cache / f"{shape.name}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    if not folder.exists():
        transformers_logging.disable_progress_bar()
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        tokenizer = _tokenizer()
        tokenizer.save_pretrained(unfinished)
        _model(shape, tokenizer).save_pretrained(unfinished)
        unfinished.rename(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    """Train a Unigram tokenizer of XLM-RoBERTa's making on the sentences."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=800, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(texts.training_sentences(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=WINDOW_TOKENS,
        model_input_names=["input_ids", "attention_mask"],
    )


def _model(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> XLMRobertaForSequenceClassification:
    """Draw weights, then scale the last layer so that logits spread over several units."""
    torch.manual_seed(3)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=WINDOW_TOKENS + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        num_labels=1,  # type: ignore[call-arg]  # taken by the class that all configurations inherit from
        # Wider than in training, so that attention tells tokens apart and pairs differ.
        initializer_range=1.6 / shape.hidden**0.5,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
    model = XLMRobertaForSequenceClassification(config)
    model.train(mode=False)
    pairs = texts.varied_pairs()[:24]
    inputs = tokenizer(
        [pair.query for pair in pairs], [pair.document for pair in pairs], padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        logits = model(**inputs).logits[:, 0]
        scale = LOGIT_SPREAD / logits.std()
        model.classifier.out_proj.weight.mul_(scale)
        model.classifier.out_proj.bias.fill_(float(-logits.mean() * scale))
    return model
