"""What decides the rows of a job, whoever makes them and wherever."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from textseg.checking import MAX_PIXELS, Facts, Precision, Query
from textseg.diffusion.card import ModelCard
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.rivalry import PresenceRule
from textseg.labelling.digests import digest
from textseg.segmentation.settings import SegmentSettings

SeedBy = Literal["job", "picture"]
BATCH_SIZE = 16


class LabelSettings(Facts):
    """What is looked for, by which model, and how; kept in ``job.json``.

    ``None`` is what the card of the model says. ``batch_size`` is among them because sums of floats
    depend on what is computed together.
    """

    queries: tuple[Query, ...] = Field(min_length=1)
    model: str = Field(default="picturebook", min_length=1)
    base: str | None = None
    lora: tuple[str, ...] = ()
    dtype: Precision = "auto"
    reference: str | None = None
    draws: int | None = Field(default=None, ge=1, le=1000)
    attention: bool = True
    seed: int = Field(default=0, ge=0, lt=2**63)
    seed_by: SeedBy = "job"
    presence: PresenceRule | None = None
    look: Look = "whole"
    batch_size: int = Field(default=BATCH_SIZE, ge=1, le=4096)
    max_pixels: int = Field(default=MAX_PIXELS, ge=1)

    @property
    def digest(self) -> str:
        """What tells these settings from others; that of the model is its fingerprint."""
        told = self.model_dump_json(exclude={"model", "base", "lora"})
        return digest([told.encode()])

    def of_picture(self, picture: str, card: ModelCard) -> SegmentSettings:
        """Return what decides the masks of the picture with an id."""
        given: dict[str, Any] = {  # Any: fields of different types
            "reference": None if self.reference is None else self.reference.strip(),
            "draws": self.draws,
            "presence": self.presence,
            "look": self.look,
            "seed": self._seed(picture),
        }
        usual = SegmentSettings.of_card(card)
        told = replace(usual, **{k: v for k, v in given.items() if v is not None})
        return told if self.attention else told.without_attention

    def _seed(self, picture: str) -> int:
        if self.seed_by == "job":
            return self.seed
        mixed = sha256(f"{self.seed} {picture}".encode()).digest()
        return int.from_bytes(mixed[:8]) >> 1  # below 2^63, as seeds are
