"""The questions of the segmentation benchmark: queries about rendered scenes, with the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textseg.picturebook.scenes import HELD_OUT, Rendered, Stream, Thing, render, sample_scene
from textseg.picturebook.shapes import COLORS, KINDS

SET_VERSION = 1
"""Raised whenever the same seed would ask other questions."""

MIN_AREA = 0.01
"""Share of the picture that a thing must visibly cover; smaller ones are reported apart."""


@dataclass(frozen=True)
class Question:
    """One query about one picture.

    Attributes:
        query: what is asked for, such as "house" or "red house".
        truth: (h, w) bool, what the query names; all False where it is absent.
        hard: an absent query that names the kind in another colour, or the colour on another kind.
        held_out: the query names a pair of colour and kind that training never showed.
    """

    query: str
    truth: np.ndarray
    hard: bool = False
    held_out: bool = False

    @property
    def present(self) -> bool:
        """Whether anything in the picture answers to the query."""
        return bool(self.truth.any())

    @property
    def small(self) -> bool:
        """Whether what the query names covers less than `MIN_AREA` of the picture."""
        return self.present and float(self.truth.mean()) < MIN_AREA


@dataclass(frozen=True)
class Exam:
    """A rendered scene and the questions about it, present ones first."""

    rendered: Rendered
    questions: tuple[Question, ...]


def exams(stream: Stream, *, scenes: int, seed: int, size: int = 128) -> Iterator[Exam]:
    """Yields scenes with questions.

    Args:
        stream: which scenes; tuning uses "calibration", reported numbers "evaluation".
        scenes: how many.
        seed: picks which scenes of the stream (disjoint for different seeds) and the questions.
        size: side of the pictures in pixels.
    """
    for i in range(scenes):
        index = seed * 1_000_000 + i
        rendered = render(sample_scene(stream, index), size=size)
        rng = np.random.default_rng([SET_VERSION, index])
        present = list(_present(rendered, rng))
        absent = list(_absent(rendered, rng, len(present)))
        yield Exam(rendered, tuple(present + absent))


def _truth(rendered: Rendered, kind: str, color: str | None) -> np.ndarray:
    meant = [
        mask
        for thing, mask in zip(rendered.scene.things, rendered.masks, strict=True)
        if thing.kind == kind and color in (None, thing.color)
    ]
    return np.any(meant, axis=0) if meant else np.zeros(rendered.image.shape[:2], bool)


def _present(rendered: Rendered, rng: np.random.Generator) -> Iterator[Question]:
    """One question a thing (no two alike), every other one with its colour."""
    asked: set[str] = set()
    for thing in rendered.scene.things:
        color = thing.color if rng.random() < 0.5 else None
        query = f"{color} {thing.kind}" if color else thing.kind
        truth = _truth(rendered, thing.kind, color)
        if query not in asked and truth.any():
            asked.add(query)
            yield Question(query, truth, held_out=color is not None and _is_held_out(thing))


def _is_held_out(thing: Thing) -> bool:
    return (thing.color, thing.kind) in HELD_OUT


def _absent(rendered: Rendered, rng: np.random.Generator, count: int) -> Iterator[Question]:
    """As many questions without an answer, every other one hard."""
    nothing = np.zeros(rendered.image.shape[:2], bool)
    asked: set[str] = set()
    while len(asked) < count:
        hard = len(asked) % 2 == 0
        query = _hard_query(rendered, rng) if hard else _easy_query(rendered, rng)
        if query is not None and query not in asked:
            asked.add(query)
            yield Question(query, nothing, hard=hard)


def _hard_query(rendered: Rendered, rng: np.random.Generator) -> str | None:
    """A kind that is there in a colour it does not have, or a colour that is there on another."""
    things = rendered.scene.things
    thing = things[int(rng.integers(len(things)))]
    if rng.random() < 0.5:
        color, kind = str(rng.choice(list(COLORS))), thing.kind
    else:
        color, kind = thing.color, str(rng.choice(list(KINDS)))
    return None if any((t.color, t.kind) == (color, kind) for t in things) else f"{color} {kind}"


def _easy_query(rendered: Rendered, rng: np.random.Generator) -> str | None:
    """A kind that is not there, every other time with a colour."""
    kind, color = str(rng.choice(list(KINDS))), str(rng.choice(list(COLORS)))
    if any(t.kind == kind for t in rendered.scene.things):
        return None
    return f"{color} {kind}" if rng.random() < 0.5 else kind
