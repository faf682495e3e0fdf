"""`python -m demo_clip`: train the embedded dual encoder, measure it, write it into the package."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from transformers import CLIPModel

from .card import write_card
from .evaluate import calibrate, evaluate
from .network import save
from .training import train

_FOLDER = Path("service/src/bge_reranker/demo/clip")


def main() -> None:
    """Train, or measure what is embedded."""
    parser = argparse.ArgumentParser(prog="demo_clip")
    parser.add_argument("task", choices=("train", "evaluate"))
    parser.add_argument("--output", type=Path, default=_FOLDER)
    parser.add_argument("--steps", type=int, default=3_000, help="batches of the training")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    began = time.process_time()
    if arguments.task == "train":
        model = train(arguments.steps, arguments.pictures)
        save(model, arguments.output, calibrate(model))
    model = CLIPModel.from_pretrained(arguments.output, dtype=torch.float32).eval()
    found = evaluate(model)
    if arguments.task == "train":
        write_card(arguments.output, found, arguments.steps, arguments.pictures, time.process_time() - began)
    print(
        f"right picture first among ten, {found.lists} lists of unseen captions: {found.share:.1%}; "
        f"a colour histogram: {found.histogram_share:.1%}"
    )


if __name__ == "__main__":
    main()
