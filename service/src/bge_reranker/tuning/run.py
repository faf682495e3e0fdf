"""A fine-tuning run from the file to the model's folder: read, hold out, mine, look ahead, train, write, measure."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint

from ..errors import SettingsError
from ..evaluation.cases import RankingCase
from ..evaluation.report import EvaluationReport, report_of
from ..model.checkpoint.folder import Checkpoint, read_checkpoint
from ..reranker import Reranker
from ..store.manifest import hash_model
from ..store.resolve import resolve_model
from .examples import InvalidTrainingData, TrainingExample, TrainingTexts, read_examples, summary
from .failures import TrainingFailed, TrainingInterrupted, full_disk_reported
from .holding_out import hold_out
from .looks import HeldOutQueries
from .mining import NegativeMiner
from .network import load_network, refuse_untrainable, write_network
from .options import TuningOptions
from .outlook import Outlook, look_ahead, refuse_full_disk, refuse_too_large
from .record import RunRecord, write_record
from .rows import UsedLoss, chosen_loss, rows
from .trainer import OnStep, RerankerTrainer, ended_by_signals, make_trainer

_RUN_FILE = "run.json"
_PAIRS_AT_ONCE = 64
"""Pairs that are scored at a time on the way."""

_GPU_FORMATS = ("fp16", "bf16")
MIN_CANDIDATES = 2


@dataclass(frozen=True, slots=True)
class Reports:
    """Who hears of a run.

    Attributes:
        say: Called with a sentence about each step.
        on_outlook: Called with what it will take, before training begins.
        on_step: Called with the steps that are done and all.
    """

    say: Callable[[str], object]
    on_outlook: Callable[[Outlook], object]
    on_step: OnStep


@dataclass(frozen=True, slots=True)
class _Material:
    """What is trained on, and what is held out."""

    training: Sequence[TrainingExample]
    held_out: Sequence[RankingCase]
    loss: UsedLoss


class FineTuning:
    """One run.

    Args:
        base: What `--model` of `serve` takes.
        data: File with training texts.
        options: What is asked for.
        work: Folder of checkpoints; one of the same run is gone on from.
        reports: Who hears of it.

    Raises:
        InvalidTrainingData: If the texts cannot be used.
        ModelError: If the base cannot be read or trained.
    """

    def __init__(self, base: str, data: Path, options: TuningOptions, work: Path, reports: Reports) -> None:
        self._began = time.monotonic()
        if options.mixed_precision in _GPU_FORMATS and not torch.cuda.is_available():
            raise SettingsError(f"--mixed-precision {options.mixed_precision} needs a GPU.", remedy="Leave it out.")
        self._base, self._data, self._options, self._work, self._reports = base, data, options, work, reports
        self._checkpoint: Checkpoint = read_checkpoint(resolve_model(base, os.environ).path)
        refuse_untrainable(self._checkpoint)
        self._texts: TrainingTexts = read_examples(data)
        self._report_problems()
        self._base_digest = hash_model(self._checkpoint.directory).digest
        self._material = self._prepare()
        self._network: CrossEncoder = load_network(
            self._checkpoint, max_tokens=options.max_tokens, lora_rank=options.lora_rank, seed=options.seed
        )
        self._rows = rows(self._material.training, self._material.loss, options.documents, options.seed)
        self._looks = HeldOutQueries(self._material.held_out, _PAIRS_AT_ONCE)
        self._outlook: Outlook | None = None

    def _report_problems(self) -> None:
        for sentence in summary(self._texts.problems):
            self._reports.say(f"{self._data}: {sentence}; left out.")

    def _prepare(self) -> _Material:
        options, examples = self._options, self._texts.examples
        loss = chosen_loss(options.loss, examples)
        if options.mining != "none":
            with ExitStack() as stack:
                score = None
                if options.mining == "model":
                    score = stack.enter_context(Reranker(str(self._checkpoint.directory))).logits
                self._reports.say("Looking for hard negatives ...")
                miner = NegativeMiner(examples, options.seed, score)
                examples = [miner.fill(example, options.documents - 1) for example in examples]
        training, held_out = hold_out(examples, options.hold_out, options.seed)
        cases = [example.as_case() for example in held_out if len(set(example.grades.values())) >= MIN_CANDIDATES]
        if not cases:
            raise InvalidTrainingData(
                "No query that is held out has documents that differ in relevance.",
                remedy="Give negatives, or let them be found: --mine lexical.",
            )
        return _Material(training, cases, loss)

    def look_ahead(self) -> Outlook:
        """Measure what it will take here.

        Raises:
            OutOfMemory: If it cannot be done here.
        """
        if self._outlook is None:
            refuse_too_large(self._network)
            refuse_full_disk(self._network, self._work)
            with tempfile.TemporaryDirectory() as scratch:
                trainer = self._trainer(lambda _done, _all: None, threading.Event(), Path(scratch))
                self._outlook = look_ahead(trainer, self._rows, self._material.loss, self._options, self._looks)
            self._reports.on_outlook(self._outlook)
        return self._outlook

    def train_into(self, folder: Path, name: str) -> EvaluationReport:
        """Train, and write the model with all that belongs to it.

        Args:
            folder: An empty folder.
            name: What the model is called.

        Raises:
            TrainingInterrupted: If a signal ended it; the same run goes on from there.
            TrainingFailed: If nothing that can be used came of it.
            OutOfMemory: If it cannot be done here.
        """
        outlook = self.look_ahead()
        state = self._train()
        try:
            with full_disk_reported(folder):
                write_network(self._network, self._checkpoint, folder)
        except OverflowError as error:
            raise TrainingFailed(f"Nothing was written: {error}.", remedy="Give a lower --learning-rate.") from error
        self._network.to("cpu")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        report = self._measure(folder, name)
        record = RunRecord(
            base=self._base,
            base_digest=self._base_digest,
            data=self._data.name,
            data_sha256=self._texts.sha256,
            options=self._options,
            loss=self._material.loss,
            used_queries=len(self._material.training),
            left_out=[str(problem) for problem in self._texts.problems],
            outlook=outlook,
            seconds=time.monotonic() - self._began,
            steps=state.global_step,
            history=state.log_history,
        )
        now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
        write_record(folder, name, record, self._material.held_out, report, made_at=now)
        return report

    def forget(self) -> None:
        """Remove the checkpoints, once the model has its name."""
        shutil.rmtree(self._work, ignore_errors=True)

    def _trainer(self, on_step: OnStep, is_over: threading.Event, work: Path) -> RerankerTrainer:
        return make_trainer(
            self._network,
            self._rows,
            self._material.loss,
            self._options,
            self._looks,
            work,
            on_step,
            is_over,
        )

    def _train(self) -> TrainerState:
        """Train from the last checkpoint of this run, or from the base."""
        with ended_by_signals() as is_over:
            trainer = self._trainer(self._reports.on_step, is_over, self._work)
            resumed = self._checkpoint_of_this_run()
            if resumed is not None:
                self._reports.say(f"Going on from {Path(resumed).name}.")
            with warnings.catch_warnings():
                # Libraries of the stack warn of each other's deprecations.
                warnings.simplefilter("ignore")
                try:
                    trainer.train(resume_from_checkpoint=resumed)
                except torch.cuda.OutOfMemoryError as error:
                    raise TrainingFailed(
                        "A step does not fit the GPU, which other processes use as well.",
                        remedy="Give fewer --batch-queries; the same command with them starts anew.",
                    ) from error
            state: TrainerState = trainer.state
            if is_over.is_set():
                raise TrainingInterrupted(
                    f"Interrupted after step {state.global_step} of {state.max_steps}.",
                    remedy="Run the same command again; it goes on from there.",
                )
            return state

    def _checkpoint_of_this_run(self) -> str | None:
        """The last checkpoint, where it is of a run with the same texts, base and options; others are removed."""
        wanted = self._options.fingerprint(self._base_digest, self._texts.sha256)
        file = self._work / _RUN_FILE
        if _content(file).get("run") == wanted:
            for checkpoint in self._work.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
                if not _is_whole(checkpoint):
                    shutil.rmtree(checkpoint)
            found = get_last_checkpoint(str(self._work))
            return None if found is None else str(found)
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        file.write_text(json.dumps({"run": wanted}), encoding="utf-8")
        return None

    def _measure(self, folder: Path, name: str) -> EvaluationReport:
        """The written model beside its base, each as it is served."""
        self._reports.say("Measuring the model as it will be served ...")
        scores: dict[str, list[list[float]]] = {}
        for called, directory in ((name, folder), (f"base: {self._base}", self._checkpoint.directory)):
            with Reranker(str(directory)) as reranker:
                scores[called] = [reranker.logits(case.query, case.documents) for case in self._material.held_out]
        return report_of(self._material.held_out, scores, with_bm25=False)


def _is_whole(checkpoint: Path) -> bool:
    """Whether the last file of a checkpoint is there and whole."""
    return bool(_content(checkpoint / TRAINER_STATE_NAME))


def _content(file: Path) -> dict[str, Any]:
    """An object in JSON; empty where the file is absent or torn: a process may be killed while it writes one."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
