"""How much a workspace may hold: what can be had again makes room for what is new.

Only masks go that a search found or a plan showed, and that nothing else in the workspace mentions:
what found them finds them again, bit for bit. Pictures stay, and so do masks that a person painted,
corrected or gave a name.
"""

from __future__ import annotations

from typing import Final

from textseg.workspace.index import Rows

RENEWABLE: Final = ("segment", "plan")


def make_room(rows: Rows, most: int, *, spare: str) -> None:
    """Take old masks out of the index until all that is left has ``most`` bytes, or none is left.

    What was kept in one call goes together.

    Args:
        rows: of the index.
        most: bytes of all files.
        spare: when the newest were made, which stay.
    """
    over = rows.bytes() - most
    while over > 0:
        oldest = rows.oldest_unmentioned(RENEWABLE, before=spare)
        if not oldest:
            return
        for record in oldest:
            rows.remove(record.handle)
            over -= sum(file.bytes for file in record.files.values())
