"""What is kept of every picture and mask, and the handles they go by."""

from __future__ import annotations

import hashlib
import math
import platform
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import PydanticSerializationError

from textseg.errors import InvalidInputError, problem_words
from textseg.version import __version__

Kind = Literal["image", "mask"]

PICTURE: Final = "picture"
"""The part that every item has."""

JSON: Final = "json"

# What the record of an import says: the picture came from a file, or from memory.
IMPORT: Final = "import"
SOURCE: Final = "source"
NAME: Final = "name"
FILE: Final = "file"
MEMORY: Final = "memory"

PREFIXES: Final[Mapping[Kind, str]] = {"image": "img", "mask": "mask"}
AN: Final[Mapping[Kind, str]] = {"image": "an image", "mask": "a mask"}

# Crockford's base 32 in lower case: no i, l, o (read as 1, 1, 0), and no u.
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS = 5  # of a character

MIN_BITS: Final = 50
MAX_BITS: Final = 250

_HANDLE = rf"(?:img|mask)_[{ALPHABET}]{{{MIN_BITS // _BITS},{MAX_BITS // _BITS}}}"
_PART, _SUFFIX = "[a-z]{1,16}", "[a-z0-9]{1,8}"
FILE_NAME: Final = rf"{_HANDLE}(?:\.{_PART})?\.{_SUFFIX}"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FileFacts(_Facts):
    """One file of an item."""

    name: Annotated[str, Field(pattern=rf"^{FILE_NAME}$", description="in the folder of items")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="of its content")]
    bytes: Annotated[int, Field(ge=0, description="how many it has")]


class Record(_Facts):
    """How a picture or mask came about, and where its content is."""

    handle: Annotated[str, Field(pattern=f"^{_HANDLE}$")]
    kind: Kind
    parent: Annotated[
        str | None, Field(description="image it was made from, or that the mask belongs to")
    ]
    root: Annotated[str, Field(description="first image of the line; itself where it is the first")]
    operation: Annotated[str, Field(min_length=1, description='"import", "segment", "edit" ...')]
    arguments: Annotated[dict[str, JsonValue], Field(description="of the operation")]
    result: Annotated[dict[str, JsonValue], Field(description="facts that the operation found")]
    seed: int | None
    model: str | None
    versions: Annotated[dict[str, str], Field(description="of the programs that made it")]
    width: Annotated[int, Field(ge=1, description="pixels, upright")]
    height: Annotated[int, Field(ge=1, description="pixels, upright")]
    files: Annotated[dict[str, FileFacts], Field(description="by part")]
    created: Annotated[str, Field(description="when, in UTC, ISO 8601")]


class LatestChange(_Facts):
    """One change of which image is the latest."""

    handle: Annotated[str, Field(description="the image that became the latest")]
    operation: Annotated[str, Field(description='what made it so; "undo" and "choose" are two')]
    created: Annotated[str, Field(description="when, in UTC, ISO 8601")]


class Sidecar(_Facts):
    """The JSON file that lies beside an item: enough to understand it, and to find it again."""

    format: Literal[1] = 1
    record: Record
    position: Annotated[int, Field(ge=1, description="counts the items of the workspace")]
    together: Annotated[list[str], Field(description="what was kept in the same call, itself too")]
    head: Annotated[str | None, Field(description="image that the call made the latest")]


@dataclass(frozen=True)
class Draft:
    """Something to keep.

    Attributes:
        handle: from ``Workspace.new_handle``, so that drafts of one call can name each other.
        kind: of the handle.
        operation: what made it.
        size: height and width in pixels.
        parts: suffix (without the dot) and content by name; "picture" is one of them. Names are of
            small letters, up to 16.
        parent: handle of the image it was made from, or that the mask belongs to: in the workspace
            already, or of an earlier draft of the call.
        arguments: of the operation, as JSON.
        result: facts that it found, as JSON.
        seed: of its noise.
        model: name of the model that made it.
        versions: of programs that had a part in it, besides this one.
    """

    handle: str
    kind: Kind
    operation: str
    size: tuple[int, int]
    parts: Mapping[str, tuple[str, bytes]]
    parent: str | None = None
    arguments: Mapping[str, JsonValue] = field(default_factory=dict)
    result: Mapping[str, JsonValue] = field(default_factory=dict)
    seed: int | None = None
    model: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what file names are made of."""
        if kind_of(self.handle) != self.kind:
            raise InvalidInputError(f"{self.handle!r} is not a handle for {AN[self.kind]}")
        if PICTURE not in self.parts:
            raise InvalidInputError(f"{self.handle}: an item has a part {PICTURE!r}")
        for part, (suffix, _) in self.parts.items():
            if not (re.fullmatch(_PART, part) and re.fullmatch(_SUFFIX, suffix)) or suffix == JSON:
                raise InvalidInputError(
                    f"{self.handle}: a part cannot be called {part!r} with the suffix {suffix!r}",
                    hint='small letters, such as "arrays" and "npz"; the suffix json is taken',
                )

    def files(self) -> Iterator[tuple[str, FileFacts, bytes]]:
        """Return each part: its name, the facts of its file, its content."""
        for part, (suffix, content) in self.parts.items():
            name = (
                f"{self.handle}.{suffix}" if part == PICTURE else f"{self.handle}.{part}.{suffix}"
            )
            yield part, FileFacts(name=name, sha256=digest(content), bytes=len(content)), content


def record_of(draft: Draft, *, root: str, created: str) -> Record:
    """Return the record of a draft.

    Raises:
        InvalidInputError: arguments, result or size are not what a record holds.
    """
    height, width = draft.size
    try:
        record = Record(
            handle=draft.handle,
            kind=draft.kind,
            parent=draft.parent,
            root=root,
            operation=draft.operation,
            arguments=dict(draft.arguments),
            result=dict(draft.result),
            seed=draft.seed,
            model=draft.model,
            versions={
                "textseg": __version__,
                "python": platform.python_version(),
                **draft.versions,
            },
            width=width,
            height=height,
            files={part: facts for part, facts, _ in draft.files()},
            created=created,
        )
        record.model_dump_json()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise InvalidInputError(
            f"{draft.handle} cannot be kept: {where}: {problem_words(first)}"
        ) from None
    except PydanticSerializationError:  # half of a surrogate pair
        raise InvalidInputError(f"{draft.handle} cannot be kept: it holds broken text") from None
    return record


def new_handle(kind: Kind, bits: int) -> str:
    """Return a handle nobody can guess: the kind and at least so many random bits."""
    return f"{PREFIXES[kind]}_" + "".join(
        secrets.choice(ALPHABET) for _ in range(math.ceil(bits / _BITS))
    )


def kind_of(handle: str) -> Kind | None:
    """Return the kind that a handle says it has; None for what is not a handle at all."""
    if not re.fullmatch(_HANDLE, handle):
        return None
    prefix = handle.partition("_")[0]
    return next(kind for kind, known in PREFIXES.items() if known == prefix)


def is_file_import(record: Record) -> bool:
    """Return whether an item is the content of a picture file, as it came in."""
    return (
        record.kind == "image"
        and record.operation == IMPORT
        and record.arguments.get(SOURCE) == FILE
    )


def name_of(record: Record) -> str:
    """Return what people call an import, short and plain; "" where that is not known."""
    return str(record.arguments.get(NAME, "")) if record.operation == IMPORT else ""


def sidecar_name(handle: str) -> str:
    """Return the name of the JSON file beside an item."""
    return f"{handle}.{JSON}"


def handle_in(file_name: str) -> str | None:
    """Return the handle of the item that a file belongs to; None for files that are not ours."""
    return file_name.partition(".")[0] if re.fullmatch(FILE_NAME, file_name) else None


def digest(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
