"""Networks are asked in evaluation mode, whatever mode they were handed over in.

In training mode dropout makes every answer another one. Setting the mode of a network that belongs
to somebody else must not be seen: not after an error, and not by another thread that still asks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from torch.nn import Module

from textseg.diffusion.layers import modules_of

_LOCK = threading.Lock()
_ASKED: dict[Module, int] = {}
"""Modules that belong in training mode -> how many are asking them in evaluation mode now."""


@contextmanager
def evaluating(*networks: Module) -> Iterator[None]:
    """Put networks into evaluation mode and each of their modules back into its own afterwards.

    Calls may nest, overlap in threads and share modules: the last one to leave puts a module back.
    """
    with _LOCK:
        asked = [module for module in modules_of(*networks) if module.training or module in _ASKED]
        for module in asked:
            _ASKED[module] = _ASKED.get(module, 0) + 1
            module.training = False
    try:
        yield
    finally:
        with _LOCK:
            for module in asked:
                _ASKED[module] -= 1
                if not _ASKED[module]:
                    del _ASKED[module]
                    module.training = True
