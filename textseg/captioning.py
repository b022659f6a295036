"""Pictures put into words.

A captioner says what a picture shows; edits use it as the text of the unedited picture. Ours is
BLIP (arXiv:2201.12086) through transformers' classes: the small one that ships with the package
("picturebook"), or any BLIP captioning checkpoint by folder or hub id.

Weights come from safetensors only, and nothing that a checkpoint contains is ever executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textseg.errors import ImageError, UnsupportedError
from textseg.images import plain_array, to_uint8

if TYPE_CHECKING:
    from transformers import BertTokenizer, BlipForConditionalGeneration, BlipImageProcessorPil

FILES = (
    "config.json, model.safetensors, preprocessor_config.json and the tokenizer's files, as "
    "save_pretrained(folder) of model and processor writes them"
)
MAX_TOKENS = 30
"""A caption is cut off after so many tokens."""


@runtime_checkable
class Captioner(Protocol):
    """Says what a picture shows."""

    @property
    def name(self) -> str:
        """What it was loaded as."""

    def caption(self, rgb: NDArray[np.float32]) -> str:
        """Return one line of text, the same for the same picture.

        Args:
            rgb: (H, W, 3) float32 in [0, 1].
        """


@dataclass(frozen=True, eq=False)
class BlipCaptioner:
    """A BLIP captioning model; words are chosen greedily, so that captions are repeatable.

    Attributes:
        name: what it was loaded as.
        model: the network, on its device.
        tokenizer: of the texts it writes.
        processor: resizes and normalises pictures as the checkpoint wants them.
    """

    name: str
    model: BlipForConditionalGeneration
    tokenizer: BertTokenizer
    processor: BlipImageProcessorPil

    def caption(self, rgb: NDArray[np.float32]) -> str:
        """Return what the picture shows.

        Args:
            rgb: (H, W, 3) float32 in [0, 1].

        Raises:
            ImageError: it is something else.
            OutOfMemoryError: it does not fit on the device.
        """
        import torch

        from textseg.backends.evaluation import evaluating
        from textseg.backends.loading import explained_memory

        rgb = plain_array(rgb, "the picture")
        _check_rgb(rgb)
        places = self.model.text_decoder.config.max_position_embeddings
        pixels = self.processor(images=to_uint8(rgb), return_tensors="pt").pixel_values
        with torch.no_grad(), evaluating(self.model), explained_memory():
            tokens = self.model.generate(
                pixel_values=pixels.to(self.model.device, self.model.dtype),
                max_new_tokens=min(MAX_TOKENS, places - 1),  # one is taken by the start
                do_sample=False,
                num_beams=1,
            )
        return str(self.tokenizer.decode(tokens[0], skip_special_tokens=True)).strip()


def ask_captioner(captioner: Captioner, rgb: NDArray[np.float32]) -> str:
    """Return what any captioner says of a picture (H, W, 3) float32 in [0, 1].

    The networks among its attributes are asked in evaluation mode, and left in the mode that they
    had.
    """
    import torch

    from textseg.backends.evaluation import evaluating

    parts = [captioner, *getattr(captioner, "__dict__", {}).values()]
    with evaluating(*(part for part in parts if isinstance(part, torch.nn.Module))):
        return captioner.caption(rgb)


def load_blip(
    source: str, name: str, *, device: str, dtype: str, local_files_only: bool
) -> BlipCaptioner:
    """Return the BLIP captioner in a folder or at a hub id; raises what ``load_captioner`` does.

    ``name`` is what people call it; ``device`` and ``dtype`` may be "auto".
    """
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
    )

    from textseg.backends.loading import (
        check_words,
        choose_device,
        choose_dtype,
        explained_loading,
        explained_memory,
        load_network,
    )

    target = choose_device(device)
    with explained_loading(source, kind="captioner", content=FILES), explained_memory():
        facts, _ = BlipConfig.get_config_dict(source, local_files_only=local_files_only)
        _check_family(facts, source)
        model = load_network(
            BlipForConditionalGeneration,
            source,
            {"dtype": choose_dtype(dtype, target), "local_files_only": local_files_only},
            part="captioner",
            advice="use a BLIP checkpoint for captioning, not for questions or retrieval",
        )
        tokenizer = BertTokenizer.from_pretrained(source, local_files_only=local_files_only)
        check_words(tokenizer, "tokenizer", source, kind="captioner", content=FILES)
        # Pillow's resizing, whether or not torchvision is there: the same caption everywhere
        processor = BlipImageProcessorPil.from_pretrained(source, local_files_only=local_files_only)
        return BlipCaptioner(name, model.to(target), tokenizer, processor)


def _check_family(facts: dict[str, Any], source: str) -> None:  # Any: JSON of others
    if facts.get("model_type") != "blip":
        raise UnsupportedError(
            f"{source!r} is a {facts.get('model_type') or 'nameless'} model, not BLIP",
            hint="use a BLIP captioning checkpoint, such as Salesforce/blip-image-captioning-base",
        )


def _check_rgb(rgb: NDArray[np.float32]) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size or rgb.dtype != np.float32:
        raise ImageError(
            f"a picture to describe is (H, W, 3) float32, not {rgb.shape} {rgb.dtype}",
            hint="textseg.images.open_picture(...).rgb has that form",
        )
    if not (rgb.min() >= 0 and rgb.max() <= 1):  # also catches what is not a number
        raise ImageError(
            f"pixels of a picture to describe are in [0, 1], not {rgb.min():g} to {rgb.max():g}"
        )
