from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textseg.diffusion.model import Conditioning, Levels, Prediction, level_values
from textseg.errors import OutOfMemoryError
from textseg.segmentation.difference import RawMaps, noise_difference
from textseg.testing import GaussianModel


@dataclass(frozen=True)
class Row:
    """One row that a model was asked about."""

    z: Tensor
    sigma: float
    prompt: str
    embedding: Tensor


@dataclass(frozen=True)
class Recording(GaussianModel):
    """Remembers what it was asked, and runs out of memory above ``room`` rows."""

    room: int = 1000
    calls: list[list[Row]] = field(default_factory=list)
    encoded: list[Tensor] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)

    def encode_image(self, image: Tensor) -> Tensor:
        self.encoded.append(image)
        return super().encode_image(image)

    def embed_text(self, prompts: Any) -> Conditioning:
        self.embedded.extend(prompts)
        return super().embed_text(prompts)

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        if len(z) > self.room:
            raise OutOfMemoryError("out of memory")
        rows = zip(z.clone(), level_values(sigma), text.prompts, text.embeddings, strict=True)
        self.calls.append([Row(*row) for row in rows])
        return super().predict(z, sigma, text)

    @property
    def rows(self) -> list[Row]:
        return [row for call in self.calls for row in call]

    @property
    def evaluations(self) -> int:
        return len(self.rows)


def latents_of(model: GaussianModel, rgb: np.ndarray) -> Tensor:
    return GaussianModel.encode_image(model, torch.tensor(rgb).permute(2, 0, 1)[None])


def compare(
    model: GaussianModel,
    latents: Tensor,
    *queries: str,
    reference: str = "",
    **options: Any,
) -> list[RawMaps]:
    texts, base = model.embed_text(queries), model.embed_text([reference])
    return noise_difference(model, latents, texts, base, **options)


def maps(difference: np.ndarray, *, spread: float = 0.0, **others: np.ndarray) -> RawMaps:
    """Raw maps with this difference; information and evidence are equal to it unless given."""
    values = {"information": difference, "evidence": difference, **others}
    even = np.full(difference.shape, spread, np.float32)
    evidence = values["evidence"]
    parts = np.stack(
        [np.clip(evidence, 0, None), np.clip(-evidence, 0, None), values["information"]]
    )
    return RawMaps(
        query="tree",
        difference=difference.astype(np.float32),
        information=values["information"].astype(np.float32),
        evidence=values["evidence"].astype(np.float32),
        difference_spread=even,
        information_spread=even,
        evidence_spread=even,
        bands=np.stack([parts] * 3).astype(np.float32),
        levels=(0.5,),
        draws=10,
        evaluations=20,
        shared_evaluations=10,
        batch_size=8,
        stopped_early=False,
    )


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())
