"""Prompts inside the template that a pipeline puts around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textseg.backends.pipelines import PromptReading
from textseg.backends.tokens import describe_cut, shorten, tokenize
from textseg.diffusion.vocabulary import word_at

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def read_templated(
    prompt: str,
    tokenizer: PreTrainedTokenizerBase,
    template: Callable[[str], str],
    *,
    skip: int = 0,
    tokens: int,
) -> PromptReading:
    """Return which words the tokens of a prompt are, and what was cut off at the end.

    Args:
        prompt: without its template.
        tokenizer: of the pipeline.
        template: puts it around a prompt.
        skip: tokens of the template's beginning that the pipeline drops.
        tokens: how many are left, with padding.
    """
    ahead, text = _beginning(template), template(prompt)
    begin = tokenizer.bos_token  # a template that writes it is read without another one
    own = bool(begin) and text.startswith(begin)
    found = tokenize(tokenizer, text, special=not own)
    if not found.is_fast:
        return PromptReading((), ())
    spans = [found.token_to_chars(k) for k in range(skip, len(found.input_ids))]
    end = len(prompt)
    read = [(span.start - ahead, span.end - ahead) if span else (end, end) for span in spans]
    words = [word_at(prompt, *span) for span in read[:tokens]]
    lost = prompt[max(0, read[tokens][0]) :] if len(read) > tokens else ""
    notes = (describe_cut(shorten(lost), tokens),) if lost else ()
    padding = (None,) * (tokens - len(words))
    left = tokenizer.padding_side == "left"
    return PromptReading((*padding, *words) if left else (*words, *padding), notes)


def _beginning(template: Callable[[str], str]) -> int:
    """Return how many characters stand before the prompt: those that no prompt changes."""
    pairs = zip(template("a"), template("b"), strict=True)
    return next(k for k, (one, other) in enumerate(pairs) if one != other)
