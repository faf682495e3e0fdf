"""Why a model cannot be fetched, loaded or served; docs/troubleshooting.md is made of this."""

from __future__ import annotations

from typing import ClassVar

from .root import RerankerError


class ModelError(RerankerError):
    """The model cannot be fetched, loaded or served."""

    is_worth_a_retry: ClassVar[bool] = False
    """Whether the same command may succeed later although nobody changed what was asked for."""


class UnknownModel(ModelError):
    """The model, its revision or its folder does not exist where it was looked for."""

    exit_code = 10
    usual_remedy = "Correct the name or the revision, or fetch the model where the network is open."


class Gated(ModelError):
    """The source wants credentials, or the ones given may not read this model."""

    exit_code = 11
    usual_remedy = "Accept the model's terms with your account, and give a token that may read it as HF_TOKEN."


class HubUnreachable(ModelError):
    """The source did not answer, broke off, or asked to come back later."""

    exit_code = 12
    is_worth_a_retry = True
    usual_remedy = (
        "Check network, DNS, proxy and CA bundle, then run the same command again: it goes on where it stopped."
    )


class DiskFull(ModelError):
    """The volume has no room for the model."""

    exit_code = 13
    is_worth_a_retry = True
    usual_remedy = "Enlarge the volume, or free it with `bge-reranker model gc`, and run the same command again."


class DigestMismatch(ModelError):
    """The files are not those that a manifest, the source or the settings demand."""

    exit_code = 14
    usual_remedy = "Remove this version and fetch it again; if it happens twice, do not trust the source."


class CorruptFile(ModelError):
    """A file of the model is missing, unreadable or not what its neighbours say."""

    exit_code = 15
    usual_remedy = "Use the file that was published with the model; where it was cut short, fetch it again."


class WrongArchitecture(ModelError):
    """The checkpoint is not a sequence classifier with one logit."""

    exit_code = 16
    usual_remedy = "Serve a cross-encoder: a checkpoint for sequence classification with one label."


class MissingHead(ModelError):
    """The checkpoint has no classification head; loading it would score at random."""

    exit_code = 17
    usual_remedy = "Serve the fine-tuned reranker instead of the encoder that it was made from."


class UnsafeFormat(ModelError):
    """The checkpoint has its weights in pickles only."""

    exit_code = 18
    usual_remedy = (
        "Run `bge-reranker model convert`, or fetch with --allow-pickle, which converts; both need bge-reranker[torch]."
    )


class OutOfMemory(ModelError):
    """The device has too little memory; the engine meets it per batch, loading meets it once."""

    exit_code = 19
    usual_remedy = "Give the process more memory, a larger GPU, or a precision of half the size."


class GateFailed(ModelError):
    """The relevance gate refused the model: its ranking of the golden set misses a threshold."""

    exit_code = 30
    usual_remedy = (
        "Keep the version that serves. Where the golden set or a threshold is wrong, correct it, and the model is "
        "judged anew."
    )


class GateInputChanged(ModelError):
    """The golden set that was mounted is not the one whose SHA-256 the settings give."""

    exit_code = 31
    usual_remedy = "Give each edition of the golden set a ConfigMap of its own, `immutable: true`, with its SHA-256."


class SelfCheckFailed(ModelError):
    """The model's logits are not those that its authors published for it."""

    exit_code = 32
    usual_remedy = (
        "Fetch the model again; if it fails again, `bge-reranker model selfcheck` shows each pair, here and elsewhere."
    )


class ReferenceUnavailable(ModelError):
    """A ready pod of another version, which the gate compares with, did not rank the golden set in time."""

    exit_code = 33
    is_worth_a_retry = True
    usual_remedy = "It is tried again at the next start. Look at the pods that serve: they may be overloaded."
