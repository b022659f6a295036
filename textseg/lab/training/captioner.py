"""The embedded captioner: a small BLIP (arXiv:2201.12086) that names all there is in a scene.

It is BLIP's captioner in stock format: a picture encoder, and a text decoder that looks at the
encoder's patches. It learns from the words of captions and from what patches show (`PatchHeads`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessorPil,
)

from textseg.lab.judge import pixels
from textseg.lab.training.corpus import Corpus
from textseg.lab.training.optimizing import Trainer
from textseg.lab.training.reading import (
    READER_SIZE,
    PatchHeads,
    patch_classes,
    roughened,
    seen_in_corpus,
)
from textseg.lab.visible import full_caption
from textseg.picturebook.captions import known_words

PATCH = 16
MAX_WORDS = 22
"""Tokens of the longest caption with its start and end: four things and a setting."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]")


def new_caption_tokenizer() -> BertTokenizer:
    """Return a word-piece tokenizer that knows the world's words, each as one token."""
    words = (*_SPECIAL, *sorted(known_words()))
    return BertTokenizer(
        vocab={word: i for i, word in enumerate(words)},
        bos_token=_SPECIAL[-1],
        model_max_length=MAX_WORDS,
    )


def new_captioner(*, width: int, layers: int, decoder_layers: int) -> BlipForConditionalGeneration:
    """Return an untrained captioner for pictures of `READER_SIZE`."""
    tokenizer = new_caption_tokenizer()
    shared = {"hidden_size": width, "num_attention_heads": 4, "initializer_range": 0.02}
    text = {
        "vocab_size": len(tokenizer),
        "encoder_hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": decoder_layers,
        "max_position_embeddings": MAX_WORDS + 2,
        "layer_norm_eps": 1e-5,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "image_size": READER_SIZE,
        "patch_size": PATCH,
    }
    return BlipForConditionalGeneration(
        BlipConfig(text_config={**shared, **text}, vision_config={**shared, **vision})
    )


class CaptionerInTraining(nn.Module):
    """The captioner, and the heads that help to train it."""

    def __init__(self, blip: BlipForConditionalGeneration) -> None:
        """Add the heads."""
        super().__init__()
        self.blip = blip
        self.heads = PatchHeads(blip.vision_model.config.hidden_size)


@dataclass(frozen=True)
class PictureBatch:
    """What one step trains on.

    Attributes:
        images: (b, 3, h, w) in [-1, 1].
        ids: (b, MAX_WORDS) token ids of the captions with start and end, padded.
        labels: as `ids`, -100 where there is nothing to learn.
        coverage: (b, things, cells, cells) visible shares of things.
        classes: (b, 3, things) as `patch_classes`.
    """

    images: Tensor
    ids: Tensor
    labels: Tensor
    coverage: Tensor
    classes: Tensor


@dataclass(frozen=True)
class CaptionedPictures:
    """Pictures with full captions.

    Attributes:
        corpora: where they come from.
        shares: how often each corpus is drawn from.
    """

    corpora: tuple[Corpus, ...]
    shares: tuple[float, ...]

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return new_caption_tokenizer().get_vocab()

    def batch(self, size: int, rng: np.random.Generator) -> PictureBatch:
        """Return random pictures, half of them mirrored."""
        rows = [self._row(rng) for _ in range(size)]
        images, ids, coverage, classes = (np.stack(column) for column in zip(*rows, strict=True))
        labels = np.where(ids == self._vocabulary["[PAD]"], -100, ids)
        return PictureBatch(
            roughened(pixels(images)),
            torch.from_numpy(ids),
            torch.from_numpy(labels),
            torch.from_numpy(coverage).float() / 255,
            torch.from_numpy(classes),
        )

    def _row(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        corpus = self.corpora[int(rng.choice(len(self.corpora), p=self.shares))]
        index, mirrored = int(rng.integers(len(corpus.images))), bool(rng.random() < 0.5)
        step = -1 if mirrored else 1
        return (
            corpus.images[index][:, ::step].copy(),
            self._ids(full_caption(seen_in_corpus(corpus, index, mirrored=mirrored))),
            corpus.coverage[index][..., ::step].copy(),
            patch_classes(corpus, index, mirrored=mirrored),
        )

    def _ids(self, text: str) -> np.ndarray:
        words = ["[DEC]", *text.split(), "[SEP]"]
        words += ["[PAD]"] * (MAX_WORDS - len(words))
        return np.array([self._vocabulary[word] for word in words])


def captioner_loss(model: CaptionerInTraining, batch: PictureBatch) -> tuple[Tensor, Tensor]:
    """Return the loss of the captions' words and that of the patches."""
    seen = model.blip.vision_model(pixel_values=batch.images).last_hidden_state
    words = model.blip.text_decoder(
        input_ids=batch.ids, encoder_hidden_states=seen, labels=batch.labels, reduction="mean"
    ).loss
    return words, model.heads.loss(seen[:, 1:], batch.coverage, batch.classes)


def train_captioner(
    trainer: Trainer, data: CaptionedPictures, *, batch: int
) -> Iterator[tuple[float, float]]:
    """Train until the trainer's last step, yielding the losses of words and patches."""
    for step in trainer.steps():
        rng = np.random.default_rng([trainer.seed, step])
        with trainer.autocast():
            words, patches = captioner_loss(trainer.model, data.batch(batch, rng))
        trainer.update(words + patches)
        yield float(words.detach()), float(patches.detach())


def export_captioner(folder: Path, model: BlipForConditionalGeneration) -> None:
    """Write the float16 folder that `BlipForConditionalGeneration.from_pretrained` loads."""
    model.half().save_pretrained(folder)
    new_caption_tokenizer().save_pretrained(folder)
    half = [0.5, 0.5, 0.5]
    size = {"height": READER_SIZE, "width": READER_SIZE}
    BlipImageProcessorPil(size=size, image_mean=half, image_std=half).save_pretrained(folder)
