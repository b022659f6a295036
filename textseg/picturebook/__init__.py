"""The embedded model: a small text-to-image diffusion model, trained on scenes rendered here.

The world (`scenes`), its captions and the training recipe are here as well; `MODEL_CARD.md` beside
this file says what the shipped weights learned and how well.
"""

from __future__ import annotations

from pathlib import Path

from textseg.picturebook.captions import known_words

__all__ = ["known_words", "weights_folder"]


def weights_folder() -> Path:
    """Return the folder that `diffusers.StableDiffusionPipeline.from_pretrained` loads."""
    return Path(__file__).parent / "weights"
