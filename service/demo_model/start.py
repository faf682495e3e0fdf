"""The weights that training starts from: a network that already matches words.

Belongs here: how the starting weights are put together. Must not be here: data, training.

Cross-attention between two texts is found late and slowly by so small a network on two cores, so it is put in place:
layer 1 looks up where the first `</s>` stands and marks every piece as query or document; in layer 2 each query piece
looks for a piece of like meaning in the document, with `<s>` as the answer "none"; in layer 3 `<s>` averages what was
found, weighed by how rare the query's pieces are. That is a soft BM25. Beside it, `<s>` gathers the document's topic in
layer 2 and compares the query's pieces with it in layer 3. Training then changes every weight.
"""

import math
from enum import IntEnum
from typing import Any

import torch
from transformers import XLMRobertaForSequenceClassification

from demo_model.embeddings import FloatArray
from demo_model.network import HEAD_SIZE, HIDDEN_SIZE, MEANING_SIZE, POSITIONS, network_config

_MARK = math.sqrt(MEANING_SIZE)
"""Size of the marks of `<s>` and `</s>`: as long as a word's meaning, so that layer normalisation treats all alike."""

_RAMP = 0.6
"""Scale of the logarithm of a position."""

_RAMP_CENTRE = 3.5
"""Logarithm of a middling position, taken off so that the ramp stays small."""

_RARITY = 0.6
"""Scale of the logarithm of a piece's inverse document frequency."""

_NORMALISED = math.sqrt(HIDDEN_SIZE / (MEANING_SIZE + 2))
"""Factor by which the first layer normalisation stretches everything."""

_SAME_SIDE = 8.0
"""Attention logit by which pieces of one side avoid each other and seek the other side."""

_NOISE = 0.05
"""Share that is kept of the random weights by which a layer writes."""

_ONLY_SIDE = 5.0
"""Attention logit by which `<s>` keeps to one side."""

_HALF = MEANING_SIZE // 2


TOPIC_SIZE = 60
"""Dimensions of a topic: what fits into one attention head beside its marks."""

_SHARPNESS = 40.0
"""Attention logit between two vectors whose product is one; this and the next four were chosen on validation."""

_NO_MATCH = 11.0
"""Attention logit of a query piece's answer "none"."""

_TOPIC_SHARPNESS = 8.0
"""Attention logit between a topic and a vector that has it."""

_NO_TOPIC = 6.0
"""Attention logit of the topic's answer "none"."""

_TOPIC_SHARE = 2.0
"""Weight of the topic beside the matched words."""


class Slot(IntEnum):
    """Places in a hidden vector that the starting weights give a duty."""

    RARITY = MEANING_SIZE
    RAMP = MEANING_SIZE + 1
    END = MEANING_SIZE + 2
    BEGIN = MEANING_SIZE + 3
    QUERY_END = MEANING_SIZE + 4
    SIDE = MEANING_SIZE + 5
    FOUND_FIRST = MEANING_SIZE + 6
    FOUND_SECOND = MEANING_SIZE + 7
    ANSWER = MEANING_SIZE + 8
    TOPIC = MEANING_SIZE + 9


_TOPIC = slice(Slot.TOPIC, Slot.TOPIC + TOPIC_SIZE)
"""Where `<s>` keeps the document's topic."""

_TOPIC_GAIN = 9.0
"""Stretches a topic, a mean and so short, beyond the mark of `<s>`, so that layer normalisation fixes its length."""

_TOPIC_LENGTH = 12.3
"""Length of a stretched topic after layer normalisation."""


def build_network(word_vectors: FloatArray, log_rarity: FloatArray, seed: int) -> XLMRobertaForSequenceClassification:
    """Builds the network that training starts from.

    Args:
        word_vectors: float32 (V, MEANING_SIZE), unit length.
        log_rarity: float32 (V), logarithm of how much a piece weighs.
        seed: Of the small random values everywhere else.
    """
    torch.manual_seed(seed)
    vectors, rarity = torch.from_numpy(word_vectors), torch.from_numpy(log_rarity)
    topic = torch.linalg.svd(vectors * rarity.exp()[:, None], full_matrices=False).Vh[:TOPIC_SIZE]
    network = XLMRobertaForSequenceClassification(network_config(len(vectors)))
    # transformers types its modules' attributes as Tensor or Module: they are reached through Any.
    parts: Any = network
    layers = parts.roberta.encoder.layer
    with torch.no_grad():
        _set_embeddings(parts.roberta.embeddings, vectors, rarity)
        for layer in layers:
            # What the random weights write is only to break symmetry, and nothing of it may reach the slots.
            layer.attention.output.dense.weight *= _NOISE
            layer.output.dense.weight *= _NOISE
            layer.attention.output.dense.weight[MEANING_SIZE : _TOPIC.stop] = 0
            layer.output.dense.weight[MEANING_SIZE : _TOPIC.stop] = 0
        _set_sides(layers[0])
        _set_matching(layers[1])
        _set_topic(layers[1], topic)
        _set_summing(layers[2])
        _set_topic_match(layers[2], topic)
        head = parts.classifier
        head.dense.weight[0].zero_()
        head.dense.weight[0, Slot.ANSWER] = 0.35
        head.dense.bias[0] = -0.9
        head.out_proj.weight[0, 0] = 5.0
    return network


def _set_embeddings(embeddings: Any, vectors: torch.Tensor, log_rarity: torch.Tensor) -> None:
    words = torch.zeros(len(vectors), HIDDEN_SIZE)
    words[:, :MEANING_SIZE] = vectors * _MARK
    words[:, Slot.RARITY] = _RARITY * log_rarity
    words[:4] = 0
    words[0, Slot.BEGIN] = _MARK
    words[2, Slot.END] = _MARK
    places = torch.arange(POSITIONS, dtype=torch.float32)
    ramps = torch.randn(POSITIONS, HIDDEN_SIZE) * 0.01
    ramps[:, Slot.RARITY : Slot.ANSWER + 1] = 0
    ramps[:, Slot.RAMP] = _RAMP * (places.clamp_min(1).log() - _RAMP_CENTRE)
    ramps[1] = 0
    embeddings.word_embeddings.weight.copy_(words)
    embeddings.position_embeddings.weight.copy_(ramps)
    embeddings.token_type_embeddings.weight.zero_()


def _set_sides(layer: Any) -> None:
    """Marks each piece as query (-1) or document (1) by comparing its place with the first `</s>`'s."""
    attention, row = layer.attention.self, 2 * HEAD_SIZE
    steepness, strength = 8.0, 40.0
    _clear_rows(attention, row)
    attention.query.bias[row] = math.sqrt(HEAD_SIZE)
    attention.key.weight[row, Slot.END] = strength / (_MARK * _NORMALISED)
    attention.key.weight[row, Slot.RAMP] = -steepness / (_RAMP * _NORMALISED)
    attention.value.weight[row, Slot.RAMP] = 1.0
    layer.attention.output.dense.weight[:, row] = 0
    layer.attention.output.dense.weight[Slot.QUERY_END].zero_()
    layer.attention.output.dense.weight[Slot.QUERY_END, row] = 1.0
    sharpness, width, threshold = 120.0, 0.015, 0.01
    for unit, sign in ((0, 1.0), (1, -1.0)):
        layer.intermediate.dense.weight[unit].zero_()
        layer.intermediate.dense.weight[unit, Slot.RAMP] = sharpness
        layer.intermediate.dense.weight[unit, Slot.QUERY_END] = -sharpness
        # Every `</s>` counts as document, or the first one would fall to either side by chance.
        layer.intermediate.dense.weight[unit, Slot.END] = 0.3 * sharpness / (_MARK * _NORMALISED)
        layer.intermediate.dense.bias[unit] = sharpness * (sign * width - threshold)
    # The two units grow with the distance; only their difference may leave the layer.
    layer.output.dense.weight[:, :2] = 0
    layer.output.dense.weight[Slot.SIDE].zero_()
    layer.output.dense.weight[Slot.SIDE, 0] = 1 / (sharpness * width)
    layer.output.dense.weight[Slot.SIDE, 1] = -1 / (sharpness * width)
    layer.output.dense.bias[Slot.SIDE] = -1.0


def _set_matching(layer: Any) -> None:
    """Lets each query piece look for its like in the document; two heads see half of the meaning each."""
    attention = layer.attention.self
    # A vector of unit length has the length sqrt(HIDDEN_SIZE) by now, and attention divides by sqrt(HEAD_SIZE).
    likeness = math.sqrt(_SHARPNESS * math.sqrt(HEAD_SIZE)) / (_MARK * _NORMALISED)
    for head, slot in ((0, Slot.FOUND_FIRST), (1, Slot.FOUND_SECOND)):
        first = head * HEAD_SIZE
        side, none = first + _HALF, first + _HALF + 1
        for row in range(first, first + HEAD_SIZE):
            _clear_rows(attention, row)
        for projection in (attention.query, attention.key):
            projection.weight[first : first + _HALF, head * _HALF : (head + 1) * _HALF] = likeness * torch.eye(_HALF)
        attention.query.weight[side, Slot.SIDE] = -_SAME_SIDE * math.sqrt(HEAD_SIZE)
        attention.key.weight[side, Slot.SIDE] = 1.0
        attention.query.bias[none] = math.sqrt(HEAD_SIZE)
        # `<s>` counts as a piece of the document here, so that both are raised alike.
        attention.key.weight[side, Slot.BEGIN] = 2 / (_MARK * _NORMALISED)
        attention.key.weight[none, Slot.BEGIN] = _NO_MATCH / (_MARK * _NORMALISED)
        attention.value.weight[side, Slot.BEGIN] = -1 / (_MARK * _NORMALISED)
        attention.value.bias[side] = 1.0
        layer.attention.output.dense.weight[:, side] = 0
        layer.attention.output.dense.weight[slot].zero_()
        layer.attention.output.dense.weight[slot, side] = 2.0


def _set_summing(layer: Any) -> None:
    """Lets `<s>` average over the query's pieces what they found, by their rarity."""
    attention, row = layer.attention.self, 2 * HEAD_SIZE
    _clear_rows(attention, row)
    attention.query.bias[row] = math.sqrt(HEAD_SIZE)
    attention.key.weight[row, Slot.RARITY] = 1.0 / (_RARITY * _NORMALISED)
    attention.key.weight[row, Slot.SIDE] = -_ONLY_SIDE
    for slot in (Slot.BEGIN, Slot.END):
        attention.key.weight[row, slot] = -30.0 / (_MARK * _NORMALISED)
    attention.value.weight[row, Slot.FOUND_FIRST] = 0.25
    attention.value.weight[row, Slot.FOUND_SECOND] = 0.25
    layer.attention.output.dense.weight[:, row] = 0
    layer.attention.output.dense.weight[Slot.ANSWER].zero_()
    layer.attention.output.dense.weight[Slot.ANSWER, row] = 1.5


def _set_topic(layer: Any, topic: torch.Tensor) -> None:
    """Lets `<s>` gather the mean meaning of the document's pieces; every other piece looks at `</s>`, which is empty.

    Args:
        layer: The second layer.
        topic: float32 (TOPIC_SIZE, MEANING_SIZE), the directions that make up a topic.
    """
    attention, first = layer.attention.self, 2 * HEAD_SIZE
    gather, ignore = first + TOPIC_SIZE, first + TOPIC_SIZE + 1
    for row in range(first, first + HEAD_SIZE):
        _clear_rows(attention, row)
    begins = math.sqrt(HEAD_SIZE) / (_MARK * _NORMALISED)
    attention.value.weight[first : first + TOPIC_SIZE, :MEANING_SIZE] = topic
    attention.query.weight[gather, Slot.BEGIN] = begins
    attention.key.weight[gather, Slot.RARITY] = 1.0 / (_RARITY * _NORMALISED)
    attention.key.weight[gather, Slot.SIDE] = _ONLY_SIDE
    attention.query.bias[ignore] = math.sqrt(HEAD_SIZE)
    attention.query.weight[ignore, Slot.BEGIN] = -begins
    attention.key.weight[ignore, Slot.END] = 25.0 / (_MARK * _NORMALISED)
    layer.attention.output.dense.weight[:, first : first + HEAD_SIZE] = 0
    layer.attention.output.dense.weight[_TOPIC, first : first + TOPIC_SIZE] = _TOPIC_GAIN * torch.eye(TOPIC_SIZE)


def _set_topic_match(layer: Any, topic: torch.Tensor) -> None:
    """Lets `<s>` look for its topic among the query's pieces, with `</s>` as the answer "none"."""
    attention = layer.attention.self
    mark = TOPIC_SIZE
    for row in range(HEAD_SIZE):
        _clear_rows(attention, row)
    sharpness = _TOPIC_SHARPNESS * math.sqrt(HEAD_SIZE) / (_TOPIC_LENGTH * _MARK * _NORMALISED)
    attention.query.weight[:TOPIC_SIZE, _TOPIC] = math.sqrt(sharpness) * torch.eye(TOPIC_SIZE)
    attention.key.weight[:TOPIC_SIZE, :MEANING_SIZE] = math.sqrt(sharpness) * topic
    attention.query.bias[mark] = math.sqrt(HEAD_SIZE)
    attention.key.weight[mark, Slot.RARITY] = 1.0 / (_RARITY * _NORMALISED)
    attention.key.weight[mark, Slot.SIDE] = -_ONLY_SIDE
    attention.key.weight[mark, Slot.BEGIN] = -60.0 / (_MARK * _NORMALISED)
    # Three `</s>` share the answer "none", and they stand on the other side than the query.
    none = _NO_TOPIC - math.log(3) + 2 * _ONLY_SIDE
    attention.key.weight[mark, Slot.END] = none / (_MARK * _NORMALISED)
    attention.value.bias[mark] = 1.0
    attention.value.weight[mark, Slot.END] = -1.0 / (_MARK * _NORMALISED)
    layer.attention.output.dense.weight[:, mark] = 0
    layer.attention.output.dense.weight[Slot.ANSWER, mark] = 1.5 * _TOPIC_SHARE


def _clear_rows(attention: Any, row: int) -> None:
    for projection in (attention.query, attention.key, attention.value):
        projection.weight[row].zero_()
        projection.bias[row] = 0
