"""The training loop: sentence-transformers' trainer, with checkpoints that hold what is trained and nothing else."""

from __future__ import annotations

import math
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss, LambdaLoss, ListNetLoss
from torch import nn
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from typing_extensions import override

from .failures import TrainingFailed, full_disk_reported
from .looks import METRIC, HeldOutQueries
from .options import TuningOptions
from .rows import UsedLoss

_TRAINED_FILE = "trained.safetensors"
_WARM_UP_SHARE = 0.1
_WEIGHT_DECAY = 0.01
KEPT_CHECKPOINTS = 2
"""The best one and the last one."""

OnStep = Callable[[int, int], object]
"""Told the steps that are done, and all."""


class RerankerTrainer(CrossEncoderTrainer):
    """Keeps in a checkpoint the weights that are trained, as they are; adapters make small checkpoints."""

    @override
    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        trained = {name: weight.detach().contiguous() for name, weight in _trained(self.model)}
        save_file(trained, folder / _TRAINED_FILE)

    @override
    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with full_disk_reported(Path(str(self.args.output_dir))):
            super()._save_checkpoint(model, trial)

    @override
    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        found = load_file(Path(resume_from_checkpoint) / _TRAINED_FILE, device=str(self.model.device))
        with torch.no_grad():
            for name, weight in _trained(self.model):
                weight.copy_(found[name])

    @override
    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """The card is written from what was measured, and not by asking a hub."""


def _trained(network: CrossEncoder) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, weight) for name, weight in network.named_parameters() if weight.requires_grad)


class _Steps(TrainerCallback):
    """Tells of each step, and ends training after one where that is wanted."""

    def __init__(self, on_step: OnStep, is_over: threading.Event) -> None:
        self._on_step = on_step
        self._is_over = is_over

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        self._on_step(state.global_step, state.max_steps)
        if self._is_over.is_set():
            control.should_save = control.should_training_stop = True
        return control

    @override
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        for name in ("loss", "grad_norm"):
            value = (logs or {}).get(name)
            # A gradient may overflow once in float16, where its scale is being found.
            if value is not None and not math.isfinite(value) and (name == "loss" or not args.fp16):
                raise TrainingFailed(
                    f"After step {state.global_step} the {name.replace('grad_norm', 'gradient')} is not finite.",
                    remedy="Give a lower --learning-rate, or --mixed-precision no.",
                )


@contextmanager
def ended_by_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM or SIGINT sets, instead of ending the process in the middle of a step."""
    is_over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        is_over.set()

    if threading.current_thread() is not threading.main_thread():
        yield is_over
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield is_over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def make_loss(kind: UsedLoss, network: CrossEncoder) -> nn.Module:
    """The loss: cross entropy over lists, towards labels or a teacher's scores; over pairs; or LambdaLoss.

    Source: Wang et al., The LambdaLoss Framework for Ranking Metric Optimization, 2018; Cao et al., Learning to Rank:
    From Pairwise Approach to Listwise Approach, 2007, both as sentence-transformers computes them.
    """
    if kind == "binary":
        return BinaryCrossEntropyLoss(network)
    loss = LambdaLoss if kind == "lambda" else ListNetLoss
    # All pairs of a step at once: they lie in one graph all the same.
    return loss(network, mini_batch_size=-1)


def make_trainer(
    network: CrossEncoder,
    rows: Sequence[dict[str, Any]],
    kind: UsedLoss,
    options: TuningOptions,
    held_out: HeldOutQueries,
    work: Path,
    on_step: OnStep,
    is_over: threading.Event,
) -> RerankerTrainer:
    """Put a run together.

    Args:
        network: What is trained.
        rows: As `rows.rows` makes them for this loss.
        kind: The loss.
        options: What was asked for.
        held_out: What is looked at on the way.
        work: Folder of the checkpoints.
        on_step: Told of each step.
        is_over: Ends training after a step, with a checkpoint.
    """
    with warnings.catch_warnings():
        # Libraries of the stack warn of each other's deprecations.
        warnings.simplefilter("ignore")
        trainer = RerankerTrainer(
            model=network,
            args=_arguments(options, kind, len(rows), work),
            train_dataset=Dataset.from_list(list(rows)),
            loss=make_loss(kind, network),
            evaluator=held_out,
            callbacks=[_Steps(on_step, is_over), EarlyStoppingCallback(options.patience)],
        )
    trainer.remove_callback(PrinterCallback)
    return trainer


def steps_per_epoch(options: TuningOptions, kind: UsedLoss, rows: int) -> int:
    """Changes of the weights in one pass over the rows."""
    return math.ceil(math.ceil(rows / _batch(options, kind)) / options.accumulate)


def _batch(options: TuningOptions, kind: UsedLoss) -> int:
    return options.batch_queries * (options.documents if kind == "binary" else 1)


def look_every(options: TuningOptions, kind: UsedLoss, rows: int) -> int:
    """Steps between two looks at the held-out queries."""
    return max(1, math.ceil(steps_per_epoch(options, kind, rows) * options.epochs / options.evaluations))


def mixed_precision(options: TuningOptions) -> str:
    """The number format of a step's products that is used here: no, fp16 or bf16."""
    if options.mixed_precision != "auto":
        return options.mixed_precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"


def _arguments(options: TuningOptions, kind: UsedLoss, rows: int, work: Path) -> CrossEncoderTrainingArguments:
    every = look_every(options, kind, rows)
    steps = steps_per_epoch(options, kind, rows) * options.epochs
    form = mixed_precision(options)
    return CrossEncoderTrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=_batch(options, kind),
        gradient_accumulation_steps=options.accumulate,
        num_train_epochs=options.epochs,
        learning_rate=options.rate,
        warmup_steps=math.ceil(_WARM_UP_SHARE * steps),
        weight_decay=_WEIGHT_DECAY,
        bf16=form == "bf16",
        fp16=form == "fp16",
        gradient_checkpointing=options.gradient_checkpointing,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=KEPT_CHECKPOINTS,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{METRIC}",
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,
        logging_steps=max(1, every // 4),
        logging_nan_inf_filter=False,
        seed=options.seed,
        data_seed=options.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        report_to="none",
    )
