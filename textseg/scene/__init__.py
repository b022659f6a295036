"""A picture, read by a model once and then segmented and edited as often as wanted."""

from textseg.scene.core import Scene
from textseg.scene.opening import load
from textseg.scene.options import EditKeywords, Made, ModelLike, SegmentOptions
from textseg.scene.shortcuts import Creation, edit, generate_and_edit, segment

__all__ = [
    "Creation",
    "EditKeywords",
    "Made",
    "ModelLike",
    "Scene",
    "SegmentOptions",
    "edit",
    "generate_and_edit",
    "load",
    "segment",
]
