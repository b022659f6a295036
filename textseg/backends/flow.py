"""Networks trained by flow matching: they see z itself and answer with its velocity.

Their levels are those of the pipeline's own scheduler, asked as the pipeline asks it: most shift
them towards the noise (SD 3, arXiv:2403.03206, section 5.3.2), some the more the larger a picture
is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from textseg.backends.schedule import RANGE_TOLERANCE
from textseg.diffusion.model import Levels, Prediction
from textseg.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

Asked = Callable[[Mapping[str, Any], int, int], Mapping[str, object]]  # Any: a config of diffusers
"""Config of a scheduler, steps and tokens -> what the pipeline hands to ``set_timesteps``."""
MAX_SHIFT = 1.15  # of FLUX.1 and those after it


def line_mu(
    config: Mapping[str, Any],  # Any: a config of diffusers
    tokens: int,
    *,
    max_shift: float = MAX_SHIFT,
) -> float:
    """Return the shift of SD 3 and FLUX.1: a line in the number of tokens.

    ``max_shift`` is its end, 4096 tokens, for schedulers whose config has none.
    """
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    first, last = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
    return float(first + (last - first) * (tokens - low) / (high - low))


def ask_evenly(
    config: Mapping[str, Any],  # Any: a config of diffusers
    steps: int,
    *,
    mu: float,
) -> Mapping[str, object]:
    """Return what most pipelines hand to ``set_timesteps``: even levels, for it to shift.

    ``mu`` is the shift where it depends on the size, which the config tells.
    """
    shift = {"mu": mu} if config.get("use_dynamic_shifting") else {}
    if config.get("use_flow_sigmas"):  # of a scheduler that spaces its levels itself
        return {"num_inference_steps": steps, **shift}
    return {"sigmas": np.linspace(1.0, 1 / steps, steps), **shift}


@dataclass(frozen=True, eq=False)
class Flow:
    """z = (1 - sigma) x0 + sigma eps as it is; the answer is eps - x0."""

    scheduler: SchedulerMixin
    asked: Asked

    @classmethod
    def of(cls, scheduler: SchedulerMixin, asked: Asked) -> Self:
        """Read a diffusers scheduler; it is copied, never changed.

        Raises ``UnsupportedError`` where it is not one of flow matching.
        """
        config, name = scheduler.config, type(scheduler).__name__
        flows = name.startswith("FlowMatch") or config.get("use_flow_sigmas")
        if not flows or config.get("invert_sigmas"):
            raise UnsupportedError(
                f"the noise schedule of {name} is not one of flow matching, which the network was "
                "trained by",
                hint="use the model's own scheduler, such as FlowMatchEulerDiscreteScheduler",
            )
        return cls(copy.deepcopy(scheduler), asked)

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest level: from the clean picture to pure noise."""
        return 0.0, 1.0

    def time(self, sigma: float) -> float:
        """Return the training timestep of a level, with its fraction."""
        if not -RANGE_TOLERANCE <= sigma <= 1 + RANGE_TOLERANCE:
            raise InvalidInputError(
                f"noise level sigma = {sigma:g} is outside what the model was trained on",
                hint="use a level from 0 to 1",
            )
        return float(sigma * self.scheduler.config.num_train_timesteps)

    def seen(self, z: Tensor, sigma: Levels) -> Tensor:
        """Return z."""
        return z

    def read(self, z: Tensor, sigma: Levels, answer: Tensor) -> Prediction:
        """Return the velocity in all three forms."""
        return Prediction.from_velocity(z, sigma, answer)

    def levels(self, steps: int, start: float, *, tokens: int) -> tuple[float, ...]:
        """Return the scheduler's levels for a picture of so many tokens, down to where they end.

        Levels above ``start`` are left out. What a scheduler lists twice is walked once.
        """
        most = self.scheduler.config.num_train_timesteps
        if not 1 <= steps <= most:
            raise InvalidInputError(f"steps must be from 1 to {most}, got {steps}")
        scheduler = copy.deepcopy(self.scheduler)  # set_timesteps changes it, some its config too
        try:
            with np.errstate(invalid="ignore"):  # what is no number is told below
                scheduler.set_timesteps(**self.asked(scheduler.config, steps, tokens))
        except (TypeError, ValueError) as error:  # it may not take levels at all
            raise InvalidInputError(
                f"the model's scheduler refuses {steps} steps: {error}"
            ) from error
        sigmas = self.sigmas_of(scheduler)
        if not np.isfinite(sigmas).all():  # a schedule with a fixed end has no single step
            raise InvalidInputError(
                f"the model's scheduler has no levels for {steps} steps", hint="use more steps"
            )
        kept = tuple(float(sigma) for sigma in np.unique(sigmas)[::-1] if sigma <= start)
        if len(kept) < 2:
            raise InvalidInputError(
                f"none of {steps} steps lies between sigma {sigmas[-1]:.4f} and start = {start:g}",
                hint="use more steps or a higher start",
            )
        return kept

    def sigmas_of(self, scheduler: SchedulerMixin) -> npt.NDArray[np.float64]:
        """Return the levels of a scheduler that has been asked for a number of steps."""
        sigmas: npt.NDArray[np.float64] = scheduler.sigmas.double().cpu().numpy()
        return sigmas

    def prior(self, noise: Tensor, sigma: float) -> Tensor:
        """Return the noise as it is: a walk begins with nothing else, at whatever level."""
        return noise

    def training_weight(self, sigma: float) -> float:
        """Return 1: the answer is the velocity."""
        return 1.0
