"""Figures on the features of a network that somebody brings: CLIP, a vision transformer, LPIPS.

Nothing is loaded here; `networks.py` makes these features from a person's own checkpoint folders.
Features need not be normalised: every figure does so itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from textseg.errors import InvalidInputError
from textseg.lab.bench.metrics.pixels import Rgb, check_alike

Vector = NDArray[np.float32]

STRUCTURE_SIZE = 224  # shorter side of what the vision transformer sees, as in PIE-Bench's code
STRUCTURE_MAX_SIZE = 480
SMALLEST = 1e-8  # norms are taken as at least this, so that "no change" is similar to nothing


class ImageTextFeatures(Protocol):
    """A network with one space for pictures and texts, such as CLIP."""

    def image_features(self, rgb: Rgb) -> Vector:
        """Return the features (d,) of a picture (H, W, 3) in [0, 1]."""
        ...

    def text_features(self, text: str) -> Vector:
        """Return the features (d,) of a text."""
        ...


class StructureFeatures(Protocol):
    """A vision transformer, seen through the attention keys of its last layer."""

    def keys(self, pixels: Rgb) -> NDArray[np.float32]:
        """Return the keys (tokens, d), heads side by side, the class token included.

        `pixels` is (h, w, 3), already resized; they are normalised with ImageNet's mean and
        deviation for pixels in [0, 1], whatever their range is (see `structure_input`).
        """
        ...


Lpips = Callable[[Rgb, Rgb], float]
"""The LPIPS distance of two pictures (H, W, 3) in [0, 1]; PIE-Bench means the SqueezeNet one."""


@dataclass(frozen=True)
class Judges:
    """The networks that a benchmark may ask; a figure whose network is None is not measured.

    Attributes:
        features: for CLIP scores.
        structure: for the structure distance.
        lpips: for LPIPS.
        about: what a reader must know of them, e.g. the folders they came from.
    """

    features: ImageTextFeatures | None = None
    structure: StructureFeatures | None = None
    lpips: Lpips | None = None
    about: dict[str, str] = field(default_factory=dict)


def cosine(first: Vector, second: Vector) -> float:
    """Return the cosine of the angle between two vectors; 0 when one of them is zero."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), SMALLEST))


def clip_score(image: Vector, text: Vector) -> float:
    """Return max(100 cos, 0): CLIPScore as torchmetrics computes it (not Hessel's 2.5 cos)."""
    return max(100 * cosine(image, text), 0.0)


def directional_similarity(
    *, image_before: Vector, image_after: Vector, text_before: Vector, text_after: Vector
) -> float:
    """Return how far picture and text went the same way: cos(I1 - I0, T1 - T0), in [-1, 1].

    As InstructPix2Pix (arXiv:2211.09800) computes it: all four are normalised before the
    differences are taken. 0 when picture or text did not change.
    """
    image = _unit(image_after) - _unit(image_before)
    text = _unit(text_after) - _unit(text_before)
    return cosine(image, text)


def clip_gain(*, before: Vector, after: Vector, text: Vector) -> float:
    """Return by how much 100 cos(picture, text) rose, negative when it fell."""
    return 100 * (cosine(after, text) - cosine(before, text))


def leakage(background_gain: float, foreground_gain: float) -> float | None:
    """Return the gain towards the target text outside the mask over the gain inside it.

    0 = all of the edit is where it belongs. The published ratio (OAVC) is known to us from its
    description only, so blanking the other region and dividing averages are our reading of it.

    Returns:
        None when the foreground did not come closer to the text, because then nothing can leak.
    """
    return background_gain / foreground_gain if foreground_gain > 0 else None


def structure_distance(keys_before: NDArray[np.float32], keys_after: NDArray[np.float32]) -> float:
    """Return the mean squared difference of two self-similarities (arXiv:2201.00424).

    Args:
        keys_before: (tokens, d).
        keys_after: (tokens, d).

    Raises:
        InvalidInputError: the shapes differ.
    """
    if keys_before.shape != keys_after.shape:
        raise InvalidInputError(
            f"keys of shapes {keys_before.shape} and {keys_after.shape} cannot be compared",
            hint="both pictures must have one size",
        )
    return float(np.square(_similarities(keys_before) - _similarities(keys_after)).mean())


def structure_input(rgb: Rgb, *, top: float = 1.0, antialias: bool = True) -> Rgb:
    """Return a picture as the vision transformer of the structure distance sees it.

    Bilinear, the shorter side to `STRUCTURE_SIZE` unless the longer one would pass
    `STRUCTURE_MAX_SIZE`.

    Args:
        rgb: (H, W, 3) in [0, 1].
        top: what 1 becomes. PIE-Bench leaves pixels at 0 ... 255 (`top=255`), although their
            normalisation expects [0, 1].
        antialias: smooth before shrinking. torchvision 0.13, which PIE-Bench names, does not.
    """
    import torch
    from torch.nn import functional

    size = structure_size(rgb.shape[0], rgb.shape[1])
    pixels = torch.tensor(rgb * np.float32(top)).permute(2, 0, 1)[None]  # (1, 3, H, W)
    resized = functional.interpolate(
        pixels, size=size, mode="bilinear", align_corners=False, antialias=antialias
    )
    return np.asarray(resized[0].permute(1, 2, 0).numpy(), np.float32)


def structure_size(height: int, width: int) -> tuple[int, int]:
    """Return the height and width that `structure_input` gives a picture.

    >>> structure_size(512, 512), structure_size(100, 200), structure_size(300, 100)
    ((224, 224), (224, 448), (480, 160))
    """
    short, long = sorted((height, width))
    new = STRUCTURE_SIZE, int(STRUCTURE_SIZE * long / short)
    if new[1] > STRUCTURE_MAX_SIZE:
        new = int(STRUCTURE_MAX_SIZE * new[0] / new[1]), STRUCTURE_MAX_SIZE
    return new if height <= width else (new[1], new[0])


def measure_structure(
    network: StructureFeatures,
    before: Rgb,
    after: Rgb,
    *,
    top: float = 1.0,
    antialias: bool = True,
) -> float:
    """Return the structure distance of two pictures; see `structure_input` for the options."""
    check_alike(before, after)
    first, second = (
        network.keys(structure_input(rgb, top=top, antialias=antialias)) for rgb in (before, after)
    )
    return structure_distance(first, second)


def _unit(vector: Vector) -> Vector:
    return vector / max(float(np.linalg.norm(vector)), SMALLEST)


def _similarities(keys: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosines (tokens, tokens) of all pairs of tokens."""
    values = keys.astype(np.float64)
    norms = np.linalg.norm(values, axis=1)
    return np.asarray(values @ values.T / np.maximum(np.outer(norms, norms), SMALLEST))
