"""Prompts through the one or two CLIP text encoders of a Stable Diffusion model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from textseg.backends.evaluation import evaluating
from textseg.backends.loading import explained_memory
from textseg.backends.unet_parts import Parts
from textseg.diffusion.model import Conditioning
from textseg.diffusion.vocabulary import unknown_note, unknown_words, word_at
from textseg.errors import InvalidInputError

if TYPE_CHECKING:
    from transformers import BatchEncoding, CLIPTokenizer

SHOWN_CHARACTERS = 60  # of what a tokenizer cut off, in the note about it


def embed(
    parts: Parts, prompts: Sequence[str], *, known_words: frozenset[str] | None
) -> Conditioning:
    """Return the conditioning of the prompts, padded to the length of the text encoder, in float32.

    One encoder gives its last hidden states, two give their last but one side by side and the
    pooled vector of the second. The notes say which words are not among ``known_words``, and what
    the tokenizer cut off; ``None`` is an open vocabulary.
    """
    if isinstance(prompts, str) or not prompts or not all(isinstance(p, str) for p in prompts):
        raise InvalidInputError(f"prompts must be a list of at least one text, got {prompts!r:.60}")
    known = known_words or frozenset()
    unknown = [() if known_words is None else unknown_words(prompt, known) for prompt in prompts]
    notes = [[unknown_note(words, known)] if words else [] for words in unknown]
    states, pooled, words = [], None, []
    for tokenizer, encoder in zip(parts.tokenizers, parts.text_encoders, strict=True):
        length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        read = [tokenizer(p, truncation=False, verbose=False) for p in prompts]
        rows = [tokens.input_ids for tokens in read]
        notes = [
            [*earlier, *(note for note in _cut_off(tokenizer, row, length) if note not in earlier)]
            for earlier, row in zip(notes, rows, strict=True)
        ]
        ids = torch.tensor([_fit(tokenizer, row, length) for row in rows], device=parts.device)
        words.append([_words(p, tokens, length) for p, tokens in zip(prompts, read, strict=True)])
        two = len(parts.text_encoders) == 2
        with evaluating(encoder), explained_memory():
            output = encoder(ids, output_hidden_states=two)
        states.append((output.hidden_states[-2] if two else output.last_hidden_state).float())
        pooled = output.text_embeds.float() if "text_embeds" in output else None
    embeddings = torch.cat(states, dim=-1)  # (n, tokens, dim)
    if parts.empty_is_zero and pooled is not None:
        told = torch.tensor([float(prompt != "") for prompt in prompts], device=parts.device)
        embeddings, pooled = embeddings * told[:, None, None], pooled * told[:, None]
    return Conditioning(
        prompts=tuple(prompts),
        embeddings=embeddings,
        pooled=pooled,
        notes=tuple(tuple(note) for note in notes),
        unknown=tuple(unknown),
        words=tuple(words[0]) if all(each == words[0] for each in words) else (),
    )


def _words(prompt: str, tokens: BatchEncoding, length: int) -> tuple[int | None, ...]:
    """Return which word each of ``length`` tokens belongs to; () where nobody can tell."""
    if not tokens.is_fast:
        return ()
    spans = [tokens.token_to_chars(k) for k in range(len(tokens.input_ids))]
    found = [None if span is None else word_at(prompt, *span) for span in spans]
    if len(found) > length:
        found = [*found[: length - 1], found[-1]]
    return (*found, *(None,) * (length - len(found)))


def _fit(tokenizer: CLIPTokenizer, row: list[int], length: int) -> list[int]:
    """Return the tokens padded or cut to ``length``; a cut row keeps its end-of-text token."""
    if len(row) > length:
        return [*row[: length - 1], row[-1]]
    return row + [tokenizer.pad_token_id] * (length - len(row))


def _cut_off(tokenizer: CLIPTokenizer, row: list[int], length: int) -> list[str]:
    if len(row) <= length:
        return []
    lost = str(tokenizer.decode(row[length - 1 : -1], skip_special_tokens=True)).strip()
    shown = lost if len(lost) <= SHOWN_CHARACTERS else f"{lost[:SHOWN_CHARACTERS]}..."
    return [f"truncated after {length} tokens: {shown!r} was not read"]
