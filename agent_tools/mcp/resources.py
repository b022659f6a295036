"""Pictures and masks of the workspace as resources: ``textseg://image/{handle}``."""

from __future__ import annotations

import base64

from mcp_types import BlobResourceContents, ReadResourceResult, Resource, ResourceTemplate

from textseg.errors import UnknownHandleError
from textseg.toolbox import ImageFacts, ListArguments, Toolbox

PNG = "image/png"
MOST_LISTED = 50

_PREFIX = "textseg://image/"
_MADE = ("edit", "generate")


def address(handle: str) -> str:
    """Return the address of a picture or mask."""
    return f"{_PREFIX}{handle}"


def template() -> ResourceTemplate:
    """Return what the addresses look like."""
    return ResourceTemplate(
        uri_template=address("{handle}"),
        name="image",
        title="Picture or mask",
        description="A picture (img_...) or a mask (mask_..., white = inside) at its full size.",
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
    """
    if not uri.startswith(_PREFIX):
        raise UnknownHandleError(
            "there is nothing at this address", hint="read what is listed, or go by the template"
        )
    blob = base64.b64encode(toolbox.shelf.png(uri.removeprefix(_PREFIX))).decode()
    return ReadResourceResult(contents=[BlobResourceContents(uri=uri, blob=blob, mime_type=PNG)])


def _resource(facts: ImageFacts) -> Resource:
    return Resource(
        uri=address(facts.handle),
        name=facts.handle,
        title=facts.what or None,
        description=f"{facts.width} x {facts.height} pixels, {facts.made_by}, {facts.created}",
        mime_type=PNG,
    )
