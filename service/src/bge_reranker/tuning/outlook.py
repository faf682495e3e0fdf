"""What a run will take, measured before it begins: a few of its own steps, forward, backward and change of weights."""

from __future__ import annotations

import random
import resource
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, cast

import torch
from sentence_transformers import CrossEncoder

from ..errors import DiskFull, OutOfMemory
from ..model.machine.memory_grant import free_memory_bytes
from .looks import HeldOutQueries
from .network import parameters
from .options import TuningOptions
from .rows import UsedLoss
from .trainer import KEPT_CHECKPOINTS, RerankerTrainer, look_every, steps_per_epoch

_PROBES = 3
_WEIGHT_BYTES, _TRAINED_BYTES = 4, 12
"""float32 weights; beside them a gradient and AdamW's two moments for each weight that is trained."""

_KEPT_BYTES = 12
"""Of each trained weight in a checkpoint: itself and AdamW's two moments."""

_KIB = 1024
REMEDY = "Train adapters (--lora-rank 16), fewer queries at once (--batch-queries), or with --gradient-checkpointing."


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run is expected to take."""

    steps: int
    """Changes of the weights, unless it ends early."""

    seconds: float
    """All of it, from here to the written model."""

    memory_bytes: int
    """Peak of the process, or of the GPU."""

    free_bytes: int | None
    """What was free before, where anybody says."""

    disk_bytes: int
    """Most that checkpoints and the written model take together."""

    device: str
    base_ndcg_at_10: float
    """Of the base on the held-out queries."""


def refuse_too_large(network: CrossEncoder) -> None:
    """Refuse weights that leave no room for their gradients, before memory is taken.

    Raises:
        OutOfMemory: If they do not.
    """
    total, trained = parameters(network)
    device = network.device
    # In the process's own memory the weights lie already.
    needed = trained * _TRAINED_BYTES + (total * _WEIGHT_BYTES if device.type == "cuda" else 0)
    free = _free_bytes(device)
    if free is not None and needed > free:
        raise OutOfMemory(
            f"Training {trained:,} weights needs at least {needed // 2**20} MiB of memory on {device}; "
            f"{free // 2**20} MiB are free.",
            remedy=REMEDY,
            figures={"needed_bytes": needed, "free_bytes": free},
        )


def refuse_full_disk(network: CrossEncoder, work: Path) -> None:
    """Refuse a run whose checkpoints would fill their volume.

    Args:
        network: What is trained.
        work: Where the checkpoints go; need not be there.

    Raises:
        DiskFull: If they would.
    """
    needed, free = _disk_bytes(network), shutil.disk_usage(next(path for path in work.parents if path.exists())).free
    if needed > free:
        raise DiskFull(
            f"Checkpoints and the model take up to {needed / 2**20:,.0f} MiB in {work.parent}; {free / 2**20:,.0f} MiB "
            "are free.",
            remedy="Free some, name an --output on another volume, or train adapters (--lora-rank 16).",
            figures={"needed_bytes": needed, "free_bytes": free},
        )


def _disk_bytes(network: CrossEncoder) -> int:
    """Checkpoints as they are kept, one more that is being written, and the model."""
    total, trained = parameters(network)
    return trained * _KEPT_BYTES * (KEPT_CHECKPOINTS + 1) + total * _WEIGHT_BYTES


def _free_bytes(device: torch.device) -> int | None:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory_bytes()


def look_ahead(
    trainer: RerankerTrainer,
    rows: Sequence[dict[str, Any]],
    kind: UsedLoss,
    options: TuningOptions,
    held_out: HeldOutQueries,
    clock: Callable[[], float] = time.perf_counter,
) -> Outlook:
    """Try a few steps with a learning rate of 0, the longest one first, and look at the held-out queries once.

    Args:
        trainer: The run.
        rows: What it trains on.
        kind: Its loss.
        options: What was asked for.
        held_out: What it looks at on the way.
        clock: Seconds.

    Raises:
        OutOfMemory: If the longest step does not fit the GPU.
    """
    network = trainer.model
    free = _free_bytes(network.device)
    step_s = _time_steps(trainer, _batches(rows, trainer.args.per_device_train_batch_size), clock)
    began = clock()
    base = held_out(network)
    look_s = clock() - began
    steps = steps_per_epoch(options, kind, len(rows)) * options.epochs
    looks = steps // look_every(options, kind, len(rows))
    # Base and result are each measured once more, as they are served.
    seconds = steps * options.accumulate * step_s + (looks + 2) * look_s
    return Outlook(
        steps,
        seconds,
        _peak_bytes(network),
        free,
        disk_bytes=_disk_bytes(network),
        device=str(network.device),
        base_ndcg_at_10=base["ndcg_at_10"],
    )


def _batches(rows: Sequence[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    """The longest batch that there can be, then some as they will be drawn."""
    longest = sorted(rows, key=_characters, reverse=True)[:size]
    generator = random.Random(0)  # noqa: S311 - a draw that can be repeated
    return [longest, *(generator.sample(list(rows), min(size, len(rows))) for _ in range(_PROBES))]


def _characters(row: dict[str, Any]) -> int:
    documents = row.get("documents") or [row["document"]]
    return max(map(len, documents)) * len(documents)


def _time_steps(trainer: RerankerTrainer, batches: Sequence[list[dict[str, Any]]], clock: Callable[[], float]) -> float:
    network = trainer.model
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0)
    network.train()
    if trainer.args.gradient_checkpointing:
        with warnings.catch_warnings():
            # Libraries of the stack warn of each other's deprecations.
            warnings.simplefilter("ignore")
            network.gradient_checkpointing_enable()
    times: list[float] = []
    try:
        for batch in batches:
            began = clock()
            with trainer.compute_loss_context_manager():
                # Asked for no outputs, it returns the loss alone.
                loss = cast("torch.Tensor", trainer.compute_loss(network, trainer.data_collator(batch)))
            loss.backward()
            # A rate of 0 times a gradient that overflowed would be no number.
            for weight in trained:
                if weight.grad is not None:
                    weight.grad.zero_()
            optimizer.step()
            optimizer.zero_grad()
            if network.device.type == "cuda":
                torch.cuda.synchronize(network.device)
            times.append(clock() - began)
    except torch.cuda.OutOfMemoryError as error:
        raise OutOfMemory("The longest step does not fit the GPU.", remedy=REMEDY) from error
    finally:
        optimizer.zero_grad()
    # The first one brings libraries and caches up.
    return mean(times[1:])


def _peak_bytes(network: CrossEncoder) -> int:
    if network.device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(network.device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
