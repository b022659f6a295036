"""``python -m textseg`` is the ``textseg`` command."""

from __future__ import annotations

from textseg.cli import main

main()
