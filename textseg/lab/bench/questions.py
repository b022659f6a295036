"""The questions of the segmentation benchmark: queries about rendered scenes, with the truth.

About scenes of world version 2 every question that names a colour is asked once more, in words that
no training caption puts together (`HELD_OUT_PHRASINGS`). About version 1 it is not, so that its
numbers can be compared with those that were published before there was another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from textseg.diffusion.model import DiffusionModel
from textseg.picturebook.captions import HELD_OUT_PHRASINGS
from textseg.picturebook.scenes import HELD_OUT, SIDE, Rendered, Stream, Thing, render
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.picturebook.worlds import World, scene_of

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
        reworded: another question asks the same in the usual words.
    """

    query: str
    truth: np.ndarray
    hard: bool = False
    held_out: bool = False
    reworded: bool = False

    @property
    def present(self) -> bool:
        """Whether anything in the picture answers to the query."""
        return bool(self.truth.any())

    @property
    def small(self) -> bool:
        """Whether what the query names covers less than `MIN_AREA` of the picture."""
        return self.present and float(self.truth.mean()) < MIN_AREA


@dataclass(frozen=True)
class QueryExam:
    """A rendered scene and the questions about it: present ones, absent ones, reworded ones."""

    rendered: Rendered
    questions: tuple[Question, ...]


def exams(
    stream: Stream, *, scenes: int, seed: int, size: int = SIDE, world: World = 1
) -> Iterator[QueryExam]:
    """Yield scenes with questions.

    Args:
        stream: which scenes; tuning uses "calibration", reported numbers "evaluation".
        scenes: how many.
        seed: picks which scenes of the stream (disjoint for different seeds) and the questions.
        size: side of the pictures in pixels.
        world: the version that the scenes are of.
    """
    for i in range(scenes):
        index = seed * 1_000_000 + i
        yield exam_of(render(scene_of(world, stream, index), size=size), index, world=world)


def side_for(model: DiffusionModel) -> int:
    """Return the side of scenes that a model is made for; ``SIDE`` where it does not say."""
    return model.card.sizes.native or SIDE


def exam_of(rendered: Rendered, index: int, *, world: World = 1) -> QueryExam:
    """Return a scene with its questions, which its number in the stream picks."""
    rng = np.random.default_rng([SET_VERSION, index])
    present = list(_present(rendered, rng))
    asked = present + list(_absent(rendered, rng, len(present)))
    again = [] if world == 1 else list(_reworded(asked, rng))
    return QueryExam(rendered, tuple(asked + again))


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
    """Return a kind that is there in another colour, or a colour that is there on another kind."""
    things = rendered.scene.things
    thing = things[int(rng.integers(len(things)))]
    if rng.random() < 0.5:
        color, kind = str(rng.choice(list(COLORS))), thing.kind
    else:
        color, kind = thing.color, str(rng.choice(list(KINDS)))
    return None if any((t.color, t.kind) == (color, kind) for t in things) else f"{color} {kind}"


def _easy_query(rendered: Rendered, rng: np.random.Generator) -> str | None:
    """Return a kind that is not there, every other time with a colour."""
    kind, color = str(rng.choice(list(KINDS))), str(rng.choice(list(COLORS)))
    if any(t.kind == kind for t in rendered.scene.things):
        return None
    return f"{color} {kind}" if rng.random() < 0.5 else kind


def _reworded(asked: Sequence[Question], rng: np.random.Generator) -> Iterator[Question]:
    """Return the questions that name a colour, in words that training never puts together."""
    for question in asked:
        color, _, noun = question.query.rpartition(" ")
        if color:
            phrasing = HELD_OUT_PHRASINGS[int(rng.integers(len(HELD_OUT_PHRASINGS)))]
            words = phrasing.format(color=color, noun=noun).split()
            if words[0] == "a" and words[1][0] in "aeiou":
                words[0] = "an"
            yield replace(question, query=" ".join(words), reworded=True)
