"""The errors this package raises on purpose.

Each one says what is wrong, what was received and what to do, in one line that a person or an
assistant can act on. The tree, with the machine-readable ``code`` of each::

    TextsegError            error
    ├── InvalidInputError   invalid_input       (also a ValueError)
    │   ├── ImageError      invalid_image
    │   ├── QueryError      invalid_query
    │   ├── UnknownNameError  unknown_name
    │   ├── UnknownHandleError  unknown_handle
    │   └── OutsideWorkspaceError  outside_workspace
    ├── ModelError          model_unavailable
    │   ├── UnsupportedError  unsupported
    │   └── PrecisionError  precision
    ├── MissingExtraError   missing_extra       (also an ImportError)
    ├── OutOfMemoryError    out_of_memory       (also a MemoryError)
    ├── NotFoundError       not_found           (has a presence)
    ├── OutputExistsError   output_exists       (also a FileExistsError)
    ├── WorkspaceError      workspace
    ├── NothingToUndoError  nothing_to_undo
    ├── BusyError           busy
    ├── TimeLimitError      time_limit
    └── Cancelled           cancelled
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self


class TextsegError(Exception):
    """Anything this package refuses to do, with the reason.

    ``str(error)`` is the whole message on one line, the hint included. ``hint`` alone is what to do
    about it ("" when there is nothing to advise); ``code`` is stable and meant for programs.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message and the hint; both are folded to one line, of text only."""
        self.message = _one_line(message)
        self.hint = _one_line(hint)
        super().__init__(self.message, self.hint)

    def __str__(self) -> str:
        """Return the message, followed by the hint if there is one."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from message and hint, so that errors cross process borders."""
        return _rebuild, (type(self), self.message, self.hint)


class InvalidInputError(TextsegError, ValueError):
    """An argument that cannot be used: out of range, wrong shape, contradictory."""

    code = "invalid_input"


class ImageError(InvalidInputError):
    """A picture that cannot be read, or is too large or empty."""

    code = "invalid_image"


class QueryError(InvalidInputError):
    """A query text that cannot be asked."""

    code = "invalid_query"


class UnknownNameError(InvalidInputError):
    """A name that is not registered."""

    code = "unknown_name"

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> Self:
        """Build the error for an unknown ``name`` of some ``kind``, listing the ``known`` ones."""
        return cls(f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}", hint=hint)


class UnknownHandleError(InvalidInputError):
    """A handle, or the name of a file, that stands for nothing in the workspace."""

    code = "unknown_handle"


class OutsideWorkspaceError(InvalidInputError):
    """The name of a file that is not, or may not be, below a folder that was opened."""

    code = "outside_workspace"


class ModelError(TextsegError):
    """A model that cannot be loaded or run: files missing or broken, hub not reachable."""

    code = "model_unavailable"


class UnsupportedError(ModelError):
    """A model or a request that is well-formed but beyond what this package can do."""

    code = "unsupported"


class PrecisionError(ModelError):
    """Values that half precision could not hold; in float32 the same call may well work."""

    code = "precision"


class MissingExtraError(TextsegError, ImportError):
    """An optional dependency that is not installed; the message has the exact install command."""

    code = "missing_extra"


@contextmanager
def needing_extra(what: str, extra: str) -> Iterator[None]:
    """Turn an import that fails into ``MissingExtraError``: ``what`` needs an ``extra`` of ours."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(what, hint=f"pip install 'textseg[{extra}]'") from error


class NotFoundError(TextsegError):
    """What was to be changed is not in the picture; nothing was changed.

    ``presence`` is the probability that it is there after all; ``None`` where nothing can be said
    about that.
    """

    code = "not_found"

    def __init__(self, message: str, *, hint: str = "", presence: float | None = 0.0) -> None:
        """Keep the probability beside the message."""
        super().__init__(message, hint=hint)
        self.presence = presence

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild with the probability, so that it crosses process borders too."""
        return _rebuild_not_found, (self.message, self.hint, self.presence)


class OutOfMemoryError(TextsegError, MemoryError):
    """The device ran out of memory; a smaller batch size usually helps."""

    code = "out_of_memory"


class OutputExistsError(TextsegError, FileExistsError):
    """A file that would be overwritten."""

    code = "output_exists"


class WorkspaceError(TextsegError):
    """A workspace that cannot be read or written: disk full, file damaged or gone."""

    code = "workspace"


class NothingToUndoError(TextsegError):
    """The latest picture was not made from another one."""

    code = "nothing_to_undo"


class BusyError(TextsegError):
    """Too much other work is waiting for the model already; later the same call may well work."""

    code = "busy"


class TimeLimitError(TextsegError):
    """Work that took longer than is allowed, before any of it was finished."""

    code = "time_limit"


class Cancelled(TextsegError):
    """The caller asked to stop."""

    code = "cancelled"


def printable(text: str) -> str:
    """Return a text that may hold the name of a file, with U+FFFD for what is no text in it.

    A file can be called by any bytes; Python reads those that are no UTF-8 as halves of characters,
    which can be neither printed nor put into JSON.
    """
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def problem_words(problem: Mapping[str, Any]) -> str:  # Any: as pydantic has it
    """Return what is wrong with a value, in our words: "must be at least 1".

    Args:
        problem: one of ``ValidationError.errors()``; kinds that are not known here are told as they
            are.
    """
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind not in _PROBLEMS:
        return str(problem["msg"])
    told = {
        name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in limits.items()
    }
    return _PROBLEMS[kind].format(**told)


_PROBLEMS = {
    "value_error": "{error}",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must be names with values",
}


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _rebuild(kind: type[TextsegError], message: str, hint: str) -> TextsegError:
    return kind(message, hint=hint)


def _rebuild_not_found(message: str, hint: str, presence: float | None) -> NotFoundError:
    return NotFoundError(message, hint=hint, presence=presence)
