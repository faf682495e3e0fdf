"""Attention over packed sequences: one signature, a plain body, and a fast body for each kind of device.

softmax(Q K^T / sqrt(D)) V within each sequence.

Dimensions: T rows of keys, Q rows of queries, N sequences, A heads, D head size. Either tensor may have more rows
than its spans: what lies behind them comes out as zeros.

Source: scaled dot-product attention as transformers computes it for BERT and (XLM-)RoBERTa, without dropout.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...precision import FLOAT32
from .packing import Spans
from .placement import Placement

MIN_QUERY_ROWS = 8
"""Fewest query rows of one CPU call, in rows. With fewer, the BLAS takes a matrix-vector path whose rounding depends on
where the operands happen to lie in memory; from 8 on the bits do not depend on that."""


FLASH_CAPABILITY = (8, 0)
"""Least compute capability of a GPU that the variable-length kernel runs on."""

_FIRST_PINNED_LENGTH, _PINNED_LENGTH_STEP = 512, 4
"""The longest length that a kernel is told is one of 512, 2,048, 8,192, ... tokens, or 1 for first tokens alone."""


class Attention(Protocol):
    """Attention of queries to the keys of their own sequence."""

    name: str
    """What the body is called in logs and `/info`."""

    can_be_recorded: bool
    """Whether it reads the spans' tensors only, so that a recorded graph computes other batches of the same size."""

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        """Attend.

        Args:
            query: float (Q, A, D).
            key: float (T, A, D).
            value: float (T, A, D).
            queries: Rows of queries of each of the N sequences: all of its rows, or one.
            keys: Rows of keys of each of the N sequences.

        Returns:
            float (Q, A * D).
        """
        ...


class PlainAttention:
    """The reference: each sequence by itself, written out."""

    name = "plain"
    can_be_recorded = False

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        """Attend, see `Attention`."""
        out = torch.zeros_like(query)
        scale = query.shape[-1] ** -0.5
        query_row = key_row = 0
        for query_rows, key_rows in zip(queries.lengths, keys.lengths, strict=True):
            q = query[query_row : query_row + query_rows].transpose(0, 1)
            k = key[key_row : key_row + key_rows].transpose(0, 1)
            v = value[key_row : key_row + key_rows].transpose(0, 1)
            weights = torch.softmax(torch.matmul(q, k.transpose(1, 2)) * scale, dim=-1)
            out[query_row : query_row + query_rows] = torch.matmul(weights, v).transpose(0, 1)
            query_row, key_row = query_row + query_rows, key_row + key_rows
        return out.flatten(1)


class EqualLengthAttention:
    """For CPUs: one fused call for all neighbouring sequences of the same length, so nothing is padded or masked.

    A sequence's result depends on its own rows only: the fused kernel treats every sequence and head apart, and its
    tiling follows the length.
    """

    name = "equal-length"
    can_be_recorded = False

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        """Attend, see `Attention`."""
        out = torch.empty_like(query, memory_format=torch.contiguous_format)
        heads, row = query.shape[1:], 0
        for run in keys.runs:
            query_rows = queries.lengths[run.sequence]
            last_query = row + run.count * query_rows
            q = query[row:last_query].view(run.count, query_rows, *heads).transpose(1, 2)
            if query_rows < MIN_QUERY_ROWS:
                q = functional.pad(q, (0, 0, 0, MIN_QUERY_ROWS - query_rows))
            last = run.row + run.count * run.length
            k, v = (side[run.row : last].view(run.count, run.length, *heads).transpose(1, 2) for side in (key, value))
            attended = functional.scaled_dot_product_attention(q, k, v)[:, :, :query_rows]
            out[row:last_query] = attended.transpose(1, 2).flatten(0, 1)
            row = last_query
        out[row:] = 0
        return out.flatten(1)


class PaddedAttention:
    """For GPUs without the variable-length kernel: one masked call over sequences padded to the longest."""

    name = "padded"
    can_be_recorded = True

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        """Attend, see `Attention`."""
        q, query_mask = _pad(query, queries)
        k, key_mask = _pad(key, keys)
        v, _ = _pad(value, keys)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=key_mask[:, None, None, :])
        out = torch.zeros_like(query)
        out[: queries.rows] = attended.transpose(1, 2)[query_mask.nonzero_static(size=queries.rows).unbind(1)]
        return out.flatten(1)


class VariableLengthAttention:
    """For CUDA in half precision: flash attention over packed sequences.

    Args:
        kernel: torch's `varlen_attn`, or what takes its arguments.
    """

    name = "variable-length"
    can_be_recorded = True

    def __init__(self, kernel: Callable[..., object] | None = None) -> None:
        if kernel is None:
            # Older builds of torch lack the module, and the constructor is where that may be found out.
            from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - see above

            kernel = varlen_attn
        self._kernel: Callable[..., object] = kernel
        # Without splits over the keys, a sequence's result does not depend on its neighbours. Before torch 2.12 there
        # is no such argument, and packed keys are not split.
        self._options = {"num_splits": 1} if "num_splits" in signature(kernel).parameters else {}

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        """Attend, see `Attention`."""
        # torch would choose among kernels by device, library version and length; another one has other bits.
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            attended = self._kernel(
                query[: queries.rows].contiguous(),
                key[: keys.rows].contiguous(),
                value[: keys.rows].contiguous(),
                queries.cu_seqlens,
                keys.cu_seqlens,
                pinned_length(queries.max_seqlen),
                pinned_length(keys.max_seqlen),
                **self._options,
            )
        if not isinstance(attended, Tensor):
            raise TypeError("varlen_attn returned more than the output; this is a bug")
        return functional.pad(attended, (0, 0, 0, 0, 0, len(query) - queries.rows)).flatten(1)


def pinned_length(longest: int) -> int:
    """Round the longest length up to one of a few, so that a kernel sees the same one in nearly all batches."""
    length = _FIRST_PINNED_LENGTH
    while length < longest:
        length *= _PINNED_LENGTH_STEP
    return length if longest > 1 else longest


def fast_attention(placement: Placement) -> Attention:
    """Choose the body that warm-up shall try."""
    if placement.is_cpu:
        return EqualLengthAttention()
    if placement.precision is FLOAT32 or torch.cuda.get_device_capability(placement.device) < FLASH_CAPABILITY:
        return PaddedAttention()
    try:
        return VariableLengthAttention()
    except ImportError:
        return PaddedAttention()


def _pad(packed: Tensor, spans: Spans) -> tuple[Tensor, Tensor]:
    """Lay packed rows out as (N, A, L, D), L the longest length, and mark (N, L) what is a row."""
    lengths = spans.cu_seqlens.diff()
    mask = torch.arange(spans.max_seqlen, device=packed.device)[None, :] < lengths[:, None]
    padded = packed.new_zeros(len(spans), spans.max_seqlen, *packed.shape[1:])
    # The static form needs no answer from the device about how many rows there are.
    padded[mask.nonzero_static(size=spans.rows).unbind(1)] = packed[: spans.rows]
    return padded.transpose(1, 2), mask
