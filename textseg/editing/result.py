"""What comes back from an edit: the picture before and after, and all that decided it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.editing import registering
from textseg.editing.comparing import Comparison, compare
from textseg.editing.masks import fit_mask
from textseg.errors import InvalidInputError
from textseg.images import (
    MAX_PIXELS,
    ImageLike,
    Picture,
    freeze,
    open_picture,
    png_bytes,
    size_words,
    to_tensor,
    to_uint8,
)

if TYPE_CHECKING:
    from textseg.editing.base import EditMethod
    from textseg.segmentation.result import Segmentation


@dataclass(frozen=True)
class Evaluations:
    """Network evaluations, in rows, by what they were for."""

    mask: int = 0
    inversion: int = 0
    decode: int = 0
    choice: int = 0
    fit: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(astuple(self))

    def plus(self, other: Evaluations) -> Evaluations:
        """Return both together."""
        return Evaluations(*map(sum, zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Attempt:
    """One of several edits that differ in their noise alone.

    Attributes:
        seed: of its noise.
        score: how well the model finds that it came off, in nats; the highest was kept. None where
            it was the only one, which is not compared with anything, or where no time was left.
    """

    seed: int
    score: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Edit:
    """A picture with one thing changed; the arrays are read-only.

    Attributes:
        picture: after the edit; equal to ``before`` wherever ``mask`` is exactly 0.
        before: the picture that was given.
        mask: (H, W) float32 in [0, 1]; 1 = may change freely, 0 = may not change at all.
        raw: (H, W, 3) float32, what the model made of the whole frame, before the composite.
        query: what was to be changed; "" where only a mask was given.
        target: what it was to become; "" where it was to be removed.
        prompt: the text that the model followed.
        source_prompt: the text for the picture as it was.
        negative: the text that guidance led away from.
        name: the registered name of the method.
        method: its options.
        seed: of all noise, of the attempt that was kept.
        evaluations: what the network did in this call; what was known already costs nothing, and an
            attempt that the time limit cut short is not counted.
        seconds: what the call took.
        segmentation: where the query was found; None where a mask was given.
        notes: remarks for people.
        attempts: all that were made, in their order.
        stopped: what the time limit cut short, in words; "" where it did not.
        card: the name of the model card that decided what the caller did not; "" where nobody
            remembers.
    """

    picture: Picture
    before: Picture
    mask: NDArray[np.float32]
    raw: NDArray[np.float32]
    query: str
    target: str
    prompt: str
    source_prompt: str
    negative: str
    name: str
    method: EditMethod
    seed: int
    evaluations: Evaluations
    seconds: float
    segmentation: Segmentation | None = None
    notes: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    stopped: str = ""
    card: str = ""

    def __post_init__(self) -> None:
        """Let nobody change the arrays."""
        freeze(self)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.picture.size

    @property
    def image(self) -> Image.Image:
        """The edited picture as a PIL image, RGB or RGBA."""
        return self.picture.image

    @property
    def share(self) -> float:
        """Share of the picture that may have changed."""
        return float((self.mask > 0).mean())

    @property
    def changed_outside(self) -> int:
        """Pixels outside the mask whose 8-bit values differ: 0, or something is wrong."""
        differs = (self.picture.pixels() != self.before.pixels()).any(-1)
        return int((differs & (self.mask == 0)).sum())

    @property
    def change_inside(self) -> float:
        """Mean absolute change of the colours where the mask is above 0, in [0, 1]."""
        if not (self.mask > 0).any():
            return 0.0
        change = np.abs(self.picture.rgb - self.before.rgb).mean(-1)
        return float(change[self.mask > 0].mean())

    def cut_short(self, what: str) -> Edit:
        """Return the same edit with a remark on what the time limit cut short."""
        stopped = f"{self.stopped}; {what}" if self.stopped else what
        return replace(self, stopped=stopped, notes=(*self.notes, what))

    def comparison(self, *, enlarge: int = 1) -> Image.Image:
        """Return before, mask and after side by side.

        Args:
            enlarge: draw each pixel as a square of that many.
        """
        mask = np.repeat(to_uint8(self.mask)[..., None], 3, 2)
        panels = [to_uint8(self.before.visible()), mask, to_uint8(self.picture.visible())]
        gap = np.full((self.size[0], max(2, self.size[1] // 40), 3), 255, np.uint8)
        side = np.concatenate([panels[0], gap, panels[1], gap, panels[2]], 1)
        return Image.fromarray(side.repeat(enlarge, 0).repeat(enlarge, 1))

    def compare(self) -> Comparison:
        """Return before and after with a slider between them, for a notebook or a web page."""
        return compare(
            self.before.visible(),
            self.picture.visible(),
            side_by_side=self.comparison(),
            caption=self._change,
        )

    @property
    def _change(self) -> str:
        """What was changed, in words."""
        if not self.target:
            return f"{self.query or 'something'} removed"
        return f"{self.query} → {self.target}" if self.query else f"{self.target} added"

    def __repr__(self) -> str:
        """Return a line with what was changed, how, and how much of the picture."""
        what = f"{self.query!r} -> {self.target!r}" if self.target else f"{self.query!r} removed"
        return (
            f"Edit({what} by {self.name}, seed {self.seed}, {self.share:.1%} of "
            f"{size_words(self.size)} may have changed)"
        )

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, str]:
        from textseg.segmentation.drawing import display_scale

        shown = self.comparison(enlarge=display_scale(self.size))
        png = base64.b64encode(png_bytes(shown)).decode()
        return {"text/plain": repr(self), "image/png": png}


def composite(before: Picture, after: NDArray[np.float32], mask: NDArray[np.float32]) -> Picture:
    """Return ``before`` with the colours of ``after`` (H, W, 3) mixed in by ``mask`` (H, W).

    Where the mask is exactly 0 every number stays the same, transparency stays everywhere.
    """
    weight = mask[..., None]
    mixed = weight * after + (1 - weight) * before.rgb
    rgb = np.where(weight == 0, before.rgb, mixed).astype(np.float32)
    return replace(before, rgb=rgb)


def constrain(
    before: ImageLike,
    after: ImageLike,
    mask: NDArray[Any],
    *,
    resize: bool = False,
    register: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Picture:
    """Return what another editor made of a picture, but only where the mask allows it.

    Args:
        before: the picture that was given to the other editor.
        after: what it returned.
        mask: (H, W) of bool, uint8, uint16 or floats in [0, 1], of the size of ``before``; 1 = may
            change, 0 = stays bit for bit, values between mix.
        resize: scale ``after`` and ``mask`` to the size of ``before`` (bicubic, bilinear) where
            theirs is another one of the same proportions, to a pixel.
        register: measure outside the mask how ``after`` was moved, zoomed and tinted, and undo that
            inside too; what was found stands in the notes. Needs ``textseg[register]``.
        max_pixels: refuse pictures with more pixels than this.

    Raises:
        ImageError: a picture cannot be read.
        InvalidInputError: sizes do not go together; or, to be registered, too little lies outside
            the mask, or another picture.
        MissingExtraError: OpenCV is not installed.
    """
    kept, changed = (open_picture(each, max_pixels=max_pixels) for each in (before, after))
    rgb = _aligned(changed.visible(), kept.size, resize=resize)
    region = fit_mask(mask, kept.size, resize=resize, option="resize")
    if not register:
        return composite(kept, rgb, region)
    fitted = registering.register(kept.visible(), rgb, region)
    noted = replace(kept, notes=(*kept.notes, str(fitted.found)))
    return composite(noted, fitted.rgb, region)


def _aligned(
    rgb: NDArray[np.float32], size: tuple[int, int], *, resize: bool
) -> NDArray[np.float32]:
    height, width = rgb.shape[:2]
    if (height, width) == size:
        return rgb
    theirs = f"the edited picture is {size_words((height, width))}, the original {size_words(size)}"
    off = abs(height - size[0] * width / size[1]), abs(width - size[1] * height / size[0])
    if min(off) > 1:
        raise InvalidInputError(
            f"{theirs}: other proportions, so it was cropped or stretched and cannot be laid over",
            hint="bring it to the original's frame first",
        )
    if not resize:
        raise InvalidInputError(theirs, hint="pass resize=True to scale it")
    return resized(rgb, size)


def resized(rgb: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return colours (H, W, 3) at another size, bicubic."""
    import torch

    found = torch.nn.functional.interpolate(
        to_tensor(rgb), size=size, mode="bicubic", antialias=True, align_corners=False
    )
    return np.asarray(found[0].permute(1, 2, 0).clamp(0, 1).numpy(), np.float32)
