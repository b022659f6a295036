"""Labels on what a model made or changed, and who vouches for them.

A label says how a picture came about, in words that search engines and archives read (``labels``,
``reading``). It is a statement that anybody can remove; a signature (``credentials``) additionally
shows whether file and statement were changed since. What the picture said about itself before
(``metadata``) goes along only when somebody asks for it.
"""

from __future__ import annotations

from textseg.provenance.credentials import Credentials, sign
from textseg.provenance.labels import EDITED, ENHANCED, GENERATED, Label, SourceType
from textseg.provenance.metadata import source_metadata
from textseg.provenance.reading import credentials_in, label_in, read_credentials, read_label

__all__ = [
    "EDITED",
    "ENHANCED",
    "GENERATED",
    "Credentials",
    "Label",
    "SourceType",
    "credentials_in",
    "label_in",
    "read_credentials",
    "read_label",
    "sign",
    "source_metadata",
]
