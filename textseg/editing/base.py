"""What an edit method is given, what it is, and the rule that keeps the background.

A method is a frozen dataclass of its options, with the defaults of its paper unless its docstring
says otherwise, and one function ``run`` that walks from noise to the edited latents. Progress,
cancelling, masks, prompts, the autoencoder and the exact composite are not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable

from pydantic import ConfigDict, Field
from torch import Tensor

from textseg.diffusion.card import SolverName
from textseg.diffusion.model import Conditioning, DiffusionModel, cells_of
from textseg.diffusion.sampling import Step
from textseg.diffusion.trajectory import Trajectory

Strength = Annotated[
    float, Field(gt=0, le=1, description="share of the noise levels that is gone through again")
]
Steps = Annotated[
    int, Field(ge=1, le=1000, description="steps from pure noise to the picture, at strength 1")
]
Guidance = Annotated[
    float, Field(ge=0, le=100, description="how far to follow the text; 1 is without guidance")
]
InversionPrompt = Annotated[
    Literal["empty", "source"], Field(description="text that the picture is inverted with")
]
ChosenSolver = Annotated[
    SolverName,
    Field(description="rule that makes the steps"),
]
InversionSolver = Annotated[
    Literal[SolverName, "fixed_point"],
    Field(description="rule that makes the steps of the inversion"),
]
Differential = Annotated[
    bool,
    Field(
        description="cut the soft mask anew at each step, so that half-masked places change less"
    ),
]

Share = Annotated[float, Field(ge=0, le=1)]

STRICT = ConfigDict(extra="forbid")

Need = Literal[
    "inversion",
    "attention",
    "features",
    "gradients",
    "weights",
    "examples",
    "examples or none",
    "clip",
]
"""What a method asks for beyond the plain answers of a model: the picture's way into noise; to
change attention, or what blocks give; gradients; weights to fit; pictures of a subject, which some
can do without; a CLIP model that is on this machine."""

Item = TypeVar("Item")


class Inverter(Protocol):
    """Gives the picture's trajectory through chosen levels; what was made before comes back."""

    def __call__(self, levels: Sequence[float], *, solver: str, prompt: str) -> Trajectory:
        """Return states at the levels (descending); ``prompt`` is "empty" or "source"."""


@dataclass(frozen=True, eq=False)
class Fitting:
    """What a fit to one picture works with.

    Attributes:
        model: the network; what it is asked here counts as fitting.
        noise: gives standard normal noise (1, c, h, w) by number, whatever the seed of the edit.
        watch: yields the steps of a fit as they are made, of so many; raises ``Cancelled``.
    """

    model: DiffusionModel
    noise: Callable[[int], Tensor]
    watch: Callable[[Iterable[Item], int], Iterator[Item]]


Fitted = Mapping[str, Tensor]
"""What was fitted, by name: weights of the network, embeddings of words."""


class Fitter(Protocol):
    """Has something fitted to the picture, once: what was made before comes back."""

    def __call__(self, key: Hashable, make: Callable[[Fitting], Fitted]) -> Fitted:
        """Return what ``make`` gives; ``key`` holds all that it depends on but the picture."""


@dataclass(frozen=True, eq=False)
class Source:
    """The picture and the words of one edit.

    Attributes:
        latents: (1, c, h, w) of the picture.
        mask: (1, 1, h, w) in [0, 1]; 1 = may change.
        source: one prompt, what the picture shows.
        target: one prompt, what it is to show.
        negative: one prompt that guidance leads away from; "" by default.
        invert: gives the picture's trajectory.
        noise: gives standard normal noise (1, c, h, w) by number; the same number, the same noise.
        fit: has something fitted to the picture.
        examples: latents (1, c, h, w) of further pictures, each of its own size.
    """

    latents: Tensor
    mask: Tensor
    source: Conditioning
    target: Conditioning
    negative: Conditioning
    invert: Inverter
    noise: Callable[[int], Tensor]
    fit: Fitter
    examples: tuple[Tensor, ...] = ()

    def noised(self, model: DiffusionModel, sigma: float, number: int) -> Tensor:
        """Return the picture under noise; at the model's highest level nothing but the noise."""
        noise = self.noise(number)
        if sigma >= model.sigma_range[1]:
            return model.prior(noise, sigma)
        return (1 - sigma) * self.latents + sigma * noise


@runtime_checkable
class EditMethod(Protocol):
    """One way to edit: by ``Walking`` through noise levels, or by ``Painting`` pixels.

    Implementations are dataclasses (pydantic's, so that options are checked and can be listed);
    ``title`` and ``paper`` say where they come from. Most say as well, as class variables, which
    kinds of change they are for (``suits``, a tuple of ``Change``), what they ask of a model or of
    the caller (``needs``, of ``Need``), and how many network evaluations they take (``cost``, in
    words).
    """

    title: ClassVar[str]
    paper: ClassVar[str]


@runtime_checkable
class Walking(EditMethod, Protocol):
    """One published way to edit with the model that found the mask."""

    @property
    def strength(self) -> float:
        """Share of the noise levels that is gone through again, in (0, 1]."""

    @property
    def steps(self) -> int:
        """Steps from pure noise to the picture; ``strength`` of them are made."""

    @property
    def guidance(self) -> float:
        """How far to follow the target prompt."""

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of the edit; the state after the last one is the edited latents."""


@runtime_checkable
class Differentiating(Walking, Protocol):
    """An edit method that asks the model for gradients: its ``run`` may take them.

    It detaches what it steps from, so that no graph reaches over several steps. Inversion comes
    without gradients all the same.
    """

    needs_gradients: ClassVar[Literal[True]]


def options_of(method: EditMethod) -> dict[str, object]:
    """Return the options of a method by name: what it shows of itself."""
    shown = [option.name for option in fields(cast(Any, method)) if option.repr]  # a dataclass
    return {name: getattr(method, name) for name in shown}


def edit_levels(model: DiffusionModel, method: Walking, latents: Tensor) -> tuple[float, ...]:
    """Return the levels that an edit of ``latents`` goes through.

    They are the last ``strength`` of the model's own steps.
    """
    every = model.levels(method.steps, cells=cells_of(latents))
    made = max(1, round(method.strength * (len(every) - 1)))
    return every[-made - 1 :]


def noised_start(model: DiffusionModel, method: Walking, source: Source) -> Tensor:
    """Return where a walk without inversion starts: the picture under noise number 0.

    At strength 1 nothing is left of the picture, as where a new one is made: some models begin at a
    level at which it would still show through.
    """
    levels = edit_levels(model, method, source.latents)
    if len(levels) == len(model.levels(method.steps, cells=cells_of(source.latents))):
        return model.prior(source.noise(0), levels[0])
    return source.noised(model, levels[0], 0)


def noised_background(
    model: DiffusionModel, source: Source, levels: Sequence[float]
) -> Callable[[float], Tensor]:
    """Return what gives the picture under fresh noise at each of the levels of a walk."""
    number = {sigma: k for k, sigma in enumerate(levels)}
    return lambda sigma: source.noised(model, sigma, number[sigma])


def keep_background(
    source: Source,
    levels: Sequence[float],
    background: Callable[[float], Tensor],
    *,
    differential: bool = False,
) -> Callable[[Tensor, float], Tensor]:
    """Return what ``walk`` does after each step: outside the mask it puts the background back.

    The background comes at the level just reached, and as the clean picture at the last level.

    Args:
        source: picture and mask.
        levels: of the walk, descending.
        background: gives the state (1, c, h, w) of the picture at a level.
        differential: cut the soft mask at each step at the share of steps still to come, as
            Differential Diffusion does (arXiv:2306.00950, section 3.2): the surest places change
            from the first step on, others join later.
    """
    order = {sigma: k for k, sigma in enumerate(levels)}

    def after(z: Tensor, sigma: float) -> Tensor:
        mask = source.mask
        if differential:
            left = 1 - order[sigma] / (len(levels) - 1)
            mask = ((mask > 0) & (mask >= left)).to(z)
        kept = source.latents if sigma == levels[-1] else background(sigma)
        return mask * z + (1 - mask) * kept

    return after
