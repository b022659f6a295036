"""What the notebooks of these tests work with: an exact model that stops where a test says.

Imported by the kernel, which stops and lets go what a test tells it to by name.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition

import torch

from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.images import to_uint8
from textseg.panels.panel import Panel
from textseg.testing import GaussianModel, GaussianThing
from textseg.toolbox import Setup, Toolbox
from textseg.toolbox.turns import Turns
from textseg.workspace import Workspace

HEIGHT, WIDTH = 240, 400
STRIDE = 10  # pixels of a cell: the model sees little, people enough
PATIENCE = 60.0  # seconds; reached only when a test forgot to let go
TWINS = ("tree", "pine")
THINGS = {
    "tree": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.05, 0.625, 0.3)),
    "pine": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.6, 0.875, 0.95)),
    "house": GaussianThing(colour=(0.8, 0.3, 0.2), box=(0.5, 0.4, 0.9, 0.55)),
    "boat": GaussianThing(colour=(0.2, 0.3, 0.8), box=(0.5, 0.4, 0.9, 0.55)),
}


class Gate:
    """Where the answers of a model are held back, once so many have passed.

    Attributes:
        broken: what the model fails with; "" to let it work.
        held: how many answers are held back now.
        passed: how many were not, or no longer.
    """

    def __init__(self) -> None:
        """Hold nothing back yet."""
        self._changed = Condition()
        self._left = math.inf
        self.broken = ""
        self.held = 0
        self.passed = 0

    def hold(self, after: int = 0) -> None:
        """Let so many answers pass and no more."""
        with self._changed:
            self._left = after

    def let_go(self) -> None:
        """Hold nothing back any more."""
        with self._changed:
            self._left = math.inf
            self._changed.notify_all()

    def enter(self) -> bool:
        """Whether an answer may pass; if not, it is held until ``wait`` says that it may."""
        with self._changed:
            free = self._left > 0
            self._left -= free
            self.held += not free
            return free

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; tell whether what was held may pass now."""
        with self._changed:
            free = self._changed.wait_for(lambda: self._left > 0, seconds)
            self._left -= free
            self.held -= free
            return free


@dataclass(frozen=True)
class Orchard(GaussianModel):
    """An exact model of pictures with two trees of one colour, which "tree" means both of.

    It works on while it is held back, as a model does, and does not merely wait.
    """

    gate: Gate = field(default_factory=Gate)

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        both = [prompt.replace(TWINS[0], " ".join(TWINS)) for prompt in prompts]
        return replace(super().embed_text(both), prompts=tuple(prompts))

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        if not self.gate.enter():
            end = time.monotonic() + PATIENCE
            while not self.gate.wait(0):
                assert time.monotonic() < end, "nobody let the model go on"
                super().predict(z, sigma, text)
        if self.gate.broken:
            raise RuntimeError(self.gate.broken)
        self.gate.passed += 1
        return super().predict(z, sigma, text)


@dataclass(frozen=True)
class Scene:
    """A toolbox, a picture of two trees and a house in its workspace, and where it is held back."""

    toolbox: Toolbox
    gate: Gate
    image: str


def make_scene(captioner: str | None = None) -> Scene:
    """Return a scene in a new workspace below the current folder.

    Args:
        captioner: name of the one that describes pictures; none by default.
    """
    gate = Gate()
    model = Orchard(things=THINGS, latent_stride=STRIDE, size_multiple=STRIDE, gate=gate)
    workspace = Workspace.open(Path(tempfile.mkdtemp(dir=Path.cwd())))
    toolbox = Toolbox(workspace, model=model, turns=Turns(), setup=Setup(captioner=captioner))
    pixels = model.picture(["tree", "pine", "house"], HEIGHT, WIDTH, seed=1)
    return Scene(toolbox, gate, toolbox.shelf.import_image(to_uint8(pixels)).handle)


def seconds_to_stop(gate: Gate, panel: Panel) -> float:
    """Let cancelled work go on, and return how long it does."""
    began = time.monotonic()
    gate.let_go()
    assert panel.wait(PATIENCE)
    return time.monotonic() - began
