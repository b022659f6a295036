"""What comes back from a segmentation: one mask with all that is known about it, or several."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from textseg.diffusion.card import CellHead
from textseg.errors import InvalidInputError, UnknownNameError
from textseg.images import LARGE, freeze, png_bytes, size_words, to_uint16
from textseg.segmentation import drawing, export
from textseg.segmentation.competing import Standing
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.drawing import COLOURS, FigureField, MaskLayer
from textseg.segmentation.guide import GuideImage
from textseg.segmentation.mask import Mask, MaskAlgebra
from textseg.segmentation.phrases import quoted, remarked
from textseg.segmentation.picking import Region as Region
from textseg.segmentation.pieces import find_pieces
from textseg.segmentation.pixels import MaskPixels
from textseg.segmentation.presence import PresenceCalibration, presence_features
from textseg.segmentation.settings import SegmentSettings, Threshold
from textseg.segmentation.soft import HALF as HALF
from textseg.segmentation.soft import cut
from textseg.segmentation.soften import soften

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_REGION = 0.25  # latent cells
UNKNOWN = "unknown word"  # in titles, where there is no room for more


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(MaskAlgebra):
    """Where a query is in a picture; ``&``, ``|``, ``-`` and ``~`` put it together with others.

    Of a query with words that the model does not know nothing can be said: ``present`` is ``None``,
    ``presence`` and ``spread`` are nan, the mask is 0 everywhere and has no regions, and the first
    of the ``notes`` names the words. The raw maps are kept. The same holds where the text that it
    is compared with has such words.

    Its arrays are read-only, for masks, edits and the scene share them: change a ``.copy()``.

    Attributes:
        query: the text that was looked for.
        pixels: what ``soft`` and ``spread`` are made of when they are asked for.
        presence: probability that the query is in the picture at all; nan where ``present`` is
            ``None``.
        present: the decision about that; ``None``: nothing can be said.
        threshold: how the raw map was cut, before its edges were taken from the picture.
        settings: what decided the mask.
        raw: the maps at latent size that it was made from.
        rgb: (H, W, 3) the picture.
        rivals: how the query did against texts that might be true instead; ``None``: not asked.
        seconds: time it took; in a call with several queries its equal share.
        notes: remarks for people, e.g. that memory ran out.
    """

    query: str
    pixels: MaskPixels
    presence: float
    present: bool | None
    threshold: Threshold
    settings: SegmentSettings
    raw: RawMaps
    rgb: NDArray[np.float32]
    rivals: Standing | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Let nobody change the arrays."""
        freeze(self)

    @classmethod
    def from_raw(
        cls,
        raw: RawMaps,
        image: GuideImage,
        *,
        settings: SegmentSettings,
        calibration: PresenceCalibration,
        head: CellHead | None = None,
        unknown: bool = False,
        rivals: Standing | None = None,
    ) -> Segmentation:
        """Return the segmentation that raw maps mean for a picture; needs no model.

        ``calibration`` and ``head`` are those of the model's card; ``unknown`` tells that the texts
        hold words that the model does not know.
        """
        score = None if rivals is None else rivals.score
        verdict = calibration.suited_to(raw).judge(presence_features(raw), score)
        gate = float("nan") if unknown else verdict.gate
        softened = soften(raw, settings.soften, head)
        return cls(
            query=raw.query,
            pixels=MaskPixels.of_cells(softened, image, settings.refine, gate=gate),
            presence=float("nan") if unknown else verdict.probability,
            present=None if unknown else verdict.present,
            threshold=Threshold(softened.source, softened.rule, softened.threshold),
            settings=settings,
            raw=raw,
            rgb=image.rgb,
            rivals=rivals,
        )

    @property
    def soft(self) -> NDArray[np.float32]:
        """(H, W) in [0, 1] at the picture's own size; at 0.5 lies the threshold."""
        return self.pixels.soft

    @property
    def spread(self) -> NDArray[np.float32]:
        """(H, W), the standard error of ``soft`` from draw to draw; nan after one."""
        return self.pixels.spread

    @property
    def caveat(self) -> str:
        """What is to be told before anything else: why nothing can be said; "" where it can."""
        if self.present is not None:
            return ""
        return f"nothing can be said about {_shortened(self.query, 60)!r}: {self.notes[0]}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.size

    @property
    def evaluations(self) -> int:
        """Network evaluations that this mask took, those shared with other queries included.

        What the scene knew before its call took nothing.
        """
        return _evaluations([self.raw]) + _evaluations([self.rivals] if self.rivals else [])

    def binary(self, threshold: float | None = None) -> NDArray[np.bool_]:
        """Return the mask (H, W) cut at ``threshold``.

        ``None`` is the threshold that was found, and an empty mask when the query is not present.
        """
        if threshold is None:
            return cut(self.soft, HALF) & bool(self.present)
        return cut(self.soft, threshold)

    def as_mask(self, threshold: float | None = None) -> Mask:
        """Return the soft mask with ``threshold`` moved to 0.5, where all that follows cuts it.

        It is ``binary(threshold)`` that lies above 0.5; so ``None`` is the threshold that was
        found, and all 0 when the query is not present. Where nothing can be said the name tells.
        """
        there = self.present or threshold is not None
        soft = self.soft if there else np.zeros_like(self.soft)
        name = quoted(self.query)
        name = remarked(name, UNKNOWN) if self.present is None else name
        return Mask(soft, name, self.rgb, self._least_area).as_mask(threshold)

    @property
    def mask(self) -> Mask:
        """``as_mask()``: what can be combined, picked from, corrected and handed to an edit."""
        return self.as_mask()

    def regions(self, threshold: float | None = None) -> list[Region]:
        """Return the connected pieces of ``binary(threshold)``, the largest first.

        Specks of less than ``LEAST_REGION`` latent cells are left out: the model saw nothing so
        small, they come from the edges of the picture.
        """
        return list(find_pieces(self.soft, self.binary(threshold), self._least_area).regions)

    def overlay(
        self, threshold: float | None = None, *, colour: str = COLOURS[0], enlarge: float = 1
    ) -> Image.Image:
        """Return the picture with the query lit up and outlined, the rest greyed.

        Args:
            threshold: where the line runs; ``None`` as in ``binary``.
            colour: of tint and line, "#rrggbb".
            enlarge: draw each pixel as a square of that many; less than 1 draws it smaller.
        """
        line = (HALF if self.present else None) if threshold is None else threshold
        return drawing.overlay(self.rgb, [MaskLayer(self.soft, colour, line)], enlarge=enlarge)

    def plot(self) -> Figure:
        """Return a matplotlib figure: the picture, the overlay, the soft mask and its spread."""
        everything = MaskLayer(np.ones(self.size, np.float32), "#ffffff", None)
        return drawing.figure(
            [
                FigureField("picture", drawing.overlay(self.rgb, [everything])),
                self.panel(COLOURS[0]),
                FigureField("soft mask", self.soft, top=1),
                FigureField("spread", self.spread),
            ]
        )

    def facts(self) -> dict[str, object]:
        """Return all but the arrays, ready for JSON."""
        return {
            "query": self.query,
            "present": self.present,
            "presence": None if self.present is None else self.presence,
            "size": {"height": self.size[0], "width": self.size[1]},
            "area": float(self.binary().mean()),
            "threshold": asdict(self.threshold),
            "regions": [asdict(region) for region in self.regions()],
            "settings": asdict(self.settings),
            "levels": list(self.raw.levels),
            "draws": self.raw.draws,
            "stopped_early": self.raw.stopped_early,
            "evaluations": self.evaluations,
            "rivals": None if self.rivals is None else asdict(self.rivals),
            "seconds": self.seconds,
            "notes": list(self.notes),
        }

    def save(self, folder: str | Path, *, force: bool = False) -> export.SavedFiles:
        """Write overlay, soft and binary mask, arrays and facts: all of them or none.

        Raises:
            OutputExistsError: one of the files exists and ``force`` is false.
        """
        return Segmentations((self,)).save(folder, force=force)[0]

    def panel(self, colour: str = COLOURS[0]) -> FigureField:
        """Return the overlay under a title that says query and presence, for a figure."""
        sure = "" if self.present is None else f" ({self.presence:.2f})"
        title = f"{_shortened(self.query)}: {self._verdict}{sure}"
        return FigureField(
            title, self.overlay(colour=colour, enlarge=drawing.display_scale(self.size))
        )

    @property
    def _verdict(self) -> str:
        if self.present is None:
            return UNKNOWN
        return "present" if self.present else "not present"

    @property
    def _least_area(self) -> float:
        """Pixels; connected pieces of less are specks."""
        return LEAST_REGION * self.pixels.steps.size / self.raw.difference.size

    def _contents(self) -> Iterator[bytes]:
        """Yield the five files of ``export.SavedFiles``."""
        yield drawing.png(self.overlay(enlarge=export.file_scale(self.size)))
        yield png_bytes(to_uint16(self.soft))
        yield png_bytes(self.binary())
        masks = {} if self.pixels.steps.size > LARGE else {"soft": self.soft, "spread": self.spread}
        yield export.npz_bytes({**masks, **self.raw.arrays()})
        yield export.json_bytes(self.facts())

    def __repr__(self) -> str:
        """Return a line with query, decision and covered area, or why there is none."""
        if self.present is None:
            return f"Segmentation({self.caveat})"
        return (
            f"Segmentation({self.query!r}: {self._verdict}, probability {self.presence:.2f}, "
            f"{self.binary().mean():.1%} of {size_words(self.size)})"
        )

    def _repr_png_(self) -> bytes:
        return drawing.png(self.overlay(enlarge=drawing.display_scale(self.size)))

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, str]:
        return _bundle(repr(self), self._repr_png_())


@dataclass(frozen=True, eq=False)
class Exclusive:
    """Masks that do not overlap: in every pixel the query that is likeliest there, or none.

    ``labels`` is (H, W), 0 for background and k + 1 for ``queries[k]``; ``posterior`` is
    (queries + 1, H, W) in the same order, background first, and sums to 1; both are read-only.
    """

    queries: tuple[str, ...]
    labels: NDArray[np.int32]
    posterior: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Let nobody change the arrays."""
        freeze(self)

    def binary(self, query: str) -> NDArray[np.bool_]:
        """Return the mask (H, W) of one query."""
        if query not in self.queries:
            raise UnknownNameError.among("query", query, self.queries)
        return np.asarray(self.labels == self.queries.index(query) + 1)


@dataclass(frozen=True, eq=False, repr=False)
class Segmentations:
    """The answers to several queries about one picture, in the order in which they were asked.

    ``result["tree"]`` and ``result[0]`` give one of them; iterating gives all.
    """

    items: tuple[Segmentation, ...]

    def __post_init__(self) -> None:
        """Check that there is something to hold."""
        if not self.items:
            raise InvalidInputError("a collection of segmentations needs at least one")

    @property
    def queries(self) -> tuple[str, ...]:
        """The texts that were looked for."""
        return tuple(item.query for item in self.items)

    @property
    def evaluations(self) -> int:
        """Network evaluations of the whole call: what was shared counts once."""
        standings = [item.rivals for item in self.items if item.rivals is not None]
        return _evaluations([item.raw for item in self.items]) + _evaluations(standings)

    @property
    def seconds(self) -> float:
        """Time that the whole call took."""
        return sum(item.seconds for item in self.items)

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.items)

    def __iter__(self) -> Iterator[Segmentation]:
        """Yield the segmentations in order."""
        return iter(self.items)

    def __contains__(self, query: object) -> bool:
        """Return whether this text was looked for."""
        return query in self.queries

    def __getitem__(self, key: str | int) -> Segmentation:
        """Return the segmentation of a query, or the one at a position."""
        if isinstance(key, int):
            return self.items[key]
        if key not in self.queries:
            raise UnknownNameError.among("query", key, self.queries)
        return self.items[self.queries.index(key)]

    def exclusive(self) -> Exclusive:
        """Return masks that do not overlap.

        Each soft mask is taken as the probability of its query against the background alone; the
        posterior over all of them follows from the odds. Queries that are not present get no pixel.
        """
        softs = np.stack([item.soft if item.present else 0 * item.soft for item in self.items])
        clipped = softs.clip(1e-6, 1 - 1e-6)
        odds = np.concatenate([np.ones_like(softs[:1]), clipped / (1 - clipped)])
        posterior = odds / odds.sum(0)
        return Exclusive(self.queries, posterior.argmax(0).astype(np.int32), posterior)

    def plot(self) -> Figure:
        """Return a matplotlib figure with one overlay per query."""
        return drawing.figure(
            [item.panel(COLOURS[k % len(COLOURS)]) for k, item in enumerate(self.items)]
        )

    def save(self, folder: str | Path, *, force: bool = False) -> list[export.SavedFiles]:
        """Write the files of all queries, as ``Segmentation.save`` does: all of them or none."""
        names = export.stems(self.queries)
        contents = {name: item._contents() for name, item in zip(names, self.items, strict=True)}
        return export.save(Path(folder), contents, force=force)

    def __repr__(self) -> str:
        """Return one line per query."""
        lines = "".join(f"\n  {item!r}," for item in self.items)
        return f"Segmentations({lines}\n)"

    def _repr_png_(self) -> bytes:
        return drawing.png(self.plot())

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, str]:
        return _bundle(repr(self), self._repr_png_())


def _evaluations(parts: Sequence[RawMaps | Standing]) -> int:
    shared = max((part.shared_evaluations for part in parts), default=0)  # 0: known before
    return shared + sum(part.evaluations - part.shared_evaluations for part in parts)


def _bundle(text: str, png: bytes) -> dict[str, str]:
    return {"text/plain": text, "image/png": base64.b64encode(png).decode()}


def _shortened(query: str, longest: int = 24) -> str:
    return query if len(query) <= longest else f"{query[: longest - 1]}…"
