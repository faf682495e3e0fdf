"""What a generated picture shows, and how its caption says so."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import product

COUNTS = ("one", "two", "three", "four")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
SHAPES = ("circle", "square", "triangle", "cross")
BACKGROUNDS = ("white", "grey", "black")

_PLURALS = {"circle": "circles", "square": "squares", "triangle": "triangles", "cross": "crosses"}

_TEMPLATES = (
    "{count} {colour} {shape} on {background}",
    "{count} {colour} {shape} on a {background} background",
    "a picture of {count} {colour} {shape} on a {background} background",
    "{background} background with {count} {colour} {shape}",
)

_HELD_OUT = 0.15
"""Share of the scenes that no training picture and no training caption shows."""

_SEED = 21


@dataclass(frozen=True, slots=True)
class Scene:
    """Some equal shapes on a plain background."""

    count: int
    colour: str
    shape: str
    background: str

    def caption(self, template: int = 0) -> str:
        """Say in words what is on the picture."""
        shape = self.shape if self.count == 1 else _PLURALS[self.shape]
        return _TEMPLATES[template % len(_TEMPLATES)].format(
            count=COUNTS[self.count - 1], colour=self.colour, shape=shape, background=self.background
        )

    def attributes(self) -> tuple[int, int, int, int]:
        """Say the same in numbers, in the order of `ATTRIBUTE_SIZES`."""
        return (
            self.count - 1,
            COLOURS.index(self.colour),
            SHAPES.index(self.shape),
            BACKGROUNDS.index(self.background),
        )

    def neighbours(self) -> list[Scene]:
        """List every scene that differs in exactly one attribute."""
        near = [replace(self, count=count) for count in range(1, len(COUNTS) + 1) if count != self.count]
        near += [replace(self, colour=colour) for colour in COLOURS if colour != self.colour]
        near += [replace(self, shape=shape) for shape in SHAPES if shape != self.shape]
        near += [replace(self, background=other) for other in BACKGROUNDS if other != self.background]
        return near


ATTRIBUTE_SIZES = (len(COUNTS), len(COLOURS), len(SHAPES), len(BACKGROUNDS))
"""How many values each attribute has."""

TEMPLATES = len(_TEMPLATES)
"""Wordings of a caption."""

WORDS = tuple(
    sorted(
        {word for template in _TEMPLATES for word in template.split() if not word.startswith("{")}
        | {*COUNTS, *COLOURS, *SHAPES, *_PLURALS.values(), *BACKGROUNDS}
    )
)
"""Every word of every caption."""


def split_scenes() -> tuple[list[Scene], list[Scene]]:
    """Divide all scenes into those that are trained on and those that are held out."""
    scenes = [
        Scene(count, colour, shape, background)
        for count, colour, shape, background in product(range(1, len(COUNTS) + 1), COLOURS, SHAPES, BACKGROUNDS)
    ]
    random.Random(_SEED).shuffle(scenes)
    held_out = round(len(scenes) * _HELD_OUT)
    return scenes[held_out:], scenes[:held_out]


def candidates(scene: Scene, scenes: list[Scene], draw: random.Random) -> list[Scene]:
    """Put a scene first, five that differ in one attribute after it, and four others after those."""
    near = draw.sample(scene.neighbours(), 5)
    far = draw.sample([other for other in scenes if other != scene and other not in scene.neighbours()], 4)
    return [scene, *near, *far]
