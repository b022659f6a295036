"""Counting what a network does, wherever it is asked from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.stand_in import StandIn

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


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

    def with_network(self, network: Module) -> DiffusionModel:
        """Return the model around another network, see ``Refittable``; its rows count here too."""
        return _Counted(self._model.with_network(network), self).as_model  # type: ignore[attr-defined]  # asked of refittable models only


class _Counted(StandIn):
    """What a model became while it was counted."""

    def __init__(self, model: DiffusionModel, counter: Counter) -> None:
        super().__init__(model)
        self._counter = counter

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        self._counter.rows += len(z)
        return self._model.predict(z, sigma, text)
