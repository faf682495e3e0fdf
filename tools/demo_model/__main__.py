"""The program behind `make demo-model`, `make demo-eval` and the held-out texts of `make price`."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from bge_reranker.demo import demo_model_directory
from bge_reranker.evaluation.cases import save_cases
from bge_reranker.evaluation.report import print_report
from demo_model.evaluate import QUERIES, build_cases, evaluate_checkpoint, score_example

DEFAULT_CACHE = Path.home() / ".cache" / "bge-reranker" / "demo-model"


def main() -> None:
    """Trains, rebuilds or evaluates the demonstration model, or writes its held-out texts."""
    parser = argparse.ArgumentParser(
        prog="demo_model",
        description="Train, rebuild or evaluate the demonstration model, or write its test queries.",
    )
    parser.add_argument("task", choices=("train", "rebuild", "evaluate", "cases"))
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="folder for packages and checkpoints")
    parser.add_argument("--model", type=Path, default=demo_model_directory(), help="checkpoint to write or evaluate")
    parser.add_argument("--output", type=Path, default=Path("build/held-out.jsonl"), help="where `cases` go")
    parser.add_argument("--report", type=Path, help="JSON file of the figures; by default in the cache")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    if arguments.task == "cases":
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        save_cases(build_cases("test", arguments.cache, QUERIES), arguments.output)
        return
    if arguments.task != "evaluate":
        # Only training needs the teacher: the evaluation must run without it.
        from demo_model.pipeline import rebuild_demo_model, train_demo_model  # noqa: PLC0415 - see above

        make = train_demo_model if arguments.task == "train" else rebuild_demo_model
        make(arguments.cache, arguments.model)
    evaluate(arguments.model, arguments.cache, arguments.report or arguments.cache / "evaluation.json")


def evaluate(model: Path, cache: Path, report_path: Path) -> None:
    """Prints the tables and the example, and writes the figures."""
    console = Console()
    report = evaluate_checkpoint(model, cache)
    print_report(report, console, title="Demonstration model (not for production) on held-out sources")
    console.print("Example, logits:", json.dumps(score_example(model), ensure_ascii=False))
    report.save(report_path)
    console.print(f"Figures: {report_path}")


if __name__ == "__main__":
    main()
