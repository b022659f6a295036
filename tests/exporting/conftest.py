from __future__ import annotations

from tests.exporting.samples import labels

__all__ = ["labels"]
