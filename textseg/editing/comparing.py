"""A picture before and after an edit, one over the other, in a page that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.images import to_uint8

LONGEST: Final = 768  # pixels along a side of each picture
SIDE_BY_SIDE: Final = 1152  # pixels along a side of the still picture
LEAST_SHOWN: Final = 384  # pixels on the screen; smaller pictures are enlarged
QUALITY: Final = 90  # of JPEG

# The slider moves a variable that cuts the upper picture off. Keys stay in the figure, because a
# notebook would take the arrows for itself. Without scripts half of each picture is seen; without
# styles, as some sites show it, both pictures are, one below the other.
_PAGE: Final = Template(
    """\
<figure style="--at: 50%; margin: 0; width: ${width}px; max-width: 100%"
        onkeydown="event.stopPropagation()">
<div style="position: relative; line-height: 0">
<img src="$before" alt="$before_alt" style="width: 100%; display: block">
<img src="$after" alt="$after_alt"
     style="position: absolute; inset: 0; width: 100%; height: 100%;
            clip-path: inset(0 0 0 var(--at))">
<div aria-hidden="true"
     style="position: absolute; top: 0; bottom: 0; left: calc(var(--at) - 1px); width: 2px;
            background: white; outline: 1px solid black"></div>
</div>
<input type="range" min="0" max="100" value="50" aria-label="Before/after position"
       style="width: 100%; margin: 0"
       oninput="this.parentNode.style.setProperty('--at', this.value + '%')">
<figcaption>$caption</figcaption>
</figure>
"""
)


@dataclass(frozen=True, repr=False)
class Comparison:
    """A picture before and after, with a slider between the two.

    Shown by a notebook it stays alive in the saved file, also where no kernel runs.

    Attributes:
        html: a part of a page, with the pictures in it; nothing is loaded from elsewhere.
        still: the pictures side by side, with the mask between them, as a JPEG file.
        caption: what was changed, in words.
    """

    html: str
    still: bytes
    caption: str

    def __repr__(self) -> str:
        """Return what was changed."""
        return f"Comparison({self.caption})"

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:  # Any: JSON
        data = {
            "text/plain": repr(self),
            "text/html": self.html,
            "image/jpeg": base64.b64encode(self.still).decode(),
        }
        return data, {"image/jpeg": {"alt": f"Before, mask and after: {self.caption}"}}


def compare(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    *,
    side_by_side: Image.Image,
    caption: str,
) -> Comparison:
    """Return two pictures (H, W, 3) in [0, 1], to be slid over one another.

    ``side_by_side`` shows them where nothing can be slid; it is made smaller.
    """
    upper, lower = _picture(after), _picture(before)
    page = _PAGE.substitute(
        width=max(upper.width, round(LEAST_SHOWN * upper.width / max(upper.size))),
        before=_address(_jpeg(lower)),
        after=_address(_jpeg(upper)),
        before_alt=html.escape(f"Before: {caption}"),
        after_alt=html.escape(f"After: {caption}"),
        caption=html.escape(caption),
    )
    side_by_side.thumbnail((SIDE_BY_SIDE, SIDE_BY_SIDE))
    return Comparison(page, _jpeg(side_by_side), caption)


def _picture(rgb: NDArray[np.float32]) -> Image.Image:
    image = Image.fromarray(to_uint8(rgb))
    image.thumbnail((LONGEST, LONGEST))
    return image


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=QUALITY, subsampling=0)  # edges of colours stay sharp
    return stream.getvalue()


def _address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
