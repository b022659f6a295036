"""The peer: the mask of diffusers' deprecated DiffEdit pipeline, on the same weights.

Called as its documentation says, with its defaults; the source prompt is the empty one, so that it
answers the same question as our query against the empty prompt.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from textseg.backends.unet_parts import load_parts
from textseg.errors import UnsupportedError

EVALUATIONS = 40  # a query: 10 maps, source and target, each with its negative prompt


class DiffEditMask:
    """`StableDiffusionDiffEditPipeline.generate_mask` on a pipeline folder."""

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        """Load the folder into the deprecated pipeline, in float32.

        Raises:
            UnsupportedError: the weights are not of Stable Diffusion 1.x or 2.x.
        """
        from diffusers import DDIMInverseScheduler, StableDiffusionDiffEditPipeline

        parts = load_parts(folder, device=device, dtype="float32", local_files_only=True)
        if len(parts.text_encoders) > 1:
            raise UnsupportedError("diffusers' DiffEdit pipeline takes models of one text encoder")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is deprecated is the point
            pipeline = StableDiffusionDiffEditPipeline(
                vae=parts.vae,
                text_encoder=parts.text_encoders[0],
                tokenizer=parts.tokenizers[0],
                unet=parts.unet,
                scheduler=parts.scheduler,
                safety_checker=None,
                feature_extractor=None,
                inverse_scheduler=DDIMInverseScheduler.from_config(parts.scheduler.config),
                requires_safety_checker=False,
            )
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline: Any = pipeline  # diffusers does not type its pipelines

    def __call__(self, image: NDArray[np.uint8], query: str, *, seed: int) -> NDArray[np.bool_]:
        """Return the mask (h, w) of a query, enlarged by nearest cell to the picture's size."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cells = self._pipeline.generate_mask(
                image=Image.fromarray(image),
                target_prompt=query,
                source_prompt="",
                generator=torch.Generator().manual_seed(seed),
            )[0]
        return enlarge(cells > 0.5, (image.shape[0], image.shape[1]))


def enlarge(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask at another size (h, w): in each pixel the nearest one."""
    height, width = size
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
