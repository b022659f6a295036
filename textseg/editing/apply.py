"""What every edit shares: trajectories that are kept, noise by number, progress, cancelling."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from textseg import progress
from textseg.cache import ByteCache
from textseg.diffusion.counting import Counter
from textseg.diffusion.inversion import invert, inverter_named
from textseg.diffusion.model import Conditioning, DiffusionModel, cells_of
from textseg.diffusion.sampling import Step, denoise_with, draw_noise, last
from textseg.diffusion.trajectory import Trajectory, Watch
from textseg.editing.base import Differentiating, Fitted, Fitting, Item, Source, Walking
from textseg.editing.result import Evaluations
from textseg.errors import ModelError

TRAJECTORY_BYTES = 256 * 2**20
FIT_BYTES = 4 * 2**30  # all weights of Stable Diffusion 1.5 in float32 are 3.2 GiB
FIT_SEED = 0


@dataclass(frozen=True)
class FollowWalk(progress.Follow):
    """The same, for walks through the noise levels."""

    def stage(self, name: str) -> Watch:
        """Return what is to be called after each step of a stage."""

        def watch(step: Step) -> None:
            self.report(name, step.index + 1, step.of)

        return watch

    def watch_steps(self, name: str, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield the steps of a stage, each reported."""
        watch = self.stage(name)
        for step in steps:
            watch(step)
            yield step


@dataclass(frozen=True)
class Words:
    """The prompts of an edit, one each: what is there, what is to be, what to stay away from."""

    source: Conditioning
    target: Conditioning
    negative: Conditioning
    empty: Conditioning


@dataclass
class Paths:
    """What is known of one picture: its trajectories, and what was fitted to it.

    Attributes:
        latents: (1, c, h, w) of the picture.
        made: its own trajectory, where a model made the picture.
    """

    latents: Tensor
    made: Trajectory | None = None
    _kept: ByteCache[Trajectory] = field(
        default_factory=lambda: ByteCache(TRAJECTORY_BYTES, lambda path: path.nbytes)
    )
    _fits: ByteCache[Fitted] = field(default_factory=lambda: ByteCache(FIT_BYTES, _bytes_of))

    def fit(
        self,
        model: DiffusionModel,
        key: Hashable,
        make: Callable[[Fitting], Fitted],
        *,
        follow: FollowWalk,
    ) -> Fitted:
        """Return what was fitted to the picture before, or is now."""

        def watch(steps: Iterable[Item], of: int) -> Iterator[Item]:
            for k, step in enumerate(steps):
                yield step
                follow.report("fitting", k + 1, of)

        found = self._fits.get(key)
        if found is None:
            with torch.enable_grad():
                found = make(Fitting(model, numbered_noise(self.latents, FIT_SEED), watch))
            found = {name: each.detach() for name, each in found.items()}
            self._fits.put(key, found)
        return found

    def invert(
        self,
        model: DiffusionModel,
        levels: Sequence[float],
        *,
        text: Conditioning,
        solver: str,
        watch: Watch,
    ) -> Trajectory:
        """Return the trajectory through the levels: the picture's own, a kept one or a new one."""
        if self.made is not None and self.made.covers(levels):
            return self.made
        key = (text.prompts, solver, tuple(levels))
        found = self._kept.get(key)
        if found is None:
            found = invert(
                denoise_with(model, text),
                self.latents,
                levels,
                solver=inverter_named(solver),
                watch=watch,
            )
            self._kept.put(key, found)
        return found


@dataclass(frozen=True)
class Latents:
    """Edited latents (1, c, h, w) and what they cost."""

    z: Tensor
    evaluations: Evaluations


def edited_latents(
    model: DiffusionModel,
    paths: Paths,
    mask: Tensor,
    *,
    method: Walking,
    words: Words,
    seed: int,
    follow: FollowWalk,
    examples: tuple[Tensor, ...] = (),
) -> Latents:
    """Return what a method makes of a picture.

    Args:
        model: the frozen network.
        paths: latents and known trajectories; new ones are added.
        mask: (1, 1, h, w) in [0, 1] of latent cells.
        method: how.
        words: the prompts.
        seed: of all noise.
        follow: sees the steps, may stop them.
        examples: latents (1, c, h, w) of further pictures.

    Raises:
        ModelError: the network gave no finite numbers.
        Cancelled: ``follow`` stopped it.
    """
    inverting, decoding, fitting = Counter(model), Counter(model), Counter(model)

    def inverter(levels: Sequence[float], *, solver: str, prompt: str) -> Trajectory:
        # All the way up, once: then edits of any other strength find their levels too.
        every = model.levels(method.steps, cells=cells_of(paths.latents))
        with torch.no_grad():
            return paths.invert(
                inverting.as_model,
                every if set(levels) <= set(every) else levels,
                text=words.source if prompt == "source" else words.empty,
                solver=solver,
                watch=follow.stage("inverting"),
            )

    source = Source(
        latents=paths.latents,
        mask=mask,
        source=words.source,
        target=words.target,
        negative=words.negative,
        invert=inverter,
        noise=numbered_noise(paths.latents, seed),
        fit=partial(paths.fit, fitting.as_model, follow=follow),
        examples=examples,
    )
    with torch.set_grad_enabled(isinstance(method, Differentiating)):
        steps = follow.watch_steps("editing", method.run(decoding.as_model, source))
        z = last(steps, paths.latents).detach()
    if not torch.isfinite(z).all():
        raise ModelError(
            f"the network of {model.name!r} returned values that are not numbers",
            hint="load the model with dtype='float32'",
        )
    spent = Evaluations(inversion=inverting.rows, decode=decoding.rows, fit=fitting.rows)
    return Latents(z, spent)


def _bytes_of(fitted: Fitted) -> int:
    return sum(each.nbytes for each in fitted.values())


def numbered_noise(like: Tensor, seed: int) -> Callable[[int], Tensor]:
    """Return what gives standard normal noise of the shape of ``like`` by number."""

    def noise(number: int) -> Tensor:
        words = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
        return draw_noise(like.shape, seed=int(words[0] >> np.uint64(1))).to(like)

    return noise
