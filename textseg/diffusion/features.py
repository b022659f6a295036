"""What named blocks of a network give, seen and replaced while one thread asks it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol, cast, runtime_checkable

from torch.nn import Module

from textseg.diffusion.model import DiffusionModel
from textseg.errors import UnknownNameError, UnsupportedError

Change = Callable[[str, object], object]
"""Sees the name of a block and what it gave, and returns what it is to give: the same or another.

That is what the block's ``forward`` returns: a tensor, or a tuple where it gives more than one.
"""


@runtime_checkable
class Residual(Protocol):
    """What a ``DiffusionModel`` has as well when its network has residual blocks on its way up."""

    @property
    def network(self) -> Module:
        """What ``predict`` asks."""

    def residuals_up(self) -> Sequence[str]:
        """Return the names of what these blocks add to their input, from coarse to fine."""


def residual(model: DiffusionModel) -> Residual:
    """Return the model as one with residual blocks; raises ``UnsupportedError``."""
    if not callable(getattr(model, "residuals_up", None)):
        raise UnsupportedError(
            f"the network of the model {model.name!r} has no residual blocks on its way up",
            hint="use an edit method that does without, or a model with a UNet, such as "
            "Stable Diffusion",
        )
    return cast(Residual, model)


@contextmanager
def features(network: Module, names: Sequence[str], change: Change) -> Iterator[None]:
    """Lead what the named blocks give through ``change``, for as long as the block lasts.

    Other threads that ask the same network meanwhile get what they always get. Nothing is left on
    the network afterwards, whatever happens. Blocks within a compiled graph may go unseen.

    Args:
        network: the blocks are part of.
        names: of blocks, as ``network.named_modules()`` has them, such as "up_blocks.1.resnets.0".
        change: what to do.

    Raises:
        UnknownNameError: the network has no such block.
    """
    known = dict(network.named_modules())
    for name in names:
        if name not in known:
            alike = [other for other in known if other.count(".") == name.count(".")]
            raise UnknownNameError.among("block", name, alike)
    with ExitStack() as hooks:
        for name in names:
            handle = known[name].register_forward_hook(_hook(name, change, threading.get_ident()))
            hooks.callback(handle.remove)
        yield


def _hook(
    name: str, change: Change, thread: int
) -> Callable[[Module, tuple[object, ...], object], object]:
    def hook(module: Module, given: tuple[object, ...], answer: object) -> object:
        return change(name, answer) if threading.get_ident() == thread else answer

    return hook
