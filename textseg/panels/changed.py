"""A picture before and after a change that is no edit of a model, to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.toolbox import Toolbox

if TYPE_CHECKING:
    from textseg.images import Picture
    from textseg.workspace import Record


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """What was done to a picture.

    Attributes:
        before: the picture.
        after: the new one, of the same size.
        what: was done, in words.
        mask: where, (H, W) in [0, 1]; None where all of it was changed.
    """

    before: Picture
    after: Picture
    what: str
    mask: NDArray[np.float32] | None


def changed_by(toolbox: Toolbox, record: Record) -> BeforeAfter | None:
    """Return what was done to the picture that another was made from.

    It is None where the new one has another size, and where it was made from none, or by an edit,
    whose result says more.
    """
    if record.operation == "edit" or record.parent is None:
        return None
    shelf, parent = toolbox.shelf, toolbox.workspace.record(record.parent)
    if (parent.height, parent.width) != (record.height, record.width):
        return None
    where = record.result.get("region_mask")
    mask = shelf.mask(where).soft if isinstance(where, str) else None
    what = shelf.image_facts(record).what
    return BeforeAfter(shelf.picture(parent.handle), shelf.picture(record.handle), what, mask)
