"""The widgets that draw in the browser, each a Python class of traits beside its own JavaScript."""

from __future__ import annotations

from textseg.panels.leaves.compare_view import CompareView
from textseg.panels.leaves.downloader import Download, Downloader
from textseg.panels.leaves.mask_view import MaskView
from textseg.panels.leaves.pictures import SENT_SIDE, picture_bytes, soft_bytes
from textseg.panels.leaves.prompt_canvas import PromptCanvas
from textseg.panels.leaves.uploader import Upload, Uploader

__all__ = [
    "SENT_SIDE",
    "CompareView",
    "Download",
    "Downloader",
    "MaskView",
    "PromptCanvas",
    "Upload",
    "Uploader",
    "picture_bytes",
    "soft_bytes",
]
