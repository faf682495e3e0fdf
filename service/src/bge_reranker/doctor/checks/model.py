"""The model: whether it is there, whole, the one that is demanded, and fits the settings."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import RerankerError
from ...loading import refuse_before_weights
from ...store.manifest import MANIFEST_FILE, hash_model, read_manifest
from ...store.model_directory import EMBEDDED_REFERENCES
from ...store.verification import refuse_other_digest, verify, verify_sample
from ..finding import Finding, green, red, shown_bytes, yellow
from ..subject import Subject


def look(subject: Subject) -> Iterator[Finding]:
    """Find the model, compare it with its manifest, and ask of it what needs no weights.

    The manifest covers every byte with `verify: full`, else sizes and samples.
    """
    model, settings = subject.model, subject.settings.model
    if isinstance(model, RerankerError):
        yield red("model", f"{model.code}: {model.message.rstrip('.')}", model.remedy)
        return
    try:
        has_manifest = (model.path / MANIFEST_FILE).is_file()
        manifest = read_manifest(model.path) if has_manifest else hash_model(model.path)
        refuse_other_digest(manifest.digest, settings.expect_digest, model.name)
        if has_manifest and settings.verify == "full":
            verify(model.path, manifest)
        elif has_manifest:
            verify_sample(model.path, manifest)
        refuse_before_weights(model.path, subject.settings)
    except RerankerError as error:
        yield red("model", f"{error.code}: {error.message.rstrip('.')}", error.remedy)
        return
    found = f"{model.name}, digest {manifest.short_digest}, {shown_bytes(manifest.size_bytes)}"
    if model.name in EMBEDDED_REFERENCES:
        yield green("model", f"{found}, embedded")
        return
    if not has_manifest and settings.expect_digest is None:
        yield yellow(
            "model",
            f"{found}; nothing says what it should be",
            "Fetch it with `bge-reranker model fetch`, or demand its digest (expectDigest).",
        )
        return
    yield green("model", f"{found}, as its manifest says" if has_manifest else f"{found}, as demanded")
