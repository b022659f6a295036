"""Counting what a network does, wherever it is asked from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.stand_in import StandIn

if TYPE_CHECKING:
    from torch import Tensor


class Counter(StandIn):
    """Stands in for a model and counts the rows that go through its network.

    ``rows`` is the count so far; all else is the model's.
    """

    def __init__(self, model: DiffusionModel) -> None:
        """Start at 0."""
        super().__init__(model)
        self.rows = 0

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        """Return the model's answer, counted."""
        self.rows += len(z)
        return self._model.predict(z, sigma, text)
