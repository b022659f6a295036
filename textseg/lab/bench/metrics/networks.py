"""CLIP and DINO features from a person's own checkpoint folders, through transformers' classes.

Nothing is downloaded. Weights are read from safetensors only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from textseg.backends.loading import choose_device, load_network
from textseg.errors import InvalidInputError, ModelError, TextsegError
from textseg.images import to_uint8
from textseg.lab.bench.metrics.features import Judges, Vector
from textseg.lab.bench.metrics.pixels import Rgb

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
KEY_PROJECTIONS = ("k_proj", "attention.key")  # their names in newer and older transformers


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """Features of a CLIP checkpoint; pictures are prepared as its preprocessor_config says."""

    model: Any  # transformers' CLIPModel, whose features it does not type
    tokenizer: Any
    processor: Any

    def image_features(self, rgb: Rgb) -> Vector:
        """Return the features (d,) of a picture (H, W, 3) in [0, 1], seen as 8-bit."""
        picture = Image.fromarray(to_uint8(rgb))
        pixels = self.processor(images=picture, return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            return _vector(self.model.get_image_features(pixels.to(self.model.device)))

    def text_features(self, text: str) -> Vector:
        """Return the features (d,) of a text, cut at the longest that the checkpoint takes."""
        longest = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
        with torch.no_grad():
            return _vector(
                self.model.get_text_features(
                    tokens["input_ids"].to(self.model.device),
                    tokens["attention_mask"].to(self.model.device),
                )
            )


@dataclass(frozen=True, eq=False)
class VitKeys:
    """The keys of the last attention layer of a plain vision transformer, such as DINO."""

    model: Any  # transformers' ViTModel

    def keys(self, pixels: Rgb) -> NDArray[np.float32]:
        """Return the keys (tokens, d), heads side by side; see `StructureFeatures`."""
        mean, deviation = (np.array(x, np.float32) for x in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        values = torch.tensor((pixels - mean) / deviation).permute(2, 0, 1)[None]
        caught: list[torch.Tensor] = []
        hook = _key_projection(self.model).register_forward_hook(
            lambda _module, _inputs, output: caught.append(output)
        )
        try:
            with torch.no_grad():
                self.model(values.to(self.model.device), interpolate_pos_encoding=True)
        finally:
            hook.remove()
        return np.asarray(caught[0][0].float().cpu().numpy(), np.float32)


def load_judges(
    *, clip: Path | None = None, dino: Path | None = None, device: str = "auto"
) -> Judges:
    """Return what a benchmark may ask, as far as there are folders for it.

    Args:
        clip: a CLIP checkpoint; published CLIP scores mean openai/clip-vit-large-patch14.
        dino: a vision transformer; published structure distances mean facebook/dino-vitb8.
        device: where both run.

    Raises:
        InvalidInputError: a folder does not exist.
        ModelError: a folder does not hold such a checkpoint.
    """
    given = {name: str(path) for name, path in (("clip", clip), ("dino", dino)) if path}
    return Judges(
        features=load_clip(clip, device=device) if clip else None,
        structure=load_vit(dino, device=device) if dino else None,
        about=given,
    )


def load_clip(folder: Path, *, device: str = "auto") -> ClipFeatures:
    """Return the features of a CLIP folder in transformers' format.

    Raises:
        InvalidInputError: the folder does not exist.
        ModelError: it does not hold a CLIP checkpoint.
    """
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    with _explained(folder, "a CLIP model, its tokenizer and preprocessor_config.json"):
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
            raise OSError("its tokenizer has no vocabulary")
        processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
        return ClipFeatures(_load(CLIPModel, folder, device), tokenizer, processor)


def load_vit(folder: Path, *, device: str = "auto") -> VitKeys:
    """Return the keys of a ViT folder in transformers' format.

    Raises:
        InvalidInputError: the folder does not exist.
        ModelError: it does not hold a plain vision transformer.
    """
    from transformers import ViTModel

    with _explained(folder, "a ViT model"):
        keys = VitKeys(_load(ViTModel, folder, device, add_pooling_layer=False))
        _key_projection(keys.model)
        return keys


def _load(kind: Any, folder: Path, device: str, **options: Any) -> Any:
    # Any: transformers' classes type neither from_pretrained nor to
    from transformers import AutoConfig

    wanted = kind.config_class.model_type
    found = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    if found != wanted:
        raise OSError(f"it holds a {found} model and not a {wanted} model")
    options = {"local_files_only": True, "dtype": torch.float32, **options}
    model = load_network(kind, str(folder), options, part=f"{wanted} model")
    return model.to(choose_device(device))


def _key_projection(model: Any) -> torch.nn.Module:  # Any: as in VitKeys
    found = [part for name, part in model.named_modules() if name.endswith(KEY_PROJECTIONS)]
    if not found:
        raise ModelError("the vision transformer has no attention keys")
    last: torch.nn.Module = found[-1]
    return last


def _vector(features: Any) -> Vector:  # Any: a tensor, or from transformers 5 on an object with one
    tensor = getattr(features, "pooler_output", features)
    return np.asarray(tensor[0].float().cpu().numpy(), np.float32)


@contextmanager
def _explained(folder: Path, content: str) -> Iterator[None]:
    if not folder.is_dir():
        raise InvalidInputError(
            f"{folder}: no such folder", hint=f"give the folder that holds {content}"
        )
    try:
        yield
    except TextsegError:
        raise
    except Exception as error:  # files from anywhere: what the libraries raise has no end
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{folder} cannot be loaded: {reason}",
            hint=f"it must hold {content}, as save_pretrained(folder) writes them, in safetensors",
        ) from error
