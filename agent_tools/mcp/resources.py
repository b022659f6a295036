"""Pictures and masks of the workspace as resources: ``textseg://image/{handle}{?max}``."""

from __future__ import annotations

import base64
import reprlib

from mcp import UriTemplate
from mcp_types import (
    BlobResourceContents,
    Completion,
    ReadResourceResult,
    Resource,
    ResourceLink,
    ResourceTemplate,
)

from textseg.errors import InvalidInputError, UnknownHandleError
from textseg.toolbox import ImageFacts, ListArguments, Toolbox
from textseg.workspace import name_of, near_names

PNG = "image/png"
MOST_LISTED = 50
MOST_COMPLETED = 100  # by the protocol
MOST_SEARCHED = 1000
SIDES = ("512", "1024", "2048")
TAKEN = 1024  # pixels of the longer side, which clients take

_ADDRESSES = UriTemplate.parse("textseg://image/{handle}{?max}")
_MADE = ("edit", "generate", "retouch", "arrange")


def address(handle: str) -> str:
    """Return the address of a picture or mask at its full size."""
    return _ADDRESSES.expand({"handle": handle})


def link(toolbox: Toolbox, handle: str) -> ResourceLink:
    """Return a link to a picture or mask, in a size that clients take: large ones scaled down."""
    record = toolbox.workspace.record(handle)
    uri = address(handle)
    if max(record.width, record.height) > TAKEN:
        uri = _ADDRESSES.expand({"handle": handle, "max": str(TAKEN)})
    size = f"{record.width} x {record.height} pixels at its full size"
    return ResourceLink(uri=uri, name=handle, description=size, mime_type=PNG)


def template() -> ResourceTemplate:
    """Return what the addresses look like."""
    return ResourceTemplate(
        uri_template=str(_ADDRESSES),
        name="image",
        title="Picture or mask",
        description="A picture (img_...) or a mask (mask_..., white = inside) at its full size, or "
        "with max scaled down to so many pixels on its longer side.",
        mime_type=PNG,
    )


def made_images(toolbox: Toolbox) -> list[Resource]:
    """Return the newest pictures that were made here, newest first. Blocks."""
    listed = toolbox.list_images(ListArguments(limit=MOST_LISTED))
    return [_resource(facts) for facts in listed.images if facts.made_by in _MADE]


def read_image(toolbox: Toolbox, uri: str) -> ReadResourceResult:
    """Return a picture or mask as PNG. Blocks.

    It is written anew from the pixels, so that nothing of the metadata of an imported file is in
    it but the label that says how it came about.

    Raises:
        UnknownHandleError: there is nothing at this address.
        InvalidInputError: ``max`` is no number of pixels.
    """
    asked = _ADDRESSES.match(uri)
    if asked is None:
        raise UnknownHandleError(
            "there is nothing at this address", hint="read what is listed, or go by the template"
        )
    content = toolbox.shelf.png(str(asked["handle"]), longest=_longest(asked.get("max")))
    blob = base64.b64encode(content).decode()
    return ReadResourceResult(contents=[BlobResourceContents(uri=uri, blob=blob, mime_type=PNG)])


def complete(toolbox: Toolbox, argument: str, typed: str) -> Completion:
    """Return what an argument of an address may be, that begins as it was typed. Blocks.

    Pictures are also found by the names of the files that they came from.
    """
    if argument == "max":
        return _completion([side for side in SIDES if side.startswith(typed)])
    if argument != "handle":
        return _completion([])
    records = toolbox.workspace.list(limit=MOST_SEARCHED, kind=None)
    by_name = set(near_names(typed, filter(None, map(name_of, records))))
    return _completion(
        [
            record.handle
            for record in records
            if record.handle.startswith(typed) or name_of(record) in by_name
        ]
    )


def _completion(values: list[str]) -> Completion:
    most = values[:MOST_COMPLETED]
    return Completion(values=most, total=len(values), has_more=len(values) > len(most))


def _longest(given: object) -> int | None:
    """Return the most pixels of the longer side that are asked for; None for all."""
    if given is None:
        return None
    text = str(given)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise InvalidInputError(
            f"max is a whole number of pixels, 1 or more, got {reprlib.repr(text)}",
            hint="e.g. max=1024; leave it out for the full size",
        )
    return int(text)


def _resource(facts: ImageFacts) -> Resource:
    return Resource(
        uri=address(facts.handle),
        name=facts.handle,
        title=facts.what or None,
        description=f"{facts.width} x {facts.height} pixels, {facts.made_by}, {facts.created}",
        mime_type=PNG,
    )
