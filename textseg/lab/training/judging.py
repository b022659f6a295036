"""Training of the judge, a small CLIP (arXiv:2103.00020), on regions and on whole scenes.

Regions are matched with all eighty pairs of colour and kind, and with the word "nothing". Whole
scenes, each beside an edited version of itself, are matched with captions; a caption belongs to
every scene of the batch of which it is true, so that a small world's many like captions are no
false negatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

from textseg.lab.judge import JUDGE_SIZE
from textseg.lab.training.optimizing import Trainer
from textseg.lab.training.reading import PatchHeads
from textseg.lab.training.regions import JudgeBatch, JudgedPictures
from textseg.lab.training.vocabulary import MAX_TOKENS, new_tokenizer

PATCH = 16


def new_judge(*, width: int, layers: int, text_layers: int) -> CLIPModel:
    """Return an untrained CLIP with the tokenizer of the embedded diffusion model."""
    tokenizer = new_tokenizer()
    shared = {"hidden_size": width, "intermediate_size": 2 * width, "num_attention_heads": 4}
    text = {
        "vocab_size": len(tokenizer),
        "num_hidden_layers": text_layers,
        "max_position_embeddings": MAX_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {"num_hidden_layers": layers, "image_size": JUDGE_SIZE, "patch_size": PATCH}
    return CLIPModel(
        CLIPConfig(
            text_config={**shared, **text},
            vision_config={**shared, **vision},
            projection_dim=width,
        )
    )


class JudgeInTraining(nn.Module):
    """The judge, and the heads that help to train it."""

    def __init__(self, clip: CLIPModel) -> None:
        """Add the heads."""
        super().__init__()
        self.clip = clip
        self.heads = PatchHeads(clip.vision_model.config.hidden_size)

    def images(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit features (b, d) and patches (b, n, width) of pictures in [-1, 1]."""
        seen = self.clip.vision_model(pixel_values=pictures)
        features = self.clip.visual_projection(seen.pooler_output).float()
        return nn.functional.normalize(features, dim=-1), seen.last_hidden_state[:, 1:]

    def texts(self, ids: Tensor, attention: Tensor) -> Tensor:
        """Return unit features (b, d) of tokenised texts."""
        read = self.clip.text_model(input_ids=ids, attention_mask=attention).pooler_output
        return nn.functional.normalize(self.clip.text_projection(read).float(), dim=-1)

    def logits(self, pictures: Tensor, texts: Tensor) -> Tensor:
        """Return the scaled cosines (pictures, texts) of unit features."""
        scale = self.clip.logit_scale.clamp(max=np.log(100)).exp()
        return torch.as_tensor(scale * pictures @ texts.T)


def contrast(logits: Tensor, belongs: Tensor) -> Tensor:
    """Return the contrastive loss with several right answers, both ways.

    Args:
        logits: (pictures, texts).
        belongs: (pictures, texts) bool; rows and columns without a right answer do not count.
    """
    total = logits.new_zeros(())
    for scores, right in ((logits, belongs), (logits.T, belongs.T)):
        counted = right.any(1)
        target = right[counted].float()
        target = target / target.sum(1, keepdim=True)
        total = total - (target * scores[counted].log_softmax(1)).sum(1).mean() / 2
    return total


def judge_loss(model: JudgeInTraining, batch: JudgeBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses of regions, of whole scenes and of the patches."""
    features, patches = model.images(torch.cat((batch.regions, batch.scenes)))
    count = len(batch.regions)
    regions = contrast(
        model.logits(features[:count], model.texts(*batch.pairs)), batch.region_belongs
    )
    scenes = contrast(
        model.logits(features[count:], model.texts(*batch.captions)), batch.scene_belongs
    )
    return regions, scenes, model.heads.loss(patches[count:], batch.coverage, batch.classes)


def train_judge(
    trainer: Trainer, data: JudgedPictures, *, regions: int, pairs: int
) -> Iterator[tuple[float, float, float]]:
    """Train until the trainer's last step, yielding the losses of regions, scenes and patches."""
    for step in trainer.steps():
        rng = np.random.default_rng([trainer.seed, step])
        with trainer.autocast():
            losses = judge_loss(trainer.model, data.batch(regions, pairs, rng))
        trainer.update(2 * losses[0] + losses[1] + 0.5 * losses[2])
        yield tuple(float(loss.detach()) for loss in losses)  # type: ignore[misc]  # three of them


def export_judge(folder: Path, model: CLIPModel) -> None:
    """Write the float16 folder that `CLIPModel.from_pretrained` loads."""
    model.half().save_pretrained(folder)
    tokenizer = new_tokenizer()
    tokenizer.model_max_length = MAX_TOKENS
    tokenizer.save_pretrained(folder)
    half = [0.5, 0.5, 0.5]
    size = {"height": JUDGE_SIZE, "width": JUDGE_SIZE}
    CLIPImageProcessorPil(
        size=size, do_center_crop=False, image_mean=half, image_std=half
    ).save_pretrained(folder)
