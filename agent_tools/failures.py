"""Errors as assistants may see them: a code, what is wrong, what to do; never a path."""

from __future__ import annotations

import logging
import re
import secrets

from pydantic import ValidationError

from textseg.errors import (
    InvalidInputError,
    MissingExtraError,
    ModelError,
    OutOfMemoryError,
    TextsegError,
    problem_words,
)
from textseg.toolbox import ErrorFacts, error_facts

log = logging.getLogger("agent_tools")

_PATH = re.compile(r"(?<![\w.])(?:file:)?(?:~|[A-Za-z]:)?[/\\][^\s'\",;]*")
_ABOUT_MODEL = {
    ModelError: "the model cannot be loaded or used",
    MissingExtraError: "something that this needs is not installed",
}


def failure(error: BaseException) -> ErrorFacts:
    """Return what an assistant is told of an error; the whole of it goes to the log.

    Our own errors are told as they are, but for paths. Those about the model name files of the
    person who set it up, so they are told in general; anything unexpected is told as ``internal``.
    Both give a reference that is in the log too.
    """
    if isinstance(error, ValidationError):
        return _wrong_arguments(error)
    if isinstance(error, OutOfMemoryError):
        return ErrorFacts(
            code=error.code,
            message="the picture is too large for the memory of this machine",
            hint="use a smaller picture",
        )
    for kind, message in _ABOUT_MODEL.items():
        if isinstance(error, kind):
            return _referred(error, error.code, message)
    if isinstance(error, TextsegError):
        facts = error_facts(error)
        return facts.model_copy(
            update={"message": without_paths(facts.message), "hint": without_paths(facts.hint)}
        )
    return _referred(error, "internal", "the tool failed")


def without_paths(text: str) -> str:
    """Return the text with everything that looks like an absolute path taken out."""
    return _PATH.sub("…", text)


def _wrong_arguments(error: ValidationError) -> ErrorFacts:
    """Return what is wrong with the arguments, without repeating them."""
    told = [
        f"{'.'.join(str(part) for part in each['loc']) or 'arguments'}: {problem_words(each)}"
        for each in error.errors(include_url=False, include_input=False)
    ]
    return ErrorFacts(
        code=InvalidInputError.code, message=without_paths("; ".join(told[:5])), hint=""
    )


def _referred(error: BaseException, code: str, message: str) -> ErrorFacts:
    reference = secrets.token_hex(4)
    log.error("%s (reference %s)", message, reference, exc_info=error)
    return ErrorFacts(
        code=code, message=message, hint=f"tell the person to look for {reference} in the log"
    )
