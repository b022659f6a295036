"""A folder of pictures and masks under short handles: nothing is overwritten, nothing is lost.

It knows no model and no operation, only pictures, bytes and records of how they came about. What an
assistant may name beside handles is decided by whoever opens it (``roots``).

    workspace = Workspace.open("results", roots=["photos"])
    photo = workspace.resolve("house.png")             # kept under a handle from now on
    workspace.picture(photo), workspace.bytes_of(photo)
    workspace.keep([Draft(...)], head=...)             # all of it, or nothing
    workspace.undo(), workspace.redo(), workspace.choose(photo.handle)   # say which is the latest
"""

from __future__ import annotations

from textseg.workspace.core import LATEST, Undone, Workspace
from textseg.workspace.names import is_tidy, near_names
from textseg.workspace.records import PICTURE, Draft, FileFacts, Kind, LatestChange, Record, name_of
from textseg.workspace.rooted import Rooted
from textseg.workspace.roots import FileLimits

__all__ = [
    "LATEST",
    "PICTURE",
    "Draft",
    "FileFacts",
    "FileLimits",
    "Kind",
    "LatestChange",
    "Record",
    "Rooted",
    "Undone",
    "Workspace",
    "is_tidy",
    "name_of",
    "near_names",
]
