"""What stands in for a model: it answers otherwise, and is the model in all else."""

from __future__ import annotations

from typing import cast

from textseg.diffusion.model import DiffusionModel


class StandIn:
    """Has what its model has; children say what ``predict`` does."""

    def __init__(self, model: DiffusionModel) -> None:
        """Take the model that it stands in for."""
        self._model = model

    def __getattr__(self, name: str) -> object:
        """Return what the model has under this name."""
        return getattr(self._model, name)

    @property
    def as_model(self) -> DiffusionModel:
        """This, in the type of what it stands in for."""
        return cast(DiffusionModel, self)
