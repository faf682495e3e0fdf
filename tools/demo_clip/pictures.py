"""Draws scenes: random places, sizes and angles, with the noise that a camera has."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

from .scenes import Scene

SIZE = 48
"""Pixels of a picture's side."""

_FINE = 3
"""Pixels are drawn so many times finer and averaged, for smooth edges."""

_COLOURS = {
    "red": (215, 40, 40),
    "green": (40, 160, 60),
    "blue": (45, 80, 215),
    "yellow": (235, 215, 50),
    "purple": (145, 55, 170),
    "orange": (245, 140, 30),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "black": (15, 15, 15),
}

_CELLS = 3
"""Cells along a side, each with one shape at most."""

_SHIFT = 1.0
"""Most pixels that a shape stands beside the middle of its cell."""

_JITTER = 14
"""Most that a channel of a colour differs from one picture to the next."""

_NOISE = 5.0
"""Standard deviation of the noise of a pixel."""


def draw_scene(scene: Scene, draw: random.Random) -> Image.Image:
    """Draw one picture of a scene.

    Args:
        scene: What it shows.
        draw: Decides places, sizes, angles, shades and noise.
    """
    side = SIZE * _FINE
    image = Image.new("RGB", (side, side), _shade(scene.background, draw))
    pen = ImageDraw.Draw(image)
    colour = _shade(scene.colour, draw)
    for x, y, radius in _places(scene.count, draw):
        _draw_shape(pen, scene.shape, (x * _FINE, y * _FINE, radius * _FINE), draw.uniform(-0.25, 0.25), colour)
    image = image.resize((SIZE, SIZE), Image.Resampling.BOX)
    noise = np.random.default_rng(draw.getrandbits(32)).normal(0.0, _NOISE, (SIZE, SIZE, 3))
    return Image.fromarray(np.clip(np.asarray(image, dtype=np.float64) + noise, 0, 255).astype(np.uint8))


def _shade(name: str, draw: random.Random) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, channel + draw.randint(-_JITTER, _JITTER))) for channel in _COLOURS[name])
    return red, green, blue


def _places(count: int, draw: random.Random) -> list[tuple[float, float, float]]:
    """Choose centres and radii: in cells of a loose grid, so that shapes do not touch."""
    cell = SIZE / _CELLS
    chosen = draw.sample(range(_CELLS * _CELLS), count)
    return [
        (
            cell * (index % _CELLS + 0.5) + draw.uniform(-_SHIFT, _SHIFT),
            cell * (index // _CELLS + 0.5) + draw.uniform(-_SHIFT, _SHIFT),
            draw.uniform(5.5, 7.0),
        )
        for index in chosen
    ]


def _draw_shape(
    pen: ImageDraw.ImageDraw,
    shape: str,
    place: tuple[float, float, float],
    angle: float,
    colour: tuple[int, int, int],
) -> None:
    x, y, radius = place
    if shape == "circle":
        radius *= 0.9
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    elif shape == "square":
        pen.polygon(_turned(place, [math.pi / 4 + angle + math.pi / 2 * corner for corner in range(4)]), fill=colour)
    elif shape == "triangle":
        pen.polygon(
            _turned(place, [-math.pi / 2 + angle + 2 * math.pi / 3 * corner for corner in range(3)]), fill=colour
        )
    else:
        for turn in (angle, angle + math.pi / 2):
            dx, dy = math.cos(turn) * radius, math.sin(turn) * radius
            pen.line((x - dx, y - dy, x + dx, y + dy), fill=colour, width=round(radius * 0.55))


def _turned(place: tuple[float, float, float], angles: list[float]) -> list[tuple[float, float]]:
    x, y, radius = place
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]
