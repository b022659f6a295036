"""A package that brings models, in a folder of its own: processes that tests start have it too."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from textseg.images import to_uint8
from textseg.testing import GaussianModel

QUERIES = ["tree", "house"]
MODULE = """
import os

from textseg.errors import ModelError
from textseg.testing import GaussianModel


class Mortal(GaussianModel):
    def encode_image(self, image):
        if image.mean() > 0.99:
            os._exit(9)  # as where memory runs out
        return super().encode_image(image)


def load(*, device, dtype, local_files_only):
    return Mortal()


def refuse(*, device, dtype, local_files_only):
    raise ModelError("its files are broken", hint="fetch them again")


def die(*, device, dtype, local_files_only):
    os._exit(9)
"""
POINTS = """[textseg.models]
mortal = mortal_models:load
refused = mortal_models:refuse
stillborn = mortal_models:die
"""


def plug_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the package: "mortal" dies of a white picture, the others do not load."""
    about = folder / "mortal_models-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "mortal_models.py").write_text(MODULE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mortal-models\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(Path(__file__).parents[2])]))


def draw_pictures(folder: Path, count: int, *, white: int | None = None) -> Path:
    """Make a folder of pictures, one of them white."""
    folder.mkdir()
    model = GaussianModel()
    for k in range(count):
        things = [["tree"], ["house"], ["tree", "house"]][k % 3]
        rgb = np.ones((24, 40, 3)) if k == white else model.picture(things, 24, 40, seed=k)
        Image.fromarray(to_uint8(rgb.astype(np.float32))).save(folder / f"{k}.png")
    return folder
