"""How a picture came about, as an XMP packet that goes into its file.

The property is ``Iptc4xmpExt:DigitalSourceType`` of the IPTC Photo Metadata Standard, its values
are terms of the IPTC NewsCodes vocabulary; packets are those of XMP (ISO 16684-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

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

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{rdf}">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="{iptc}">
   <xmp:CreatorTool>textseg {version}</xmp:CreatorTool>
   <Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True)
class Label:
    """What a file says about a picture that was made or changed here.

    Attributes:
        source_type: the IPTC term: a trained model made all of it (``GENERATED``), or a part of a
            picture that was there before (``EDITED``); or no model did, and the picture was changed
            by arithmetic (``ENHANCED``). No prompt and no other text is in it.

    Raises:
        InvalidInputError: an unknown term.
    """

    source_type: SourceType

    def __post_init__(self) -> None:
        """Check the term."""
        known = get_args(SourceType)
        if self.source_type not in known:
            raise InvalidInputError(
                f"unknown source type {self.source_type!r}; known: {', '.join(known)}"
            )

    @property
    def uri(self) -> str:
        """The term's address in the IPTC vocabulary, which is what files hold."""
        return VOCABULARY + self.source_type

    def packet(self) -> bytes:
        """Return the XMP packet: source type, and this package as creator tool."""
        return _PACKET.format(rdf=RDF, iptc=IPTC, version=__version__, uri=self.uri).encode()


GENERATED: Final = Label("trainedAlgorithmicMedia")
EDITED: Final = Label("compositeWithTrainedAlgorithmicMedia")
ENHANCED: Final = Label("algorithmicallyEnhanced")
