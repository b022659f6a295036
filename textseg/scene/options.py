"""What the calls of a scene take and tell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Union

from numpy.typing import NDArray

from textseg.diffusion.mask_settings import Look
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.rivalry import PresenceRule
from textseg.editing.base import EditMethod
from textseg.editing.options import OptionKeywords
from textseg.images import ImageLike
from textseg.progress import CancelToken, ProgressCallback
from textseg.segmentation.mask import Mask
from textseg.segmentation.refine import RefineSettings
from textseg.segmentation.result import Segmentation
from textseg.segmentation.soften import SoftenSettings

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

    from textseg.captioning import Captioner


ModelLike = Union[str, os.PathLike[str], "DiffusionPipeline", DiffusionModel]
DeviceLike = Union[str, "torch.device"]
DtypeLike = Union[str, "torch.dtype"]
CaptionerLike = Union[str, os.PathLike[str], "Captioner"]


class SegmentOptions(TypedDict, total=False):
    """The keywords of ``Scene.segment_all``, for the calls that hand them on."""

    reference: str | None
    draws: int | None
    levels: int | Sequence[float] | None
    sigma_range: tuple[float, float] | None
    seed: int
    antithetic: bool
    batch_size: int
    tolerance: float | None
    attention: bool
    propagate: int | None
    soften: SoftenSettings | None
    refine: RefineSettings | None
    presence: PresenceRule | None
    look: Look
    progress: ProgressCallback | None
    cancel: CancelToken | None


class EditKeywords(OptionKeywords, total=False):
    """The keywords of ``Scene.edit``, for the calls that hand them on."""

    method: str | EditMethod | None
    mask: NDArray[Any] | Segmentation | Mask | None
    examples: Sequence[ImageLike]
    progress: ProgressCallback | None
    cancel: CancelToken | None


@dataclass(frozen=True)
class Made:
    """How a picture was made from text; ``card`` is the name of the model's card."""

    prompt: str
    negative: str
    seed: int
    steps: int
    guidance: float
    evaluations: int
    seconds: float
    card: str = ""
