"""How a picture came about, as an XMP packet that goes into its file.

The property is ``Iptc4xmpExt:DigitalSourceType`` of the IPTC Photo Metadata Standard, its values
are terms of the IPTC NewsCodes vocabulary; packets are those of XMP (ISO 16684-1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args
from xml.sax.saxutils import escape

from textseg.errors import InvalidInputError
from textseg.version import __version__

SourceType = Literal[
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicallyEnhanced",
]

VOCABULARY: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

MAX_DESCRIPTION = 8000  # characters; at most 40,000 bytes: a segment of a JPEG file holds 64 KiB

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{rdf}">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:Iptc4xmpExt="{iptc}">
   <xmp:CreatorTool>textseg {version}</xmp:CreatorTool>
   <Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>{description}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

_DESCRIPTION = """
   <dc:description>
    <rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt>
   </dc:description>"""


@dataclass(frozen=True)
class Label:
    """What a file says about a picture that was made or changed here.

    Attributes:
        source_type: the IPTC term: a trained model made all of it (``GENERATED``), or a part of a
            picture that was there before (``EDITED``); or no model did, and the picture was changed
            by arithmetic (``ENHANCED``).
        description: text for ``dc:description``, up to 8000 characters; None writes none. Prompts
            are in the file only if they are put here.

    Raises:
        InvalidInputError: an unknown term, or a description that is too long or not text.
    """

    source_type: SourceType
    description: str | None = None

    def __post_init__(self) -> None:
        """Check both."""
        known = get_args(SourceType)
        if self.source_type not in known:
            raise InvalidInputError(
                f"unknown source type {self.source_type!r}; known: {', '.join(known)}"
            )
        if self.description is not None:
            _check_description(self.description)

    @property
    def uri(self) -> str:
        """The term's address in the IPTC vocabulary, which is what files hold."""
        return VOCABULARY + self.source_type

    def packet(self) -> bytes:
        """Return the XMP packet: source type, this package as creator tool, the description."""
        text = self.description
        return _PACKET.format(
            rdf=RDF,
            iptc=IPTC,
            version=__version__,
            uri=self.uri,
            description="" if text is None else _DESCRIPTION.format(text=escape(text)),
        ).encode()


GENERATED: Final = Label("trainedAlgorithmicMedia")
EDITED: Final = Label("compositeWithTrainedAlgorithmicMedia")
ENHANCED: Final = Label("algorithmicallyEnhanced")


def _check_description(text: str) -> None:
    if len(text) > MAX_DESCRIPTION:
        raise InvalidInputError(
            f"a description has at most {MAX_DESCRIPTION} characters, this one {len(text)}"
        )
    strange = _NOT_XML.search(text)
    if strange:
        raise InvalidInputError(
            f"a description is text, this one has {strange[0]!r} at position {strange.start()}"
        )
