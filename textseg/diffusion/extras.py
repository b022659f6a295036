"""What some models have to say about themselves: remarks for people, what is added to them now."""

from __future__ import annotations

from collections.abc import Hashable

from textseg.diffusion.model import DiffusionModel


def notes_of(model: DiffusionModel) -> tuple[str, ...]:
    """Return remarks for people on how a model came about: its attribute ``notes``, if any."""
    notes: tuple[str, ...] = getattr(model, "notes", ())
    return notes


def adapters_of(model: DiffusionModel) -> Hashable:
    """Return what is added to the weights of a model now: its attribute ``adapters``, if any.

    Where it has another value than before, what the model answered before is out of date.
    """
    adapters: Hashable = getattr(model, "adapters", ())
    return adapters
