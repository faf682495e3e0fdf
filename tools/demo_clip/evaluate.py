"""How well captions that were never trained on find their pictures, beside a colour histogram."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import CLIPModel

from .pictures import draw_scene
from .scenes import TEMPLATES, Scene, candidates, split_scenes
from .training import normalised, tokens_of

_ROUNDS = 8
"""Lists of ten for each held-out scene."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How often the right picture comes first among ten."""

    lists: int
    share: float
    histogram_share: float
    """Of a colour histogram that is shown another picture of the right scene."""


def evaluate(model: CLIPModel) -> Evaluation:
    """Ask captions of the scenes that were held out for their picture."""
    trained, held_out = split_scenes()
    draw = random.Random(99)
    every = trained + held_out
    histogram = {scene: _histogram(np.asarray(draw_scene(scene, draw))) for scene in every}
    hits, baseline, lists = 0, 0, 0
    for turn in range(_ROUNDS):
        for scene in held_out:
            listed = candidates(scene, every, draw)
            drawn = np.stack([np.asarray(draw_scene(other, draw)) for other in listed])
            with torch.inference_mode():
                tokens, mask = tokens_of([scene.caption(turn % TEMPLATES)])
                output = model(input_ids=tokens, attention_mask=mask, pixel_values=normalised(torch.from_numpy(drawn)))
            hits += int(output.logits_per_text[0].argmax()) == 0
            distances = [float(np.abs(_histogram(image) - histogram[scene]).sum()) for image in drawn]
            baseline += int(np.argmin(distances)) == 0
            lists += 1
    return Evaluation(lists, hits / lists, baseline / lists)


def calibrate(model: CLIPModel) -> dict[str, dict[str, float]]:
    """Fit what turns a cosine into a logit, for each kind of pair, on scenes that were trained on.

    Returns:
        For each kind `slope` and `bias` of a logistic regression that tells pairs of one scene from pairs of two.
    """
    scenes, _ = split_scenes()
    draw = random.Random(5)
    views = {
        "text": (_texts(model, scenes, 0), _texts(model, scenes, 1)),
        "image": (_images(model, scenes, draw), _images(model, scenes, draw)),
    }
    kinds = {
        "text_image": (views["text"][0], views["image"][0]),
        "text_text": views["text"],
        "image_image": views["image"],
    }
    return {kind: _logistic(left @ right.T) for kind, (left, right) in kinds.items()}


def _texts(model: CLIPModel, scenes: list[Scene], template: int) -> torch.Tensor:
    tokens, mask = tokens_of([scene.caption(template) for scene in scenes])
    with torch.inference_mode():
        output = model.text_model(input_ids=tokens, attention_mask=mask)
        return torch.nn.functional.normalize(model.text_projection(output.pooler_output), dim=-1)


def _images(model: CLIPModel, scenes: list[Scene], draw: random.Random) -> torch.Tensor:
    drawn = torch.from_numpy(np.stack([np.asarray(draw_scene(scene, draw)) for scene in scenes]))
    with torch.inference_mode():
        output = model.vision_model(pixel_values=normalised(drawn))
        return torch.nn.functional.normalize(model.visual_projection(output.pooler_output), dim=-1)


def _logistic(cosines: torch.Tensor) -> dict[str, float]:
    """Fit slope and bias; pairs of one scene weigh as much in all as pairs of two."""
    same = torch.eye(len(cosines), dtype=torch.float64)
    weights = same / len(cosines) + (1 - same) / (len(cosines) * (len(cosines) - 1))
    cosines = cosines.double().clone()
    line = torch.tensor([10.0, -5.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            line[0] * cosines + line[1], same, reduction="none"
        )
        # A little weight decay keeps the slope finite where the two can be told apart without error.
        loss = (losses * weights).sum() + 1e-5 * line[0] ** 2
        loss.backward()
        return loss

    optimiser.step(closure)
    slope, bias = (round(value, 3) for value in line.tolist())
    return {"slope": slope, "bias": bias}


def _histogram(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of the pixels in each of 4 x 4 x 4 colours."""
    bins = (image // 64).reshape(-1, 3) @ np.array([16, 4, 1])
    return np.bincount(bins, minlength=64) / len(bins)
