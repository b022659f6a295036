"""Panels on exact models, one of which stops where a test says."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np
import torch
from PIL import Image

from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.images import to_uint8
from textseg.progress import CancelToken, ProgressCallback
from textseg.testing import GaussianModel, GaussianThing
from textseg.toolbox import Toolbox
from textseg.toolbox.turns import Turns
from textseg.workspace import Workspace

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()
PIXELS = to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=4))
PATIENCE = 30.0  # seconds; reached only when something is wrong


@dataclass
class Gate:
    """Where work stops until it is let on, and how much of it there is at a time."""

    at_work: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)
    inside: int = 0
    most: int = 0
    passed: int = 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.at_work.set()
        assert self.go_on.wait(PATIENCE), "nobody opened the gate"

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            self.passed += 1


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds, which something on another thread brings about."""
    pause, over = Event(), time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < over, "it never held"
        pause.wait(0.01)


def until_cancelled(progress: ProgressCallback, cancel: CancelToken) -> None:
    """Work that would never end."""
    pause = Event()
    while True:
        cancel.raise_if_cancelled()
        pause.wait(0.01)


@dataclass(frozen=True)
class Gated(GaussianModel):
    """The exact model, each answer of which waits at a gate."""

    gate: Gate = field(default_factory=Gate)

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        with self.gate:
            return super().predict(z, sigma, text)


@dataclass(frozen=True)
class Grove(GaussianModel):
    """Two trees of one colour, for both of which "tree" stands, and a house."""

    def embed_text(self, prompts: Any) -> Conditioning:
        found = super().embed_text([p.replace("tree", "tree pine") for p in prompts])
        return replace(found, prompts=tuple(prompts))


TWO_TREES = {
    "tree": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.05, 0.625, 0.3)),
    "pine": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.6, 0.875, 0.95)),
    "house": GaussianThing(colour=(0.8, 0.3, 0.2), box=(0.5, 0.4, 0.9, 0.55)),
}
GROVE = Grove(things=TWO_TREES)
GROVE_PIXELS = to_uint8(GROVE.picture(["tree", "pine", "house"], HEIGHT, WIDTH, seed=1))


def make_toolbox(folder: Path, **settings: Any) -> Toolbox:
    """A toolbox on a new workspace, with the picture garden.png below its only root."""
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS).save(photos / "garden.png")
    workspace = Workspace.open(folder / "workspace", roots=[photos])
    return Toolbox(workspace, **{"model": MODEL, "turns": Turns(), **settings})


def fill(controller: Any, **values: Any) -> None:
    """Say something in a panel: a trait of its own, or an option."""
    for name, value in values.items():
        if controller.has_trait(name):
            setattr(controller, name, value)
        else:
            controller.settings = {**controller.settings, name: value}


def finished(panel: Any) -> None:
    """Wait for the work of a panel or controller, which must not have failed."""
    job = getattr(panel, "controller", panel).job
    assert job.wait(PATIENCE)
    assert job.state == "done", job.details


def pixels(toolbox: Toolbox, handle: str) -> np.ndarray:
    return toolbox.shelf.picture(handle).pixels()


def line_of(panel: Any) -> str:
    """What the line about the work says, without marks."""
    return html.unescape(re.sub(r"<[^>]*>", "", panel.work.line.value)).strip()
