"""The operations that people and programs share: typed, JSON-safe arguments in, typed facts out.

The command line, panels in notebooks and assistants all call these functions, so that each of them
gets the same checks, the same facts and the same files. Heavy libraries are loaded only when an
operation runs, and none at all for its arguments. The names stand in ``__init__.pyi``.
"""

from __future__ import annotations

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
