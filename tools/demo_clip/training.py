"""Contrastive training: every caption of a batch has to find its picture, and every picture its caption."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from transformers import CLIPModel

from .network import IMAGE_MEAN, IMAGE_STD, TEXT_TOKENS, new_model, new_tokenizer
from .pictures import draw_scene
from .scenes import ATTRIBUTE_SIZES, TEMPLATES, Scene, split_scenes

_BATCH = 96
_LEARNING_RATE = 1.5e-3
_WARM_UP = 0.05
"""Share of the steps in which the rate of learning rises."""

_MOST_SCALE = 4.0
"""Upper bound of the logarithm of the scale of cosines."""

_HEAD_SCALE = 8.0
"""Length of an embedding as the layers see it that tell attributes apart."""

_SEED = 7


def pixels_of(scenes: list[Scene], draw: random.Random) -> torch.Tensor:
    """Draw a picture of each scene, as the network reads it: float32 (N, 3, side, side)."""
    drawn = np.stack([np.asarray(draw_scene(scene, draw)) for scene in scenes])
    return normalised(torch.from_numpy(drawn))


def normalised(drawn: torch.Tensor) -> torch.Tensor:
    """Turn uint8 (N, side, side, 3) into what the network reads."""
    scaled = (drawn.float() / 255 - torch.tensor(IMAGE_MEAN)) / torch.tensor(IMAGE_STD)
    return scaled.permute(0, 3, 1, 2).contiguous()


def tokens_of(captions: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Encode captions: token ids and mask, int64 (N, tokens)."""
    tokenizer = new_tokenizer()
    tokenizer.enable_padding(pad_id=0, pad_token="<pad>")
    tokenizer.enable_truncation(TEXT_TOKENS)
    encoded = tokenizer.encode_batch(captions)
    return torch.tensor([text.ids for text in encoded]), torch.tensor([text.attention_mask for text in encoded])


def train(steps: int, pictures: int) -> CLIPModel:
    """Train for so many batches, on so many pictures and their mirror images.

    Two linear layers that are thrown away afterwards have to tell the attributes apart, from a picture's embedding and
    from a caption's; without them the captions teach shapes and counts far more slowly.

    Args:
        steps: Batches.
        pictures: How many are drawn beforehand.
    """
    torch.manual_seed(_SEED)
    draw = random.Random(_SEED)
    scenes, _ = split_scenes()
    each = pictures // len(scenes)
    pool = np.stack([np.stack([np.asarray(draw_scene(scene, draw)) for _ in range(each)]) for scene in scenes])
    attributes = torch.tensor([scene.attributes() for scene in scenes])
    print(f"drawn: {each} pictures of each of {len(scenes)} scenes", flush=True)
    model: CLIPModel = new_model().train()
    heads = torch.nn.ModuleList(
        torch.nn.Linear(model.visual_projection.out_features, sum(ATTRIBUTE_SIZES)) for _ in range(2)
    )
    weights = [*model.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=_LEARNING_RATE, weight_decay=0.02)
    for step in range(1, steps + 1):
        passed = step / steps
        rate = _LEARNING_RATE * min(1.0, passed / _WARM_UP) * 0.5 * (1 + np.cos(np.pi * passed))
        for group in optimiser.param_groups:
            group["lr"] = rate
        chosen = draw.sample(range(len(scenes)), _BATCH)
        drawn = torch.from_numpy(np.stack([pool[index, draw.randrange(each)] for index in chosen]))
        drawn = drawn.flip([axis for axis in (1, 2) if draw.getrandbits(1)])
        tokens, mask = tokens_of([scenes[index].caption(draw.randrange(TEMPLATES)) for index in chosen])
        output = model(input_ids=tokens, attention_mask=mask, pixel_values=normalised(drawn), return_loss=True)
        told = [_told(head(side), attributes[chosen]) for head, side in zip(heads, _sides(output), strict=True)]
        loss = output.loss + sum(told)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, _MOST_SCALE)
        if step % 100 == 0:
            parts = ", ".join(f"{part.item():.2f}" for part in (output.loss, *told))
            print(f"step {step} of {steps}, losses {parts}", flush=True)
    model.eval()
    return model


def _sides(output: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return output.image_embeds * _HEAD_SCALE, output.text_embeds * _HEAD_SCALE


def _told(logits: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the attributes: logits float32 (N, all values), attributes int64 (N, 4)."""
    parts = logits.split(ATTRIBUTE_SIZES, dim=1)
    losses = [torch.nn.functional.cross_entropy(part, attributes[:, index]) for index, part in enumerate(parts)]
    return torch.stack(losses).mean()
