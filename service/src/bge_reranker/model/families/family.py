"""What is particular to a family of packed networks, with the defaults that BERT and its relatives share.

Nothing here imports torch, so that OpenVINO serves without it; `Family.norm` is handed `torch.nn`.

Shapes in terms of H hidden, F feed-forward, T tokens of all sequences, N sequences.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...errors import WrongArchitecture
from .geometry import Geometry, read_eps, read_size, read_token_id
from .names import LayerNames, Source, Table


class Family(ABC):
    """One family of post-norm encoders whose head reads the first token.

    A subclass names its tensors and overrides what its members compute otherwise.
    """

    model_type: ClassVar[str]
    """Value of `model_type` beside its architecture in config.json."""

    encoder: ClassVar[str]
    """First part of the names of the encoder's tensors."""

    dense: ClassVar[str]
    """Name of the head's first linear layer, which a tanh follows."""

    logit: ClassVar[str]
    """Name of the last linear layer, which gives the logit."""

    head: ClassVar[str] = "classifier"
    """First part of the names of tensors that only a model with a classification head has."""

    layer_path: ClassVar[str] = "encoder.layer"
    """Where the numbered layers are within the encoder."""

    norm_parts: ClassVar[tuple[str, ...]] = ("weight", "bias")
    """Parameters of a norm."""

    has_openvino_graph: ClassVar[bool] = False
    """Whether `openvino.graph` and its plain counterpart compute it; else torch alone does."""

    default_pad_token_id: ClassVar[int]
    """Padding id that the configuration class assumes where the file is silent, and that `null` must mean."""

    default_norm_eps: ClassVar[float] = 1e-12
    """What the configuration class assumes where the file is silent."""

    def refuse(self, config: Mapping[str, object]) -> None:
        """Refuse what neither the packed network nor transformers computes as config.json says.

        Raises:
            WrongArchitecture: If it asks for such a thing.
        """
        # transformers dropped relative positions from these families and ignores the field, so it is no way out.
        kind = config.get("position_embedding_type", "absolute")
        if kind not in ("absolute", None):
            raise WrongArchitecture(
                f"config.json: position_embedding_type is {kind!r}; expected 'absolute'.",
                remedy="Serve a checkpoint with absolute positions; nothing here computes relative ones for this "
                "family.",
            )

    def why_not_packed(self, config: Mapping[str, object]) -> str | None:
        """Name the first field that makes a member differ from the packed network, or None.

        Such a checkpoint is served through transformers instead, never silently computed another way.
        """
        activation = config.get("hidden_act", "gelu")
        if activation != "gelu":
            return f"hidden_act is {activation!r}, the packed network computes 'gelu' (erf) only"
        return None

    def read_geometry(self, config: Mapping[str, object]) -> Geometry:
        """Take the sizes of the network from a parsed config.json.

        Raises:
            CorruptFile: If a size is missing, is no positive integer, or contradicts another.
        """
        geometry = Geometry(
            family=self,
            vocabulary_size=read_size(config, "vocab_size"),
            hidden_size=read_size(config, "hidden_size"),
            layers=read_size(config, "num_hidden_layers"),
            heads=read_size(config, "num_attention_heads"),
            intermediate_size=read_size(config, "intermediate_size"),
            positions=read_size(config, "max_position_embeddings"),
            segment_types=read_size(config, "type_vocab_size", default=2),
            layer_norm_eps=read_eps(config, "layer_norm_eps", self.default_norm_eps),
            pad_token_id=read_token_id(config, "pad_token_id", self.default_pad_token_id),
        )
        geometry.require_consistent()
        return geometry

    def max_pair_tokens(self, geometry: Geometry) -> int:
        """Longest pair whose every token has a position of its own."""
        return geometry.positions

    @abstractmethod
    def positions(
        self,
        geometry: Geometry,
        tokens: NDArray[np.int64],
        offsets: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Give every token its row of the position table.

        Args:
            geometry: Sizes.
            tokens: int64 (T,): token ids, the sequences end to end.
            offsets: int64 (T,): how many tokens of its sequence stand before each.
            lengths: int64 (N,): tokens of each sequence.

        Returns:
            int64 (T,).
        """

    def norm(self, nn: ModuleType, size: int, eps: float) -> Any:
        """Make a norm over H for torch, with the parameters `norm_parts`.

        Args:
            nn: `torch.nn`.
            size: H.
            eps: Added to the variance.

        Returns:
            A torch.nn.Module.
        """
        return nn.LayerNorm(size, eps=eps)

    def tables(self, geometry: Geometry) -> tuple[Table, ...]:
        """List the embedding tables in the order in which their rows are summed."""
        start = f"{self.encoder}.embeddings"
        return (
            Table("words", f"{start}.word_embeddings.weight", geometry.vocabulary_size, "tokens"),
            Table("segments", f"{start}.token_type_embeddings.weight", geometry.segment_types, "types"),
            Table("positions", f"{start}.position_embeddings.weight", geometry.positions, "positions"),
        )

    def table_names(self, geometry: Geometry) -> frozenset[str]:
        """Names of the embedding tables in the checkpoint."""
        return frozenset(table.tensor for table in self.tables(geometry))

    @property
    def embeddings_norm(self) -> str:
        """Name of the norm that follows the embeddings."""
        return f"{self.encoder}.embeddings.LayerNorm"

    @property
    def layers_start(self) -> str:
        """What the names of all layers' tensors begin with, before the layer's number."""
        return f"{self.encoder}.{self.layer_path}."

    def layer(self, index: int) -> LayerNames:
        """Name the modules of one layer."""
        start = f"{self.layers_start}{index}"
        return LayerNames(
            query=f"{start}.attention.self.query",
            key=f"{start}.attention.self.key",
            value=f"{start}.attention.self.value",
            output=f"{start}.attention.output.dense",
            attention_norm=f"{start}.attention.output.LayerNorm",
            widen=f"{start}.intermediate.dense",
            narrow=f"{start}.output.dense",
            feed_forward_norm=f"{start}.output.LayerNorm",
        )

    def linear_names(self, geometry: Geometry) -> list[str]:
        """List the linear layers of the encoder, which may be in 8 bits; those of the head stay in float."""
        return [name for index in range(geometry.layers) for name in self.layer(index).linears]

    def unused_tensors(self) -> frozenset[str]:
        """Names that may lie in a checkpoint though nothing reads them.

        Old versions of transformers stored the position buffer. Anything else unused means another network.
        """
        return frozenset({f"{self.encoder}.embeddings.position_ids", f"{self.encoder}.embeddings.token_type_ids"})

    def sources(self, geometry: Geometry, *, shortcut: bool = True) -> tuple[Source, ...]:
        """List every parameter of the network with its checkpoint tensors.

        Args:
            geometry: Sizes.
            shortcut: Whether the last layer computes first tokens only, and so keeps its query apart.
        """
        hidden = geometry.hidden_size
        listed = [
            Source(f"embeddings.{table.parameter}", (table.tensor,), (table.rows, hidden))
            for table in self.tables(geometry)
        ]
        listed.extend(self._norm_sources("embeddings.norm", self.embeddings_norm, hidden))
        for index in range(geometry.layers):
            is_split = shortcut and index == geometry.layers - 1
            listed.extend(self._layer_sources(geometry, index, is_split=is_split))
        listed.extend(_linear_sources("head.dense", self.dense, hidden, hidden))
        listed.extend(_linear_sources("head.logit", self.logit, 1, hidden))
        return tuple(listed)

    def _layer_sources(self, geometry: Geometry, index: int, *, is_split: bool) -> Iterator[Source]:
        layer, name = self.layer(index), f"layers.{index}"
        hidden, wide = geometry.hidden_size, geometry.intermediate_size
        joined: dict[str, tuple[str, ...]] = {"qkv": (layer.query, layer.key, layer.value)}
        if is_split:
            joined = {"query": (layer.query,), "key_value": (layer.key, layer.value)}
        for parameter, parts in joined.items():
            for kind, shape in (("weight", (hidden, hidden)), ("bias", (hidden,))):
                yield Source(f"{name}.{parameter}.{kind}", tuple(f"{part}.{kind}" for part in parts), shape)
        yield from _linear_sources(f"{name}.output", layer.output, hidden, hidden)
        yield from self._norm_sources(f"{name}.attention_norm", layer.attention_norm, hidden)
        yield from _linear_sources(f"{name}.widen", layer.widen, wide, hidden)
        yield from _linear_sources(f"{name}.narrow", layer.narrow, hidden, wide)
        yield from self._norm_sources(f"{name}.feed_forward_norm", layer.feed_forward_norm, hidden)

    def _norm_sources(self, parameter: str, tensor: str, size: int) -> Iterator[Source]:
        for part in self.norm_parts:
            yield Source(f"{parameter}.{part}", (f"{tensor}.{part}",), (size,))


def _linear_sources(parameter: str, tensor: str, outputs: int, inputs: int) -> Iterator[Source]:
    yield Source(f"{parameter}.weight", (f"{tensor}.weight",), (outputs, inputs))
    yield Source(f"{parameter}.bias", (f"{tensor}.bias",), (outputs,))
