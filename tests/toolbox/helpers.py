"""Models and captioners whose answers are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.errors import PrecisionError
from textseg.testing import GaussianModel, gaussian_card
from textseg.toolbox import Limits, Setup


@dataclass(frozen=True)
class Half(GaussianModel):
    """The exact model as half precision would have it: its answers are beyond the numbers."""

    name: str = "half"

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        raise PrecisionError("the network of 'half' gave no numbers", hint="use float32")


@dataclass(frozen=True)
class Slow(GaussianModel):
    """The exact model, which takes 100 seconds to decode a picture, on a clock of its own.

    It is asked for four attempts at an edit, of which two fit into ``LIMIT``.
    """

    clock: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(now=0.0))
    name: str = "slow"

    def decode_latents(self, latents: torch.Tensor) -> torch.Tensor:
        self.clock.now += 100.0
        return super().decode_latents(latents)

    @classmethod
    def of(cls, monkeypatch: pytest.MonkeyPatch) -> Slow:
        model = cls(card=gaussian_card(attempts=4))
        clock = SimpleNamespace(monotonic=lambda: model.clock.now)
        monkeypatch.setattr("textseg.progress.time", clock)
        return model


LIMIT = Limits(seconds=250)


class Loads:
    """Loads the exact model: in float32 as it is, else in ``Half``; remembers what was asked."""

    def __init__(self, *, broken: bool = False) -> None:
        self.dtypes: list[str] = []
        self.broken = broken

    def __call__(self, *, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        self.dtypes.append(dtype)
        return GaussianModel() if dtype == "float32" and not self.broken else Half()


@dataclass
class Parrot:
    """A captioner that always says the same."""

    says: str = "a tree"
    name: str = "parrot"
    asked: int = 0

    def caption(self, rgb: NDArray[np.float32]) -> str:
        self.asked += 1
        return self.says


def take_setup(settings: dict[str, object]) -> Setup:
    """The settings that belong to the setup, taken out of the others."""
    return Setup.model_validate({k: settings.pop(k) for k in Setup.model_fields if k in settings})
