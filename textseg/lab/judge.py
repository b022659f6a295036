"""The judge: which thing, in which colour, does a region of a picture-book picture show?

It is a small CLIP in stock format, trained apart from the diffusion model (`training.judging`), so
that edits are not marked by the model that made them. Unlike the diffusion model it was trained on
all eighty pairs of colour and kind. It sees the region's surroundings and never its outline: a mask
in the shape of a house says nothing about what is there now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, CLIPTokenizer

from textseg.backends.loading import load_network
from textseg.errors import ImageError, InvalidInputError
from textseg.images import to_uint8
from textseg.lab.crops import Box, box_of, cropped
from textseg.lab.visible import COLOR_NAMES, KIND_NAMES, with_article
from textseg.picturebook import weights_folder

JUDGE_SIZE = 96
"""Side of the views of regions that the judge is shown, in pixels."""

NOTHING = "nothing"
"""What is said of a region without a thing."""

PAIRS = tuple((kind, color) for kind in KIND_NAMES for color in COLOR_NAMES)


@dataclass(frozen=True)
class RegionVerdict:
    """What a region shows.

    Attributes:
        kind: of the likeliest thing, if there is one.
        color: of the likeliest thing.
        present: probability that there is a thing at all; below one half the judge finds nothing.
        scores: (kind, colour) -> probability; with `1 - present` they sum to 1.
    """

    kind: str
    color: str
    present: float
    scores: Mapping[tuple[str, str], float]


@dataclass(frozen=True, eq=False)
class Judge:
    """The trained CLIP with its tokenizer, on the processor, in float32."""

    model: CLIPModel
    tokenizer: CLIPTokenizer

    @torch.no_grad()
    def image_features(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the unit feature (d,) of a whole picture.

        Args:
            rgb: (H, W, 3) float32 in [0, 1].

        Raises:
            ImageError: it is something else.
        """
        whole = Image.fromarray(_checked(rgb))
        size = (JUDGE_SIZE, JUDGE_SIZE)
        seen = np.asarray(whole.resize(size, Image.Resampling.BILINEAR))
        return np.asarray(self._features(seen[None])[0].numpy())

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit features (texts, d); texts are cut after 24 tokens."""
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        read = self.model.text_model(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        )
        features = self.model.text_projection(read.pooler_output)
        return np.asarray(normalize(features, dim=-1).numpy())

    @torch.no_grad()
    def region(self, rgb: NDArray[np.float32], mask: NDArray[np.generic]) -> RegionVerdict:
        """Return what the region of a mask shows.

        Args:
            rgb: (H, W, 3) float32 in [0, 1].
            mask: (H, W), bool or in [0, 1]; the box of what exceeds one half is looked at.

        Raises:
            ImageError: `rgb` is something else.
            InvalidInputError: the mask has another size, or nothing in it exceeds one half.
        """
        image, binary = _checked(rgb), np.asarray(mask, np.float32) > 0.5
        if binary.shape != image.shape[:2]:
            raise InvalidInputError(
                f"the mask has shape {binary.shape} and the picture {image.shape[:2]}",
                hint="resize the mask to the picture",
            )
        if not binary.any():
            raise InvalidInputError("the mask is empty: there is no region to judge")
        return _verdict(self._answered(image, [box_of(binary)])[0])

    @torch.no_grad()
    def boxes(self, rgb: NDArray[np.float32], boxes: Sequence[Box]) -> NDArray[np.float64]:
        """Return the probabilities (boxes, pairs) of each of `PAIRS` in each box.

        Args:
            rgb: (H, W, 3) float32 in [0, 1].
            boxes: in pixels; what lies around them is seen as well.

        Raises:
            ImageError: `rgb` is something else.
        """
        return self._answered(_checked(rgb), boxes)[:, :-1]

    def _answered(self, image: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.float64]:
        """Return the probabilities (boxes, pairs + 1) of the possible answers."""
        views = np.stack([cropped(image, box, size=JUDGE_SIZE) for box in boxes])
        logits = self.model.logit_scale.exp() * self._features(views) @ self._answers.T
        return np.asarray(logits.softmax(1).double().numpy())

    @cached_property
    def _answers(self) -> Tensor:
        """Features (pairs + 1, d) of the possible answers, the last one being "nothing"."""
        texts = [with_article(f"{color} {kind}") for kind, color in PAIRS]
        return torch.from_numpy(self.text_features([*texts, NOTHING]))

    def _features(self, images: NDArray[np.uint8]) -> Tensor:
        seen = self.model.vision_model(pixel_values=pixels(images.copy()))
        return normalize(self.model.visual_projection(seen.pooler_output), dim=-1)


def pixels(images: np.ndarray) -> Tensor:
    """Return pictures (b, h, w, 3) uint8 as (b, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1


@cache
def load_judge() -> Judge:
    """Return the judge that ships with the package; loaded once and then shared."""
    folder = weights_folder().with_name("judge_weights")
    options = {"dtype": torch.float32, "local_files_only": True}
    model = load_network(CLIPModel, str(folder), options, part="judge")
    return Judge(model, CLIPTokenizer.from_pretrained(folder, local_files_only=True))


def _verdict(probabilities: NDArray[np.float64]) -> RegionVerdict:
    scores = dict(zip(PAIRS, (float(p) for p in probabilities[:-1]), strict=True))
    kind, color = max(scores, key=lambda pair: scores[pair])
    return RegionVerdict(kind, color, float(1 - probabilities[-1]), scores)


def _checked(rgb: NDArray[np.float32]) -> NDArray[np.uint8]:
    usual = rgb.ndim == 3 and rgb.shape[2] == 3 and rgb.size and rgb.dtype == np.float32
    if not usual or not (rgb.min() >= 0 and rgb.max() <= 1):
        raise ImageError(
            f"a picture to judge is (H, W, 3) float32 in [0, 1], not {rgb.shape} {rgb.dtype}",
            hint="textseg.images.open_picture(...).rgb has that form",
        )
    return to_uint8(rgb)
