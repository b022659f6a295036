"""Trained networks -> a stock `StableDiffusionPipeline` folder, and back."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from textseg.picturebook.captions import known_words
from textseg.picturebook.denoiser import TextToNoise, new_scheduler
from textseg.picturebook.vocabulary import MAX_TOKENS, new_tokenizer


def export_pipeline(folder: Path, vae: AutoencoderKL, model: TextToNoise) -> None:
    """Writes the float16 folder that `StableDiffusionPipeline.from_pretrained` loads.

    Args:
        folder: made when missing; files in it are replaced.
        vae: the autoencoder, its scaling factor set.
        model: text encoder and denoiser; rows of the token table that no caption uses are zeroed,
            so that unknown words say nothing instead of something random.
    """
    tokenizer = new_tokenizer()
    used = {i for word in known_words() for i in tokenizer(word)["input_ids"]}
    table = model.text_encoder.get_parameter("embeddings.token_embedding.weight")
    with torch.no_grad():
        unused = [i for i in range(len(table)) if i not in used]
        table[unused] = 0.0
    tokenizer.model_max_length = MAX_TOKENS
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        unet=model.unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True)
