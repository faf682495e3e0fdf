"""The network around the trained word vectors: a construction that matches words and topics.

Cross-attention between two texts is found late and slowly by so small a network on two cores, so it is put in place:
layer 1 looks up where the first `</s>` stands and marks every piece as query or document; in layer 2 each query piece
looks for a piece of like meaning in the document, with `<s>` as the answer "none"; in layer 3 `<s>` averages what was
found, weighed by how rare the query's pieces are. That is a soft BM25. Beside it, `<s>` gathers the document's topic in
layer 2 and compares the query's pieces with it in layer 3. The word vectors are trained, see `embeddings`.
"""

import math
from enum import IntEnum
from typing import Any

import torch
from torch import nn
from transformers import XLMRobertaForSequenceClassification

from demo_model.embeddings import FloatArray
from demo_model.network import HEAD_SIZE, HIDDEN_SIZE, POSITIONS, TOPIC_SIZE, WORD_SIZE, network_config

_SHARPNESS = 20.0
"""Attention logit between a query's piece and its like; this and the next four were chosen on validation."""

_NO_MATCH = 12.0
"""Attention logit of a query piece's answer "none"."""

_TOPIC_SHARPNESS = 1.0
"""Attention logit between a topic and a piece that has it: small, so that the query counts as a whole."""

_NO_TOPIC = 2.2
"""Attention logit of the topic's answer "none"."""

_TOPIC_SHARE = 20.0
"""Weight of the topic beside the share of the query that was found."""

_MEANING_SIZE = WORD_SIZE + TOPIC_SIZE

_PART = math.sqrt(_MEANING_SIZE / 2)
"""Length of a piece's word vector and of its topic vector."""

_MARK = math.sqrt(_MEANING_SIZE)
"""Size of the marks of `<s>` and `</s>`: as long as a piece's meaning, so that layer normalisation treats all alike."""

_RAMP = 0.6
"""Scale of the logarithm of a position."""

_RAMP_CENTRE = 3.5
"""Logarithm of a middling position, taken off so that the ramp stays small."""

_RARITY = 0.6
"""Scale of the logarithm of a piece's rarity."""

_NORMALISED = math.sqrt(HIDDEN_SIZE / (_MEANING_SIZE + 2))
"""Factor by which the first layer normalisation stretches everything."""

_SAME_SIDE = 8.0
"""Attention logit by which pieces of one side avoid each other and seek the other side."""

_ONLY_SIDE = 5.0
"""Attention logit by which `<s>` keeps to one side."""

_AWAY = 60.0
"""Attention logit, taken off, that keeps `<s>` out of a sum even after its topic has shrunk its mark."""

_USUAL = 0.65
"""Share of a topic that a query usually finds; the answer is about what differs from it."""

_SPREAD = 8.0
"""Stretches that difference to the size of the other values, for the sake of coarse number formats."""

_HALF = TOPIC_SIZE // 2
"""Values of a topic that one attention head sees."""

_TOPIC_GAIN = 20.0
"""Stretches a topic, a mean and so short, beyond the mark of `<s>`, so that layer normalisation fixes its length."""

_TOPIC_LENGTH = 13.6
"""Length of a stretched topic after layer normalisation."""

_MIDDLE = 1.0
"""Answer between that of passages that fit and of others, on validation: there the logit is 0."""

_UNREAD_RARITY = 16.0
"""Rarity of `<unk>` in a document: the highest, since it may stand for a whole sentence."""

_UNREAD_SCALE = 4.0
"""Scale of how much more of a document is unread than read: beside a topic small, beside roundings large."""

_UNREAD_SHARPNESS = 100.0
"""Stretches that, so that a little more costs as much as a lot."""

_UNREAD_DOUBT = 10.0
"""Taken off after that, so that no other piece than `<s>` takes the roundings for something unread."""

_UNREAD_COST = 2.0
"""What that takes off the answer: enough to come after any document that can be read."""


class Slot(IntEnum):
    """Places in a hidden vector that the construction gives a duty."""

    RARITY = _MEANING_SIZE
    RAMP = _MEANING_SIZE + 1
    END = _MEANING_SIZE + 2
    BEGIN = _MEANING_SIZE + 3
    QUERY_END = _MEANING_SIZE + 4
    SIDE = _MEANING_SIZE + 5
    FOUND = _MEANING_SIZE + 6
    ANSWER = _MEANING_SIZE + 7
    UNREAD = _MEANING_SIZE + 8
    UNREAD_BALANCE = _MEANING_SIZE + 9
    MOSTLY_UNREAD = _MEANING_SIZE + 10


def build_network(
    words: FloatArray, topics: FloatArray, rarity: FloatArray, seed: int
) -> XLMRobertaForSequenceClassification:
    """Builds the network.

    Args:
        words: float32 (V, WORD_SIZE), by which a piece is recognised.
        topics: float32 (V, TOPIC_SIZE), what a piece adds to a topic.
        rarity: float32 (V), how much a piece weighs.
        seed: Of the random weights that read and write nothing.
    """
    torch.manual_seed(seed)
    network = XLMRobertaForSequenceClassification(network_config(len(words)))
    # transformers types its modules' attributes as Tensor or Module: they are reached through Any.
    parts: Any = network
    layers = parts.roberta.encoder.layer
    with torch.no_grad():
        _set_embeddings(parts.roberta.embeddings, words, topics, rarity)
        for layer in layers:
            # A layer writes nothing but what is set below.
            layer.attention.output.dense.weight.zero_()
            layer.output.dense.weight.zero_()
        _set_sides(layers[0])
        _set_matching(layers[1])
        _set_topic(layers[1])
        _set_unread(layers[1])
        _set_summing(layers[2])
        _set_topic_match(layers[2])
        head = parts.classifier
        head.dense.weight[0].zero_()
        head.dense.weight[0, Slot.ANSWER] = 0.12
        head.out_proj.weight.zero_()
        head.out_proj.weight[0, 0] = 6.0
    return network


def read_meanings(network: XLMRobertaForSequenceClassification) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Reads back, up to rounding, the words, topics and rarities that a network was built from."""
    pieces = network.roberta.embeddings.word_embeddings.weight.detach().float()
    rarity = (pieces[:, Slot.RARITY] / _RARITY).exp()
    meanings = pieces[:, :_MEANING_SIZE] / _PART
    return meanings[:, :WORD_SIZE].numpy(), meanings[:, WORD_SIZE:].numpy(), rarity.numpy()


def _set_embeddings(embeddings: Any, words: FloatArray, topics: FloatArray, rarity: FloatArray) -> None:
    pieces = torch.zeros(len(words), HIDDEN_SIZE)
    pieces[:, :WORD_SIZE] = _PART * _unit_length(words)
    pieces[:, WORD_SIZE:_MEANING_SIZE] = _PART * _unit_length(topics)
    pieces[:, Slot.RARITY] = _RARITY * torch.from_numpy(rarity).clamp_min(0.1).log()
    pieces[:4] = 0
    pieces[0, Slot.BEGIN] = _MARK
    pieces[2, Slot.END] = _MARK
    # `<unk>` is as long as any piece and has no mean either: layer normalisation would else stretch its ramp beyond all
    # others', and a query would look like a document. It is like no piece, has no topic, and is light in a query.
    pieces[3, Slot.UNREAD], pieces[3, Slot.UNREAD_BALANCE] = _PART, -_PART
    places = torch.arange(POSITIONS, dtype=torch.float32)
    ramps = torch.zeros(POSITIONS, HIDDEN_SIZE)
    ramps[:, Slot.RAMP] = _RAMP * (places.clamp_min(1).log() - _RAMP_CENTRE)
    ramps[1] = 0
    embeddings.word_embeddings.weight.copy_(pieces)
    embeddings.position_embeddings.weight.copy_(ramps)
    embeddings.token_type_embeddings.weight.zero_()


def _set_sides(layer: Any) -> None:
    """Marks each piece as query (-1) or document (1) by comparing its place with the first `</s>`'s."""
    attention, row = layer.attention.self, 2 * HEAD_SIZE
    # So steep that the second `</s>`, a place further, counts for little in a long query too, and so strong that
    # the ramp of no other piece comes up to it.
    steepness, strength = 200.0, 1200.0
    _clear_rows(attention, row)
    attention.query.bias[row] = math.sqrt(HEAD_SIZE)
    attention.key.weight[row, Slot.END] = strength / (_MARK * _NORMALISED)
    attention.key.weight[row, Slot.RAMP] = -steepness / (_RAMP * _NORMALISED)
    attention.value.weight[row, Slot.RAMP] = 1.0
    # A `</s>` is one large value, so layer normalisation moves its ramp; the end of a long query would look like a
    # document.
    attention.value.weight[row, Slot.END] = 1 / (HIDDEN_SIZE - 1)
    layer.attention.output.dense.weight[Slot.QUERY_END, row] = 1.0
    sharpness, width, threshold = 120.0, 0.015, 0.01
    for unit, sign in ((0, 1.0), (1, -1.0)):
        layer.intermediate.dense.weight[unit].zero_()
        layer.intermediate.dense.weight[unit, Slot.RAMP] = sharpness
        layer.intermediate.dense.weight[unit, Slot.QUERY_END] = -sharpness
        # Every `</s>` counts as document, or the first one would fall to either side by chance.
        layer.intermediate.dense.weight[unit, Slot.END] = 0.3 * sharpness / (_MARK * _NORMALISED)
        layer.intermediate.dense.bias[unit] = sharpness * (sign * width - threshold)
    # The two units grow with the distance; only their difference leaves the layer.
    layer.output.dense.weight[Slot.SIDE, 0] = 1 / (sharpness * width)
    layer.output.dense.weight[Slot.SIDE, 1] = -1 / (sharpness * width)
    layer.output.dense.bias[Slot.SIDE] = -1.0


def _set_matching(layer: Any) -> None:
    """Lets each query piece look for its like in the document."""
    attention = layer.attention.self
    side, none = WORD_SIZE, WORD_SIZE + 1
    for row in range(HEAD_SIZE):
        _clear_rows(attention, row)
    # Attention divides by sqrt(HEAD_SIZE).
    likeness = math.sqrt(_SHARPNESS * math.sqrt(HEAD_SIZE)) / (_PART * _NORMALISED)
    for projection in (attention.query, attention.key):
        projection.weight[:WORD_SIZE, :WORD_SIZE] = likeness * torch.eye(WORD_SIZE)
    attention.query.weight[side, Slot.SIDE] = -_SAME_SIDE * math.sqrt(HEAD_SIZE)
    attention.key.weight[side, Slot.SIDE] = 1.0
    attention.query.bias[none] = math.sqrt(HEAD_SIZE)
    # `<s>` counts as a piece of the document here, so that both are raised alike.
    attention.key.weight[side, Slot.BEGIN] = 2 / (_MARK * _NORMALISED)
    attention.key.weight[none, Slot.BEGIN] = _NO_MATCH / (_MARK * _NORMALISED)
    attention.value.weight[side, Slot.BEGIN] = -1 / (_MARK * _NORMALISED)
    attention.value.bias[side] = 1.0
    layer.attention.output.dense.weight[Slot.FOUND, side] = 2.0


def _set_topic(layer: Any) -> None:
    """Lets `<s>` gather the mean topic of the document's pieces; every other piece looks at `</s>`, which is empty.

    Two heads gather half of the topic each.
    """
    attention = layer.attention.self
    begins = math.sqrt(HEAD_SIZE) / (_MARK * _NORMALISED)
    # Topics have no mean; layer normalisation gives `</s>` one, which must not pass for a topic.
    without_mean = torch.eye(TOPIC_SIZE) - 1 / TOPIC_SIZE
    for half in range(2):
        first = (1 + half) * HEAD_SIZE
        gather, ignore = first + _HALF, first + _HALF + 1
        for row in range(first, first + HEAD_SIZE):
            _clear_rows(attention, row)
        values = without_mean[half * _HALF : (half + 1) * _HALF]
        attention.value.weight[first : first + _HALF, WORD_SIZE:_MEANING_SIZE] = values
        attention.query.weight[gather, Slot.BEGIN] = begins
        attention.key.weight[gather, Slot.RARITY] = 1.0 / (_RARITY * _NORMALISED)
        attention.key.weight[gather, Slot.SIDE] = _ONLY_SIDE
        attention.query.bias[ignore] = math.sqrt(HEAD_SIZE)
        attention.query.weight[ignore, Slot.BEGIN] = -begins
        attention.key.weight[ignore, Slot.END] = 25.0 / (_MARK * _NORMALISED)
        written = layer.attention.output.dense.weight[_topic_half(half)]
        written[:, first : first + _HALF] = _TOPIC_GAIN * torch.eye(_HALF)


def _set_unread(layer: Any) -> None:
    """Lets `<s>` gather, beside the topic's first half, how much more of the document is unread than read.

    What is read has a topic and a match or none; a document most of which is not would else pass for one of which
    nothing is known, and so come before those that are known to be about something else.
    """
    attention, row = layer.attention.self, HEAD_SIZE + _HALF
    unread = 1 / (_PART * _NORMALISED)
    for half in range(2):
        attention.key.weight[row + half * HEAD_SIZE, Slot.UNREAD] = math.log(_UNREAD_RARITY) * unread
    # Of the weights, which make one: the unread's, less those of all others but `</s>`.
    for slot, sign in ((Slot.UNREAD, 1), (Slot.UNREAD_BALANCE, -1)):
        attention.value.weight[row, slot] = sign * unread
    attention.value.weight[row, Slot.END] = 1 / (_MARK * _NORMALISED)
    attention.value.bias[row] = -1.0
    layer.attention.output.dense.weight[Slot.MOSTLY_UNREAD, row] = _UNREAD_SCALE
    layer.intermediate.dense.weight[0].zero_()
    layer.intermediate.dense.weight[0, Slot.MOSTLY_UNREAD] = _UNREAD_SHARPNESS
    layer.intermediate.dense.bias[0] = -_UNREAD_DOUBT
    layer.output.dense.weight[Slot.ANSWER, 0] = -_UNREAD_COST


def _set_summing(layer: Any) -> None:
    """Lets `<s>` average over the query's pieces what they found, by their rarity."""
    attention, row = layer.attention.self, 2 * HEAD_SIZE
    for other in range(row, row + HEAD_SIZE):
        _clear_rows(attention, other)
    attention.query.bias[row] = math.sqrt(HEAD_SIZE)
    attention.key.weight[row, Slot.RARITY] = 1.0 / (_RARITY * _NORMALISED)
    attention.key.weight[row, Slot.SIDE] = -_ONLY_SIDE
    for slot in (Slot.BEGIN, Slot.END):
        attention.key.weight[row, slot] = -_AWAY / (_MARK * _NORMALISED)
    attention.value.weight[row, Slot.FOUND] = 0.5
    layer.attention.output.dense.weight[Slot.ANSWER, row] = 1.0
    layer.attention.output.dense.bias[Slot.ANSWER] = -_MIDDLE


def _set_topic_match(layer: Any) -> None:
    """Lets `<s>` look for its topic among the query's pieces, half by half, with `</s>` as the answer "none"."""
    attention = layer.attention.self
    likeness = math.sqrt(_TOPIC_SHARPNESS * math.sqrt(HEAD_SIZE) / (_TOPIC_LENGTH * _PART * _NORMALISED))
    # Three `</s>` share the answer "none", and they stand on the other side than the query.
    none = _NO_TOPIC - math.log(3) + 2 * _ONLY_SIDE
    for half in range(2):
        first = half * HEAD_SIZE
        mark = first + _HALF
        for row in range(first, first + HEAD_SIZE):
            _clear_rows(attention, row)
        for projection in (attention.query, attention.key):
            projection.weight[first : first + _HALF, _topic_half(half)] = likeness * torch.eye(_HALF)
        attention.query.bias[mark] = math.sqrt(HEAD_SIZE)
        attention.key.weight[mark, Slot.RARITY] = 1.0 / (_RARITY * _NORMALISED)
        attention.key.weight[mark, Slot.SIDE] = -_ONLY_SIDE
        attention.key.weight[mark, Slot.BEGIN] = -_AWAY / (_MARK * _NORMALISED)
        attention.key.weight[mark, Slot.END] = none / (_MARK * _NORMALISED)
        attention.value.bias[mark] = _SPREAD * (1 - _USUAL)
        attention.value.weight[mark, Slot.END] = -_SPREAD / (_MARK * _NORMALISED)
        layer.attention.output.dense.weight[Slot.ANSWER, mark] = _TOPIC_SHARE / _SPREAD


def _topic_half(half: int) -> slice:
    return slice(WORD_SIZE + half * _HALF, WORD_SIZE + (half + 1) * _HALF)


def _unit_length(vectors: FloatArray) -> torch.Tensor:
    """Scales vectors to unit length, without their mean, which layer normalisation would take off anyway.

    Those that were read from a checkpoint are so up to its rounding; they stay as they are, so that a network which is
    rebuilt differs from the former only in what was changed.
    """
    given = torch.from_numpy(vectors)
    scaled = nn.functional.normalize(given - given.mean(dim=1, keepdim=True), dim=1)
    is_scaled = (scaled - given).norm(dim=1, keepdim=True) < 2 * torch.finfo(torch.float16).eps
    return torch.where(is_scaled, given, scaled)


def _clear_rows(attention: Any, row: int) -> None:
    for projection in (attention.query, attention.key, attention.value):
        projection.weight[row].zero_()
        projection.bias[row] = 0
