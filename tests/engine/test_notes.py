"""Notes are shown as sentences, in logs and `/info`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bge_reranker.engine.notes import Note, NoteKind

from .fakes import FakeScorer

SENTENCES = (
    (
        Note(NoteKind.BODY_REPLACED, {"body": "onednn", "computation": "linear", "objection": "it raised X: {braces}"}),
        "the onednn body of linear was replaced by the plain one: it raised X: {braces}",
    ),
    (
        Note(NoteKind.RUNTIME_REPLACED, {"runtime": "OpenVINO", "objection": "its logits differ"}),
        "OpenVINO was replaced by the plain network, which is slow: its logits differ",
    ),
    (Note(NoteKind.SOLE_BLOCK_SIZE, {"rows": 64}), "row-wise work is cut into blocks of 64 rows only"),
    (
        Note(NoteKind.LARGEST_BATCH_TOO_LARGE, {"tokens": 16384}),
        "a batch of 16384 tokens does not fit the device; smaller ones are used",
    ),
    (
        Note(NoteKind.PAIRS_APART),
        "each pair is computed by itself, since pairs computed together differ in their last bits",
    ),
    (
        Note(NoteKind.PADDED, {"reason": "X has no packed network"}),
        "computed through transformers over padded batches: X has no packed network",
    ),
    (
        Note(NoteKind.UNPADDED, {"objection": "its logits differ"}),
        "every pair is computed alone, since padding changes the scores: its logits differ",
    ),
    (
        Note(NoteKind.NO_INT8_PRODUCTS),
        "the CPU has no VNNI: 8-bit numbers are multiplied in float32, no faster than a float32 model",
    ),
    (
        Note(NoteKind.CALIBRATION_ASSUMED, {"kinds": "all pairs"}),
        (
            "the checkpoint has no pair_calibration: scores of all pairs are on a scale that is assumed, and mixed "
            "lists are comparable within a kind only"
        ),
    ),
    (
        Note(NoteKind.LONG_PAIRS_UNTRIED, {"tried_tokens": 512, "longest_tokens": 8192, "most_s": 10.0}),
        (
            "pairs of more than 512 tokens were not tried before serving: one of 8192 tokens might take longer than "
            "10 s here"
        ),
    ),
)


@pytest.mark.parametrize(("note", "sentence"), SENTENCES)
def test_note_is_a_sentence(note: Note, sentence: str) -> None:
    assert str(note) == sentence
    description = replace(FakeScorer().description, notes=(note,))
    assert description.as_json()["notes"] == [sentence]


def test_every_kind_has_its_sentence_here() -> None:
    assert {note.kind for note, _ in SENTENCES} == set(NoteKind)
