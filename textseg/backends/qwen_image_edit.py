"""Qwen-Image-Edit and its Plus: Qwen-Image, told what to change in a picture (Qwen team, 2025).

The latents of the picture stand behind the noised ones as further tokens, a frame later, and the
vision-language model reads the picture with each instruction. So texts are about the picture, and
have to be embedded anew for each.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor

from textseg.backends.packed import pack
from textseg.backends.parts import Kind
from textseg.backends.pipelines import PromptReading
from textseg.backends.qwen_image import QwenImage
from textseg.backends.seen import no_picture, seen_beside
from textseg.diffusion.card import ModelCard, Sampling
from textseg.diffusion.generic import instructed_card
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning
from textseg.errors import MissingExtraError
from textseg.images import to_rgb

if TYPE_CHECKING:
    from PIL import Image

SIDES = 32  # pixels: sides of what is read are whole multiples


class QwenImageEdit(QwenImage):
    """A ``DiffusionModel`` that looks at a picture; see ``textseg.diffusion.seeing``.

    Attributes:
        read_side: the picture is read by the vision-language model at about this side^2 pixels, as
            the pipeline has it.
    """

    pipeline_class = "QwenImageEditPipeline"
    read_side: ClassVar[int] = 1024
    kinds = replace(
        QwenImage.kinds,
        title="Qwen-Image-Edit checkpoints in diffusers format",
        parts={
            **QwenImage.kinds.parts,
            "processor": Kind("transformers", ("Qwen2VLProcessor", "Qwen2_5_VLProcessor")),
        },
    )
    _seen: Tensor | None = None
    _read: Image.Image | None = None

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        found = f"defaults of diffusers' {cls.pipeline_class}"
        title = cls.pipeline_class.removesuffix("Pipeline").replace("QwenImageEdit", "")
        return instructed_card(
            super().make_card(parts),
            name=f"Qwen-Image-Edit {title}".strip(),
            sampling=Sampling(50, 4.0, "euler", found=found),
        )

    @classmethod
    def check_installed(cls) -> None:
        """Raise where torchvision is missing: nothing else shows pictures to the text encoder."""
        if find_spec("torchvision") is None:
            raise MissingExtraError(
                f"{cls.kinds.title} show pictures to their text encoder by torchvision, which is "
                "not installed",
                hint="pip install torchvision",
            )

    def beside(self, latents: Tensor, image: Tensor) -> Self:
        """Return the model that looks at this picture; see ``Seeing``."""
        found = copy.copy(self)
        found._seen, found._read = latents, self._to_read(image)
        return found

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the last states of the text encoder, from where its instructions begin.

        Prompts are read one by one, each with the picture.
        """
        if self._read is None:
            raise no_picture(self.name)
        return Conditioning.cat([self._encode(prompt) for prompt in prompts])

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return nothing: the picture stands among the words, and nothing is cut off."""
        return PromptReading((), ())

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions, in their order; the picture stands behind, as padding does."""
        cells = math.prod(self.grid(z))
        return tuple(replace(layer, padding=cells) for layer in super().attention_layers(z, text))

    def _encode(self, prompt: str) -> Conditioning:
        states, mask = self._pipeline.encode_prompt(
            prompt, image=self._told_picture(), device=self.device
        )
        if mask is None:
            mask = torch.ones(states.shape[:2], device=states.device)
        return Conditioning((prompt,), states, mask=mask.bool())

    def _told_picture(self) -> Any:  # Any: as the pipeline takes it
        return self._read

    def _to_read(self, image: Tensor) -> Image.Image:
        """Return the picture as the vision-language model reads it, in its own proportions."""
        height, width = image.shape[2:]
        scale = self.read_side / math.sqrt(height * width)
        sides = (max(1, round(side * scale / SIDES)) * SIDES for side in (height, width))
        processor = self._pipeline.image_processor
        read: Image.Image = processor.resize(processor.numpy_to_pil(to_rgb(image))[0], *sides)
        return read

    def _tokens(self, x: Tensor) -> Tensor:
        seen = seen_beside(x, self._seen, model=self.name)
        return torch.cat([super()._tokens(x), pack(seen)], dim=1)

    def _frames(self, grid: tuple[int, int]) -> list[tuple[int, int, int]]:
        return super()._frames(grid) * 2


class QwenImageEditPlus(QwenImageEdit):
    """The same made of the parts of a Plus pipeline, whose text encoder reads a smaller picture."""

    pipeline_class = "QwenImageEditPlusPipeline"
    read_side = 384

    def _told_picture(self) -> Any:  # Any: as the pipeline takes it
        return [self._read]


FAMILY = QwenImageEdit.family()
PLUS_FAMILY = QwenImageEditPlus.family()
