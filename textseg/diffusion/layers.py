"""Which attentions a network has, as its model tells them.

Which call is which cannot be told from its shape: a stage of 7 x 11 cells looks at as many cells as
CLIP has tokens. So a model whose attention can be seen and changed says it: it is ``Attentive``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast, runtime_checkable

from torch import Tensor
from torch.nn import Module

from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.errors import UnsupportedError

Kind = Literal["self", "cross", "joint", "words"]
Stage = Literal["down", "mid", "up", ""]


@dataclass(frozen=True)
class Layer:
    """One attention of a network, as it is for one size of picture.

    Attributes:
        kind: "self": cells look at cells; "cross": cells look at words; "joint": both at both;
            "words": words look at words, which no control is shown.
        grid: (rows, columns) of the cells; (0, 0) where there are none.
        stage: of a network that goes down to few cells and up again; "" where it does not.
        text: where the words stand among the keys (and queries, if joint); None in "self".
        picture: where the cells stand among the queries (and keys, but in "cross").
        padding: tokens behind all of them, of nothing or of a picture that is looked at besides.
        lengths: of a joint layer, how long the text of each row is, where the network puts the
            cells of a row right behind it (``textseg.diffusion.standing``); () where they stand at
            one place in all rows.
    """

    kind: Kind
    grid: tuple[int, int]
    picture: slice
    text: slice | None = None
    stage: Stage = ""
    padding: int = 0
    lengths: tuple[int, ...] = ()

    @classmethod
    def among_words(cls, tokens: int, *, padding: int) -> Layer:
        """Return the layer in which ``tokens`` of text look at one another."""
        return cls("words", (0, 0), slice(0, tokens), padding=padding)

    @classmethod
    def own(cls, grid: tuple[int, int], *, stage: Stage = "") -> Layer:
        """Return the layer in which cells look at cells."""
        return cls("self", grid, slice(0, math.prod(grid)), stage=stage)

    @classmethod
    def cross(cls, grid: tuple[int, int], tokens: int, *, stage: Stage = "") -> Layer:
        """Return the layer in which cells look at ``tokens`` of text."""
        return cls("cross", grid, slice(0, math.prod(grid)), slice(0, tokens), stage)

    @classmethod
    def joint(
        cls, grid: tuple[int, int], tokens: int, *, text_first: bool, first: int = 0
    ) -> Layer:
        """Return the layer in which cells and ``tokens`` of text look at both.

        ``first`` tokens of the network's own stand before them.
        """
        cells = math.prod(grid)
        ahead, behind = (tokens, cells) if text_first else (cells, tokens)
        parts = slice(first, first + ahead), slice(first + ahead, first + ahead + behind)
        text, picture = parts if text_first else parts[::-1]
        return cls("joint", grid, picture, text)

    @property
    def cells(self) -> int:
        """How many cells of the picture look."""
        return math.prod(self.grid)

    @property
    def queries(self) -> int:
        """How many look."""
        return _end(self.picture, self.text if self.kind == "joint" else None) + self.padding

    @property
    def asked(self) -> tuple[int, int]:
        """How many look and are looked at in the network's own call."""
        if self.lengths:
            tokens = max(self.lengths) + self.cells
            return tokens, tokens
        return self.queries, self.keys

    @property
    def keys(self) -> int:
        """How many are looked at."""
        return _end(None if self.kind == "cross" else self.picture, self.text) + self.padding


def _end(*parts: slice | None) -> int:
    return max(int(part.stop) for part in parts if part is not None)


@runtime_checkable
class Attentive(Protocol):
    """What a ``DiffusionModel`` has as well when its attention can be seen and changed."""

    def attention_layers(self, z: Tensor, text: Conditioning) -> Sequence[Layer]:
        """Return the attentions of one call of the network, in their order.

        ``predict`` makes this one call for latents ``z`` (b, c, h, w), with a prompt of ``text``
        for each row, and asks torch for nothing else that counts. Raises ``UnsupportedError`` where
        the network has attentions of another build.
        """


def attentive(model: DiffusionModel) -> Attentive:
    """Return the model as one whose attention can be seen; raises ``UnsupportedError``."""
    if not callable(getattr(model, "attention_layers", None)):
        raise UnsupportedError(
            f"the attention of the model {model.name!r} cannot be seen or changed",
            hint="use an edit method that does without, or a model that has attention_layers",
        )
    return cast(Attentive, model)


def refuse_compiled(network: Module) -> None:
    """Raise ``UnsupportedError`` for a network of which torch has compiled anything.

    A compiled graph takes what it saw of a control for granted.
    """
    for module in modules_of(network):
        if "_orig_mod" in module._modules or module._compiled_call_impl is not None:
            raise UnsupportedError(
                "the network is compiled: its attention cannot be changed",
                hint="load the model without torch.compile",
            )


def modules_of(*networks: Module) -> Iterator[Module]:
    """Yield every module of networks, in no order, some more than once.

    ``Module.modules()`` also builds all names, which takes four times as long, at each call.
    """
    waiting = list(networks)
    while waiting:
        module = waiting.pop()
        yield module
        waiting.extend(child for child in module._modules.values() if child is not None)
