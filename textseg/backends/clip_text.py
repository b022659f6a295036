"""Prompts through the one or two CLIP text encoders of a Stable Diffusion model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from textseg.backends.evaluation import evaluating
from textseg.backends.loading import explained_memory
from textseg.backends.tokens import (
    check_prompts,
    describe_cut,
    describe_unknown,
    find_unknown,
    find_words,
    read_cut,
    read_in_singular,
    tokenize,
)
from textseg.backends.unet_parts import Parts
from textseg.diffusion.model import Conditioning

if TYPE_CHECKING:
    from transformers import BatchEncoding, CLIPTokenizer


def embed(
    parts: Parts, prompts: Sequence[str], *, known_words: frozenset[str] | None
) -> Conditioning:
    """Return the conditioning of the prompts, padded to the length of the text encoder, in float32.

    One encoder gives its last hidden states, two give their last but one side by side and the
    pooled vector of the second. The notes say which words are not among ``known_words``, and what
    the tokenizer cut off; ``None`` is an open vocabulary.
    """
    given = check_prompts(prompts)
    prompts, singular = read_in_singular(given, known_words)
    unknown = find_unknown(prompts, known_words)
    notes = describe_unknown(unknown, known_words)
    notes = [[*told, *also] for told, also in zip(notes, singular, strict=True)]
    states, pooled, words = [], None, []
    for tokenizer, encoder in zip(parts.tokenizers, parts.text_encoders, strict=True):
        length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        spelled = [_spell_out(tokenizer, prompt) for prompt in prompts]
        read = [tokenize(tokenizer, prompt) for prompt in spelled]
        rows = [tokens.input_ids for tokens in read]
        notes = [
            [*dict.fromkeys((*earlier, *_describe_cuts(tokenizer, row, length)))]
            for earlier, row in zip(notes, rows, strict=True)
        ]
        ids = torch.tensor([_fit(tokenizer, row, length) for row in rows], device=parts.device)
        words.append(
            [
                _find_words(tokenizer, prompt, tokens, length)
                for prompt, tokens in zip(prompts, read, strict=True)
            ]
        )
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
        prompts=tuple(given),
        embeddings=embeddings,
        pooled=pooled,
        notes=tuple(tuple(note) for note in notes),
        unknown=unknown,
        words=tuple(words[0]) if all(each == words[0] for each in words) else (),
    )


def _spell_out(tokenizer: CLIPTokenizer, prompt: str) -> str:
    """Return a prompt in which each token of a textual inversion stands for all of its vectors."""
    if not tokenizer.get_added_vocab():
        return prompt
    from diffusers.loaders import TextualInversionLoaderMixin

    spelled: str = TextualInversionLoaderMixin().maybe_convert_prompt(prompt, tokenizer)
    return spelled


def _find_words(
    tokenizer: CLIPTokenizer, prompt: str, tokens: BatchEncoding, length: int
) -> tuple[int | None, ...]:
    """Return which word of a prompt each token belongs to; all vectors of a token to its word."""
    spelled = _spell_out(tokenizer, prompt)
    found = find_words(spelled, tokens, length)
    if spelled == prompt:
        return found
    told = (_spell_out(tokenizer, word).split() for word in prompt.split())
    origin = [k for k, words in enumerate(told) for _ in words]
    if len(origin) != len(spelled.split()):
        return ()
    return tuple(None if word is None else origin[word] for word in found)


def _fit(tokenizer: CLIPTokenizer, row: list[int], length: int) -> list[int]:
    """Return the tokens padded or cut to ``length``; a cut row keeps its end-of-text token."""
    if len(row) > length:
        return [*row[: length - 1], row[-1]]
    return row + [tokenizer.pad_token_id] * (length - len(row))


def _describe_cuts(tokenizer: CLIPTokenizer, row: list[int], length: int) -> list[str]:
    lost = read_cut(tokenizer, row, length)
    return [describe_cut(lost, length)] if lost else []
