"""Pictures held against words by a CLIP model (arXiv:2103.00020), with gradients to the pictures.

Nothing is downloaded: the model is a folder, or is in the cache of the hub already. Weights are
read from safetensors only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from textseg.errors import UnsupportedError

FILES = (
    "a CLIP model, its tokenizer and preprocessor_config.json, as save_pretrained(folder) writes "
    "them, in safetensors"
)


@dataclass(frozen=True, eq=False)
class Matcher:
    """Gives words and pictures places in one space: unit vectors (n, d).

    Attributes:
        side: height and width of the pictures that it looks at, in pixels.
    """

    side: int
    model: Any  # transformers' CLIPModel, whose features it does not type
    tokenizer: Any
    mean: Tensor
    deviation: Tensor

    def read(self, prompt: str) -> Tensor:
        """Return the vector (1, d) of a text, cut at the longest that the model takes."""
        longest = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(prompt, truncation=True, max_length=longest, return_tensors="pt")
        ids, mask = (tokens[key].to(self.model.device) for key in ("input_ids", "attention_mask"))
        return _unit(self.model.get_text_features(ids, mask))

    def look(self, pictures: Tensor) -> Tensor:
        """Return the vectors (n, d) of pictures (n, 3, side, side) in [0, 1]."""
        values = (pictures - self.mean) / self.deviation
        return _unit(self.model.get_image_features(values))


def spherical_distance(one: Tensor, other: Tensor) -> Tensor:
    """Return how far unit vectors (n, d) lie apart: (n,), half the square of their angle."""
    distances: Tensor = 2 * ((one - other).norm(dim=-1) / 2).arcsin().square()
    return distances


def _unit(features: Any) -> Tensor:  # Any: a tensor, or from transformers 5 on an object with one
    return torch.nn.functional.normalize(getattr(features, "pooler_output", features), dim=-1)


@lru_cache(maxsize=1)
def load_matcher(source: str, device: str) -> Matcher:
    """Return the CLIP model in a folder or at a hub id; the last one is kept.

    Raises:
        ModelError: it is not on this machine, or cannot be loaded.
        UnsupportedError: it is a model of another kind.
    """
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    from textseg.backends.loading import explained_loading, explained_memory, load_network

    here: Any = {"local_files_only": True}  # Any: keywords of four methods
    with explained_loading(source, kind="CLIP model", content=FILES), explained_memory():
        facts, _ = CLIPConfig.get_config_dict(source, **here)
        if facts.get("model_type") != "clip":
            raise UnsupportedError(
                f"{source!r} is a {facts.get('model_type') or 'nameless'} model, not CLIP",
                hint="use a CLIP checkpoint, such as openai/clip-vit-base-patch16",
            )
        tokenizer = CLIPTokenizer.from_pretrained(source, **here)
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
            raise OSError("its tokenizer has no vocabulary")  # transformers makes one up
        seen = CLIPImageProcessorPil.from_pretrained(source, **here)
        model = load_network(CLIPModel, source, {"dtype": torch.float32, **here}, part="CLIP model")
        mean, deviation = (
            torch.tensor(each, device=device)[:, None, None]
            for each in (seen.image_mean, seen.image_std)
        )
        side = model.config.vision_config.image_size
        return Matcher(side, model.to(device), tokenizer, mean, deviation)
