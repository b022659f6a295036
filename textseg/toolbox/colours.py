"""Names of colours, by nearness in CIELAB."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS: Final = 4096  # that are looked at, evenly taken from all
LEAST_SHARE: Final = 0.15  # of the pixels, for a colour to be told

# Everyday names, each with what it is used for from dark to light and from dull to bright.
_EXAMPLES: Final = {
    "black": "000000 1e1e1e 28282e",
    "grey": "404040 606060 808080 a0a0a0 b8b8b8",
    "white": "ffffff e8e8e8 f2f2ea dadada",
    "red": "ff0000 ce2c2c 8b1010 e05050",
    "orange": "ff8c00 ee8020 d2691e f0a060",
    "brown": "8b4513 5c3a21 a0703c 3b2416",
    "beige": "f5f5dc d2b48c ede0c0",
    "yellow": "ffff00 f0ce2c ffe680 c8b020",
    "green": "00c000 349c3e 0a5a14 7ac050 556b2f 90ee90 00ff00",
    "turquoise": "40e0d0 20a0a0 006868 a0e8e0",
    "blue": "0000ff 3058ce 101060 4682b4 87ceeb c0dcf0",
    "purple": "800080 8c3cb2 4b0082 b48ce0",
    "pink": "ff69b4 ffc0cb d85a8a",
}


def colour_shares(rgb: NDArray[np.float32], inside: NDArray[np.bool_]) -> dict[str, float]:
    """Return the names of the colours inside of a mask, with their shares, the largest first.

    Names of less than ``LEAST_SHARE`` are left out, but for the first.

    Args:
        rgb: (H, W, 3) in [0, 1].
        inside: (H, W); nothing inside has no colour.
    """
    pixels = rgb[inside]
    if not len(pixels):
        return {}
    names = nearest_names(pixels[:: -(-len(pixels) // MOST_PIXELS)])
    (first, most), *others = Counter(names).most_common()
    shares = {name: count / len(names) for name, count in others}
    return {first: most / len(names)} | {k: v for k, v in shares.items() if v >= LEAST_SHARE}


def nearest_names(pixels: NDArray[np.float32]) -> list[str]:
    """Return the name of each of the colours (n, 3), RGB in [0, 1]."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    names, examples = _examples()
    distances = deltaE_ciede2000(rgb2lab(pixels)[:, None], examples[None])
    return [names[k] for k in distances.argmin(1)]


@cache
def _examples() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return a name for each example, and the examples (n, 3) in CIELAB."""
    from skimage.color import rgb2lab

    pairs = [(name, code) for name, codes in _EXAMPLES.items() for code in codes.split()]
    rgb = np.array([list(bytes.fromhex(code)) for _, code in pairs]) / 255
    return tuple(name for name, _ in pairs), rgb2lab(rgb)
