"""What tokenizers make of prompts: which word a token belongs to, and what did not fit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from textseg.diffusion.vocabulary import in_singular, unknown_note, unknown_words, word_at
from textseg.errors import InvalidInputError

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

SHOWN_CHARACTERS = 60  # of what a tokenizer cut off, in the note about it
PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")  # old and new name of one class
_QUIET = threading.RLock()


def check_prompts(prompts: Sequence[str]) -> list[str]:
    """Return the prompts; raises ``InvalidInputError`` unless it is a list of texts."""
    if isinstance(prompts, str) or not prompts or not all(isinstance(p, str) for p in prompts):
        raise InvalidInputError(f"prompts must be a list of at least one text, got {prompts!r:.60}")
    return list(prompts)


def read_in_singular(
    prompts: Sequence[str], known: frozenset[str] | None
) -> tuple[list[str], list[list[str]]]:
    """Return the prompts as a model of a closed vocabulary reads them, and remarks on that."""
    if known is None:
        return list(prompts), [[] for _ in prompts]
    read = [in_singular(prompt, known) for prompt in prompts]
    pairs = zip(prompts, read, strict=True)
    return read, [[f"read as {now!r}"] if now != prompt else [] for prompt, now in pairs]


def find_unknown(
    prompts: Sequence[str], known: frozenset[str] | None
) -> tuple[tuple[str, ...], ...]:
    """Return the unknown words of each prompt; none where the vocabulary is open (``None``)."""
    return tuple(() if known is None else unknown_words(prompt, known) for prompt in prompts)


def describe_unknown(
    unknown: Sequence[Sequence[str]], known: frozenset[str] | None
) -> list[list[str]]:
    """Return the remarks on the unknown words of each prompt."""
    return [[unknown_note(words, known or frozenset())] if words else [] for words in unknown]


def tokenize(
    tokenizer: PreTrainedTokenizerBase, prompt: str, *, special: bool = True
) -> BatchEncoding:
    """Return all tokens of a prompt, however many; ``special``: with its begin and end."""
    tokens: BatchEncoding = tokenizer(
        prompt, truncation=False, verbose=False, add_special_tokens=special
    )
    return tokens


def find_words(prompt: str, tokens: BatchEncoding, length: int) -> tuple[int | None, ...]:
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


def read_cut(tokenizer: PreTrainedTokenizerBase, row: list[int], length: int) -> str:
    """Return the text of the tokens that do not fit into ``length``, shortened; "" if all do."""
    if len(row) <= length:
        return ""
    return shorten(str(tokenizer.decode(row[length - 1 : -1], skip_special_tokens=True)).strip())


def shorten(lost: str) -> str:
    """Return the beginning of a text that was cut off, for the note about it."""
    return lost if len(lost) <= SHOWN_CHARACTERS else f"{lost[:SHOWN_CHARACTERS]}..."


def describe_cut(lost: str, length: int) -> str:
    """Return the remark on a text that was cut off after ``length`` tokens."""
    return f"truncated after {length} tokens: {lost!r} was not read"


@contextmanager
def keep_padding(tokenizers: Sequence[PreTrainedTokenizerBase]) -> Iterator[None]:
    """Put back the side on which tokenizers pad: some pipelines set it when they read a text."""
    found = [getattr(each, "tokenizer", each) for each in tokenizers]  # some are in a processor
    before = [tokenizer.padding_side for tokenizer in found]
    try:
        yield
    finally:
        for tokenizer, side in zip(found, before, strict=True):
            tokenizer.padding_side = side


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Keep pipelines from logging what was cut off, which the notes tell."""
    import diffusers.utils.logging
    import transformers.utils.logging

    libraries = diffusers.utils.logging, transformers.utils.logging
    with _QUIET:  # threads that overlap would put back what another one had set
        before = [library.get_verbosity() for library in libraries]
        for library in libraries:
            library.set_verbosity_error()
        try:
            yield
        finally:
            for library, verbosity in zip(libraries, before, strict=True):
                library.set_verbosity(verbosity)
