"""What an edit is to do, decided before it is made: kind of change, method, place, words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.diffusion.card import Change, EditHabit, ModelCard
from textseg.editing.base import EditMethod
from textseg.editing.external import Instructions
from textseg.editing.finishing import changes_colour
from textseg.editing.kinds import kind_of_change
from textseg.editing.options import METHOD_OPTIONS, Blend, EditOptions
from textseg.editing.painting import Painting
from textseg.editing.placing import find_place
from textseg.editing.prompts import region_prompt
from textseg.encoded import EncodedPicture
from textseg.errors import InvalidInputError, QueryError
from textseg.images import Picture, freeze
from textseg.segmentation.drawing import COLOURS, MaskLayer, display_scale, overlay, png
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation, Segmentations

KINDS: Mapping[Change, str] = {
    "alter": "another look of the same thing",
    "replace": "another thing in its place",
    "remove": "something less",
    "add": "something more",
    "setting": "another place behind the same things",
}


@dataclass(frozen=True)
class EditWords:
    """The texts of an edit: of what is there, of what is to be, of what to stay away from."""

    source: str
    target: str
    negative: str


@dataclass(frozen=True, eq=False, repr=False)
class EditPlan:
    """An edit that is decided and not made yet: look at it, change it, have it carried out.

    ``dataclasses.replace(plan, seed=1)`` is the same edit from other noise, and finds nothing anew.

    Attributes:
        before: the picture.
        query: what is to change, "" where a mask says where.
        target: what it becomes; "" to remove it.
        kind: of the change.
        name: what is to be there in the end, by which attempts are compared; "" if nothing is.
        method: how it is made.
        region: (H, W) float32 in [0, 1]; 1 = may change freely, 0 = may not change at all.
        words: that the model is given.
        seed: of the first attempt.
        attempts: how many at most; the best is kept.
        enough: nats a cell of the region from which on the score of an attempt is good enough, so
            that no further one is made; None: all are made.
        crop: work on the box around the region only.
        blend: how what was made is mixed into the picture; see ``EditOptions``.
        detail: pixels inside of the region's outline from which on the picture's own detail is kept
            under the new colours; None: nowhere.
        segmentation: where the query was found; None where a mask was given.
        evaluations: of the network, to find the place.
        card: name of the card that decided what the caller did not.
        where: the place, in words.
        notes: remarks for people.
        examples: further pictures that the method learns from.
    """

    before: Picture
    query: str
    target: str
    kind: Change
    name: str
    method: EditMethod
    region: NDArray[np.float32]
    words: EditWords
    seed: int
    attempts: int
    enough: float | None
    crop: bool
    blend: Blend
    detail: float | None
    segmentation: Segmentation | None
    evaluations: int
    card: str
    where: str
    notes: tuple[str, ...] = ()
    examples: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        """Let nobody change the region."""
        freeze(self)

    @property
    def share(self) -> float:
        """Share of the picture that may change."""
        return float((self.region > 0).mean())

    @property
    def why(self) -> tuple[str, ...]:
        """What was decided, and from what, for people."""
        from textseg.registry.methods import method_name

        most = "" if self.enough is None else "at most "
        times = "once" if self.attempts == 1 else f"{most}{self.attempts} times, the best is kept"
        return (
            f"{self.kind}: {KINDS[self.kind]}",
            f"place: {self.share:.1%} of the picture, {self.where}",
            f"words: {self.words.source!r} becomes {self.words.target!r}",
            f"method: {method_name(self.method)}, {times}"
            + (", on the surroundings of the mask" if self.crop else "")
            + ("" if self.detail is None else ", keeping the picture's own detail"),
        )

    def overlay(self, *, enlarge: int = 1) -> Image.Image:
        """Return the picture with the place lit up and outlined, the rest greyed."""
        layer = MaskLayer(self.region, COLOURS[0], line=0.5)
        return overlay(self.before.visible(), [layer], enlarge=enlarge)

    def __repr__(self) -> str:
        """Return what is to be done, a line each."""
        lines = "".join(f"\n  {line}" for line in self.why)
        return f"EditPlan({self.query!r} -> {self.target!r}{lines}\n)"

    def _repr_png_(self) -> bytes:
        return png(self.overlay(enlarge=display_scale(self.before.size)))


@dataclass(frozen=True, eq=False)
class EditRequest:
    """An edit as it is asked for; see ``Scene.edit``."""

    query: str
    target: str
    method: str | EditMethod | None
    mask: NDArray[Any] | Segmentation | Mask | None
    options: EditOptions
    examples: tuple[Picture, ...] = ()


def plan_edit(
    asked: EditRequest,
    encoded: EncodedPicture,
    *,
    look: Callable[[Sequence[str]], Segmentations],
    caption: Callable[[], str | None],
    prompt: str,
    steps: int | None,
) -> EditPlan:
    """Return the plan; what nobody set suits the change and the way the picture was made.

    Args:
        asked: what is to be done.
        encoded: the picture; the card of its model says what suits the change.
        look: finds queries, where there is no mask.
        caption: gives the text for the picture, where none is given; None: nobody is there to.
        prompt: what made the picture, where a model made it; it says what was to be there.
        steps: those that made the picture, where a model made it.

    Raises:
        QueryError: there is nothing to do.
        NotFoundError: nothing is found.
        InvalidInputError: a number out of its range, a mask that does not fit.
        UnknownNameError: no such method.
    """
    options, card = asked.options, encoded.model.card
    if not asked.query and not asked.target and options.prompt is None:
        raise QueryError("neither a query nor a target nor a prompt: nothing to do")
    if options.relative_to and (asked.query or asked.mask is not None):
        raise InvalidInputError(
            f"relative_to {options.relative_to!r} is where to add something, and there is a "
            f"{'query' if asked.query else 'mask'}",
            hint="drop one of them",
        )
    witness = (caption() or "") if options.source is None else options.source
    source = prompt if options.source is None and not witness else witness
    kind = kind_of_change(asked.query, asked.target, source)
    usual = card.edits.of(kind)
    told = choose_instruction(asked, card)
    method = choose_method(asked, usual=usual, card=card, steps=steps)
    check_examples(method, asked.examples)
    place = find_place(
        asked.mask,
        told or asked.query,
        encoded,
        kind=kind,
        source="" if told else source,
        witness=witness,
        options=options,
        usual=usual,
        look=look,
    )
    return EditPlan(
        before=encoded.picture,
        query=asked.query,
        target=asked.target,
        kind=kind,
        name=told or asked.target or options.prompt or "",
        method=method,
        region=place.region,
        words=choose_words(asked, method, source, told=told),
        seed=options.seed,
        attempts=options.attempts or _usual_attempts(asked, usual, card),
        enough=None if options.attempts else _enough(asked, card),
        crop=usual.crop if options.crop is None else options.crop,
        blend=options.blend,
        detail=None if isinstance(method, Painting) else _detail(asked, usual, encoded),
        segmentation=place.found,
        evaluations=place.evaluations,
        card=card.name,
        where=place.where,
        notes=place.notes,
        examples=asked.examples,
    )


def _usual_attempts(asked: EditRequest, usual: EditHabit, card: ModelCard) -> int:
    return 1 if asked.method is not None else usual.times or card.attempts.count


def _detail(asked: EditRequest, usual: EditHabit, encoded: EncodedPicture) -> float | None:
    if not usual.detail or not changes_colour(asked.query, asked.target):
        return None
    if isinstance(asked.mask, np.ndarray):
        return 1.0
    grow = asked.options.grow
    return 1.0 + (usual.grow * encoded.cell_pixels if grow is None else grow)


def _enough(asked: EditRequest, card: ModelCard) -> float | None:
    return card.attempts.there if asked.target or asked.options.prompt else card.attempts.gone


def choose_instruction(asked: EditRequest, card: ModelCard) -> str:
    """Return what a model is told that follows instructions; "" for one that does not.

    What it would change is where the picture may change, too.
    """
    if not card.language.instructed:
        return ""
    return asked.options.prompt or Instructions().say(asked.query, asked.target)


def choose_words(asked: EditRequest, method: EditMethod, source: str, *, told: str) -> EditWords:
    """Return the texts of an edit of a picture that ``source`` describes.

    ``told`` is the instruction for a model that follows one, "" for any other: of the picture as it
    is, it is told nothing.
    """
    options = asked.options
    if told and not isinstance(method, Painting):
        return EditWords("", told, options.negative)
    if options.prompt is not None:
        return EditWords(source, options.prompt, options.negative)
    before, after = (
        region_prompt(source, asked.query, text) for text in (asked.query, asked.target)
    )
    told = method.tell(asked.query, asked.target) if isinstance(method, Painting) else ""
    if told:
        return EditWords(before, told, options.negative)
    return EditWords(before, after, options.negative or ("" if asked.target else asked.query))


def choose_method(
    asked: EditRequest, *, usual: EditHabit, card: ModelCard, steps: int | None
) -> EditMethod:
    """Return the method with its options; arguments as in ``plan_edit``."""
    from textseg.registry.methods import make_method

    given = {name: getattr(asked.options, name) for name in METHOD_OPTIONS}
    options: dict[str, object] = {k: v for k, v in given.items() if v is not None}
    method = asked.method
    if method is None:
        method, options = usual.method, {**usual.options, **_own_steps(steps), **options}
    elif isinstance(method, str):
        options = {**usual_options(method, card=card, steps=steps), **options}
    return make_method(method, options)


def check_examples(method: EditMethod, examples: Sequence[Picture]) -> None:
    """Raise ``InvalidInputError`` where a method needs examples and has none, or ignores them."""
    needs = getattr(method, "needs", ())
    if "examples" in needs and not examples:
        raise InvalidInputError(
            f"{type(method).__name__} learns from pictures of a subject, and there is none",
            hint="give some as examples",
        )
    if examples and not {"examples", "examples or none"} & set(needs):
        raise InvalidInputError(
            f"{type(method).__name__} takes no examples, got {len(examples)}",
            hint="`textseg methods` tells which do, or leave them out",
        )


def usual_options(name: str, *, card: ModelCard, steps: int | None) -> dict[str, object]:
    """Return the options of a method that is asked for by name, as far as nobody gives them.

    A picture that a model made is walked through in the steps that made it.
    """
    return {**card.edits.named(name), **_own_steps(steps)}


def _own_steps(steps: int | None) -> dict[str, object]:
    return {} if steps is None else {"steps": steps}
