"""What a pipeline of diffusers does, seen call by call, and what we do in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from textseg.backends.packed import pack, unpack
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise, guided, walk
from textseg.diffusion.seeing import sees
from textseg.diffusion.solvers import Solver, euler
from textseg.registry.families import wrap_family

PROMPT, STEPS, SCALE = "a red tree", 5, 4.0
Told = Callable[[float, str], Mapping[str, Any]]
"""Our scale and the text that is led away from -> what the pipeline is told."""


def textbook(scale: float, negative: str) -> Mapping[str, Any]:
    return {"guidance_scale": scale, "negative_prompt": negative}


def zeroed(scale: float, negative: str) -> Mapping[str, Any]:
    """Of a pipeline that has zeros in the place of no text, but not of the empty one."""
    return textbook(scale, negative) | ({} if negative else {"negative_prompt": None})


def true_cfg(scale: float, negative: str) -> Mapping[str, Any]:
    """Two answers, of a pipeline that calls something else its guidance."""
    return {"true_cfg_scale": scale, "negative_prompt": negative}


def embedded(scale: float, negative: str) -> Mapping[str, Any]:
    """One answer that is told the scale, but where it is led away from a text."""
    if negative:
        return {"guidance_scale": 1.0, **true_cfg(scale, negative)}
    return {"guidance_scale": scale}


def only_told(scale: float, negative: str) -> Mapping[str, Any]:
    """Of a pipeline that can be led away from nothing."""
    if negative:
        pytest.skip("the pipeline takes no negative prompt")
    return {"guidance_scale": scale}


@dataclass(frozen=True)
class Case:
    """A tiny pipeline, and how it is asked for the same as we are.

    ``given`` makes of latents (1, c, h, w) what it takes; ``taken`` undoes it, for (h, w).
    ``level`` is where its scheduler stands at a timestep, ``state`` what its latents there are to
    us, and ``velocity`` what it was handed for these of ours; ``solver`` makes its steps, None
    where it draws new noise for each. Pictures are ``larger`` times as large as for others.
    ``shown`` hands it the picture (1, 3, H, W) that is looked at, where one is.
    """

    build: Callable[[], Any]
    told: Told = textbook
    given: Callable[[Tensor], Tensor] = lambda z: z
    taken: Callable[[Tensor, tuple[int, int]], Tensor] = lambda latents, _: latents
    level: Callable[[Any, float], float] = lambda _, t: t / 1000
    state: Callable[[Tensor, float], Tensor] = lambda z, _: z
    velocity: Callable[[Tensor, Tensor, float], Tensor] = lambda answer, *_: answer
    solver: Solver | None = euler
    larger: int = 1
    shown: Callable[[Tensor], Mapping[str, Any]] | None = None

    def asked(self, noise: Tensor, stride: int, *, scale: float, negative: str) -> dict[str, Any]:
        return {
            "prompt": PROMPT,
            "latents": self.given(noise),
            "height": noise.shape[2] * stride,
            "width": noise.shape[3] * stride,
            "num_inference_steps": STEPS,
            **self.told(scale, negative),
        }


def packed_case(build: Callable[[], Any], told: Told = textbook) -> Case:
    return Case(
        build, told, pack, lambda tokens, cells: unpack(tokens, (cells[0] // 2, cells[1] // 2))
    )


def patched_case(build: Callable[[], Any], told: Told = textbook) -> Case:
    """The pipeline takes patches for cells, and makes tokens of them itself."""
    return replace(packed_case(build, told), given=lambda z: pixel_unshuffle(z, 2))


@dataclass
class Record:
    """What a pipeline handed to its scheduler at each call, and the state after it."""

    sigmas: list[float] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    answers: list[Tensor] = field(default_factory=list)
    after: list[Tensor] = field(default_factory=list)


def recorded(case: Case, pipeline: Any, noise: Tensor, **asked: Any) -> Record:
    found, step, cells = Record(), pipeline.scheduler.step, tuple(noise.shape[2:])

    def recording(answer: Tensor, t: Tensor, sample: Tensor, **options: Any) -> Any:
        moved = step(answer, t, sample, **options)
        found.sigmas.append(case.level(pipeline.scheduler, float(t)))
        found.states.append(case.taken(sample, cells).clone())
        found.answers.append(case.taken(answer, cells).clone())
        found.after.append(case.taken(moved[0], cells).clone())
        return moved

    pipeline.scheduler.step = recording
    pipeline(**asked, output_type="latent")
    return found


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


@dataclass(frozen=True)
class Errors:
    """Of every call, and of the state after every step, relative."""

    calls: list[float]
    steps: list[float]


def compare(case: Case, size: tuple[int, int], *, scale: float, negative: str) -> Errors:
    """Walk from the same noise as the pipeline, with our guidance and on our levels."""
    pipeline = case.build()
    model: DiffusionModel = wrap_family(pipeline)
    height, width = (case.larger * side for side in size)
    cells = (height // model.latent_stride, width // model.latent_stride)
    noise = draw_noise((1, model.latent_channels, *cells), seed=3)
    asked = case.asked(noise, model.latent_stride, scale=scale, negative=negative)
    if case.shown is not None:
        image = draw_noise((1, 3, height, width), seed=5).sigmoid().mul(255).round() / 255
        assert sees(model)
        model, asked = model.beside(model.encode_image(image), image), asked | case.shown(image)
    theirs = recorded(case, pipeline, noise, **asked)
    levels = model.levels(STEPS, cells=cells)
    assert len(theirs.sigmas) == len(levels) - 1
    torch.testing.assert_close(
        torch.tensor(levels[:-1]), torch.tensor(theirs.sigmas), rtol=1e-6, atol=1e-6
    )
    text = model.embed_text([PROMPT, negative])
    denoise = guided(model, text[0], text[1], scale=scale)
    states = [case.state(x, sigma) for x, sigma in zip(theirs.states, levels, strict=False)]
    calls = zip(levels, states, theirs.answers, strict=False)
    found = [
        relative(denoise(z, sigma).velocity, case.velocity(answer, z, sigma))
        for sigma, z, answer in calls
    ]
    if case.solver is None:
        return Errors(found, [])
    ours = walk(denoise, model.prior(noise, levels[0]), levels, solver=case.solver)
    after = zip(ours, theirs.after, strict=True)
    return Errors(found, [relative(step.z, case.state(x, step.sigma)) for step, x in after])
