"""The demonstration network's shape."""

from transformers import XLMRobertaConfig

HIDDEN_SIZE = 192
"""Width; most values of a piece's vector say what it means, the rest how it stands in the pair."""

WORD_SIZE = 60
"""Values by which a piece is recognised in the other text: what fits into one attention head beside its marks."""

TOPIC_SIZE = 120
"""Values by which a piece adds to a text's topic: what fits into two attention heads."""

LAYERS = 3
"""One finds where the query ends, one matches query with document, one sums up."""

HEADS = 3
HEAD_SIZE = 64
INTERMEDIATE_SIZE = 384
POSITIONS = 514


def network_config(vocabulary_size: int) -> XLMRobertaConfig:
    """Returns the configuration of the network."""
    return XLMRobertaConfig(
        architectures=["XLMRobertaForSequenceClassification"],
        vocab_size=vocabulary_size,
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INTERMEDIATE_SIZE,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        num_labels=1,  # type: ignore[call-arg]  # accepted by every release, declared by none
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.02,
        layer_norm_eps=1e-5,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
