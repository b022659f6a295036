"""One picture, read by a model once and then asked about as often as wanted."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Union, Unpack

import torch
from torch import Tensor

from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.errors import InvalidInputError, OutOfMemoryError, QueryError
from textseg.images import ImageLike, Padding, Picture, open_picture, pad_to_multiple, to_tensor
from textseg.progress import CancelToken, Progress, ProgressCallback
from textseg.segmentation.difference import BATCH_SIZE, EmptyCache, RawMaps, noise_difference
from textseg.segmentation.draws import DRAWS, SIGMA_RANGE
from textseg.segmentation.presence import PresenceCalibration
from textseg.segmentation.query import clean_query
from textseg.segmentation.refine import CellGrid, RefineSettings
from textseg.segmentation.result import Segmentation, Segmentations, SegmentSettings
from textseg.segmentation.soften import SoftenSettings

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

ModelLike = Union[str, os.PathLike[str], "DiffusionPipeline", DiffusionModel]

TEXT_CACHE_BYTES = 64 * 2**20


class SegmentOptions(TypedDict, total=False):
    """The keywords of ``Scene.segment_all``, for the calls that hand them on."""

    reference: str
    draws: int
    levels: int | Sequence[float] | None
    sigma_range: tuple[float, float]
    seed: int
    antithetic: bool
    batch_size: int
    tolerance: float | None
    soften: SoftenSettings
    refine: RefineSettings
    progress: ProgressCallback | None
    cancel: CancelToken | None


class Scene:
    """A picture with the latents that a model made of it, and what further calls can reuse."""

    def __init__(
        self, model: DiffusionModel, picture: Picture, latents: Tensor, padding: Padding
    ) -> None:
        """Hold a picture that is encoded already; ``Scene.open`` is the usual way in."""
        self.model, self.picture, self.latents, self.padding = model, picture, latents, padding
        self.rgb = picture.visible()
        self._texts: dict[str, Conditioning] = {}
        self._empty = EmptyCache()

    @classmethod
    def open(
        cls,
        image: ImageLike,
        model: ModelLike = "picturebook",
        *,
        device: str = "auto",
        dtype: str = "auto",
        working_size: int | None = None,
    ) -> Scene:
        """Return the scene of a picture, which the model reads now, once.

        Args:
            image: a path, PIL image, array or ``Picture`` of any size.
            model: a registered name, a folder, a hub id, a loaded pipeline or a ``DiffusionModel``.
            device: where to load the model, "auto" for the best there is; a loaded one stays.
            dtype: its precision, "auto" for the fastest safe one.
            working_size: for the model, scale a picture with more than working_size^2 pixels down
                to that; ``None`` takes what the model was made for. Masks come at the own size.

        Raises:
            ImageError: the picture cannot be read.
            ModelError: the model cannot be loaded.
            OutOfMemoryError: the picture is too large for the device.
        """
        if working_size is not None and working_size < 1:
            raise InvalidInputError(f"working_size is at least 1 pixel, got {working_size}")
        picture = open_picture(image)
        loaded = (
            model if isinstance(model, DiffusionModel) else load(model, device=device, dtype=dtype)
        )
        side = getattr(loaded, "native_size", None) if working_size is None else working_size
        pixels = _limited(to_tensor(picture.visible()), side)
        padded, padding = pad_to_multiple(pixels, loaded.size_multiple)
        return cls(loaded, picture, _encoded(loaded, padded), padding)

    def segment(self, query: str, **options: Unpack[SegmentOptions]) -> Segmentation:
        """Return where ``query`` is; ``options`` are the keywords of ``segment_all``."""
        return self.segment_all([query], **options)[0]

    def segment_all(
        self,
        queries: Sequence[str],
        *,
        reference: str = "",
        draws: int = DRAWS,
        levels: int | Sequence[float] | None = None,
        sigma_range: tuple[float, float] = SIGMA_RANGE,
        seed: int = 0,
        antithetic: bool = False,
        batch_size: int = BATCH_SIZE,
        tolerance: float | None = None,
        soften: SoftenSettings | None = None,
        refine: RefineSettings | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Segmentations:
        """Return where each of the queries is: the masks that they would get if asked alone.

        Args:
            queries: what to look for; a text given twice is asked once.
            reference: the text that queries are compared with; "" is no text.
            draws: noised copies of the picture; more are slower and steadier.
            levels: noise levels, as ``noise_difference`` takes them.
            sigma_range: lowest and highest noise level.
            seed: decides the noises; same seed, same masks.
            antithetic: use every noise with both signs.
            batch_size: most rows in the network at once; bounds the memory.
            tolerance: stop early on queries whose relative error is below; ``None`` never.
            soften: how raw maps become soft masks; ``None`` for the defaults.
            refine: how soft masks get to the picture's size; ``None`` for the defaults.
            progress: called with the work done.
            cancel: looked at before each batch.

        Raises:
            QueryError: no query, or an empty one.
            InvalidInputError: a number out of its range.
            OutOfMemoryError: not even a batch of one fits.
            Cancelled: ``cancel`` was raised.
        """
        start = time.perf_counter()
        settings = SegmentSettings(
            reference=reference.strip(),
            draws=draws,
            levels=levels if levels is None or isinstance(levels, int) else tuple(levels),
            sigma_range=sigma_range,
            seed=seed,
            antithetic=antithetic,
            tolerance=tolerance,
            soften=soften or SoftenSettings(),
            refine=refine or RefineSettings(),
        )
        texts = self._embedded(_checked(queries))
        raws = self._compare(texts, settings, batch_size, progress, cancel)
        found = self._finish(raws, texts, settings, batch_size, progress)
        share = (time.perf_counter() - start) / len(found)
        return Segmentations(tuple(replace(item, seconds=share) for item in found))

    def _compare(
        self,
        texts: Conditioning,
        settings: SegmentSettings,
        batch_size: int,
        progress: ProgressCallback | None,
        cancel: CancelToken | None,
    ) -> list[RawMaps]:
        reference = self._embedded([settings.reference])
        if self._empty.full:  # of other settings, most likely
            self._empty = EmptyCache()
        with torch.no_grad():
            raws = noise_difference(
                self.model,
                self.latents,
                texts,
                reference,
                draws=settings.draws,
                levels=settings.levels,
                sigma_range=settings.sigma_range,
                seed=settings.seed,
                antithetic=settings.antithetic,
                batch_size=batch_size,
                tolerance=settings.tolerance,
                cache=self._empty,
                progress=progress,
                cancel=cancel,
            )
        # cells that cover nothing but padding say nothing about the picture
        rows, cols = (-(-side // self.model.latent_stride) for side in self.padding.size)
        return [raw.cropped(rows, cols) for raw in raws]

    def _finish(
        self,
        raws: Sequence[RawMaps],
        texts: Conditioning,
        settings: SegmentSettings,
        batch_size: int,
        progress: ProgressCallback | None,
    ) -> list[Segmentation]:
        calibration = PresenceCalibration.of_model(self.model)
        stride = self.model.latent_stride
        grid = CellGrid(
            size=self.picture.size,
            cells=(self.padding.size[0] / stride, self.padding.size[1] / stride),
        )
        report = progress or (lambda _: None)
        found = []
        for k, (raw, remarks) in enumerate(zip(raws, texts.notes, strict=True)):
            report(Progress("refining", k, len(raws)))
            item = Segmentation.from_raw(
                raw, self.rgb, grid, settings=settings, calibration=calibration
            )
            notes = (*self.picture.notes, *remarks, *_remarks(raw, settings, batch_size))
            found.append(replace(item, notes=notes))
        report(Progress("refining", len(raws), len(raws)))
        return found

    def _embedded(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; those seen before are not embedded again."""
        missing = [prompt for prompt in prompts if prompt not in self._texts]
        if missing:
            with torch.no_grad():
                made = self.model.embed_text(missing)
            self._texts |= {prompt: made[k] for k, prompt in enumerate(missing)}
        found = Conditioning.cat([self._texts[prompt] for prompt in prompts])
        while sum(text.embeddings.nbytes for text in self._texts.values()) > TEXT_CACHE_BYTES:
            del self._texts[next(iter(self._texts))]
        return found


def load(
    model: ModelLike = "picturebook",
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
) -> DiffusionModel:
    """Return a model that ``segment`` and ``Scene.open`` take.

    Args:
        model: a registered name, a local folder, a hub id or a loaded diffusers pipeline.
        device: "auto", "cpu", "cuda", "mps" ...
        dtype: "auto", "float32", "float16" or "bfloat16".
        local_files_only: never ask the hub.

    Raises:
        ModelError: it cannot be found, read or used; the message says what to do.
    """
    from textseg.registry import load_model

    return load_model(model, device=device, dtype=dtype, local_files_only=local_files_only)


def segment(
    image: ImageLike,
    query: str,
    *,
    model: ModelLike = "picturebook",
    device: str = "auto",
    **options: Unpack[SegmentOptions],
) -> Segmentation:
    """Return where ``query`` is; ``options`` are the keywords of ``Scene.segment_all``.

    For several queries or several calls about one picture, open a ``Scene``: it reads it once.
    """
    _checked([query])  # before the slow part
    return Scene.open(image, model, device=device).segment(query, **options)


def _checked(queries: Sequence[str]) -> list[str]:
    """Return the queries without surrounding space and repetitions."""
    if isinstance(queries, str):
        raise QueryError("queries is a list of texts, got a single text", hint="use segment()")
    for query in queries:
        if not isinstance(query, str):
            raise QueryError(f"a query is a text, got {type(query).__name__}")
    if not queries:
        raise QueryError("there is no query", hint='name what to look for, e.g. ["tree", "house"]')
    return list(dict.fromkeys(clean_query(query) for query in queries))


def _limited(image: Tensor, side: int | None) -> Tensor:
    """Return the image (1, 3, H, W) with at most side^2 pixels, in its own proportions."""
    height, width = image.shape[-2:]
    if side is None or height * width <= side**2:
        return image
    shrink = side / (height * width) ** 0.5
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    small = torch.nn.functional.interpolate(
        image, size=size, mode="bicubic", antialias=True, align_corners=False
    )
    return small.clamp(0, 1)


def _encoded(model: DiffusionModel, image: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            return model.encode_image(image.to(model.device))
    except MemoryError as error:
        raise OutOfMemoryError(
            f"a picture of {image.shape[-1]} x {image.shape[-2]} does not fit on {model.device}",
            hint="pass a smaller working_size or another device",
        ) from error


def _remarks(raw: RawMaps, settings: SegmentSettings, batch_size: int) -> list[str]:
    found = []
    if raw.batch_size < batch_size:
        found.append(
            f"memory ran out: batch_size was reduced from {batch_size} to {raw.batch_size}"
        )
    if raw.stopped_early:
        found.append(f"stopped after {raw.draws} of {settings.draws} draws: tolerance reached")
    return found
