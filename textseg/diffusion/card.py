"""What a model is used to, and how that was found out: every number that belongs to a model.

A number that was found on one model says nothing about another. So whoever needs one asks the
model's card, and each group of numbers on it says where they come from (``found``). A folder of
weights may hold a card of its own, ``CARD_FILE``; the groups that it leaves out are those of the
model's family. Families build theirs from published numbers, see ``textseg.diffusion.generic``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from textseg.diffusion.mask_settings import RefineSettings, SoftenSettings, Strict
from textseg.diffusion.rivalry import Contrasts, PresenceRule, Rivals
from textseg.diffusion.snr import sigma_at
from textseg.errors import InvalidInputError, ModelError, problem_words

T = TypeVar("T")

CARD_FILE = "model_card.json"
PRESENCE_FILE = "presence_calibration.json"  # what was written before there were cards

Change = Literal["alter", "replace", "remove", "add", "setting"]
SolverName = Literal["euler", "reused_midpoint", "dpm_solver_2m"]
"""Of ``textseg.diffusion.solvers``, but for the one that inverts alone."""
Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True)
class Sizes(Strict):
    """How large the model likes pictures, in pixels; None where nobody knows.

    Attributes:
        native: side of the square pictures that it was trained on.
        largest: the longest side that its network can take at all.
        found: where the numbers come from.
        around: sides of a thing that a window around it has, where it is looked at again: what is
            half as wide as a picture is well seen. Not measured but on models that say so.
    """

    native: int | None
    largest: int | None
    found: str
    around: float = 2.0


@dataclass(frozen=True)
class Language(Strict):
    """What the model can be told.

    Attributes:
        blank: the text that says nothing, which masks are compared with. Where a family puts a
            template around every prompt but the empty one, it is one that gets the template too:
            the difference must not be the template's.
        words: the only words that it knows, in lower case; None for an open vocabulary.
        captioner: the name of the captioner that speaks as its prompts do; None: there is none.
        found: where this comes from.
        contrasts: words that a query's rivals are made of; None for everyday English.
        instructed: whether it is told what to do to a picture, in place of what is to be seen.
    """

    blank: str
    words: tuple[str, ...] | None
    captioner: str | None
    found: str
    contrasts: Contrasts | None = None
    instructed: bool = False

    @property
    def known_words(self) -> frozenset[str] | None:
        """The only words that the model knows; None for an open vocabulary."""
        return None if self.words is None else frozenset(self.words)


@dataclass(frozen=True)
class Looking(Strict):
    """At which noise levels a picture is looked at, and how often.

    Attributes:
        log_snr: of the least noise and of the most: the first is the larger one.
        draws: noised copies of the picture.
    """

    log_snr: tuple[float, float]
    draws: int

    def __post_init__(self) -> None:
        """Check the order and the number."""
        if not self.log_snr[0] > self.log_snr[1] or self.draws < 1:
            raise InvalidInputError(
                f"log_snr falls and draws is at least 1, got {self.log_snr} and {self.draws}"
            )

    @property
    def sigma_range(self) -> tuple[float, float]:
        """Lowest and highest noise level."""
        return sigma_at(self.log_snr[0]), sigma_at(self.log_snr[1])

    @property
    def band_edges(self) -> tuple[float, float]:
        """The log-SNR at which the second and the last third begin, from little noise to much."""
        high, low = self.log_snr
        return high - (high - low) / 3, low + (high - low) / 3


@dataclass(frozen=True)
class WordLayers(Strict):
    """In which attentions of the network one sees where the words of a query are.

    Attributes:
        strides: latent cells that are one cell of such a layer, along a side; () for any.
        depth: from which share of those that look at text, and up to which, counted in the order of
            their calls.
        cells: latent cells that are one cell, along a side, of the layers in which cells look at
            cells; () where there are none that tell what belongs together.
        propagate: how often where words are is led along those layers.
        found: where the numbers come from.
    """

    strides: tuple[int, ...] = ()
    depth: tuple[float, float] = (0.0, 1.0)
    cells: tuple[int, ...] = ()
    propagate: int = 0
    found: str = ""

    def __post_init__(self) -> None:
        """Check the order and the number."""
        if not 0 <= self.depth[0] < self.depth[1] <= 1:
            raise InvalidInputError(f"depth rises inside [0, 1], got {self.depth}")
        if self.propagate < 0:
            raise InvalidInputError(f"propagate is at least 0, got {self.propagate}")


@dataclass(frozen=True)
class CellHead(Strict):
    """How much of a latent cell a query covers: a logistic function of what was counted there.

    Attributes:
        weights: a coefficient for each feature of ``textseg.segmentation.cell_head`` that is used.
        bias: added to their sum.
        found: where the numbers come from.
    """

    weights: Mapping[str, float]
    bias: float
    found: str = ""


@dataclass(frozen=True)
class Masks(Strict):
    """How a query becomes a mask.

    Attributes:
        levels: where the model's estimates are compared.
        words: which attentions are looked at while it answers; None: none.
        head: what finds the cells where ``soften.head`` says so; None: the model has none.
        soften: how their differences become a soft mask of latent cells.
        refine: how that gets the edges of the picture.
        found: where the numbers come from.
    """

    levels: Looking
    soften: SoftenSettings
    refine: RefineSettings
    found: str
    words: WordLayers | None = None
    head: CellHead | None = None


@dataclass(frozen=True)
class Presence(Strict):
    """How the statistics of a query tell whether it is in the picture at all.

    A logistic function of the features of ``textseg.segmentation.presence``. The default is fitted
    to nothing: it trusts the sign of the evidence in the region that was found.

    Attributes:
        weights: a coefficient for each feature used.
        bias: added to their sum.
        threshold: from which probability on a query counts as present, inside (0, 1).
        partial: what counts instead where the levels leave one of the three bands of noise empty;
            None for the same.
        found: where the numbers come from.
        rule: what decides where the caller does not say: these features, or where they leave doubt
            also the query's rivals.
        rivals: how they decide.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: {"region_ratio": 6.0})
    bias: float = -1.5
    threshold: float = 0.5
    partial: Presence | None = None
    found: str = ""
    rule: PresenceRule = "calibrated"
    rivals: Rivals = field(default_factory=Rivals)

    def __post_init__(self) -> None:
        """Check that the threshold is a probability."""
        if not 0 < self.threshold < 1:
            raise InvalidInputError(f"threshold must lie inside (0, 1), got {self.threshold}")


@dataclass(frozen=True)
class Attempts(Strict):
    """How often an edit is made, and how its results are compared.

    Attributes:
        count: attempts at most where nobody says how many; the best is kept.
        levels: where the model is asked which of them it believes.
        found: where the numbers come from.
        there: nats a cell of the mask from which on the evidence for something new is enough, so
            that no further attempt is made; None: never.
        gone: the same of minus the denoising error where something is removed.
    """

    count: int
    levels: Looking
    found: str
    there: float | None = None
    gone: float | None = None


@dataclass(frozen=True)
class EditHabit(Strict):
    """How one kind of change is made where the caller says nothing.

    Attributes:
        method: a registered name.
        options: of the method, where they are not its own.
        grow: how far a found mask is widened, in latent cells.
        crop: whether only the box around the mask is worked on.
        detail: whether the picture's own detail is kept where only a colour changes.
        times: attempts at most, where nobody says how many; None: as the model's other edits.
    """

    method: str
    options: Options
    grow: float
    crop: bool = False
    detail: bool = False
    times: int | None = None


@dataclass(frozen=True)
class Edits(Strict):
    """How changes are made: a habit for each kind, and options for methods by name.

    Attributes:
        alter: another colour, another state of the same thing.
        replace: another thing.
        remove: nothing in its place.
        add: something where nothing was.
        setting: another place behind all things.
        every: for any method that is asked for by name, those of strength, steps and guidance that
            are not its own.
        methods: for one by its name, the options that are not its own.
        found: where the numbers come from.
    """

    alter: EditHabit
    replace: EditHabit
    remove: EditHabit
    add: EditHabit
    setting: EditHabit
    methods: Mapping[str, Options]
    found: str
    every: Options = field(default_factory=dict)

    def named(self, method: str) -> dict[str, object]:
        """Return the options for a method that is asked for by name."""
        return {**self.every, **self.methods.get(method, {})}

    def of(self, change: Change) -> EditHabit:
        """Return the habit for a kind of change."""
        habit: EditHabit = getattr(self, change)
        return habit


@dataclass(frozen=True)
class Sampling(Strict):
    """How pictures are made from text.

    Attributes:
        steps: of the sampler.
        guidance: how far to follow the prompt; 1 is without guidance.
        solver: a name of ``textseg.diffusion.solvers``.
        found: where the numbers come from.
    """

    steps: int
    guidance: float
    solver: SolverName
    found: str


@dataclass(frozen=True)
class Precision(Strict):
    """In which precision the network runs on an accelerator where nobody asks for another."""

    accelerator: Literal["float32", "float16", "bfloat16"]
    found: str


@dataclass(frozen=True)
class ModelCard(Strict):
    """All habits of a model; ``name`` is what results call the card."""

    name: str
    sizes: Sizes
    language: Language
    masks: Masks
    presence: Presence
    attempts: Attempts
    edits: Edits
    sampling: Sampling
    precision: Precision

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return what ``card_of`` reads."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists for tuples
        return found


def card_of(
    facts: Mapping[str, Any],  # Any: JSON
    *,
    usual: ModelCard | None,
    source: str,
) -> ModelCard:
    """Return the card that JSON describes.

    Args:
        facts: the card's groups, parsed; those that are missing are the usual ones.
        usual: of the family; None where no group may be missing.
        source: where the facts come from, for the errors.

    Raises:
        ModelError: they are not a card; the message says where and why.
    """
    return _checked(ModelCard, {**(usual.as_json() if usual else {}), **facts}, source=source)


def read_card(folder: Path, usual: ModelCard) -> ModelCard:
    """Return the card in a folder of weights, else the usual one of its family.

    A presence calibration in a file of its own counts too, unless there is a card.

    Raises:
        ModelError: the file cannot be read, or is not a card.
    """
    path, older = folder / CARD_FILE, folder / PRESENCE_FILE
    if path.is_file():
        facts = {"name": f"{usual.name}, {CARD_FILE}", **read_facts(path)}
        return card_of(facts, usual=usual, source=str(path))
    if older.is_file():
        presence = {"found": f"{PRESENCE_FILE} beside the weights", **read_facts(older)}
        facts = {"name": f"{usual.name}, {PRESENCE_FILE}", "presence": presence}
        return card_of(facts, usual=usual, source=str(older))
    return usual


def read_precision(folder: Path, usual: Precision) -> Precision:
    """Return what the card in a folder says of precision, before its weights are loaded."""
    path = folder / CARD_FILE
    facts = read_facts(path).get("precision") if path.is_file() else None
    if facts is None:
        return usual
    return _checked(Precision, facts, source=f"{path}: precision")


def read_facts(path: Path) -> dict[str, Any]:  # Any: JSON
    """Return the JSON object in a file; raises ``ModelError``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", hint="correct or remove it") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds no JSON object", hint="correct or remove it")
    return found


def _checked(kind: type[T], facts: object, *, source: str) -> T:
    try:
        found: T = TypeAdapter(kind).validate_json(json.dumps(facts))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(
            f"the model card {source} is broken: {where}: {problem_words(first)}",
            hint="textseg models picturebook --json shows a whole one",
        ) from error
    return found
