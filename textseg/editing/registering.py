"""Another editor's picture, brought back into the frame and the colours of the original.

Editors that follow instructions make the whole picture anew: what comes back has moved by some
pixels, is a little larger or smaller, and tinted. Outside the mask the truth is known, it is the
original: so the map from one to the other is measured there, and undone everywhere: the frame (see
``textseg.editing.framing``) and, by least squares, the colours. What an editor changed outside the
mask as well fits neither: where the difference stays large the picture is left out, and all is
found again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from textseg.editing.framing import Array, Framing, Where, find_frame, scaled
from textseg.errors import InvalidInputError
from textseg.images import freeze

FINEST = 768  # pixels of the longest side at which the pictures are compared
GAINS = (0.5, 2.0)
CLIPPED = (0.004, 0.996)  # colours beyond these may be cut off, and tell no gain
ROUNDS, ROUND_GAIN = 4, 0.001  # share of the picture that another round is worth
CHANGED = 3.0, 0.4  # medians, and shares of the contrast: what differs by both was changed
LEAST_SHARE, LEAST_PIXELS = 0.05, 400  # outside the mask
MOST_UNLIKE = 0.5  # see ``_Pair.unlike``: photographs 0.1, with heavy noise 0.4, strangers 0.6
FLAT = 0.02  # contrast, in colours from 0 to 1, below which noise would count


@dataclass(frozen=True)
class Tint:
    """What became of the colours of red, green and blue: ``gain * colour + bias``, in [0, 1]."""

    gain: tuple[float, ...] = (1.0, 1.0, 1.0)
    bias: tuple[float, ...] = (0.0, 0.0, 0.0)

    def undo(self, rgb: Array) -> Array:
        """Return the colours (H, W, 3) as they were."""
        return np.asarray(np.clip((rgb - self.bias) / self.gain, 0, 1), np.float32)


@dataclass(frozen=True)
class Registration:
    """How a picture differed from the original all over, and what that amounts to.

    Attributes:
        frame: where it showed things.
        tint: what had become of the colours.
        before: mean absolute difference outside the mask as the picture came, in [0, 1].
        after: the same with frame and tint undone; never more.
    """

    frame: Framing
    tint: Tint
    before: float
    after: float

    def __str__(self) -> str:
        """Return what was undone, in words."""
        if (self.frame, self.tint) == (Framing(), Tint()):
            return "frame and colours fit as they are"
        (down, right), (tall, wide) = self.frame.shift, self.frame.zoom
        gain, bias = (
            ", ".join(f"{value:{form}}" for value in values)
            for values, form in ((self.tint.gain, ".2f"), (self.tint.bias, "+.3f"))
        )
        return (
            f"undone: moved {right:+.1f} right and {down:+.1f} down (pixels), zoomed {wide:.4f} "
            f"wide and {tall:.4f} tall, red, green, blue times {gain} and {bias}; the difference "
            f"outside the mask went from {self.before:.4f} to {self.after:.4f}"
        )


@dataclass(frozen=True, eq=False)
class Registered:
    """A picture (H, W, 3) in the frame and colours of the original, and what was undone for it."""

    rgb: Array
    found: Registration

    def __post_init__(self) -> None:
        """Let nobody change the pixels."""
        freeze(self)


def register(before: Array, after: Array, mask: Array) -> Registered:
    """Return ``after`` in the frame and the colours of ``before``, as told outside the mask.

    Args:
        before: (H, W, 3) in [0, 1], the original.
        after: the same size, what an editor made of it.
        mask: (H, W) in [0, 1], what was to change; where it is 0 the two are compared.

    Raises:
        InvalidInputError: the mask leaves too little to compare, or it is another picture.
        MissingExtraError: OpenCV is not installed.
    """
    _check_outside(mask)
    size = (before.shape[0], before.shape[1])
    share = min(1.0, FINEST / max(size))
    outside = scaled((mask == 0).astype(np.float32), share) > 0.999
    pair = _Pair(scaled(before, share), scaled(after, share), outside)
    frame, tint = pair.best()
    shown = pair.undone(frame, tint)
    unlike = pair.unlike(shown)
    if unlike > MOST_UNLIKE:
        raise InvalidInputError(
            "outside the mask the edited picture does not show what the original shows: in the "
            f"best frame and colours {unlike:.0%} of the contrast still differs",
            hint="give what was made from this very picture, or do without registration",
        )
    full = frame.scaled(size[0] / pair.size[0], size[1] / pair.size[1])
    found = Registration(full, tint, pair.difference(pair.after), pair.difference(shown))
    return Registered(tint.undo(full.undo(after)), found)


def _check_outside(mask: Array) -> None:
    outside = mask == 0
    if outside.mean() < LEAST_SHARE or outside.sum() < LEAST_PIXELS:
        raise InvalidInputError(
            f"the mask is 0 in {outside.mean():.1%} of the picture ({outside.sum()} pixels): too "
            "little to tell how the edited picture was moved and tinted",
            hint=f"leave {LEAST_SHARE:.0%} and {LEAST_PIXELS} pixels, or do without registration",
        )


@dataclass(frozen=True, eq=False)
class _Pair:
    """Both pictures (h, w, 3) at the size at which they are compared, and where (h, w)."""

    before: Array
    after: Array
    outside: Where

    @property
    def size(self) -> tuple[int, int]:
        return self.outside.shape[0], self.outside.shape[1]

    @property
    def contrast(self) -> float:
        """Mean absolute difference of the colours outside from their median."""
        known = self.before[self.outside]
        return max(float(np.abs(known - np.median(known, 0)).mean()), FLAT)

    def unlike(self, shown: Array) -> float:
        """Return how much of the contrast outside differs; no place counts for more than all."""
        differs = np.abs(shown - self.before).mean(-1)[self.outside]
        return float(np.minimum(differs, self.contrast).mean()) / self.contrast

    def undone(self, frame: Framing, tint: Tint) -> Array:
        return tint.undo(frame.undo(self.after))

    def difference(self, shown: Array) -> float:
        return float(np.abs(shown - self.before)[self.outside].mean())

    def best(self) -> tuple[Framing, Tint]:
        """Return what leaves the least difference, of all that was found and of nothing at all."""
        found = [(Framing(), Tint()), (Framing(), self.tint(Framing(), self.outside))]
        frame, kept = Framing(), self.outside
        for _ in range(ROUNDS):
            frame = find_frame(self.before, self.after, kept, start=frame)
            tint = self.tint(frame, kept)
            found.append((frame, tint))
            fits = self.fitting(self.undone(frame, tint))
            if (fits != kept).mean() < ROUND_GAIN:
                break
            kept = fits
        return min(found, key=lambda both: self.difference(self.undone(*both)))

    def fitting(self, shown: Array) -> Where:
        """Return the places outside where the difference is no larger than noise explains."""
        differs = ndimage.gaussian_filter(np.abs(shown - self.before).mean(-1), 1)
        most = max(CHANGED[0] * np.median(differs[self.outside]), CHANGED[1] * self.contrast)
        return np.asarray(self.outside & (differs < most))

    def tint(self, frame: Framing, kept: Where) -> Tint:
        """Return gain and bias by least squares where both pictures show the same place."""
        moved = frame.undo(self.after)
        there = kept & (frame.undo(np.ones(self.size, np.float32)) > 0.999)
        channels = [_line(moved[..., k][there], self.before[..., k][there]) for k in range(3)]
        return Tint(tuple(gain for gain, _ in channels), tuple(bias for _, bias in channels))


def _line(after: Array, before: Array) -> tuple[float, float]:
    """Return the gain and the bias that turned ``before`` into ``after``, both (n,)."""
    whole = (after > CLIPPED[0]) & (after < CLIPPED[1])
    x, y = (values[whole].astype(np.float64) for values in (after, before))
    if len(x) < LEAST_PIXELS:
        return 1.0, 0.0
    back = ((x - x.mean()) * (y - y.mean())).mean() / x.var() if x.std() > FLAT else 1.0
    gain = 1 / float(np.clip(back, 1 / GAINS[1], 1 / GAINS[0]))
    return gain, float(x.mean() - gain * y.mean())
