"""How the presence statistics of a model are to be read, where its folder tells."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from textseg.backends.loading import explained_loading

CALIBRATION_FILE = "presence_calibration.json"


def calibration_in(source: str | os.PathLike[str]) -> Mapping[str, object] | None:
    """Return what the ``CALIBRATION_FILE`` of a local folder tells; None without one.

    ``textseg.segmentation.presence`` makes it. Raises ``ModelError``.
    """
    path = Path(source) / CALIBRATION_FILE
    if not path.is_file():
        return None
    with explained_loading(str(path.parent)):
        found: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found
