"""Directions among embeddings of text: what tells one thing from another.

As pix2pix-zero has them (arXiv:2302.03027, section 3.1), from fewer sentences: text encoders of
today see what comes before a word, so these begin alike, and differ in what follows.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.editing.prompts import changed_phrases
from textseg.errors import UnsupportedError

PLACES = (
    "",
    "on the beach",
    "in the snow",
    "at night",
    "in a room",
    "on a meadow",
    "by the sea",
    "in the city",
    "on the water",
    "in the grass",
    "under a blue sky",
    "on a table",
)


def redirected(model: DiffusionModel, source: Conditioning, target: Conditioning) -> Conditioning:
    """Return the source prompt moved in the direction of what the target prompt has otherwise.

    The direction is the mean over sentences that begin as the prompts do, so that it stands where
    it is to, and end otherwise; those with words that the model does not know are left out. Where
    nothing takes the place of anything it leads from the one prompt to the other.

    Args:
        model: reads the sentences.
        source: one prompt.
        target: one prompt, by whose name the result goes.

    Raises:
        UnsupportedError: prompts of this model have different numbers of tokens.
    """
    if source.mask is not None:
        raise UnsupportedError(
            f"prompts of {model.name!r} have different numbers of tokens: no direction leads from "
            "one to another",
            hint="use prompt_to_prompt",
        )
    before, after = _sentences(model, source, target)
    pooled = source.pooled
    if pooled is not None:
        pooled = pooled + _pooled(after) - _pooled(before)
    return replace(
        source,
        prompts=target.prompts,
        embeddings=source.embeddings + after.embeddings - before.embeddings,
        pooled=pooled,
        words=(),  # the tokens are where the source has them
    )


def _sentences(
    model: DiffusionModel, source: Conditioning, target: Conditioning
) -> tuple[Conditioning, Conditioning]:
    """Return the mean of sentences with what the source has and of the same with the target's."""
    opening, before, after = changed_phrases(source.prompts[0], target.prompts[0])
    if not (before and after):
        return source, target
    one, other = (
        model.embed_text([f"{opening} {phrase} {place}".strip() for place in PLACES])
        for phrase in (before, after)
    )
    known = [k for k in range(len(PLACES)) if not (one.unknown[k] or other.unknown[k])]
    return (_mean(one[known]), _mean(other[known])) if known else (source, target)


def _mean(text: Conditioning) -> Conditioning:
    """Return prompts as one: what is between them all."""
    pooled = None if text.pooled is None else text.pooled.mean(0, keepdim=True)
    return replace(text[0], embeddings=text.embeddings.mean(0, keepdim=True), pooled=pooled)


def _pooled(text: Conditioning) -> Tensor:
    assert text.pooled is not None  # where one prompt of a model has it, all have
    return text.pooled
