from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import Linear, Module

from textseg.diffusion.features import Residual
from textseg.diffusion.inversion import invert, inverter_named
from textseg.diffusion.layers import Attentive, Layer
from textseg.diffusion.model import (
    Conditioning,
    DiffusionModel,
    Levels,
    Prediction,
    level_values,
)
from textseg.diffusion.sampling import Step, denoise_with, draw_noise, guided, last, walk
from textseg.diffusion.solvers import solver_named
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.apply import FollowWalk, Paths, numbered_noise
from textseg.editing.base import Differentiating, EditMethod, Fitted, Fitting, Source
from textseg.picturebook import weights_folder
from textseg.registry.methods import make_method, methods
from textseg.testing import GaussianModel

METHODS = [info.name for info in methods()]
INVERTING = [info.name for info in methods() if "inversion" in info.needs]
FITTING = [
    info.name for info in methods() if "fit_steps" in {option.name for option in info.options}
]
# walk from the freshly noised picture
NOISED = ["blended", "blended_diffusion", "hiper", "imagic", "sine", "dreambooth", "unipaint"]
# put the background back after every step
BLENDING = ["edit_friendly", "egsde", "ledits_pp", "rf_inversion", *INVERTING, *NOISED]
DRAWING = [
    "chordedit",
    "dds",
    "edit_friendly",
    "egsde",
    "flowedit",
    "ledits_pp",
    "rf_inversion",
    "sdedit",
]
STOCHASTIC = [*DRAWING, *NOISED]
# rows of one evaluation look at one another
MIXING = ["masactrl", "plug_and_play", "prompt_to_prompt"]
LEAPING = ["chordedit", "dds", "rf_inversion"]  # visit the levels in an order of their own
DIRECTED = ["pix2pix_zero"]  # want prompts of one number of tokens
STEPS, GUIDANCE, SEED = 4, 3.0, 4
FITS = {"fit_steps": 2, "text_steps": 1}
CLIP = {"clip": str(weights_folder().parent / "judge_weights"), "samples": 2, "views": 2}


def method_with(name: str, **options: object) -> EditMethod:
    """A method with few steps; ``options`` that it does not have are left out."""
    known = {option.name for info in methods() if info.name == name for option in info.options}
    given = {"steps": STEPS, "guidance": GUIDANCE, **FITS, **CLIP, **options}
    return make_method(name, {key: value for key, value in given.items() if key in known})


def runs_on(name: str, model: DiffusionModel) -> bool:
    """Whether the model has what the method asks for."""
    (needs,) = [info.needs for info in methods() if info.name == name]
    return (
        ("attention" not in needs or isinstance(model, Attentive))
        and ("features" not in needs or isinstance(model, Residual))
        and (name not in DIRECTED or model.embed_text(["tree"]).mask is None)
    )


class Shift(Module):
    """In place of the weights of a network: what is added to the velocities of an exact model."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Module()
        self.attn.to_k = Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.attn.to_k.weight)

    def forward(self) -> Tensor:
        return cast(Tensor, self.attn.to_k.weight)


@dataclass(frozen=True)
class Exact(GaussianModel):
    """Has no attentions or blocks and says so: methods run that change them, and change nothing.

    What it says can be shifted, so that methods which fit a network run on it too.
    """

    network: Module = field(default_factory=Shift)

    def with_network(self, network: Module) -> Self:
        return replace(self, network=network)

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        found, shift = super().predict(z, sigma, text), self.network()
        if not shift.requires_grad and not shift.any():
            return found
        return Prediction.from_velocity(z, sigma, found.velocity + shift)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        return ()

    def residuals_up(self) -> tuple[str, ...]:
        return ()

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        return replace(super().embed_text(prompts), words=((None,),) * len(prompts))


@dataclass(frozen=True)
class Watched(Exact):
    """Remembers what it was asked: the prompts and the level of each call, pictures and texts."""

    calls: list[tuple[str, ...]] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    encoded: list[tuple[int, ...]] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)

    def encode_image(self, image: Tensor) -> Tensor:
        self.encoded.append(tuple(image.shape[-2:]))
        return super().encode_image(image)

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        self.embedded.extend(prompts)
        return super().embed_text(prompts)

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        self.calls.append(text.prompts)
        self.asked_at.append(max(level_values(sigma)))
        return super().predict(z, sigma, text)

    @property
    def evaluations(self) -> int:
        return sum(len(prompts) for prompts in self.calls)


@dataclass
class Bench:
    """One picture in latents, two prompts, and the methods' own border: what ``Source`` needs."""

    model: DiffusionModel
    latents: Tensor
    source: str = "tree"
    target: str = "house"
    negative: str = ""
    seed: int = SEED
    made: list[Trajectory] = field(default_factory=list)
    examples: tuple[Tensor, ...] = ()

    def __post_init__(self) -> None:
        self.paths = Paths(self.latents)

    def text(self, prompt: str) -> Conditioning:
        return self.model.embed_text([prompt])

    def inverted(self, levels: Sequence[float], *, solver: str, prompt: str) -> Trajectory:
        text = self.text(self.source if prompt == "source" else "")
        denoise = denoise_with(self.model, text)
        with torch.no_grad():
            self.made.append(invert(denoise, self.latents, levels, solver=inverter_named(solver)))
        return self.made[-1]

    def fitted(self, key: Hashable, make: Callable[[Fitting], Fitted]) -> Fitted:
        """As ``Paths`` has it made, with nobody watching."""
        return self.paths.fit(self.model, key, make, follow=FollowWalk())

    def source_with(self, mask: Tensor) -> Source:
        return Source(
            latents=self.latents,
            mask=mask,
            source=self.text(self.source),
            target=self.text(self.target),
            negative=self.text(self.negative),
            invert=self.inverted,
            noise=numbered_noise(self.latents, self.seed),
            fit=self.fitted,
            examples=self.examples,
        )

    def steps(self, method: EditMethod, mask: Tensor) -> list[Step]:
        """As ``edited_latents`` has them made: without gradients, unless the method says so."""
        with torch.no_grad():
            source = self.source_with(mask)
        with torch.set_grad_enabled(isinstance(method, Differentiating)):
            return list(method.run(self.model, source))

    def run(self, method: EditMethod, mask: Tensor) -> Tensor:
        return self.steps(method, mask)[-1].z

    @torch.no_grad()
    def sampled(self, start: Tensor, levels: Sequence[float], *, solver: str = "euler") -> Tensor:
        """Plain guided sampling of the target from a start."""
        denoise = guided(
            self.model, self.text(self.target), self.text(self.negative), scale=GUIDANCE
        )
        return last(walk(denoise, start, levels, solver=solver_named(solver)), start)

    @property
    def nothing(self) -> Tensor:
        return torch.zeros_like(self.latents[:, :1])

    @property
    def everything(self) -> Tensor:
        return torch.ones_like(self.latents[:, :1])

    @property
    def soft(self) -> Tensor:
        """Rises from 0 to 1 over the columns."""
        return torch.linspace(0, 1, self.latents.shape[-1]).expand_as(self.nothing).clone()


def bench(model: DiffusionModel, *, cells: tuple[int, int] = (8, 12), **words: str) -> Bench:
    """A picture that the model itself finds likely enough: noise of half the usual strength."""
    noise = 0.5 * draw_noise((1, model.latent_channels, *cells), seed=0)
    return Bench(model, noise, **words)


def box(size: tuple[int, int], top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """A binary mask of a picture."""
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask
