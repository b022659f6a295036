"""Trained networks -> a stock `StableDiffusionPipeline` folder, and back."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from textseg.diffusion.card import CARD_FILE, read_facts
from textseg.lab.training.denoiser import PredictionType, TextToNoise, new_scheduler
from textseg.lab.training.vocabulary import MAX_TOKENS, new_tokenizer
from textseg.picturebook import weights_folder
from textseg.picturebook.captions import known_words


def export_pipeline(
    folder: Path,
    vae: AutoencoderKL,
    model: TextToNoise,
    prediction: PredictionType = "v_prediction",
) -> None:
    """Write the float16 folder that `StableDiffusionPipeline.from_pretrained` loads.

    Args:
        folder: made when missing; files in it are replaced.
        vae: the autoencoder, its scaling factor set.
        model: text encoder and denoiser; rows of the token table that no caption uses are zeroed,
            so that unknown words say nothing instead of something random.
        prediction: what the denoiser was trained to predict.
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
        scheduler=new_scheduler(prediction),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    card = card_of_recipe()
    pipeline.to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True)
    for config in folder.rglob("*.json"):
        _forget_origin(config)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")


def card_of_recipe() -> str:
    """Return the JSON of a card: what holds for all models of this world, whatever they learned.

    Their size is told by their networks; presence has to be calibrated
    (`textseg.lab.bench.calibrate`).
    """
    facts = read_facts(weights_folder() / CARD_FILE)
    kept = {name: group for name, group in facts.items() if name not in ("sizes", "presence")}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def _forget_origin(config: Path) -> None:
    """Take out where a part was loaded from: it says something of one machine only."""
    facts = json.loads(config.read_text(encoding="utf-8"))
    if facts.pop("_name_or_path", None) is not None:
        config.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
