"""What tokenizers make of prompts: which word a token belongs to, and what did not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textseg.diffusion.vocabulary import word_at
from textseg.errors import InvalidInputError

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

SHOWN_CHARACTERS = 60  # of what a tokenizer cut off, in the note about it


def checked_prompts(prompts: Sequence[str]) -> list[str]:
    """Return the prompts; raises ``InvalidInputError`` unless it is a list of texts."""
    if isinstance(prompts, str) or not prompts or not all(isinstance(p, str) for p in prompts):
        raise InvalidInputError(f"prompts must be a list of at least one text, got {prompts!r:.60}")
    return list(prompts)


def tokens_of(tokenizer: PreTrainedTokenizerBase, prompt: str) -> BatchEncoding:
    """Return all tokens of a prompt, however many, with its begin and end."""
    tokens: BatchEncoding = tokenizer(prompt, truncation=False, verbose=False)
    return tokens


def words_of(prompt: str, tokens: BatchEncoding, length: int) -> tuple[int | None, ...]:
    """Return which word each of ``length`` tokens belongs to; () where nobody can tell.

    What does not fit is cut before the last token, which ends the text.
    """
    if not tokens.is_fast:
        return ()
    spans = [tokens.token_to_chars(k) for k in range(len(tokens.input_ids))]
    found = [None if span is None else word_at(prompt, *span) for span in spans]
    if len(found) > length:
        found = [*found[: length - 1], found[-1]]
    return (*found, *(None,) * (length - len(found)))


def cut_off(tokenizer: PreTrainedTokenizerBase, row: list[int], length: int) -> str:
    """Return the text of the tokens that do not fit into ``length``, shortened; "" if all do."""
    if len(row) <= length:
        return ""
    lost = str(tokenizer.decode(row[length - 1 : -1], skip_special_tokens=True)).strip()
    return lost if len(lost) <= SHOWN_CHARACTERS else f"{lost[:SHOWN_CHARACTERS]}..."


def cut_note(lost: str, length: int) -> str:
    """Return the remark on a text that was cut off after ``length`` tokens."""
    return f"truncated after {length} tokens: {lost!r} was not read"
